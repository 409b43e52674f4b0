# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: a client for each thread, in a server that has a thread for each client connection: nothing outlives a request."""
import threading

import flask
import redis

import served

app = flask.Flask(__name__)
local = threading.local()


def client():
    if not hasattr(local, "client"):
        local.client = redis.Redis(port=served.REDIS_PORT)
    return local.client


@app.get("/")
def cart():
    return str(client().incr("visits"))


app.run("127.0.0.1", served.PORT, threaded=True)
