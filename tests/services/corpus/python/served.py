# SPDX-License-Identifier: BSD-2-Clause
"""What the Python services share: where things are, and plain servers for those that need no framework."""
import http.server
import os
import socketserver

PORT = int(os.environ["PORT"])
REDIS_PORT = int(os.environ["REDIS_PORT"])
REDIS_SOCKET = os.environ["REDIS_SOCKET"]
TLS_PORT = int(os.environ["TLS_PORT"])
BESIDE_PORT = int(os.environ["BESIDE_PORT"])  # of what the case has beside the service (Case.beside)
REDIS_URL = f"redis://127.0.0.1:{REDIS_PORT}/0"


def handler_of(answer):
    """A request handler whose body is what answer(path) returns."""
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            body = str(answer(self.path)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass
    return Handler


class Threads(http.server.ThreadingHTTPServer):
    request_queue_size = 128


class Forks(socketserver.ForkingMixIn, http.server.HTTPServer):
    request_queue_size = 128


def serve(answer, server=Threads):
    """One thread (or process) a client connection, until killed."""
    server(("127.0.0.1", PORT), handler_of(answer)).serve_forever()


def wsgi(answer):
    """The same as a WSGI application."""
    def application(environ, start_response):
        body = str(answer(environ["PATH_INFO"])).encode()
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return [body]
    return application


def ready():
    """For a program that listens on nothing: the load may begin."""
    open(os.path.join(os.environ["SCRATCH"], "ready"), "w", encoding="ascii").close()
