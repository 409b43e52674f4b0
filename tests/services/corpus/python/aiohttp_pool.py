# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: the application's one client, made when it starts."""
from aiohttp import web
import redis.asyncio

import served


async def visits(request):
    return web.Response(text=str(await request.app["client"].incr("visits")))


async def clients(app):
    app["client"] = redis.asyncio.Redis(port=served.REDIS_PORT)
    yield
    await app["client"].close()


app = web.Application()
app.cleanup_ctx.append(clients)
app.add_routes([web.get("/", visits)])
web.run_app(app, host="127.0.0.1", port=served.PORT, print=None)
