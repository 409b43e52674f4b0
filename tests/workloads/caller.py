# SPDX-License-Identifier: BSD-2-Clause
"""On "go" connects COUNT times to loopback PORT from a known line; then waits for its stdin to close.

usage: caller.py PORT COUNT"""
import json
import socket
import sys


def dial(port):
    return socket.create_connection(("127.0.0.1", port))  # dials here


def dial_all(port, count):
    for _ in range(count):
        dial(port).close()


def main():
    with open(__file__, encoding="utf-8") as source:
        line = next(number for number, text in enumerate(source, 1) if text.rstrip().endswith("# dials here"))
    print("ready " + json.dumps({"function": "dial", "line": line, "caller": "dial_all"}), flush=True)
    sys.stdin.readline()
    dial_all(int(sys.argv[1]), int(sys.argv[2]))
    print("done", flush=True)
    sys.stdin.read()
    print("answer " + json.dumps({"opened": int(sys.argv[2])}), flush=True)


if __name__ == "__main__":
    main()
