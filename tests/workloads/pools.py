# SPDX-License-Identifier: BSD-2-Clause
"""A small threaded HTTP service whose Redis connections come from pools made in different places.

usage: pools.py MODE REDIS_PORT [FOLDER_OF_REDIS_PY]

kept: a client, and so a pool, for each request, never let go. thrown: the same, let go. dropped: one pool for all, whose
connections the handler closes after use. leaking: one pool for all, whose connections the handler never gives back. healthy: one
pool for all. Says at the end how many pools it made for requests.
"""
import json
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

MODE = sys.argv[1]
PORT = int(sys.argv[2])
sys.path[:0] = sys.argv[3:]

import redis  # noqa: E402  pylint: disable=wrong-import-position

SHARED = redis.ConnectionPool(host="127.0.0.1", port=PORT, max_connections=10000)
lock = threading.Lock()
kept = []
made = 0


def own():
    global made
    client = redis.Redis(connection_pool=redis.ConnectionPool(host="127.0.0.1", port=PORT))
    with lock:
        made += 1
    answer = client.get("visits")
    if MODE == "kept":
        kept.append(client)
    return answer


def taken():
    connection = SHARED.get_connection("GET")
    connection.send_command("GET", "visits")
    answer = connection.read_response()
    if MODE == "leaking":
        kept.append(connection)
        return answer
    connection.disconnect()
    SHARED.release(connection)
    return answer


def healthy():
    return redis.Redis(connection_pool=SHARED).get("visits")


ANSWERS = {"kept": own, "thrown": own, "dropped": taken, "leaking": taken, "healthy": healthy}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        body = repr(ANSWERS[MODE]()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


class Server(socketserver.ThreadingMixIn, HTTPServer):
    daemon_threads = True


def main():
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready " + json.dumps({"port": server.server_address[1], "redis_py": redis.__version__}), flush=True)
    sys.stdin.read()
    print("answer " + json.dumps({"made": made}), flush=True)


if __name__ == "__main__":
    main()
