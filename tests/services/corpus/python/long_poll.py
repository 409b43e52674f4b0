# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: each reader waits in XREAD BLOCK, which holds a connection as long as he waits."""
import http.server

import redis

import served

client = redis.Redis(port=served.REDIS_PORT)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        last = "$"
        while True:
            for _, entries in client.xread({"news": last}, block=30000):
                for last, entry in entries:
                    self.wfile.write(f"data: {entry}\n\n".encode())

    def log_message(self, *_):
        pass


served.Threads(("127.0.0.1", served.PORT), Handler).serve_forever()
