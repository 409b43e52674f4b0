# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: the view reads a Celery result; Celery's result backend, and its client, is one for each thread, and there is a
thread for each client connection."""
import celery
import flask

import served

app = flask.Flask(__name__)
tasks = celery.Celery("tasks", broker=served.REDIS_URL, backend=served.REDIS_URL)


@app.get("/")
def state():
    return str(tasks.AsyncResult("1f0c").state)


app.run("127.0.0.1", served.PORT, threaded=True)
