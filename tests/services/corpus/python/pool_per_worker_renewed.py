# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: the same, with workers that gunicorn replaces after 25 requests."""
import redis

import served

client = redis.StrictRedis(connection_pool=redis.ConnectionPool(port=served.REDIS_PORT))


def items(path):
    return client.lrange("items", 0, 9)


app = served.wsgi(items)
