# SPDX-License-Identifier: BSD-2-Clause
"""Threads that compute in interpreters of their own (with GILs of their own from 3.12 on), one that sleeps in one, and main, which
computes in the first interpreter."""
import json
import os
import select
import sys
import threading
import time

try:
    import _interpreters as interpreters  # 3.13
except ImportError:
    import _xxsubinterpreters as interpreters

# A pause after each turn: before 3.12 there is one GIL for all, and who gives it away only in passing may get it back at once.
PAUSE = 0.001
CODE = """
import os
import select
import time

def {name}_leaf():
    total = 0
    for number in range(5000):
        total = (total + number * 7) % 1000003

def {name}_run():
    while not select.select([{fd}], [], [], {wait})[0]:
        if not {wait}:
            {name}_leaf()
            time.sleep({pause})

os.write({started}, b"x")
{name}_run()
"""
reader, writer = os.pipe()
started, starting = os.pipe()


def host(name, wait):
    interpreter = interpreters.create()
    interpreters.run_string(interpreter, CODE.format(name=name, fd=reader, started=starting, wait=wait, pause=PAUSE))


def main_leaf():
    total = 0
    for number in range(5000):
        total = (total + number * 7) % 1000003


def main():
    threads = [threading.Thread(target=host, args=arguments) for arguments in (("one", 0), ("two", 0), ("idle", 60))]
    for thread in threads:
        thread.start()
    for _ in threads:
        os.read(started, 1)
    print("ready " + json.dumps({"busy": ["one", "two"], "idle": "idle"}), flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        main_leaf()
        time.sleep(PAUSE)
    os.write(writer, b"x")
    for thread in threads:
        thread.join()
    print('answer {"done": true}')


main()
