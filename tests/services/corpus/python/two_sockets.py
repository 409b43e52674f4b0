# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: a multiplexer's two connections in each worker, one for commands and one that listens."""
import threading

import redis

import served

client = redis.Redis(port=served.REDIS_PORT)
cache = {}
listeners = []


def listen():
    subscription = client.pubsub()
    subscription.subscribe("invalidate")
    for _ in subscription.listen():
        cache.clear()


def visit(path):
    if not listeners:
        listeners.append(threading.Thread(target=listen, daemon=True))
        listeners[0].start()
    return client.incr("visits")


app = served.wsgi(visit)
