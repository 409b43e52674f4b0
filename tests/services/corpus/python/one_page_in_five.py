# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: all pages use the pool, and one page in five builds a client beside it."""
import redis

import served

client = redis.Redis(port=served.REDIS_PORT)


def cart(path):
    own = redis.Redis(port=served.REDIS_PORT)
    own.hincrby("cart", "items", 1)
    return client.incr("visits")


def page(path):
    return cart(path) if path == "/cart" else client.incr("visits")


served.serve(page)
