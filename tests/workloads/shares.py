# SPDX-License-Identifier: BSD-2-Clause
"""Spends its CPU time in five functions of different kinds, in bursts of uneven length, and measures each one's exact share itself.

Says "ready", begins after a line on standard input, ends when that is closed: "answer" has the CPU nanoseconds by function.
Runs on CPython 3.6 and later.
"""
import hashlib
import json
import os
import random
import select
import time


def computes(rounds):
    total = 0
    for number in range(rounds * 60):
        total = (total + number * 7) % 1000003
    return total


def calls(rounds):
    for _ in range(rounds * 25):
        (lambda: None)()


def sorts(rounds):
    for _ in range(rounds):
        sorted(range(30), key=lambda number: -number)


def hashes(rounds):
    hashlib.sha256(bytes(rounds * 3000)).digest()


def generates(rounds):
    return sum(number for number in range(rounds * 80))


FUNCTIONS = (computes, calls, sorts, hashes, generates)


def main():
    spent = dict.fromkeys((function.__name__ for function in FUNCTIONS), 0.0)
    draw = random.Random(5)
    print("ready " + json.dumps({"functions": list(spent)}), flush=True)
    os.read(0, 100)
    while not select.select([0], [], [], 0)[0]:
        function = draw.choice(FUNCTIONS)
        rounds = draw.randrange(100, 900)
        begin = time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID)
        function(rounds)
        spent[function.__name__] += time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) - begin
    print("answer " + json.dumps({name: int(seconds * 1e9) for name, seconds in spent.items()}), flush=True)


if __name__ == "__main__":
    main()
