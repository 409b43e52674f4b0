# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: four worker threads, each waiting in BLPOP on a connection of its own; the pool lends them more for the work."""
import threading

import redis

import served

client = redis.Redis(port=served.REDIS_PORT)


def work(job):
    client.set("last", job)
    client.incr("done")


def run():
    while True:
        _, job = client.blpop("jobs")
        work(job)


threads = [threading.Thread(target=run) for _ in range(4)]
for thread in threads:
    thread.start()
served.ready()
