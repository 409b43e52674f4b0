# SPDX-License-Identifier: BSD-2-Clause
"""What Redis itself says of a run, and what a case claims about it.

A case's claim is one of the functions below: it is given the facts and says what does not hold, or None. So no case is
guilty or innocent by its name alone: the server saw it.
"""
import dataclasses
import socket


class Server:
    """One connection to a redis-server, open from before the run to its end: what it asks adds nothing to what is counted."""

    def __init__(self, port):
        self.port, self.reconnects = port, 0
        self.connect()

    def connect(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port), 5)
        self.stream = self.socket.makefile("rb")

    def ask(self, *words):
        """One command; its reply as text, a number or None. A server that has an idle limit may have closed meanwhile."""
        try:
            return self._ask(words)
        except (ConnectionError, BrokenPipeError):
            self.close()
            self.connect()
            self.reconnects += 1
            return self._ask(words)

    def _ask(self, words):
        command = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in (str(word).encode() for word in words))
        self.socket.sendall(b"*%d\r\n%s" % (len(words), command))
        return self._reply()

    def _reply(self):
        line = self.stream.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            return None if rest == b"-1" else self.stream.read(int(rest) + 2)[:-2].decode()
        if kind == b":":
            return int(rest)
        if kind == b"+":
            return rest.decode()
        raise ConnectionError(f"Redis on port {self.port} said {line!r}")

    def received(self):
        """Connections since its start, our own left out."""
        for line in self.ask("INFO", "stats").splitlines():
            if line.startswith("total_connections_received:"):
                return int(line.split(":")[1]) - self.reconnects
        raise ConnectionError("INFO without total_connections_received")

    def clients(self):
        """CLIENT LIST without ourselves: one dict each."""
        listed = [dict(word.split("=", 1) for word in line.split()) for line in self.ask("CLIENT", "LIST").splitlines()]
        own = str(self.ask("CLIENT", "ID"))
        return [client for client in listed if client["id"] != own]

    def close(self):
        self.stream.close()
        self.socket.close()


@dataclasses.dataclass
class Facts:
    """Of one run, all from the server but the number of requests, which the load knows."""
    opened: int       # connections the server received from connprof's being attached until it was told to end
    at_most: int      # those around that too: a service that connects by itself does so while connprof comes and goes
    before: int       # clients connected when the window began
    connected: int    # clients connected when the load was over
    subscribed: int   # of those: in a subscription
    blocked: int      # of those: in a blocking command
    requests: int     # requests (or jobs) answered


# ---- claims ------------------------------------------------------------------------------------------------------------

def one_each(facts):
    """A connection for each request, or nearly."""
    if facts.opened < 0.9 * facts.requests or facts.requests < 50:
        return f"{facts.opened} connections for {facts.requests} requests are not one each"


def at_least(share):
    def claim(facts):
        if facts.opened < share * facts.requests:
            return f"{facts.opened} connections for {facts.requests} requests are less than {share} each"
    return claim


def growing(facts):
    """More and more connections that nobody closes."""
    if facts.connected - facts.before < 20:
        return f"{facts.before} clients before, {facts.connected} after: they do not grow"


def at_most(number):
    """A pool's worth of connections, whatever the load."""
    def claim(facts):
        if facts.opened > number:
            return f"{facts.opened} connections, more than {number}"
    return claim


def subscribers(number):
    """Many connections, each somebody's subscription."""
    def claim(facts):
        if facts.subscribed < number:
            return f"{facts.subscribed} subscribers, not {number}"
    return claim


def waiting(number):
    """Connections that lie in a blocking command."""
    def claim(facts):
        if facts.blocked < number:
            return f"{facts.blocked} clients in a blocking command, not {number}"
    return claim


def between(low, high):
    def claim(facts):
        if not low <= facts.opened <= high:
            return f"{facts.opened} connections, not {low} to {high}"
    return claim
