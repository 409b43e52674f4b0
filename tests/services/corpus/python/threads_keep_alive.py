# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: a client for each thread and a thread for each client connection, each of which makes many requests."""
import threading

import redis

import served

local = threading.local()


def visit(path):
    if not hasattr(local, "client"):
        local.client = redis.Redis(port=served.REDIS_PORT)
    return local.client.incr("visits")


served.serve(visit)
