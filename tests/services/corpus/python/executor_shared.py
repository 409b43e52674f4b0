# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: the same look-ups in four threads that stay, each with its client."""
import concurrent.futures
import threading

import redis

import served

local = threading.local()
threads = concurrent.futures.ThreadPoolExecutor(4)


def look_up(key):
    if not hasattr(local, "client"):
        local.client = redis.Redis(port=served.REDIS_PORT)
    return local.client.get(key)


def page(path):
    return list(threads.map(look_up, ("header", "body")))


served.serve(page)
