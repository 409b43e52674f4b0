# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: a client per request, over Redis's UNIX socket."""
import redis

import served


def recent(path):
    client = redis.Redis(unix_socket_path=served.REDIS_SOCKET)
    client.lpush("recent", path)
    return client.lrange("recent", 0, 9)


served.serve(recent)
