# SPDX-License-Identifier: BSD-2-Clause
"""A threaded HTTP service that talks too much: 23 GETs one by one and 41 log lines a request, and one line to a file.

usage: chatty.py REDIS_PORT LOG_FILE [SYSLOG]     the 41 lines go to standard error, one more to the system's log, a UNIX
                                                  datagram socket; says where each statement is
"""
import http.server
import json
import logging
import logging.handlers
import sys
import threading

import redis

GETS, LINES = 23, 41
client = redis.Redis(connection_pool=redis.ConnectionPool(host="127.0.0.1", port=int(sys.argv[1])))
logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
noise = logging.getLogger("noise")
audit = logging.getLogger("audit")
audit.propagate = False
audit.addHandler(logging.FileHandler(sys.argv[2]))
system = logging.getLogger("system")
if sys.argv[3:]:
    system.propagate = False
    system.addHandler(logging.handlers.SysLogHandler(sys.argv[3]))


def rank():
    for key in range(GETS):
        client.get(f"item{key}")  # one by one


def batch():
    pipeline = client.pipeline(transaction=False)
    for key in range(GETS):
        pipeline.get(f"item{key}")
    pipeline.execute()


def noisy():
    for number in range(LINES):
        noise.info("item %d scored %f", number, number * 1.5)  # the noise


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        rank()
        batch()
        noisy()
        audit.warning("served")
        if sys.argv[3:]:
            system.warning("served")  # to the system's log
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")

    def log_message(self, *_arguments):
        pass


def line_of(mark):
    with open(__file__, encoding="utf-8") as source:
        return next(number for number, text in enumerate(source, 1) if text.rstrip().endswith(mark))


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready " + json.dumps({"port": server.server_address[1], "gets": GETS, "lines": LINES,
                                 "get_line": line_of("# one by one"), "log_line": line_of("# the noise"),
                                 "system_line": line_of("# to the system's log")}), flush=True)
    sys.stdin.read()
    print("answer {}", flush=True)


if __name__ == "__main__":
    main()
