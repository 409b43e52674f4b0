# SPDX-License-Identifier: BSD-2-Clause
"""An HTTP service that serves several requests at once on one thread, and reads Redis through redis-py.

usage: tasks.py protocol|streams|greenlets LEAKY_PORT POOLED_PORT

protocol: a task for each request, started by the loop's own callback (as uvicorn does). streams: a task for each client connection,
one request after the other (as aiohttp does). greenlets: gevent, a greenlet for each client connection. GET /leaky builds a client
for its own use and closes it; GET /pooled uses the one everybody shares. All take their time, so that they overlap.
"""
import asyncio
import json
import sys

MODE, LEAKY_PORT, POOLED_PORT = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
PAUSE = 0.02
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

if MODE == "greenlets":
    from gevent import monkey, pywsgi, sleep
    monkey.patch_all()
    import redis
else:
    import redis.asyncio as redis

SHARED = redis.Redis(port=POOLED_PORT)


def ready(port):
    print("ready", json.dumps({"port": port}), flush=True)


async def handle(path):
    if path == b"/leaky":
        client = redis.Redis(port=LEAKY_PORT)
        await client.get("a")
        await asyncio.sleep(PAUSE)
        await client.get("b")
        await client.aclose()
    else:
        await SHARED.get("a")
        await asyncio.sleep(PAUSE)
        await SHARED.get("b")


class PerRequest(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.tasks = transport, set()

    def data_received(self, data):
        task = asyncio.get_running_loop().create_task(self.serve(data.split()[1]))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def serve(self, path):
        await handle(path)
        self.transport.write(ANSWER)


async def per_connection(reader, writer):
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            await handle(head.split()[1])
            writer.write(ANSWER)
    except asyncio.IncompleteReadError:
        writer.close()


async def serve():
    if MODE == "protocol":
        server = await asyncio.get_running_loop().create_server(PerRequest, "127.0.0.1", 0)
    else:
        server = await asyncio.start_server(per_connection, "127.0.0.1", 0)
    ready(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def application(environ, start_response):
    if environ["PATH_INFO"] == "/leaky":
        client = redis.Redis(port=LEAKY_PORT)
        client.get("a")
        sleep(PAUSE)
        client.get("b")
        client.close()
    else:
        SHARED.get("a")
        sleep(PAUSE)
        SHARED.get("b")
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


if MODE == "greenlets":
    server = pywsgi.WSGIServer(("127.0.0.1", 0), application, log=None)
    server.start()
    ready(server.server_port)
    server.serve_forever()
else:
    asyncio.run(serve())
