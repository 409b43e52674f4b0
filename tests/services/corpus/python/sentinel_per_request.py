# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: Sentinel is asked for the master in each request, and a client built for the answer."""
import redis
from redis.sentinel import Sentinel

import served


def visit(path):
    client = Sentinel([("127.0.0.1", served.BESIDE_PORT)]).master_for("corpus", redis.Redis)
    return client.incr("visits")


served.serve(visit)
