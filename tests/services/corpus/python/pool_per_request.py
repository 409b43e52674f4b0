# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: it looks like a pool, and is one for each request."""
import redis

import served


def items(path):
    pool = redis.ConnectionPool(port=served.REDIS_PORT)
    client = redis.StrictRedis(connection_pool=pool)
    found = client.lrange("items", 0, 9)
    pool.disconnect()
    return found


app = served.wsgi(items)
