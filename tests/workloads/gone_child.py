# SPDX-License-Identifier: BSD-2-Clause
"""A process whose forked child connects in code that ran nowhere before, and is gone at once.

usage: gone_child.py PORT       "go": forks the child, "forked {"child": PID}"; "go": it connects and exits, "done"
"""
import json
import os
import socket
import sys


def dial_from_the_child(port):
    socket.create_connection(("127.0.0.1", port)).close()


def main():
    print("ready {}", flush=True)
    sys.stdin.readline()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(reader, 1)
        dial_from_the_child(int(sys.argv[1]))
        os._exit(0)
    print("forked " + json.dumps({"child": child}), flush=True)
    sys.stdin.readline()
    os.write(writer, b"x")
    os.waitpid(child, 0)
    print("done", flush=True)
    sys.stdin.read()
    print("answer {}", flush=True)


if __name__ == "__main__":
    main()
