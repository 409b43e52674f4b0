# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: requests overlap on one loop, and one page in five builds a client."""
import asyncio

import fastapi
import redis.asyncio

import served

app = fastapi.FastAPI()
client = redis.asyncio.from_url(served.REDIS_URL)


@app.get("/")
async def page():
    await asyncio.sleep(0.02)
    return await client.incr("visits")


@app.get("/cart")
async def cart():
    async with redis.asyncio.from_url(served.REDIS_URL) as own:
        await asyncio.sleep(0.02)
        return await own.hincrby("cart", "items", 1)
