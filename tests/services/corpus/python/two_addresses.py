# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: the name has two addresses, and Redis listens on one: whoever tries both connects twice for one connection."""
import redis

import served

client = redis.Redis(host="both.corpus", port=served.REDIS_PORT)


def visit(path):
    return client.incr("visits")


served.serve(visit)
