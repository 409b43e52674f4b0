# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: whoever asks gets a client of his own, which dies with the answer."""
import redis

import served


def recent(path):
    client = redis.Redis(port=served.REDIS_PORT)
    client.lpush("recent", path)
    return client.lrange("recent", 0, 9)


served.serve(recent)
