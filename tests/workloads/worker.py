# SPDX-License-Identifier: BSD-2-Clause
"""A job worker: takes jobs from a Redis list with BLPOP and works on each through redis-py.

usage: worker.py leaky|fixed|forking REDIS_PORT

leaky: a client for each job. fixed: one client. forking: a process for each job, with a client of its own (as RQ works). Ends with a
job called "end", says "done", and how many it has done.
"""
import json
import os
import sys

import redis

MODE, PORT = sys.argv[1], int(sys.argv[2])
queue = redis.Redis(port=PORT)
shared = redis.Redis(port=PORT)
done = 0


def perform(job):
    client = shared if MODE == "fixed" else redis.Redis(port=PORT)
    client.set("last", job)
    client.incr("done")


print("ready", json.dumps({}), flush=True)
while (job := queue.blpop("jobs")[1]) != b"end":
    if MODE != "forking":
        perform(job)
    elif (child := os.fork()):
        os.waitpid(child, 0)
    else:
        perform(job)
        os._exit(0)
    done += 1
print("done", flush=True)
sys.stdin.read()  # a process that is gone cannot be asked for names
print("answer", json.dumps({"done": done}), flush=True)
