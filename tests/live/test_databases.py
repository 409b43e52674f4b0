# SPDX-License-Identifier: BSD-2-Clause
"""`check --protocol` with real database servers and clients: a connection per request is found, a shared one is not, and
what each connection carried is counted to the command."""
import os
import pathlib
import shutil
import subprocess

import live
import services
from live import cases_for, expect

REQUESTS = 60


def mysql(port):
    server = shutil.which("mariadbd", path="/usr/sbin:/usr/bin") or live.missing("mariadbd (mariadb-server-core)")
    data = live.folder() / "mysql"
    made = subprocess.run(["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
                           "--skip-test-db"], capture_output=True, text=True, check=False)
    expect(made.returncode == 0, made.stderr)
    live.start(server, "--no-defaults", "--user=root", f"--datadir={data}", f"--socket={live.folder()}/s", f"--port={port}",
               "--bind-address=127.0.0.1", f"--pid-file={live.folder()}/pid", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def postgres(port):
    programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        live.missing("initdb (postgresql)")
    data = live.folder() / "postgres"
    data.mkdir()
    shutil.chown(data, "postgres")
    as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]  # it refuses to run as root
    made = subprocess.run([*as_postgres, str(programs[-1]), "-D", str(data), "-A", "trust", "--no-sync"], capture_output=True,
                          text=True, cwd="/", env=dict(os.environ, HOME=str(data)), check=False)
    expect(made.returncode == 0, made.stderr)
    live.start(*as_postgres, programs[-1].parent / "postgres", "-D", data, "-p", port, "-h", "127.0.0.1", "-k", data, cwd="/",
               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def memcached(port):
    server = shutil.which("memcached") or live.missing("memcached")
    live.start(server, "-u", "root", "-l", "127.0.0.1", "-p", port, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


SERVERS = {"mysql": mysql, "postgres": postgres, "memcached": memcached}


def service(kind, mode, port):
    """The service, once its database answers."""
    started = []

    def up():
        try:
            started.append(live.workload("database.py", kind, mode, port, python=str(live.VENV_PYTHON)))
        except live.Failed:
            return False
        return True

    live.wait_for(up, f"{kind} to answer", 30)
    return started[0]


def sites(kind, mode, port):
    process, ready = service(kind, mode, port)
    watching = live.connprof_start("check", "-p", process.pid, "-f", "json", "--protocol", kind)
    expect(services.send_requests(ready["port"], REQUESTS) == REQUESTS, "a request was not answered")
    result = live.connprof_end(watching, live.signal.SIGINT)
    expect(live.answer(process)["served"] == REQUESTS, "the service served another number")
    return result, [site for site in live.check_json(result)["sites"] if site["peer"].endswith(f":{port}")]


@cases_for(SERVERS)
def a_connection_per_request_is_found_and_a_shared_one_is_not(kind):
    if not live.VENV_PYTHON.exists():
        live.missing(f"{live.VENV_PYTHON} (make deps)")
    port = services.free_port()
    SERVERS[kind](port)
    result, found = sites(kind, "each", port)
    result.expect_status(1)
    expect(len(found) == 1, f"{len(found)} call sites: {found}")
    site = found[0]
    expect((site["rule"], site["protocol"], site["connects"]) == ("connection-per-request", kind, REQUESTS), f"{site}")
    expect(site["reuse"]["commands_per_connection"] == 2, f"not two commands each: {site['reuse']}")
    expect(site["call_site"]["file"].endswith("database.py"), f"{site['call_site']}")
    result, found = sites(kind, "shared", port)
    result.expect_status(0)


if __name__ == "__main__":
    live.main()
