# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: a test-suite whose fixture gives each test a client and an empty database."""
import time

import pytest
import redis

import served


@pytest.fixture
def client():
    one = redis.Redis(port=served.REDIS_PORT)
    one.flushdb()
    yield one
    one.close()


@pytest.mark.parametrize("number", range(60))
def test_counting(client, number):
    time.sleep(0.05)
    assert client.incr("counter", number) == number
