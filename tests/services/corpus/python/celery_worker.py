# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: Celery's prefork worker; each of its processes has the module's client."""
import celery
import redis

import served

app = celery.Celery("celery_worker", broker=served.REDIS_URL, backend=served.REDIS_URL)
client = redis.Redis(port=served.REDIS_PORT)


@app.task
def deliver(order):
    client.set("last", order)
    client.incr("done")


@celery.signals.worker_ready.connect
def ready(**_):
    served.ready()
