# SPDX-License-Identifier: BSD-2-Clause
"""The verdict on real services: leaky and fixed, against a real redis-server; exit statuses, JSON, requests counted exactly."""
import os
import re
import signal
import socket
import time

import live
import services
from live import bare, case, cases_for, expect


def checked(process, port, *arguments, seconds=5, load=True):
    """Runs `check` on the service under load; returns (Result, requests answered meanwhile)."""
    under_load = services.Load(port) if load else None
    if load:
        time.sleep(0.5)
    result = live.connprof("check", "-p", process.pid, "-d", seconds, *arguments, timeout=seconds + 30)
    return result, under_load.stop() if load else 0


def redis_site(report, port):
    sites = [site for site in report["sites"] if site["peer"] == f"127.0.0.1:{port}"]
    expect(sites, f"no site for the Redis on port {port}: {report}")
    return max(sites, key=lambda site: site["connects"])


@case
def leaky_service_is_found_with_file_and_line():
    _, redis_port = services.redis_server()
    process, ready = services.service("leaky", redis_port)
    result, _ = checked(process, ready["port"], "-f", "json")
    result.expect_status(1)
    report = live.check_json(result)
    expect(report["schema"] == "connprof.check/1" and report["verdict"] == "findings", f"{report}")
    site = redis_site(report, redis_port)
    expect(site["rule"] == "connection-per-request" and site["decides"] is True, f"{site}")
    expect(site["protocol"] == "redis" and site["transport"] == "tcp" and site["tls"] is False, f"{site}")
    expect(bare(site["call_site"]["function"]).endswith(ready["function"]) and site["call_site"]["line"] == ready["line"]
           and site["call_site"]["file"].endswith("service.py"), f"the call site is {site['call_site']}, not {ready}")
    expect(0.97 <= site["connects_per_using_request"] <= 1.03, f"{site}")
    expect(0.97 <= site["connects_per_request"] <= 1.03, f"{site}")
    expect(site["attribution"] == "thread", f"{site}")
    expect(site["connects"] > 20 and site["failed_connects"] == 0, f"{site}")
    expect(site["cause"] in ("throw-away-client", None), f"{site}")
    expect(site["library"] and site["library"].startswith(f"redis-py {ready['redis_py']}"), f"{site['library']} for {ready}")
    expect(report["requests"]["protocol"] == "http" and report["requests"]["observed"] > 20, f"{report['requests']}")
    expect(report["targets"][0]["pid"] == process.pid and report["targets"][0]["exe"], f"{report['targets']}")
    expect(abs(report["window"]["seconds"] - 5) < 1.5, f"{report['window']}")
    latency = report["requests"]["latency_ms"]
    expect(0 < latency["p50"] <= latency["p99"] <= latency["max"], f"{latency}")
    names = [bare(frame["function"]).rpartition(".")[2] for frame in site["stack"] if frame["kind"] == "python"]
    expect("connect" in names[:4] and names.index(ready["function"]) < names.index("do_GET"), f"innermost first: {names}")


@case
def cause_of_the_leaky_service_is_the_dying_client():
    _, redis_port = services.redis_server()
    process, ready = services.service("leaky", redis_port)
    result, _ = checked(process, ready["port"], "-f", "json", seconds=4)
    site = redis_site(live.check_json(result.expect_status(1)), redis_port)
    # redis-py 5 and later: a client that was handed a pool does not own it; the pool itself dies with the handler.
    expect(site["cause"] == "throw-away-client", f"{site['cause']}: {site}")


@case
def fixed_service_is_clean():
    _, redis_port = services.redis_server()
    process, ready = services.service("fixed", redis_port)
    result, answered = checked(process, ready["port"], "-f", "json")
    report = live.check_json(result.expect_status(0))
    expect(report["verdict"] == "clean", f"{report}")
    expect(all(site["rule"] is None for site in report["sites"]), f"{report['sites']}")
    expect(0 < report["requests"]["observed"] <= answered, f"{report['requests']} of {answered} answered")


@case
def text_verdict_says_what_where_and_what_to_do():
    _, redis_port = services.redis_server()
    process, ready = services.service("leaky", redis_port)
    result, _ = checked(process, ready["port"])
    result.expect_status(1)
    for wanted in ("connection-per-request", f"service.py:{ready['line']}", "pool", f"127.0.0.1:{redis_port}"):
        expect(wanted in result.out, f"{wanted!r} is not in the text: {result}")


