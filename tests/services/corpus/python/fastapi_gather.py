# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: each request asks ten things at once, so the pool grows to ten times the requests that come at once."""
import asyncio

import fastapi
import redis.asyncio

import served

app = fastapi.FastAPI()
client = redis.asyncio.from_url(served.REDIS_URL)


@app.get("/")
async def page():
    return await asyncio.gather(*(client.incr(f"visits:{number}") for number in range(10)))
