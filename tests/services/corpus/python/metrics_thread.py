# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: a thread that reports numbers eight times a second, with a new connection each, whatever is asked of the service."""
import threading
import time

import redis

import served

client = redis.Redis(port=served.REDIS_PORT)


def report():
    one = redis.Redis(port=served.REDIS_PORT)
    one.incrby("metrics", 1)
    one.close()


def run():
    while True:
        report()
        time.sleep(0.125)


threading.Thread(target=run, daemon=True).start()
served.serve(lambda path: client.incr("visits"))
