# SPDX-License-Identifier: BSD-2-Clause
"""An HTTP service at several requests at once, which writes down for each what it spent, by its own clocks.

usage: truths.py threads|greenlets|protocol|streams REDIS_PORT

threads: one for each client. greenlets: gevent, one for each client. protocol: an asyncio task for each request, started by the loop's
own callback (as uvicorn does); streams: one for each client (as aiohttp does). GET /slow/K/N is request N of client K, which burns CPU
in burn_K and stands still in wait_K, a little at a time; in between it asks Redis (GET), writes a line to standard error and lets the
others go on. GET /quick/K/N does next to nothing of that, in quick_K and with EXISTS. Something else besides that is no request
burns in burn_aside and waits in wait_aside.

Its answer: for each request its client and number, its latency, and what of CPU (ms), of time off it (ms), commands and lines.
"""
import asyncio
import json
import os
import socket
import sys
import threading
import time

MODE, REDIS_PORT = sys.argv[1], int(sys.argv[2])
CLIENTS = 8
ROUNDS, MORE_ROUNDS = 12, 1 # of a slow request; each further client's has so many more
ASK_EVERY = 2               # rounds
BURN, STAND = 0.003, 0.01
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HEAD_END = b"\r\n\r\n"
truths = []


def define(name, body):
    """A function of that name; compiled, so that its name shows in stacks."""
    space = {"cpu": time.thread_time, "clock": time.monotonic, "stand": time.sleep}
    exec(compile(f"def {name}(seconds):\n{body}", __file__, "exec"), space)
    return space[name]


def burner(name):
    return define(name, "    until = cpu() + seconds\n    while cpu() < until:\n        pass\n")


def waiter(name):
    return define(name, "    stand(seconds)\n")


BURNS = [burner(f"burn_{client}") for client in range(CLIENTS)]
WAITS = [waiter(f"wait_{client}") for client in range(CLIENTS)]
QUICK = [burner(f"quick_{client}") for client in range(CLIENTS)]


class Request:
    """What it is, and what it has spent."""

    def __init__(self, head, begun):
        _, kind, client, number = head.split()[1].decode().split("/")
        self.slow, self.client, self.begun = kind == "slow", int(client), begun
        self.truth = {"client": int(client), "number": int(number), "slow": self.slow, "burn_ms": 0.0, "wait_ms": 0.0,
                      "commands": 0, "lines": 0}

    def clocked(self, function, seconds):
        wall, cpu = time.monotonic(), time.thread_time()
        function(seconds)
        spent = time.thread_time() - cpu
        self.truth["burn_ms"] += 1000 * spent
        self.truth["wait_ms"] += 1000 * (time.monotonic() - wall - spent)

    def log_slow(self):
        os.write(2, b"slow\n")

    def log_quick(self):
        os.write(2, b"quick\n")

    def steps(self):
        """Its work, stopping where it asks Redis (yields the command) or lets the others go on (None)."""
        for number in range(ROUNDS + MORE_ROUNDS * self.client if self.slow else 1):
            self.clocked((BURNS if self.slow else QUICK)[self.client], BURN if self.slow else BURN / 3)
            if self.slow:
                self.clocked(WAITS[self.client], STAND)
            if number % ASK_EVERY == 0:
                self.truth["commands"] += 1
                yield "GET" if self.slow else "EXISTS"
                self.truth["lines"] += 1
                self.log_slow() if self.slow else self.log_quick()
            yield None

    def ends(self):
        """Right before its answer goes out: afterwards others may come first."""
        self.truth["latency_ms"] = 1000 * (time.monotonic() - self.begun)
        truths.append(self.truth)


def command_bytes(command):
    return b"*2\r\n$%d\r\n%s\r\n$1\r\na\r\n" % (len(command), command.encode())


def ready(port):
    print("ready", json.dumps({"port": port}), flush=True)

    def last_word():
        sys.stdin.read()
        print("answer", json.dumps(truths), flush=True)
        os._exit(0)

    threading.Thread(target=last_word, daemon=True).start()


# ---- a thread or greenlet for each client ----

def serve_client(client, pool, pause):
    while head := client.recv(4096):
        request = Request(head, time.monotonic())
        for command in request.steps():
            if command:
                redis = pool.pop()
                redis.sendall(command_bytes(command))
                redis.recv(100)
                pool.append(redis)
            else:
                pause()
        request.ends()
        client.sendall(ANSWER)


def aside(burn, wait, pause):
    while True:
        burn(BURN)
        wait(STAND)
        pause()


def serve_threads():
    pool = [socket.create_connection(("127.0.0.1", REDIS_PORT)) for _ in range(CLIENTS)]
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=aside, args=(burner("burn_aside"), waiter("wait_aside"), lambda: time.sleep(0.05)), daemon=True).start()
    ready(listener.getsockname()[1])
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve_client, args=(client, pool, os.sched_yield), daemon=True).start()


def serve_greenlets():
    import gevent
    import gevent.server
    import gevent.socket
    pool = [gevent.socket.create_connection(("127.0.0.1", REDIS_PORT)) for _ in range(CLIENTS)]
    server = gevent.server.StreamServer(("127.0.0.1", 0), lambda client, _: serve_client(client, pool, gevent.sleep))
    gevent.spawn(aside, burner("burn_aside"), waiter("wait_aside"), lambda: gevent.sleep(0.05))
    server.start()
    ready(server.server_port)
    server.serve_forever()


# ---- asyncio ----

async def work(request, pool):
    for command in request.steps():
        if command:
            reader, writer = pool.pop()
            writer.write(command_bytes(command))
            await reader.readuntil(b"\r\n")
            pool.append((reader, writer))
        else:
            await asyncio.sleep(0)


class PerRequest(asyncio.Protocol):
    def __init__(self, pool):
        self.pool, self.tasks = pool, set()

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        task = asyncio.get_running_loop().create_task(self.serve(Request(data, time.monotonic())))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def serve(self, request):
        await work(request, self.pool)
        request.ends()
        self.transport.write(ANSWER)


class PerClient(asyncio.StreamReaderProtocol):
    """Knows when the loop has read a head."""

    def __init__(self, pool):
        self.reader = asyncio.StreamReader()
        super().__init__(self.reader, lambda reader, writer: self.serve(reader, writer, pool))

    def data_received(self, data):
        self.read_at = time.monotonic()
        super().data_received(data)

    async def serve(self, reader, writer, pool):
        try:
            while True:
                head = await reader.readuntil(HEAD_END)
                request = Request(head, self.read_at)
                await work(request, pool)
                request.ends()
                writer.write(ANSWER)
        except asyncio.IncompleteReadError:
            writer.close()


async def aside_task(burn, wait):
    while True:
        burn(BURN)
        wait(STAND)
        await asyncio.sleep(0.05)


async def serve_tasks():
    pool = [await asyncio.open_connection("127.0.0.1", REDIS_PORT) for _ in range(CLIENTS)]
    protocol = PerRequest if MODE == "protocol" else PerClient
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: protocol(pool), "127.0.0.1", 0)
    noise = loop.create_task(aside_task(burner("burn_aside"), waiter("wait_aside")))
    ready(server.sockets[0].getsockname()[1])
    await noise


if MODE == "threads":
    serve_threads()
elif MODE == "greenlets":
    serve_greenlets()
else:
    asyncio.run(serve_tasks())
