# SPDX-License-Identifier: BSD-2-Clause
"""Services behind a web server that speaks FastCGI or uwsgi to them: real nginx, php-fpm and uWSGI. Each request counts, once, and
what it opens is its own."""
import glob
import json
import shutil
import signal
import subprocess
import time

import live
import services
from live import cases_for, expect

COUNT = 40

NGINX = """daemon off; worker_processes 1; user root; pid nginx.pid; error_log stderr warn;
events {{ worker_connections 128; }}
http {{ access_log off; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
upstream kept {{ server unix:{folder}/service.sock; keepalive 4; }}
server {{ listen 127.0.0.1:{port}; location / {{ {passes} }} }} }}
"""
FASTCGI = "include /etc/nginx/fastcgi_params; fastcgi_param SCRIPT_FILENAME {folder}/page.php; "
PASSES = {
    "fastcgi": FASTCGI + "fastcgi_pass unix:{folder}/service.sock;",
    "fastcgi_kept": FASTCGI + "fastcgi_keep_conn on; fastcgi_pass kept;",
    "uwsgi": "include /etc/nginx/uwsgi_params; uwsgi_pass unix:{folder}/service.sock;",
}

FPM = """[global]
error_log = {folder}/fpm.log
daemonize = no
[www]
user = root
group = root
listen = {folder}/service.sock
pm = static
pm.max_children = 5
"""
# A connection for each page, as the clients of PHP and Python make them, and a command.
PAGE = """<?php
function visits() {{
    $redis = stream_socket_client('tcp://127.0.0.1:{redis}');
    fwrite($redis, "*2\\r\\n$4\\r\\nINCR\\r\\n$6\\r\\nvisits\\r\\n");
    $said = fgets($redis);
    fclose($redis);
    return $said;
}}
echo visits(), str_repeat('and more ', 2000);
"""
APPLICATION = """import socket

def visits():
    with socket.create_connection(("127.0.0.1", {redis})) as redis:
        redis.sendall(b"*2\\r\\n$4\\r\\nINCR\\r\\n$6\\r\\nvisits\\r\\n")
        return redis.recv(100)

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [visits(), b"and more " * 2000]
"""


def tool(*names):
    for name in names:
        found = sorted(glob.glob(name)) if "/" in name else [shutil.which(name, path="/usr/sbin:/usr/bin")]
        if found and found[0]:
            return found[0]
    return live.missing(" or ".join(names))


def write(name, text, **places):
    path = live.folder() / name
    path.write_text(text.format(folder=live.folder(), **places), encoding="utf-8")
    return path


def quiet(*command):
    return live.start(*command, cwd=live.folder(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def start_nginx(passes):
    port = services.free_port()
    text = PASSES[passes].format(folder=live.folder())
    return port, quiet(tool("nginx"), "-p", live.folder(), "-c", write("nginx.conf", NGINX, port=port, passes=text), "-e", "stderr")


def answers(port):
    try:
        return services.send_requests(port, 1) == 1
    except OSError:
        return False


def start_fpm(redis_port):
    write("page.php", PAGE, redis=redis_port)
    return quiet(tool("/usr/sbin/php-fpm*"), "-F", "-R", "-y", write("fpm.conf", FPM))


def start_uwsgi(redis_port, *socket_options):
    return quiet(tool("uwsgi"), "--plugin", "python3", "--master", "--processes", "2", "--disable-logging", "--wsgi-file",
                 write("application.py", APPLICATION, redis=redis_port), *socket_options)


def checked(port, *processes):
    live.wait_for(lambda: answers(port), "the service")
    report = live.folder() / "report.json"
    pids = [option for process in processes for option in ("-p", process.pid)]
    command = live.connprof_start("check", *pids, "-f", "json", "-o", report)
    expect(services.send_requests(port, COUNT, keep_alive=False) == COUNT, "not all were answered")
    time.sleep(0.3)
    live.connprof_end(command, signal.SIGINT).expect_status(1)
    return json.loads(report.read_text(encoding="utf-8"))


def expect_each_opens_one(report, protocol, named):
    expect(report["requests"]["observed"] == COUNT and report["requests"]["protocol"] == protocol, f"{report['requests']}")
    expect(0 < report["requests"]["latency_ms"]["p50"] < 1000 and report["lost"]["events"] == 0, f"{report}")
    [site] = [site for site in report["sites"] if site["protocol"] == "redis"]
    expect(site["rule"] == "connection-per-request" and site["connects"] == COUNT, f"{site}")
    if named:
        expect(site["attribution"] == "thread" and site["call_site"]["function"] == "visits", f"{site}")
    expect(abs(site["connects_per_using_request"] - 1) < 0.01, f"not each request's own: {site}")


@cases_for(("closed", "kept", "followed_too"))
def php_fpm_behind_nginx(how):
    _, redis_port = services.redis_server()
    fpm = start_fpm(redis_port)
    live.wait_for((live.folder() / "service.sock").exists, "php-fpm")
    port, nginx = start_nginx("fastcgi_kept" if how == "kept" else "fastcgi")
    expect_each_opens_one(checked(port, fpm, *([nginx] if how == "followed_too" else [])), "fastcgi", False)


@cases_for(("nginx", "nginx_followed_too", "its_own_router"))
def uwsgi_behind(front):
    _, redis_port = services.redis_server()
    followed = []
    if front != "its_own_router":
        service = start_uwsgi(redis_port, "--socket", live.folder() / "service.sock")
        live.wait_for((live.folder() / "service.sock").exists, "uWSGI")
        port, nginx = start_nginx("uwsgi")
        followed += [nginx] if front == "nginx_followed_too" else []
    else:
        port = services.free_port()
        service = start_uwsgi(redis_port, "--plugin", "http", "--http", f"127.0.0.1:{port}")
    expect_each_opens_one(checked(port, service, *followed), "uwsgi", True)


if __name__ == "__main__":
    live.main()
