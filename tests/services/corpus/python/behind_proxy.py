# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: a client per request, through a proxy on another port: Redis is what speaks like it."""
import redis

import served


def recent(path):
    client = redis.Redis(port=served.BESIDE_PORT)
    client.lpush("recent", path)
    return client.lrange("recent", 0, 9)


served.serve(recent)
