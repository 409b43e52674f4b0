# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: a process is forked for each client connection, and each connects anew, though the client is the parent's."""
import redis

import served

client = redis.Redis(port=served.REDIS_PORT)


def items(path):
    return client.lrange("items", 0, 9)


served.serve(items, served.Forks)
