# SPDX-License-Identifier: BSD-2-Clause
"""The two witnesses beside connprof: Redis's own count of connections received, and the SYNs seen on the loopback."""
import re
import signal

from demo.children import DemoError

# New connections only: SYN set, ACK not.
FILTER = "tcp dst port {port} and tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn"
# 04:16:02.123456 IP 127.0.0.1.45678 > 127.0.0.1.6379: Flags [S], seq 123456789, win 65495, …
SYN = re.compile(r" IP (\S+) > \S+: Flags \[[SEW.]+\], seq (\d+),")
DROPPED = re.compile(r"(\d+) packets? dropped by kernel")


class RedisCount:
    """Connections received since the start, from INFO over one connection that was open before: none of it is our own."""

    def __init__(self, client):
        self.client = client
        self.before = self.received()

    def received(self):
        return int(self.client.info("stats")["total_connections_received"])

    def stop(self):
        return self.received() - self.before


class Capture:
    """tcpdump on the loopback. A SYN sent again is the same connection: same source port, same sequence number."""

    def __init__(self, children, name, port):
        self.children = children
        # -Z root: no change of user, which a container may refuse. Immediate mode: nothing waits in a buffer at the end.
        # -s: headers only, so that the buffer of -B KiB holds many packets: none may be dropped on a busy machine.
        self.child = children.start(name, ["tcpdump", "-i", "lo", "-n", "-l", "-Z", "root", "--immediate-mode",
                                           "-s", 128, "-B", 8192, FILTER.format(port=port)])
        children.await_line(self.child, "listening on")

    def stop(self):
        self.children.stop(self.child, signal.SIGINT)
        name = self.child.name
        dropped = DROPPED.search(self.children.tail(name, 5))
        if not dropped or int(dropped.group(1)):
            raise DemoError(f"{name}: packets were lost, the count is worth nothing{self.children.tail(name, 5)}")
        return len(set(SYN.findall(self.children.output(name))))
