# SPDX-License-Identifier: BSD-2-Clause
"""One thread that sleeps in several functions at one depth, while others leave the CPU so often that few waits are walked.

Says "ready", waits for "go", sleeps in turn in short, long and from_caller (called by two functions), for some seconds, then says for how
long each was off the CPU by its own clock, in nanoseconds.
"""
import json
import os
import sys
import time

ROUNDS = 40
truth = {}


def short():
    time.sleep(0.012)


def long():
    time.sleep(0.030)


def asleep(seconds):
    time.sleep(seconds)


def by_one():
    asleep(0.011)


def by_other():
    asleep(0.022)


def busy(reader, writer):
    while os.read(reader, 1):
        os.write(writer, b"x")


def forked(function, *arguments):
    pid = os.fork()
    if not pid:
        try:
            function(*arguments)
        finally:
            os._exit(0)
    return pid


def main():
    print("ready {}", flush=True)
    sys.stdin.readline()
    there, back = os.pipe(), os.pipe()
    others = [forked(busy, there[0], back[1]), forked(busy, back[0], there[1])]
    os.write(there[1], b"x")
    for _ in range(ROUNDS):
        for function in (short, long, by_one, by_other):
            wall, cpu = time.monotonic(), time.thread_time()
            function()
            off = time.monotonic() - wall - (time.thread_time() - cpu)
            truth[function.__name__] = truth.get(function.__name__, 0) + int(off * 1e9)
    for pid in others:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    print("done", flush=True)
    sys.stdin.read()
    print("answer " + json.dumps(truth), flush=True)


if __name__ == "__main__":
    main()
