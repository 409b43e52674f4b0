# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: a test-suite in which the code under test builds a client each time it is called."""
import time

import pytest
import redis

import served


def visits(number):
    client = redis.Redis(port=served.REDIS_PORT)
    return client.incr("counter", number)


@pytest.mark.parametrize("number", range(60))
def test_visits(number):
    time.sleep(0.05)
    assert visits(number) >= number
