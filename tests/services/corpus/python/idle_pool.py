# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: a pool that is left idle for longer than the server allows, and begins anew each time."""
import time

import redis

import served

client = redis.Redis(port=served.REDIS_PORT)


def buy(path):
    with client.pipeline() as transaction:
        transaction.watch("price")
        time.sleep(0.02)
        transaction.multi()
        transaction.decr("stock")
        return transaction.execute()


served.serve(buy)
