# SPDX-License-Identifier: BSD-2-Clause
"""Threads that stand still in known places: in recv(), waiting for a lock, sleeping; and with "busy" one that computes, with
"waiting" three, of which two wait for the GIL."""
import json
import socket
import sys
import threading
import time

held = threading.Lock()
left, right = socket.socketpair()
stop = False


def wait_in_recv():
    left.recv(1)


def wait_for_lock():
    with held:
        pass


def wait_in_sleep():
    while not stop:
        time.sleep(0.5)


def compute():
    total = 0
    while not stop:
        total = (total * 31 + 7) % 1000003


def main():
    global stop
    held.acquire()
    functions = [wait_in_recv, wait_for_lock, wait_in_sleep] + [compute] * (3 if "waiting" in sys.argv else "busy" in sys.argv)
    threads = [threading.Thread(target=function, name=function.__name__) for function in functions]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    print("ready " + json.dumps({"threads": [function.__name__ for function in functions]}), flush=True)
    sys.stdin.read()
    stop = True
    held.release()
    right.send(b"x")
    for thread in threads:
        thread.join()
    print('answer {"done": true}')


if __name__ == "__main__":
    main()
