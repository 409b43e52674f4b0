# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: each request asks another HTTP service over a new connection; the verdict is on Redis, and that is pooled."""
import threading
import urllib.request

import redis

import served

client = redis.Redis(port=served.REDIS_PORT)
other = served.Threads(("127.0.0.1", 0), served.handler_of(lambda path: "price 3"))
threading.Thread(target=other.serve_forever, daemon=True).start()


def page(path):
    with urllib.request.urlopen(f"http://127.0.0.1:{other.server_port}/") as answer:
        return [client.incr("visits"), answer.read()]


served.serve(page)
