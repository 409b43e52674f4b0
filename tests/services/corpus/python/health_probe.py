# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: beside the pool, a probe that connects once a second, as a stranger would."""
import threading
import time

import redis

import served

client = redis.Redis(port=served.REDIS_PORT)


def probe():
    while True:
        one = redis.Redis(port=served.REDIS_PORT)
        one.ping()
        one.close()
        time.sleep(1)


threading.Thread(target=probe, daemon=True).start()
served.serve(lambda path: client.incr("visits"))
