# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: the master is asked of Sentinel, for each new connection of the pool."""
import redis
from redis.sentinel import Sentinel

import served

client = Sentinel([("127.0.0.1", served.BESIDE_PORT)]).master_for("corpus", redis.Redis)


def visit(path):
    return client.incr("visits")


served.serve(visit)
