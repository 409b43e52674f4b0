# SPDX-License-Identifier: BSD-2-Clause
"""Burns CPU below PLAIN Python calls and LAYERS calls through sorted()'s key: a stack of known depth, native and Python mixed.

usage: layers.py PLAIN LAYERS"""
import json
import select
import sys


def burn():
    total = 0
    for number in range(200000):  # long beside the way down, which from 3.11 on maps memory at some depths
        total = (total + number * 13) % 1000003
    return total


def through_sorted(left):
    if not left:
        return burn()
    return sorted([left], key=lambda _: through_sorted(left - 1))


def plain(left, layers):
    if not left:
        return through_sorted(layers)
    return plain(left - 1, layers)


def main():
    calls, layers = int(sys.argv[1]), int(sys.argv[2])
    # <module>, main, plain × (calls + 1), through_sorted and its lambda per layer, the last through_sorted, burn
    print("ready " + json.dumps({"python_frames": 2 + calls + 1 + 2 * layers + 1 + 1}), flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        plain(calls, layers)
    print('answer {"done": true}')


if __name__ == "__main__":
    main()
