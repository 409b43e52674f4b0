# SPDX-License-Identifier: BSD-2-Clause
"""Several requests at once on one thread: each connection must be booked on the request it was opened for, by task or greenlet."""
import http.client
import signal
import threading
import time

import live
import services
from live import cases_for, expect

CLIENTS = 8
REQUESTS = 14  # of each client, in turns leaky and pooled


def send(port):
    """All clients at once, each over a connection that it keeps; returns how many leaky requests were answered."""
    answered = []

    def client(number):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        for i in range(REQUESTS):
            path = "/leaky" if (i + number) % 2 else "/pooled"
            connection.request("GET", path)
            if connection.getresponse().read() == b"ok":
                answered.append(path)
        connection.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40)
    expect(len(answered) == CLIENTS * REQUESTS, f"{len(answered)} requests answered")
    return answered.count("/leaky")


@cases_for(("protocol", "streams", "greenlets"))
def requests_at_once_are_told_apart(mode):
    if not live.VENV_PYTHON.exists():
        live.missing(f"{live.VENV_PYTHON} (make deps)")
    _, leaky_port = services.redis_server()
    _, pooled_port = services.redis_server()
    process, ready = live.workload("tasks.py", mode, leaky_port, pooled_port, python=str(live.VENV_PYTHON))
    command = live.connprof_start("check", "-p", process.pid, "-f", "json")
    leaky_requests = send(ready["port"])
    time.sleep(0.3)
    report = live.check_json(live.connprof_end(command, signal.SIGINT).expect_status(1))
    expect(report["requests"]["observed"] == CLIENTS * REQUESTS, f"{report['requests']}")
    leaky = [site for site in report["sites"] if site["peer"] == f"127.0.0.1:{leaky_port}"]
    pooled = [site for site in report["sites"] if site["peer"] == f"127.0.0.1:{pooled_port}"]
    expect(len(leaky) == 1 and leaky[0]["rule"] == "connection-per-request", f"{leaky}")
    expect(leaky[0]["attribution"] == "task", f"{leaky[0]['attribution']}")
    expect(leaky[0]["connects"] == leaky_requests, f"{leaky[0]['connects']} connections, {leaky_requests} requests")
    expect(leaky[0]["connects_per_using_request"] == 1.0, f"each request its own, none on another's: {leaky[0]}")
    expect(leaky[0]["reuse"]["requests_per_connection"] == 1.0, f"{leaky[0]['reuse']}")
    expect(pooled and all(site["rule"] is None for site in pooled), f"{pooled}")
    served = sum(site["connects"] * site["reuse"]["requests_per_connection"] for site in pooled)
    pooled_requests = CLIENTS * REQUESTS - leaky_requests  # each uses one or two of the pool's
    expect(pooled_requests - 0.5 < served < 2 * pooled_requests + 0.5, f"{served} uses by {pooled_requests} requests")


if __name__ == "__main__":
    live.main()
