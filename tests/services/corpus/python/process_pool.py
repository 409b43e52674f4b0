# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: work is done by processes that stay, each with its connection."""
import concurrent.futures

import redis

import served

client = redis.Redis(port=served.REDIS_PORT)


def work(path):
    return client.incr("visits")


if __name__ == "__main__":
    processes = concurrent.futures.ProcessPoolExecutor(3)
    list(processes.map(str, range(3)))
    served.serve(lambda path: processes.submit(work, path).result())
