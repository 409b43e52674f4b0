# SPDX-License-Identifier: BSD-2-Clause
"""Targets whose every stack is asked to reach its root: real servers under load, and programs that are hard to unwind. Each is a
function that returns the pids to record; what it starts ends with live.clean_up."""
import os
import pathlib
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "live"))
import live  # noqa: E402
import services  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = live.BUILD / "accuracy" / "bin" / "python"

NGINX = """\
daemon off;
user root;
worker_processes 1;
pid nginx.pid;
error_log stderr crit;
events {{ }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    gzip on;
    gzip_min_length 0;
    server {{ listen 127.0.0.1:{port}; root {folder}; }}
}}
"""


def quiet(*command):
    return live.start(*command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def listening(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def load(port, path="", seconds=60):
    """ab, until it is ended."""
    quiet("ab", "-q", "-k", "-r", "-c", 4, "-t", seconds, "-n", 10**7, f"http://127.0.0.1:{port}/{path}")


def redis_server():
    process, port = services.redis_server()
    quiet("redis-benchmark", "-p", port, "-c", 20, "-n", 10**8, "-q", "-t", "set,get,lpush,sadd,zadd,lrange_100")
    return [process.pid]


def nginx():
    port, folder = services.free_port(), live.folder()
    (folder / "index.html").write_text("what is sent\n" * 300)
    (folder / "nginx.conf").write_text(NGINX.format(port=port, folder=folder))
    process = quiet("nginx", "-p", folder, "-c", "nginx.conf", "-e", "stderr")
    live.wait_for(lambda: listening(port), "nginx")
    load(port)
    return [process.pid]


def demo():
    """The demo's service: gunicorn's workers behind nginx, Redis behind them, a connection opened per request; under ab."""
    if not live.VENV_PYTHON.exists():
        live.missing(f"{live.VENV_PYTHON} (make deps)")
    process = live.start(live.VENV_PYTHON, HERE / "demo_service.py", live.folder(),
                         env={**os.environ, "PYTHONPATH": str(HERE.parent / "services")})
    ready = live.ready_line(process)
    load(ready["port"], "recommend?user=17")
    return [ready["pid"]]


def c_program():
    process, _ = live.workload("deep", 40)
    return [process.pid]


def extension(name):
    def begin():
        if not PYTHON.exists():
            live.missing(f"{PYTHON} (make accuracy)")
        process = live.start(PYTHON, HERE / "extensions.py", name)
        live.ready_line(process)
        return [process.pid]
    return begin


COMPLETE = [("demo service (gunicorn, redis-py) behind nginx, under ab", demo), ("redis-server under redis-benchmark", redis_server),
            ("nginx under ab", nginx), ("C without frame pointers, 40 calls deep", c_program),
            ("Python with numpy (OpenBLAS)", extension("numpy")), ("Python with OpenSSL", extension("openssl")),
            ("Python with gevent", extension("gevent"))]
