# SPDX-License-Identifier: BSD-2-Clause
"""A small threaded HTTP service that asks a database twice a request.

usage: database.py mysql|postgres|memcached each|shared PORT

each: a connection of its own for every request; shared: one for the process.
"""
import http.server
import json
import sys
import threading

KIND, MODE, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])


def mysql():
    import pymysql
    return pymysql.connect(host="127.0.0.1", port=PORT, user="root", autocommit=True)


def postgres():
    import pg8000.dbapi
    connection = pg8000.dbapi.connect(host="127.0.0.1", port=PORT, user="postgres", database="postgres")
    connection.autocommit = True
    return connection


def memcached():
    from pymemcache.client.base import Client
    return Client(("127.0.0.1", PORT))


def ask(connection):
    if KIND == "memcached":
        connection.set("k", "value", noreply=False)
        connection.get("k")
        return
    cursor = connection.cursor()
    for question in ("select 1", "select 2"):
        cursor.execute(question)
        cursor.fetchall()
    cursor.close()


connect = {"mysql": mysql, "postgres": postgres, "memcached": memcached}[KIND]
first = connect()  # nor is this ready before the database is
shared = first if MODE == "shared" else first.close()
one_at_a_time = threading.Lock()
served = 0


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        global served
        if shared:
            with one_at_a_time:
                ask(shared)
        else:
            connection = connect()
            ask(connection)
            connection.close()
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
        with one_at_a_time:
            served += 1

    def log_message(self, *_arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", json.dumps({"port": server.server_port}), flush=True)
sys.stdin.read()
print("answer", json.dumps({"served": served}), flush=True)
