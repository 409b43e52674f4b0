# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: each look-up of a request connects for itself."""
import redis

import served


def look_up(key):
    client = redis.Redis(port=served.REDIS_PORT)
    value = client.get(key)
    client.close()
    return value


served.serve(lambda path: [look_up(key) for key in ("header", "body", "footer")])
