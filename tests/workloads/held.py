# SPDX-License-Identifier: BSD-2-Clause
"""Threads that stand still, each in another kind of wait, below Python, C and Python again; and what faulthandler says of them.

Says "ready {}" when all stand; faulthandler's words follow on standard error, after half a second. Ends with standard input.
"""
import faulthandler
import hashlib
import json
import os
import select
import socket
import threading
import time


class Waits:
    def __init__(self):
        self.lock = threading.Lock()
        self.lock.acquire()
        self.pair = socket.socketpair()
        self.standing = threading.Barrier(6)

    def on_a_lock(self):
        self.standing.wait()
        self.lock.acquire()

    def on_a_socket(self):
        self.standing.wait()
        self.pair[0].recv(1)

    def in_a_callback(self):
        def key(number):
            if number == 3:
                self.standing.wait()
                time.sleep(1000)
            return number
        sorted([1, 2, 3], key=key)

    def in_a_generator(self):
        def numbers():
            yield 1
            self.standing.wait()
            select.select([self.pair[1]], [], [])
            yield 2
        return [number for number in numbers()]

    def in_c_without_the_gil(self):
        """The only one that runs, for the clock's sake: but its Python frames stand as still as the others'."""
        self.standing.wait()
        hashlib.pbkdf2_hmac("sha256", b"", b"", 1 << 30)


def main():
    waits = Waits()
    for wait in (waits.on_a_lock, waits.on_a_socket, waits.in_a_callback, waits.in_a_generator, waits.in_c_without_the_gil):
        threading.Thread(target=wait, name=wait.__name__, daemon=True).start()
    waits.standing.wait()
    time.sleep(0.2)
    faulthandler.dump_traceback_later(0.3)
    print("ready " + json.dumps({}), flush=True)
    select.select([0], [], [])


if __name__ == "__main__":
    main()
    os._exit(0)
