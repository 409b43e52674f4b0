# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: one process, one connection, many commands, and nobody asks it anything."""
import time

import redis

import served

served.ready()
time.sleep(1)
client = redis.Redis(port=served.REDIS_PORT)
for number in range(2000):
    client.set(f"key:{number % 100}", number)
    time.sleep(0.001)
time.sleep(60)
