# SPDX-License-Identifier: BSD-2-Clause
"""Two processes that wait for each other through pipes, each off the CPU thousands of times a second.

pingpong.py [MICROSECONDS]: for how long `ping` thinks, each time. Says "ready", waits for "go", plays for a second, then says
how long `pong` was off the CPU by its own clock: wall time less CPU time, in nanoseconds. The kernel counts as CPU time what
passes from the moment a thread is put on an idle CPU's queue until that CPU switches to it, 5 to 9 us each time.
"""
import json
import os
import sys
import time

SECONDS = 1.2
THINK_MICROSECONDS = 100


def pong(reader, writer):
    wall, cpu, rounds = time.monotonic(), time.thread_time(), 0
    while time.monotonic() - wall < SECONDS:
        os.write(writer, b"x")
        os.read(reader, 1)
        rounds += 1
    off = (time.monotonic() - wall) - (time.thread_time() - cpu)
    return {"pong": int(off * 1e9), "switches": rounds}


def ping(reader, writer, think):
    while os.read(reader, 1):
        end = time.monotonic() + think
        while time.monotonic() < end:
            pass
        os.write(writer, b"x")


def main():
    to_ping, to_pong = os.pipe(), os.pipe()
    if os.fork() == 0:
        os.close(to_ping[1])
        ping(to_ping[0], to_pong[1], float((sys.argv[1:] or [THINK_MICROSECONDS])[0]) / 1e6)
        os._exit(0)
    os.close(to_ping[0])
    print("ready {}", flush=True)
    sys.stdin.readline()
    answer = pong(to_pong[0], to_ping[1])
    print("done", flush=True)
    sys.stdin.read()
    os.close(to_ping[1])
    os.wait()
    print("answer " + json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
