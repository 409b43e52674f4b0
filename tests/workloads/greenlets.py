# SPDX-License-Identifier: BSD-2-Clause
"""gevent greenlets that compute at different depths and switch in the middle, and the main greenlet at different depths too.

The stack that a greenlet was started on is not the one below it later: what lies past its start belongs to somebody else.
"""
import json
import select
import sys

import gevent
import greenlet

over = False


def burn():
    total = 0
    for number in range(3000):
        total = (total + number * 13) % 1000003
    return total


def red_leaf(value):
    burn()
    gevent.sleep(0)
    burn()
    return value


def red(depth):
    if depth:
        return red(depth - 1)
    return sorted([2, 1], key=red_leaf)


def blue_leaf():
    burn()
    gevent.sleep(0)
    burn()


def blue(depth):
    if depth:
        return blue(depth - 1)
    return blue_leaf()


def red_run():
    while not over:
        for depth in (1, 7):
            red(depth)


def blue_run(parent):
    while not over:
        for depth in (2, 11):
            blue(depth)


def start_blue(depth):
    """Starts a plain greenlet from deep inside this one."""
    if depth:
        return start_blue(depth - 1)
    return greenlet.greenlet(blue_run, parent=gevent.get_hub()).switch(gevent.getcurrent())


def green_leaf():
    burn()


def green(depth):
    """The main greenlet, deeper and shallower than the others were started."""
    if depth:
        return green(depth - 1)
    return green_leaf()


def main():
    global over
    gevent.spawn(red_run)
    gevent.spawn(start_blue, 9)
    print("ready " + json.dumps({"runs": ["red_run", "blue_run", "main"]}), flush=True)
    while not over:
        for depth in (0, 20, 3):
            green(depth)
            gevent.sleep(0)
        over = bool(select.select([sys.stdin], [], [], 0)[0])
    gevent.sleep(0.1)
    print('answer {"done": true}')


main()
