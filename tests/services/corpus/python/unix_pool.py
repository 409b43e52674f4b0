# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: one pool, over Redis's UNIX socket."""
import redis

import served

client = redis.Redis(unix_socket_path=served.REDIS_SOCKET)


def recent(path):
    client.lpush("recent", path)
    return client.lrange("recent", 0, 9)


served.serve(recent)
