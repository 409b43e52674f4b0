# SPDX-License-Identifier: BSD-2-Clause
"""Burns CPU in leaf(), called by a sorted() key function: Python, then C, then Python. Says which frames a profiler must show.

Every function name is unique, and each place where a frame can be is marked, so that the expected lines are found by
reading this very file.
"""
import json
import re
import select
import sys


def leaf(value):
    total = 0
    for number in range(3000):
        total += number * value  # in leaf
        total %= 1000003  # in leaf
    return total


def key(value):
    return leaf(value)  # in key


def outer(values):
    return sorted(values, key=key)  # in outer


def middle(values):
    return outer(values)  # in middle


class Worker:
    def method(self, values):
        return middle(values)  # in method


def over():
    return select.select([sys.stdin], [], [], 0)[0] and not sys.stdin.readline()


def main():
    worker = Worker()
    while not over():
        for _ in range(20):
            worker.method([5, 3, 8, 1])  # in main


def marks():
    places = {}
    with open(__file__, encoding="utf-8") as source:
        for line, text in enumerate(source, 1):
            found = re.search(r"# in (\S+)$", text)
            if found:
                places.setdefault(found.group(1), []).append(line)
    places["leaf"] = list(range(min(places["leaf"]) - 3, max(places["leaf"]) + 2))
    return places


if __name__ == "__main__":
    print("ready " + json.dumps({"order": ["<module>", "main", "method", "middle", "outer", "key", "leaf"],
                                 "native_between": ["outer", "key"], "lines": marks()}), flush=True)
    main()  # in <module>
    print('answer {"done": true}')
