# SPDX-License-Identifier: BSD-2-Clause
"""Compiles code, runs it once, and lets it go, over and over: none of it lives for more than some milliseconds."""
import sys
import threading

SOURCE = """
def generated():
    total = 0
    for number in range(20000):
        total = (total + number * 13) % 1000003

generated()
"""
over = threading.Event()
print("ready {}", flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), over.set())).start()
while not over.is_set():
    exec(compile(SOURCE, "<generated>", "exec"), {})
print('answer {"done": true}')
