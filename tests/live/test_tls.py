# SPDX-License-Identifier: BSD-2-Clause
"""What is said inside TLS: read through the target's own library, or left alone and said so. The right answers come from a
Redis with TLS and from the clients and servers themselves."""
import os
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import time

import live
import services
from live import bare, case, cases_for, expect

COUNT = 17

CLIENT = """
import redis, sys
print('ready {}', flush=True)
def ask():
    client = redis.Redis(port=int(sys.argv[1]), ssl=True, ssl_cert_reqs='none', protocol=int(sys.argv[3]))
    client.set('a key', 'a value no report may show')
    client.get('a key')
    client.close()
for _ in range(int(sys.argv[2])):
    sys.stdin.readline()
    ask()
    print('asked', flush=True)
print('done', flush=True)
sys.stdin.read()
"""

ASYNC_CLIENT = """
import asyncio, redis.asyncio, sys
print('ready {}', flush=True)
async def ask():
    client = redis.asyncio.Redis(port=int(sys.argv[1]), ssl=True, ssl_cert_reqs='none', protocol=int(sys.argv[3]))
    await client.set('a key', 'a value no report may show')
    await client.get('a key')
    await client.aclose()
async def main():
    for _ in range(int(sys.argv[2])):
        sys.stdin.readline()
        await ask()
        print('asked', flush=True)
asyncio.run(main())
print('done', flush=True)
sys.stdin.read()
"""

SERVER = """
import http.server, ssl, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        self.send_response(200)
        self.send_header('Content-Length', '3')
        self.end_headers()
        self.wfile.write(b'ok\\n')
    def log_message(self, *arguments):
        pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
print('ready {"port": %d}' % server.server_address[1], flush=True)
server.serve_forever()
"""


def certificate():
    """A key and a certificate for it, signed by itself: (certificate, key)."""
    if not shutil.which("openssl"):
        live.missing("openssl")
    paths = live.folder() / "cert.pem", live.folder() / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-out", paths[0], "-keyout", paths[1]], check=True, capture_output=True)
    return paths


def tls_redis():
    """A redis-server that also speaks TLS, on the port returned; skipped where it was built without."""
    port, (cert, key) = services.free_port(), certificate()
    version = subprocess.run(["redis-server", "--help"], capture_output=True, text=True, check=False).stdout
    expect(version is not None, "redis-server")
    services.redis_server("--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert,
                          "--tls-auth-clients", "no")
    return port


def client(code, port, protocol=2, count=COUNT):
    if not live.VENV_PYTHON.exists():
        live.missing(f"{live.VENV_PYTHON} with redis-py (make deps)")
    (live.folder() / "client.py").write_text(code)
    process = live.start(live.VENV_PYTHON, live.folder() / "client.py", port, count, protocol)
    live.ready_line(process)
    return process


def asked(process, times):
    for _ in range(times):
        live.go(process)
        expect(process.stdout.readline().strip() == "asked", "the client failed")


def wait_until_read(command):
    """The first TLS record has connprof look for the library, and say so; that of Node is a large one."""
    deadline = time.monotonic() + 10
    while b" is read (" not in command.early:
        expect(select.select([command.stderr], [], [], max(0, deadline - time.monotonic()))[0], "no library was found in 10 s")
        command.early += os.read(command.stderr.fileno(), 65536)


def traced(process, port, *arguments, read=True):
    """The first connection has connprof look for the library; the others are read."""
    command = live.connprof_start("trace", "-p", process.pid, "--json", "--events", live.folder() / "out.events.jsonl", *arguments)
    asked(process, 1)
    if read:
        wait_until_read(command)
    else:
        time.sleep(0.8)
    asked(process, COUNT - 1)
    time.sleep(0.3)
    result = live.connprof_end(command, signal.SIGINT).expect_status(0)
    report = live.check_json(result)
    expect(report["lost"]["events"] == 0, f"{report['lost']}")
    sites = [site for site in report["sites"] if site["peer"] == f"127.0.0.1:{port}"]
    expect(sum(site["connects"] for site in sites) == COUNT, f"{sites}")
    expect(all(site["tls"] for site in sites), f"{sites}")
    everything = result.out + result.err + (live.folder() / "out.events.jsonl").read_text()
    expect("no report may show" not in everything, "a value from inside TLS got out")
    return sites[0]


@cases_for([("sync", 3), ("async", 2)], lambda item: f"{item[0]}_resp{item[1]}")
def redis_inside_tls_is_told_by_what_it_says(item):
    port = tls_redis()
    site = traced(client(CLIENT if item[0] == "sync" else ASYNC_CLIENT, port, item[1]), port)
    expect(site["protocol"] == "redis" and (site["library"] or "").startswith("redis-py"), f"{site['protocol']}, {site['library']}")
    commands = site["reuse"]["commands_per_connection"] * COUNT
    expect(round(commands, 1) == 2 * (COUNT - 1), f"{commands} commands in the {COUNT - 1} connections that were read: {site}")
    expect(site["open_at_end"] == 0, f"{site}")