@case
def requests_are_counted_exactly():
    process, ready = services.service("none")
    command = live.connprof_start("check", "-p", process.pid, "-f", "json")
    sent = services.send_requests(ready["port"], 211) + services.send_requests(ready["port"], 97, keep_alive=False)
    time.sleep(0.3)
    report = live.check_json(live.connprof_end(command, signal.SIGINT).expect_status(0))
    expect(report["requests"]["observed"] == sent == 308, f"{report['requests']} of {sent}")
    expect(live.answer(process)["served"] == 308, "the service's own count")
    expect(report["verdict"] == "clean", "enough requests and no connection at all is a healthy service")


@case
def connections_agree_with_the_servers_own_count():
    _, redis_port = services.redis_server()
    process, ready = services.service("leaky", redis_port)
    command = live.connprof_start("check", "-p", process.pid, "-f", "json")
    before = services.redis_connections(redis_port)
    sent = services.send_requests(ready["port"], 113)
    time.sleep(0.3)
    after = services.redis_connections(redis_port)
    report = live.check_json(live.connprof_end(command, signal.SIGINT).expect_status(1))
    made = after - before - 1  # the first question's own connection
    seen = sum(site["connects"] for site in report["sites"] if site["peer"] == f"127.0.0.1:{redis_port}")
    expect(seen == made == sent == 113, f"connprof {seen}, Redis {made}, requests {sent}")
    expect(report["requests"]["observed"] == 113, f"{report['requests']}")


@case
def too_few_requests_are_inconclusive():
    _, redis_port = services.redis_server()
    process, ready = services.service("fixed", redis_port)
    command = live.connprof_start("check", "-p", process.pid, "-f", "json")
    services.send_requests(ready["port"], 5)
    time.sleep(0.3)
    report = live.check_json(live.connprof_end(command, signal.SIGINT).expect_status(4))
    expect(report["verdict"] == "inconclusive" and report["requests"]["observed"] == 5, f"{report}")


@case
def min_requests_is_obeyed():
    process, ready = services.service("none")
    for minimum, status in ((3, 0), (500, 4)):
        command = live.connprof_start("check", "-p", process.pid, "--min-requests", minimum, "-f", "json")
        services.send_requests(ready["port"], 25)
        time.sleep(0.3)
        live.connprof_end(command, signal.SIGINT).expect_status(status)


@case
def sites_outside_the_protocol_do_not_decide():
    _, redis_port = services.redis_server()
    process, ready = services.service("leaky", redis_port)
    result, _ = checked(process, ready["port"], "-f", "json", "--protocol", "http", seconds=4)
    report = live.check_json(result.expect_status(0))
    site = redis_site(report, redis_port)
    expect(site["decides"] is False and report["verdict"] == "clean", f"{report}")


@case
def redis_server_is_asked_for_its_view():
    _, redis_port = services.redis_server()
    process, ready = services.service("leaky", redis_port)
    result, _ = checked(process, ready["port"], "--redis-server", f"redis://127.0.0.1:{redis_port}", seconds=4)
    result.expect_status(1)
    expect(re.search(r"redis", result.out, re.I) and re.search(r"server", result.out), str(result))


@cases_for(["alone", "beside_others"])
def redis_servers_view_has_its_unix_clients(way):
    if not live.VENV_PYTHON.exists():
        live.missing(f"{live.VENV_PYTHON} with redis-py (make deps)")
    path = str(live.folder() / "redis.sock")
    _, port = services.redis_server("--unixsocket", path)
    code = ("import redis, sys\nprint('ready {}', flush=True)\nsys.stdin.readline()\n"
            "def client(over):\n    one = redis.Redis(unix_socket_path=sys.argv[1]) if over == 'unix' else redis.Redis(port=int(sys.argv[2]))\n"
            "    one.ping()\n    return one\n"
            "kept = [client('unix') for _ in range(3)] + [client('tcp') for _ in range(2)]\n"
            "for over in ['unix'] * 5 + ['tcp'] * 7: client(over).close()\n"
            "print('done', flush=True)\nsys.stdin.read()\n")
    (live.folder() / "client.py").write_text(code)
    process = live.start(live.VENV_PYTHON, live.folder() / "client.py", path, port)
    live.ready_line(process)
    command = live.connprof_start("check", "-p", process.pid, "--json", "--redis-server", f"redis://127.0.0.1:{port}")
    others = []
    for _ in range(2 if way == "beside_others" else 0):
        others.append(socket.socket(socket.AF_UNIX))
        others[-1].connect(path)
        others[-1].sendall(b"PING\r\n")
        expect(others[-1].recv(7) == b"+PONG\r\n", "Redis answers")
    live.go(process)
    process.stdout.readline()
    time.sleep(0.5)
    view = live.check_json(live.connprof_end(command, signal.SIGINT).expect_status(0, 1, 4))["redis_server"]
    expect(view["connections_seen"] == 17 and view["connections_received"] == 17 + len(others), f"{view}")
    expect(view["unix_connections_open"] == 3 and view["unix_clients_listed"] == 3 + len(others), f"{view}")
    expect(view["clients_matched"] == 5 and view["clients_listed"] == 5 + len(others), f"{view}")
    expect(bool(others) == ("of other processes" in (view["difference"] or "")), f"{view}")
    expect(bool(others) == ("2 more than the target" in (view["difference"] or "")), f"{view}")


