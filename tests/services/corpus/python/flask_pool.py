# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: a Flask whose client is made once."""
import flask
import redis

import served

app = flask.Flask(__name__)
client = redis.Redis.from_url(served.REDIS_URL)


@app.get("/")
def cart():
    client.hincrby("cart", "items", 1)
    return {key.decode(): value.decode() for key, value in client.hgetall("cart").items()}
