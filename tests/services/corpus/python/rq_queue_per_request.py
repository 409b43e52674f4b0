# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: the view that enqueues a job builds the queue and its client first."""
import flask
import redis
import rq

import served

app = flask.Flask(__name__)


@app.get("/")
def order():
    queue = rq.Queue("orders", connection=redis.Redis(port=served.REDIS_PORT))
    return queue.enqueue("shop.deliver", 17).id
