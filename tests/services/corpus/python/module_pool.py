# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: one client for the program; its pool grows to the number of threads and stays."""
import redis

import served

client = redis.Redis(port=served.REDIS_PORT)


def recent(path):
    client.lpush("recent", path)
    return client.lrange("recent", 0, 9)


served.serve(recent)
