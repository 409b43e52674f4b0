# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: greenlets share one blocking pool."""
from gevent import monkey, pywsgi
monkey.patch_all()
import redis  # noqa: E402  (after the patch)

import served  # noqa: E402

client = redis.Redis(connection_pool=redis.BlockingConnectionPool(max_connections=4, port=served.REDIS_PORT))


def recent(path):
    client.lpush("recent", path)
    return client.lrange("recent", 0, 9)


pywsgi.WSGIServer(("127.0.0.1", served.PORT), served.wsgi(recent), log=None).serve_forever()
