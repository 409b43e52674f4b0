# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: a client for each greenlet, and a greenlet for each client connection."""
from gevent import local, monkey, pywsgi
monkey.patch_all()
import redis  # noqa: E402  (after the patch)

import served  # noqa: E402

mine = local.local()


def recent(path):
    if not hasattr(mine, "client"):
        mine.client = redis.Redis(port=served.REDIS_PORT)
    return mine.client.incr("visits")


pywsgi.WSGIServer(("127.0.0.1", served.PORT), served.wsgi(recent), log=None).serve_forever()
