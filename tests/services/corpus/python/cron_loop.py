# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: a short program started once a second, as cron would; each is one process with one connection."""
import subprocess
import sys
import time

import served

PROGRAM = "import sys, redis; redis.Redis(port=int(sys.argv[1])).incr('runs')"

served.ready()
while True:
    subprocess.run([sys.executable, "-c", PROGRAM, str(served.REDIS_PORT)], check=True)
    time.sleep(1)
