# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: the application has one client."""
import fastapi
import redis.asyncio

import served

app = fastapi.FastAPI()
client = redis.asyncio.from_url(served.REDIS_URL)


@app.get("/")
async def cart():
    await client.hincrby("cart", "items", 1)
    return {key.decode(): value.decode() for key, value in (await client.hgetall("cart")).items()}