@case
def unreachable_redis_server_is_an_error():
    process, _ = services.service("none")
    result = live.connprof("check", "-p", process.pid, "-d", 1, "--redis-server", f"redis://127.0.0.1:{services.free_port()}")
    result.expect_error(3, "127.0.0.1", "refused")


@case
def unclosed_connections_are_a_leak():
    acceptor = services.Acceptor()
    code = ("import socket, sys, time\nprint('ready {}', flush=True)\nsys.stdin.readline()\nkept = []\n"
            "def leak():\n    kept.append(socket.create_connection(('127.0.0.1', int(sys.argv[1]))))\n"
            "    kept[-1].sendall(b'*1\\r\\n$4\\r\\nPING\\r\\n')\n    kept[-1].recv(7)\n"
            "for _ in range(60):\n    leak()\n    time.sleep(0.08)\ntime.sleep(60)\n")
    _, redis_port = services.redis_server()
    script = live.folder() / "leaking.py"
    script.write_text(code)
    process = live.start(live.sys.executable, script, redis_port)
    live.ready_line(process)
    command = live.connprof_start("check", "-p", process.pid, "-d", 6, "-f", "json")
    live.go(process)
    result = live.connprof_end(command)
    report = live.check_json(result.expect_status(1))
    site = redis_site(report, redis_port)
    expect(site["rule"] == "connection-leak" and site["open_at_end"] > 40, f"{site}")
    expect(site["call_site"]["function"] == "leak" and site["call_site"]["line"] == 6, f"{site['call_site']}")
    expect(acceptor.accepted == 0, "somebody else's connection")


@case
def command_is_checked_and_its_failure_is_told_apart():
    for code, how in (("import sys; print('mine'); sys.exit(3)", "it ended with status 3"),
                      ("import os; print('mine', flush=True); os.kill(os.getpid(), 9)", "signal 9 ended it (Killed)")):
        result = live.connprof("check", "--min-requests", 0, "--", live.sys.executable, "-c", code)
        result.expect_status(5)
        expect(f"connprof: the command failed: {how}" in result.err.splitlines(), f"how it failed is not said: {result}")
        expect("mine" in result.out and "verdict" not in result.out, f"the command's output passes through: {result}")
        expect("requests" in result.err, f"no report on standard error: {result}")


@case
def gunicorn_masters_workers_are_followed():
    gunicorn = live.VENV_PYTHON.parent / "gunicorn"
    if not gunicorn.exists():
        live.missing(f"{gunicorn} (make deps)")
    _, redis_port = services.redis_server()
    (live.folder() / "app.py").write_text(
        "import os, redis\n\n\nclass Recommend:\n    def __init__(self):\n"
        f"        pool = redis.ConnectionPool(host='127.0.0.1', port={redis_port})\n"
        "        self.client = redis.StrictRedis(connection_pool=pool)\n\n"
        "    def items(self):\n        return self.client.lrange('items', 0, 9)\n\n\n"
        "def application(environ, start_response):\n    body = repr(Recommend().items()).encode()\n"
        "    start_response('200 OK', [('Content-Length', str(len(body)))])\n    return [body]\n")
    port = services.free_port()
    master = live.start(gunicorn, "-w", 2, "-b", f"127.0.0.1:{port}", "app:application", cwd=live.folder(),
                        stdin=live.subprocess.DEVNULL, stdout=live.subprocess.DEVNULL,
                        env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"))

    def up():
        try:
            return services.send_requests(port, 1, keep_alive=False)
        except OSError:
            return 0
    live.wait_for(up, "gunicorn", 20)
    command = live.connprof_start("check", "-p", master.pid, "-f", "json")
    sent = services.send_requests(port, 83, keep_alive=False)
    time.sleep(0.3)
    report = live.check_json(live.connprof_end(command, signal.SIGINT).expect_status(1))
    site = redis_site(report, redis_port)
    expect(site["rule"] == "connection-per-request" and site["connects"] == sent, f"{site}")
    expect(bare(site["call_site"]["function"]).endswith("items") and site["call_site"]["line"] == 10, f"{site['call_site']}")
    expect(report["requests"]["observed"] == sent, f"{report['requests']} of {sent}")


if __name__ == "__main__":
    live.main()
