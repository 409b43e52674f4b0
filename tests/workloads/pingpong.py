# SPDX-License-Identifier: BSD-2-Clause
"""Two processes that wait for each other through pipes, each off the CPU thousands of times a second.

Says "ready", waits for "go", plays for a second, then says how long `pong` was off the CPU by its own clock: wall time less
CPU time, in nanoseconds.
"""
import json
import os
import sys
import time

SECONDS = 1.2
# Long beside the few microseconds that the recorder itself takes at a switch: those count as time on the CPU to the kernel's
# clock, and as time off it to the recorder's.
THINK = 100e-6


def pong(reader, writer):
    wall, cpu, rounds = time.monotonic(), time.thread_time(), 0
    while time.monotonic() - wall < SECONDS:
        os.write(writer, b"x")
        os.read(reader, 1)
        rounds += 1
    off = (time.monotonic() - wall) - (time.thread_time() - cpu)
    return {"pong": int(off * 1e9), "switches": rounds}


def ping(reader, writer):
    while os.read(reader, 1):
        end = time.monotonic() + THINK
        while time.monotonic() < end:
            pass
        os.write(writer, b"x")


def main():
    to_ping, to_pong = os.pipe(), os.pipe()
    if os.fork() == 0:
        os.close(to_ping[1])
        ping(to_ping[0], to_pong[1])
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
