# SPDX-License-Identifier: BSD-2-Clause
"""Job workers: a request is one blocking pop to the next, and connections for each job are found."""
import signal
import socket
import time

import live
import services
from live import cases_for, expect

JOBS = 61


def worked(mode):
    """(the report of `check` on a worker that does JOBS jobs, its exit status)"""
    if not live.VENV_PYTHON.exists():
        live.missing(f"{live.VENV_PYTHON} (make deps)")
    _, port = services.redis_server()
    process, _ = live.workload("worker.py", mode, port, python=str(live.VENV_PYTHON))
    command = live.connprof_start("check", "-p", process.pid, "-f", "json")
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        for job in [f"job{number}" for number in range(JOBS)] + ["end"]:
            client.sendall(f"RPUSH jobs {job}\r\n".encode())
            client.recv(64)
            time.sleep(0.005)
    expect(process.stdout.readline() == "done\n", "the worker did not come to its last job")
    time.sleep(0.2)
    result = live.connprof_end(command, signal.SIGINT)  # while the worker lives: in its last moments its code is freed bit by bit
    expect(live.answer(process)["done"] == JOBS, "not all jobs were done")
    return live.check_json(result), result.status


@cases_for(("leaky", "fixed", "forking"))
def jobs_are_requests(mode):
    report, status = worked(mode)
    expect(report["requests"]["protocol"] == "job", f"{report['requests']}")
    # The last pop ("end") is one too; the worker was waiting for its first when connprof came.
    expect(JOBS - 1 <= report["requests"]["observed"] <= JOBS + 1, f"{report['requests']} of {JOBS}")
    found = [site for site in report["sites"] if site["rule"]]
    if mode == "fixed":
        expect(status == 0 and not found, f"{report}")
        return
    expect(status == 1 and len(found) == 1 and found[0]["rule"] == "connection-per-request", f"{report['sites']}")
    expect(found[0]["connects"] == JOBS and found[0]["call_site"]["function"].endswith("perform"), f"{found}")
    expect(found[0]["cause"] == {"leaky": "throw-away-client", "forking": "process-per-request"}[mode], f"{found[0]['cause']}")
    expect(found[0]["attribution"] == {"leaky": "thread", "forking": "process"}[mode], f"{found[0]['attribution']}")


if __name__ == "__main__":
    live.main()
