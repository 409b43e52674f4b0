# SPDX-License-Identifier: BSD-2-Clause
"""Whoever asks the Celery workers for work: celery_jobs.py NUMBER SECONDS WORKER."""
import sys
import time

import celery

import served

app = celery.Celery("shop", broker=served.REDIS_URL)
for order in range(int(sys.argv[1])):
    app.send_task(sys.argv[3] + ".deliver", [order])
    time.sleep(float(sys.argv[2]) / int(sys.argv[1]))
