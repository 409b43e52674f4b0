# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: the Flask view builds its client from the URL in the configuration, each time."""
import flask
import redis

import served

app = flask.Flask(__name__)
app.config["REDIS_URL"] = served.REDIS_URL


@app.get("/")
def cart():
    client = redis.Redis.from_url(flask.current_app.config["REDIS_URL"])
    client.hincrby("cart", "items", 1)
    return {key.decode(): value.decode() for key, value in client.hgetall("cart").items()}
