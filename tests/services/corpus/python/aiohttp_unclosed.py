# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: a client per request that nobody closes; the collector ends its connection some time."""
from aiohttp import web
import redis.asyncio

import served


async def visits(request):
    client = redis.asyncio.Redis(port=served.REDIS_PORT)
    return web.Response(text=str(await client.incr("visits")))


app = web.Application()
app.add_routes([web.get("/", visits)])
web.run_app(app, host="127.0.0.1", port=served.PORT, print=None)
