# SPDX-License-Identifier: BSD-2-Clause
"""Three kinds of thread: one that computes in Python (GIL held), one that hashes in C (GIL released), one that sleeps."""
import hashlib
import json
import sys
import threading
import time
import zlib

stop = threading.Event()


def compute():
    total = 0
    while not stop.is_set():
        for number in range(5000):
            total = (total + number * 7) % 1000003


def hash_without_gil():
    in_c = type(hashlib.pbkdf2_hmac) is type(len)  # not so in a build without OpenSSL
    data = bytes(4 << 20)
    while not stop.is_set():
        if in_c:
            hashlib.pbkdf2_hmac("sha256", b"key", b"salt", 20000)
        else:
            zlib.adler32(data)


def sleep_only():
    while not stop.is_set():
        time.sleep(0.05)


def main():
    threads = [threading.Thread(target=function, name=function.__name__, daemon=True)
               for function in (compute, hash_without_gil, sleep_only)]
    for thread in threads:
        thread.start()
    print("ready " + json.dumps({"busy": ["compute", "hash_without_gil"], "idle": ["sleep_only"]}), flush=True)
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join()
    print('answer {"done": true}')


if __name__ == "__main__":
    main()