def sealed(name, port, pause=0, count=COUNT):
    process, _ = live.workload(name, port, count, pause)
    return process


@cases_for(["sealed", "sealed_static"])
def openssl_inside_the_program_is_read_too(name):
    port = tls_redis()
    site = traced(sealed(name, port), port)
    expect(site["protocol"] == "redis", f"{site['protocol']}")
    expect(round(site["reuse"]["commands_per_connection"] * COUNT, 1) == 2 * (COUNT - 1), f"{site['reuse']}")
    expect(round(site["setup"]["handshake_round_trips"] * COUNT, 1) == COUNT - 1, f"{site['setup']}")
    expect(site["call_site"] and bare(site["call_site"]["function"]) == "ask", f"{site['call_site']}")


@case
def openssl_inside_node_is_read_too():
    if not shutil.which("node"):
        live.unable("no Node on this machine")
    port = tls_redis()
    process = live.start("node", live.SCRIPTS / "sealed.js", port, COUNT)
    live.ready_line(process)
    site = traced(process, port)
    expect(site["protocol"] == "redis", f"{site['protocol']}")
    expect(round(site["reuse"]["commands_per_connection"] * COUNT, 1) == 2 * (COUNT - 1), f"{site['reuse']}")
    expect(round(site["setup"]["handshake_round_trips"] * COUNT, 1) == COUNT - 1, f"{site['setup']}")


@case
def what_has_no_names_is_said_to_be_unread_and_can_be_named():
    port = tls_redis()
    process = sealed("sealed_stripped", port, count=2 * COUNT)
    site = traced(process, port, read=False)
    expect(site["protocol"] is None and site["setup"]["tls_ms"] is None, f"{site}")
    command = live.connprof_start("check", "-p", process.pid, "--json", "--redis", f"127.0.0.1:{port}")
    asked(process, COUNT)
    time.sleep(0.3)
    report = live.check_json(live.connprof_end(command, signal.SIGINT).expect_status(0, 1))
    notes = [note for note in report["notes"] if "inside TLS is not read" in note]
    expect(len(notes) == 1 and f"what {process.pid} says" in notes[0] and "--redis HOST:PORT" in notes[0], f"{report['notes']}")
    expect(all(site["decides"] and site["tls"] for site in report["sites"]), f"{report['sites']}")


