# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: a synchronous view runs asynchronous code in a loop of its own, and with it a client."""
import asyncio

import flask
import redis.asyncio

import served

app = flask.Flask(__name__)


async def visits():
    async with redis.asyncio.Redis(port=served.REDIS_PORT) as client:
        return await client.incr("visits")


@app.get("/")
def view():
    return str(asyncio.run(visits()))
