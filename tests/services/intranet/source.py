# SPDX-License-Identifier: BSD-2-Clause
"""The data-sync source: serves one key of the intranet Redis a request, to who has the token, in a fixed key format only.

    GET /v1/keys/item:17        Authorization: Bearer TOKEN
    200 {"key": "item:17", "type": "hash", "value": {…}}

401 without the token, 400 for a key of another format, 404 for one that is not there.
Settings: SYNC_PORT, SYNC_TOKEN, REDIS_HOST, REDIS_PORT in the environment.
"""
import hmac
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import redis

from intranet.data import KEY

PREFIX = "/v1/keys/"
READERS = {
    "string": lambda client, key: client.get(key),
    "hash": lambda client, key: client.hgetall(key),
    "list": lambda client, key: client.lrange(key, 0, -1),
    "set": lambda client, key: sorted(client.smembers(key)),
    "zset": lambda client, key: client.zrange(key, 0, -1, withscores=True),
}


class Source(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address, token, client):
        super().__init__(address, SourceHandler)
        self.token = token
        self.client = client


class SourceHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 30

    def do_GET(self):
        status, body = self.respond()
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def respond(self):
        if not self.authorized():
            return 401, {"error": "a valid token is needed"}
        if not self.path.startswith(PREFIX):
            return 404, {"error": "no such resource"}
        key = unquote(self.path[len(PREFIX):])
        if not KEY.fullmatch(key):
            return 400, {"error": "not a key this service serves"}
        kind = self.server.client.type(key)
        if kind not in READERS:
            return 404, {"error": "no such key"}
        return 200, {"key": key, "type": kind, "value": READERS[kind](self.server.client, key)}

    def authorized(self):
        given = self.headers.get("Authorization", "").encode()
        return hmac.compare_digest(given, b"Bearer " + self.server.token.encode())


def main():
    client = redis.StrictRedis(os.environ["REDIS_HOST"], int(os.environ["REDIS_PORT"]), decode_responses=True)
    Source(("127.0.0.1", int(os.environ["SYNC_PORT"])), os.environ["SYNC_TOKEN"], client).serve_forever()


if __name__ == "__main__":
    main()
