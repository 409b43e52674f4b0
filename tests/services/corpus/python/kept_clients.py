# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: a client for each session is kept for later, and later never comes."""
import itertools

import redis

import served

sessions = {}
number = itertools.count()


def visit(path):
    session = next(number)
    sessions[session] = redis.Redis(port=served.REDIS_PORT)
    return sessions[session].incr("visits")


served.serve(visit)
