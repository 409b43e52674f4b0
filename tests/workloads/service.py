# SPDX-License-Identifier: BSD-2-Clause
"""A small threaded HTTP service that reads Redis through redis-py.

usage: service.py leaky|fixed|none REDIS_PORT

leaky: the pool is built in the handler object's __init__, once per request. fixed: one pool for the process. none: no Redis.
Counts the requests it served; says where leaky really opens its connection (at the first command).
"""
import http.server
import json
import sys
import threading

MODE = sys.argv[1]
PORT = int(sys.argv[2])
served = 0
count_lock = threading.Lock()

if MODE != "none":
    import redis

    def new_client():
        pool = redis.ConnectionPool(host="127.0.0.1", port=PORT, max_connections=50)
        return redis.StrictRedis(connection_pool=pool)

    SHARED = new_client()


class Recommend:
    def __init__(self):
        self.client = new_client() if MODE == "leaky" else SHARED

    def answer(self):
        self.client.set("visits", "1")  # the call site: connects here
        return [self.client.get("visits"), self.client.get("other")]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two sends: no 40 ms between them

    def do_GET(self):
        global served
        body = b"nothing"
        if MODE != "none":
            body = repr(Recommend().answer()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        with count_lock:
            served += 1

    def log_message(self, *_arguments):
        pass


def call_site_line():
    with open(__file__, encoding="utf-8") as source:
        return next(number for number, text in enumerate(source, 1) if "# the call site" in text)


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    version = redis.__version__ if MODE != "none" else None
    print("ready " + json.dumps({"port": server.server_address[1], "function": "answer", "line": call_site_line(),
                                 "file": __file__, "redis_py": version}), flush=True)
    sys.stdin.read()
    print("answer " + json.dumps({"served": served}), flush=True)


if __name__ == "__main__":
    main()
