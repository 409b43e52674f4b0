# SPDX-License-Identifier: BSD-2-Clause
"""An HTTP service with a thread a connection (or with one for all), whose requests burn CPU in functions that tell them apart; it measures itself.

usage: latencies.py [single]

GET /N (N from 0 to 7) spins in the function spin_N until 40 ms × (N + 1) have passed since the head was read; GET /slow in
the function rare_cause for 300 ms, GET /quick in common_work for 4 ms. Between requests a thread of its own spins a little in metrics.
"""
import http.server
import json
import sys
import threading
import time

over = threading.Event()
latencies = []


def define(name):
    """A function of that name, which spins until a moment; compiled, so that its name shows in stacks."""
    space = {"clock": time.perf_counter}
    exec(compile(f"def {name}(until):\n    while clock() < until:\n        pass\n", __file__, "exec"), space)
    return space[name]


WORK = {f"/{n}": (define(f"spin_{n}"), 0.04 * (n + 1)) for n in range(8)}
WORK["/slow"] = (define("rare_cause"), 0.3)
WORK["/quick"] = (define("common_work"), 0.004)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def parse_request(self):
        self.began = time.perf_counter()  # its first line has just been read
        return super().parse_request()

    def do_GET(self):
        work, seconds = WORK[self.path]
        work(time.perf_counter() + seconds)
        body = b"done"
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        latencies.append(1000 * (time.perf_counter() - self.began))

    def log_message(self, *_arguments):
        pass


def metrics():
    spin = define("metrics_spin")
    while not over.wait(0.02):
        spin(time.perf_counter() + 0.002)


def main():
    kind = http.server.HTTPServer if sys.argv[1:] == ["single"] else http.server.ThreadingHTTPServer
    server = kind(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Thread(target=metrics, daemon=True).start()
    print("ready " + json.dumps({"port": server.server_address[1]}), flush=True)
    sys.stdin.read()
    over.set()
    print("answer " + json.dumps({"latencies_ms": latencies}), flush=True)


if __name__ == "__main__":
    main()
