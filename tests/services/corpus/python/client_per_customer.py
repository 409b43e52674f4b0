# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: a client for each of thirty customers, made when he first comes and used whenever he comes again."""
import redis

import served

clients = {}


def visit(path):
    if path not in clients:
        clients[path] = redis.Redis(port=served.REDIS_PORT)
    return clients[path].incr("visits")


served.serve(visit)
