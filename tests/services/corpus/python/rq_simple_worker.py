# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: RQ's worker that does the jobs itself, one after the other."""
import redis
import rq

import rq_jobs
import served

connection = redis.Redis(port=served.REDIS_PORT)
rq_jobs.client = connection
served.ready()
rq.SimpleWorker(["orders"], connection=connection).work(logging_level="WARNING")
