# SPDX-License-Identifier: BSD-2-Clause
"""Innocent: each reader of /events has a subscription, which needs a connection of its own."""
import http.server

import redis

import served

client = redis.Redis(port=served.REDIS_PORT)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        subscription = client.pubsub()
        subscription.subscribe("news")
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for message in subscription.listen():
            self.wfile.write(f"data: {message['data']}\n\n".encode())

    def log_message(self, *_):
        pass


served.Threads(("127.0.0.1", served.PORT), Handler).serve_forever()
