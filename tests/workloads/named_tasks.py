# SPDX-License-Identifier: BSD-2-Clause
"""asyncio tasks that compute: two with names, one that has a number for a name, each through a coroutine that it awaits.

The loop turns until standard input ends, so that every sample but a few of the loop's own lies in one of the three."""
import asyncio
import json
import select
import sys


def burn():
    total = 0
    for number in range(20000):
        total = (total + number * 13) % 1000003
    return total


async def inner():
    burn()
    await asyncio.sleep(0)


async def alpha():
    while not over:
        await inner()


async def beta():
    while not over:
        await inner()


async def nameless():
    while not over:
        await inner()


over = False


async def main():
    global over
    tasks = [asyncio.create_task(alpha(), name="alpha; the first"), asyncio.create_task(beta(), name="бета 🚀"),
             asyncio.create_task(nameless())]
    print("ready " + json.dumps({"tasks": {"alpha": "[task alpha: the first]", "beta": "[task бета 🚀]",
                                           "nameless": "[task Task-N]"}}), flush=True)
    while not over:
        await asyncio.sleep(0.05)
        over = bool(select.select([sys.stdin], [], [], 0)[0])
    for task in tasks:
        await task


asyncio.run(main())
print('answer {"done": true}')
