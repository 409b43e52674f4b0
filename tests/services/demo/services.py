# SPDX-License-Identifier: BSD-2-Clause
"""Starts the parts of the story: two Redis, the data sync between them, the service under gunicorn, nginx in front.

    intranet redis ◄─ source (HTTP, token) ◄─ sync client ─► service's redis ◄─ gunicorn workers ◄─ nginx ◄─ ab
"""
import os
import secrets
import sys

import redis

from demo.children import DemoError, free_port
from intranet import data

SERVICES = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORKERS = 3

NGINX = """\
daemon off;
user root;
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path temp/body;
    proxy_temp_path temp/proxy;
    fastcgi_temp_path temp/fastcgi;
    uwsgi_temp_path temp/uwsgi;
    scgi_temp_path temp/scgi;
    upstream recommend {{
        server 127.0.0.1:{upstream};
        keepalive 32;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location / {{
            proxy_pass http://recommend;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}
}}
"""


def start_redis(children, name):
    """A redis-server that keeps nothing on disk; returns its port."""
    port = free_port()
    folder = children.path(name)
    os.mkdir(folder)
    child = children.start(name, ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly",
                                  "no", "--dir", folder, "--daemonize", "no"])
    children.await_listening(child, port)
    return port


def connect(port, db=0):
    """One connection to a Redis, held open: counting with it adds no connection to what is counted."""
    return redis.StrictRedis("127.0.0.1", port, db, decode_responses=True, single_connection_client=True)


def start_data(children):
    """The intranet Redis, the source in front of it, and the service's Redis filled through it; returns the latter's
    port and the number of keys."""
    intranet_port = start_redis(children, "redis-intranet")
    data.fill(connect(intranet_port))
    source_port, token = free_port(), secrets.token_hex(16)
    settings = {"PYTHONPATH": SERVICES, "SYNC_HOST": "127.0.0.1", "SYNC_PORT": str(source_port), "SYNC_TOKEN": token,
                "REDIS_HOST": "127.0.0.1"}
    source = children.start("source", [sys.executable, "-m", "intranet.source"],
                            {**settings, "REDIS_PORT": str(intranet_port)})
    children.await_listening(source, source_port)

    port = start_redis(children, "redis-service")
    _, output = children.run("sync", [sys.executable, "-m", "sync.client"], {**settings, "REDIS_PORT": str(port)})
    copied, there = int(output), connect(port, db=1).dbsize()
    if copied != there or copied != len(list(data.keys())):
        raise DemoError(f"the sync client copied {copied} keys, the service's Redis holds {there}")
    return port, copied


def start_service(children, variant, redis_port):
    """The service's variant under gunicorn; returns (master, port)."""
    port = free_port()
    folder = os.path.join(SERVICES, "recommend")
    master = children.start(f"gunicorn-{variant}", [
        sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", WORKERS, "--worker-class", "sync",
        "--worker-tmp-dir", children.folder, "--chdir", os.path.join(folder, variant), "--pythonpath", folder,
        "service:app"], {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(redis_port)})
    children.await_listening(master, port)
    return master, port


def start_nginx(children, name, upstream):
    """nginx in front of the service; returns (nginx, port)."""
    port = free_port()
    folder = children.path(name)
    os.makedirs(os.path.join(folder, "temp"))
    with open(os.path.join(folder, "nginx.conf"), "w", encoding="utf-8") as file:
        file.write(NGINX.format(port=port, upstream=upstream))
    nginx = children.start(name, ["nginx", "-p", folder, "-c", "nginx.conf", "-e", "stderr"])
    children.await_listening(nginx, port)
    return nginx, port


def handler_line(variant):
    """The (file, line) at which the variant opens its connection, as marked in its source; line 0 if it is not marked."""
    path = os.path.join(SERVICES, "recommend", variant, "service.py")
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if "# the connection is opened here" in line:
                return path, number
    return path, 0
