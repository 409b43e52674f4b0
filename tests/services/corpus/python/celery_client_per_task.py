# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: a Celery task that builds its client."""
import celery
import redis

import served

app = celery.Celery("celery_client_per_task", broker=served.REDIS_URL)


@app.task
def deliver(order):
    client = redis.Redis(port=served.REDIS_PORT)
    client.set("last", order)
    client.incr("done")


@celery.signals.worker_ready.connect
def ready(**_):
    served.ready()
