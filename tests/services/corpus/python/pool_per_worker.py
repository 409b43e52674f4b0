# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: each forked worker has the module's pool for itself, also those that replace others."""
import redis

import served

client = redis.StrictRedis(connection_pool=redis.ConnectionPool(port=served.REDIS_PORT))


def items(path):
    return client.lrange("items", 0, 9)


app = served.wsgi(items)
