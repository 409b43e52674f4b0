# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: a client per request, over TLS."""
import redis

import served


def recent(path):
    client = redis.Redis(port=served.TLS_PORT, ssl=True, ssl_cert_reqs="none")
    client.lpush("recent", path)
    return client.lrange("recent", 0, 9)


served.serve(recent)