@cases_for([0, 20], lambda pause: "at_once" if not pause else f"after_{pause}_ms")
def connect_tls_and_login_are_told_apart(pause):
    """The client has measured them itself; what it waits before its first command is no part of TLS's handshake."""
    port = tls_redis()
    process = sealed("sealed", port, pause)
    command = live.connprof_start("trace", "-p", process.pid, "--events", live.folder() / "out.events.jsonl")
    asked(process, 1)
    wait_until_read(command)
    asked(process, COUNT - 1)
    process.stdout.readline()
    time.sleep(0.3)
    lines = [live.json.loads(line) for line in live.connprof_end(command, signal.SIGINT).expect_status(0).out.splitlines()]
    truth = live.answer(process)
    setups = [line["setup"] for line in lines if line["event"] == "closed" and line["setup"]["tls_ms"]]
    expect(len(setups) == COUNT - 1, f"{len(setups)} of {COUNT - 1} were read")
    report = live.check_json(live.connprof("report", "out.events.jsonl", "--view", "sites", "-f", "json").expect_status(0))
    site = [site for site in report["sites"] if site["peer"] == f"127.0.0.1:{port}"][0]
    told = {part: sorted(setup[part] for setup in setups)[len(setups) // 2] for part in truth}
    for values in (told, site["setup"]):
        # Between the last thing said for TLS and SSL_connect's return the server may have its turn: the parts' border is not sharp.
        whole, wanted = values["tls_ms"] + values["handshake_ms"], truth["tls_ms"] + truth["handshake_ms"] + pause
        expect(abs(whole - wanted) <= 0.3 * wanted + 0.3, f"{values}, and the client has {truth}")
        expect(truth["tls_ms"] * 0.4 <= values["tls_ms"] <= truth["tls_ms"] * 1.3 + 0.3, f"{values}, and the client has {truth}")
        expect(values["handshake_ms"] >= pause + truth["handshake_ms"] * 0.4, f"{values}, and the client has {truth}")
        expect(0 < values["connect_ms"] <= truth["connect_ms"] * 1.3 + 0.1, f"{values}, and the client has {truth}")
    page = live.connprof("report", "out.events.jsonl", "--view", "diagnosis", "-f", "html", "-o", "-").expect_status(0).out
    shown = re.search(r"connect ([\d.]+), TLS ([\d.]+), handshake ([\d.]+) in 1 round trip", page)
    expect(shown and all(abs(float(text) - site["setup"][part]) <= 0.0051 for text, part in zip(shown.groups(), truth)),
           f"{shown} in the page, {site['setup']}")


@case
def without_it_tls_stays_unread():
    port = tls_redis()
    process = client(CLIENT, port)
    before = mapped_pages(process.pid)
    site = traced(process, port, "--no-tls", read=False)
    expect(site["protocol"] is None and site["reuse"]["commands_per_connection"] is None, f"{site}")
    expect(mapped_pages(process.pid) == before, "pages of the library's code have been changed")


@case
def the_library_is_left_as_it_was():
    port = tls_redis()
    process = client(CLIENT, port)
    before = mapped_code(process.pid)
    expect(before, "no libssl is mapped")
    traced(process, port)
    expect(mapped_code(process.pid) == before, "the code of the library is not what it was")


def library_maps(pid):
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        return [line.split() for line in maps if "libssl" in line and " r-xp " in line]


def mapped_code(pid):
    """The bytes of the TLS library's code as the process has them."""
    code = []
    with open(f"/proc/{pid}/mem", "rb") as memory:
        for fields in library_maps(pid):
            start, end = (int(text, 16) for text in fields[0].split("-"))
            memory.seek(start)
            code.append(memory.read(end - start))
    return code


def mapped_pages(pid):
    """Private copies (anonymous pages) of the TLS library's code, in KB, by mapping."""
    wanted, found, inside = {fields[0] for fields in library_maps(pid)}, {}, None
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as maps:
        for line in maps:
            fields = line.split()
            if "-" in fields[0] and not fields[0].endswith(":"):
                inside = fields[0] if fields[0] in wanted else None
            elif inside and fields[0] == "Anonymous:":
                found[inside] = int(fields[1])
    return found


@case
def requests_inside_tls_count():
    (live.folder() / "server.py").write_text(SERVER)
    process = live.start(live.sys.executable, live.folder() / "server.py", *certificate())
    port = live.ready_line(process)["port"]
    command = live.connprof_start("check", "-p", process.pid, "-f", "json")
    answered = get(port, 1)
    time.sleep(0.8)
    answered += get(port, 30) + get(port, 7, each=True)
    time.sleep(0.3)
    report = live.check_json(live.connprof_end(command, signal.SIGINT).expect_status(0))
    expect(answered == 38, f"{answered} were answered")
    expect(report["requests"]["observed"] == answered - 1 and report["requests"]["protocol"] == "http", f"{report['requests']}")
    expect(report["verdict"] == "clean", f"{report}")


def get(port, times, each=False):
    """GETs over one connection, or over one each; returns how many were answered 200."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    answered, stream = 0, None
    for _ in range(times):
        if not stream:
            stream = context.wrap_socket(socket.create_connection(("127.0.0.1", port)))
        stream.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        text = b""
        while not text.endswith(b"ok\n"):
            chunk = stream.recv(4096)
            expect(chunk, "the server closed")
            text += chunk
        answered += text.startswith(b"HTTP/1.1 200")
        if each:
            stream.close()
            stream = None
    if stream:
        stream.close()
    return answered


@case
def children_are_read_too():
    port = tls_redis()
    if not live.VENV_PYTHON.exists():
        live.missing(f"{live.VENV_PYTHON} with redis-py (make deps)")
    code = CLIENT.replace("import redis, sys", "import os, redis, sys, time").replace(
        "    ask()\n", "    child = os.fork()\n    if not child:\n        time.sleep(2)\n        ask()\n        os._exit(0)\n    ask()\n"
        "    os.waitpid(child, 0)\n")
    process = client(code, port, count=3)
    command = live.connprof_start("trace", "-p", process.pid, "--json")
    asked(process, 1)
    time.sleep(0.8)
    asked(process, 2)
    time.sleep(0.3)
    report = live.check_json(live.connprof_end(command, signal.SIGINT).expect_status(0))
    sites = [site for site in report["sites"] if site["peer"] == f"127.0.0.1:{port}"]
    expect(sum(site["connects"] for site in sites) == 6, f"{sites}")
    commands = sum(site["reuse"]["commands_per_connection"] * site["connects"] for site in sites)
    # The first two may be read already, where their handshake took so long that the library was found meanwhile.
    expect(round(commands) in (8, 10, 12), f"{commands} commands in the 4 connections after the first two: {sites}")
    expect(bare(sites[0]["call_site"]["function"]) == "ask", f"{sites}")


if __name__ == "__main__":
    live.main()
