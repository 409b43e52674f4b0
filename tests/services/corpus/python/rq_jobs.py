# SPDX-License-Identifier: BSD-2-Clause
"""What the RQ workers do; as a program, whoever asks them for it: rq_jobs.py NUMBER SECONDS."""
import sys
import time

import redis
import rq

import served

client = None  # of the worker


def deliver(order):
    client.set("last", order)
    client.incr("done")


if __name__ == "__main__":
    queue = rq.Queue("orders", connection=redis.Redis(port=served.REDIS_PORT))
    for order in range(int(sys.argv[1])):
        queue.enqueue("rq_jobs.deliver", order)
        time.sleep(float(sys.argv[2]) / int(sys.argv[1]))
