# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: a pool in full use, whose server goes away and comes back; requests that meet it gone fail, and the next ones connect."""
import time

import redis

import served

client = redis.Redis(port=served.REDIS_PORT)


def buy(path):
    try:
        with client.pipeline() as transaction:
            transaction.watch("price")
            time.sleep(0.02)
            transaction.multi()
            transaction.decr("stock")
            return transaction.execute()
    except redis.ConnectionError:
        return "sold out"


served.serve(buy)
