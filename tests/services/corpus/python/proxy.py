# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: a proxy: a connection of its own to Redis for each client that it has."""
import asyncio

import served


async def copy(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def client(reader, writer):
    upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", served.REDIS_PORT)
    await asyncio.gather(copy(reader, upstream_writer), copy(upstream_reader, writer), return_exceptions=True)


async def main():
    server = await asyncio.start_server(client, "127.0.0.1", served.PORT)
    await server.serve_forever()


asyncio.run(main())
