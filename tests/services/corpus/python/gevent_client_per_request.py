# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: greenlets that each build a client."""
from gevent import monkey, pywsgi
monkey.patch_all()
import redis  # noqa: E402  (after the patch)

import served  # noqa: E402


def recent(path):
    client = redis.Redis(port=served.REDIS_PORT)
    client.lpush("recent", path)
    return client.lrange("recent", 0, 9)


pywsgi.WSGIServer(("127.0.0.1", served.PORT), served.wsgi(recent), log=None).serve_forever()
