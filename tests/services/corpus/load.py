# SPDX-License-Identifier: BSD-2-Clause
"""What a case's service is put to while connprof watches: each kind of load is bounded in count and time, and paced, so that a
run takes the same few seconds on any machine. A load's run(world) returns how many requests were answered."""
import dataclasses
import http.client
import socket
import threading
import time

import truth


class LoadError(Exception):
    """The service did not answer as it should: the run proves nothing."""


class Load:
    needs_service = True  # which listens, or has said that it is ready

    def done(self):
        """Called when connprof has ended."""


@dataclasses.dataclass
class Http(Load):
    """GET requests from a few clients. `during` happens to the world at half time."""
    requests: int = 300
    clients: int = 6
    keep_alive: bool = True
    seconds: float = 3.0
    paths: tuple = ("/",)
    during: object = None

    def run(self, world):
        self.world, self.next, self.answered, self.failures = world, 0, 0, []
        self.lock, self.began = threading.Lock(), time.monotonic()
        threads = [threading.Thread(target=self._client, daemon=True) for _ in range(self.clients)]
        for thread in threads:
            thread.start()
        if self.during:
            time.sleep(self.seconds / 2)
            self.during(world)
        for thread in threads:
            thread.join(60)
        if self.answered != self.requests and not self.during or self.answered < self.requests // 2:
            raise LoadError(f"{self.answered} of {self.requests} requests answered: {self.failures[:2]}")
        return self.answered

    def _take(self):
        """The number of the next request, at its time; None when there is none left."""
        with self.lock:
            number, self.next = self.next, self.next + 1
        if number >= self.requests:
            return None
        time.sleep(max(0.0, self.began + self.seconds * number / self.requests - time.monotonic()))
        return number

    def _client(self):
        connection = None
        while (number := self._take()) is not None:
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.world.port, timeout=15)
                connection.request("GET", self.paths[number % len(self.paths)],
                                   headers={} if self.keep_alive else {"Connection": "close"})
                response = connection.getresponse()
                text = response.read()
                if response.status != 200:
                    raise LoadError(f"status {response.status}: {text[:200]!r}")
                with self.lock:
                    self.answered += 1
                if self.keep_alive and not response.will_close:
                    continue
            except (OSError, http.client.HTTPException, LoadError) as error:
                self.failures.append(repr(error))
            connection.close()
            connection = None
        if connection:
            connection.close()


@dataclasses.dataclass
class Streams(Load):
    """Clients that each hold one endless response (server-sent events, a long poll), and each wait for its first line."""
    clients: int = 40
    path: str = "/events"
    seconds: float = 3.0

    def run(self, world):
        self.world, self.open = world, []
        for _ in range(self.clients):
            client = socket.create_connection(("127.0.0.1", world.port), 15)
            client.sendall(f"GET {self.path} HTTP/1.1\r\nHost: corpus\r\n\r\n".encode())
            if not client.recv(4096).startswith(b"HTTP/1.1 200"):
                raise LoadError("a stream did not begin")
            self.open.append(client)
            time.sleep(self.seconds / self.clients)
        return self.clients

    def done(self):
        for client in self.open:
            client.close()


@dataclasses.dataclass
class Jobs(Load):
    """Pushes jobs on a list and waits until the workers have counted them all in the key "done"."""
    jobs: int = 200
    seconds: float = 3.0
    queue: str = "jobs"

    producer: str = None  # a command that pushes them instead, given their number and the seconds

    def run(self, world):
        if self.producer:
            world.run_beside(f"{self.producer} {self.jobs} {self.seconds} {world.case.stem}")
        for number in range(0 if self.producer else self.jobs):
            world.server.ask("RPUSH", self.queue, f"job:{number}")
            time.sleep(self.seconds / self.jobs)
        deadline = time.monotonic() + 20
        while int(world.server.ask("GET", "done") or 0) < self.jobs:
            if time.monotonic() > deadline:
                raise LoadError(f"{world.server.ask('GET', 'done')} of {self.jobs} jobs done")
            time.sleep(0.05)
        return self.jobs


@dataclasses.dataclass
class Quiet(Load):
    """Nothing from outside: what the program does by itself."""
    seconds: float = 4.0

    def run(self, world):
        time.sleep(self.seconds)
        return 0


@dataclasses.dataclass
class RedisClients(Load):
    """Redis clients of the service itself (a proxy): each has one connection, and asks on it again and again."""
    clients: int = 30
    seconds: float = 3.0

    def run(self, world):
        self.open = []
        for _ in range(self.clients):
            self.open.append(truth.Server(world.port))
            for client in self.open:
                client.ask("INCR", "asked")
            time.sleep(self.seconds / self.clients)
        return len(self.open)

    def done(self):
        for client in self.open:
            client.close()


@dataclasses.dataclass
class Repeated(Load):
    """A load, a pause, and so on."""
    load: object
    times: int = 3
    pause: float = 1.0

    def run(self, world):
        answered = self.load.run(world)
        for _ in range(self.times - 1):
            time.sleep(self.pause)
            answered += self.load.run(world)
        return answered


@dataclasses.dataclass
class ToItsEnd(Load):
    """Nothing from outside: a program that connprof starts, and that ends by itself (a test-suite)."""
    seconds: float = 40
    needs_service = False

    def run(self, world):
        world.service.wait(self.seconds)
        return 0
