# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: requests hold their connection for a while (a transaction), so the pool grows to as many as come at once."""
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
