# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: RQ's own worker forks for each job, and each child connects for itself."""
import redis
import rq

import rq_jobs
import served

connection = redis.Redis(port=served.REDIS_PORT)
rq_jobs.client = connection
served.ready()
rq.Worker(["orders"], connection=connection).work(logging_level="WARNING")
