# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: each request runs its two look-ups in threads of its own, each with the thread's client."""
import concurrent.futures
import threading

import redis

import served

local = threading.local()


def look_up(key):
    if not hasattr(local, "client"):
        local.client = redis.Redis(port=served.REDIS_PORT)
    return local.client.get(key)


def page(path):
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        return list(threads.map(look_up, ("header", "body")))


served.serve(page)
