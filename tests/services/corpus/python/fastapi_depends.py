# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: the dependency gives each request a client of its own; requests overlap on one loop."""
import asyncio

import fastapi
import redis.asyncio

import served

app = fastapi.FastAPI()


async def client():
    one = redis.asyncio.from_url(served.REDIS_URL)
    try:
        yield one
    finally:
        await one.aclose()


@app.get("/")
async def cart(one=fastapi.Depends(client)):
    await one.hincrby("cart", "items", 1)
    await asyncio.sleep(0.02)
    return {key.decode(): value.decode() for key, value in (await one.hgetall("cart")).items()}
