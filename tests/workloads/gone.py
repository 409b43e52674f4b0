# SPDX-License-Identifier: BSD-2-Clause
"""A process that connects and is gone at once: before anybody could have read its memory, if the reader sleeps meanwhile.

usage: gone.py PORT fork    "go": forks a child, says "forked"; "go": that connects in code that ran nowhere before, and exits; "done"
       gone.py PORT stay    "go": connects, says "done"; "go": connects by the same code, and exits
"""
import os
import socket
import sys


def dial(port):
    socket.create_connection(("127.0.0.1", port)).close()


def child_dials(port):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(reader, 1)
        dial(port)
        os._exit(0)
    print("forked", flush=True)
    sys.stdin.readline()
    os.write(writer, b"x")
    os.waitpid(child, 0)
    print("done", flush=True)
    sys.stdin.read()
    print("answer {}", flush=True)


def dials_twice(port):
    for _ in range(2):
        dial(port)
        print("done", flush=True)
        sys.stdin.readline()


def main():
    print("ready {}", flush=True)
    sys.stdin.readline()
    {"fork": child_dials, "stay": dials_twice}[sys.argv[2]](int(sys.argv[1]))


if __name__ == "__main__":
    main()
