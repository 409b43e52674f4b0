# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: a cluster's client, which asks for the slots first and then has a pool for each node."""
import redis

import served

client = redis.RedisCluster(host="127.0.0.1", port=served.REDIS_PORT)


def visit(path):
    return client.incr("visits:" + path)


served.serve(visit)
