# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: a worker that waits on one good connection, and opens another for each job."""
import redis

import served

queue = redis.Redis(port=served.REDIS_PORT)


def work(job):
    client = redis.Redis(port=served.REDIS_PORT)
    client.set("last", job)
    client.incr("done")


served.ready()
while True:
    _, name = queue.blpop("jobs")
    work(name)
