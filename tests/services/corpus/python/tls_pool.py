# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: one pool, over TLS."""
import redis

import served

client = redis.Redis(port=served.TLS_PORT, ssl=True, ssl_cert_reqs="none")


def recent(path):
    client.lpush("recent", path)
    return client.lrange("recent", 0, 9)


served.serve(recent)
