# SPDX-License-Identifier: BSD-2-Clause
"""Load from ab, and what it measured: every single request's time, from its -g file."""
import os
import re
from dataclasses import dataclass

from demo.children import DemoError

SLOW_MS = 500
VERY_SLOW_MS = 1000


@dataclass
class Load:
    requests: int
    per_second: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    slow: int
    very_slow: int


def percentile(ordered, share):
    """The smallest value that at least `share` of them do not exceed."""
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]


def times_ms(path):
    """The ttime column of ab's -g file, sorted:

        starttime	seconds	ctime	dtime	ttime	wait
        Tue Nov 24 04:16:02 2026	1795493762	0	7	7	7
    """
    with open(path, encoding="utf-8") as file:
        column = next(file).rstrip("\n").split("\t").index("ttime")
        return sorted(int(line.split("\t")[column]) for line in file)


def number(output, label):
    found = re.search(rf"^{re.escape(label)}:\s+([0-9.]+)", output, re.MULTILINE)
    return float(found.group(1)) if found else 0.0


def ab(children, name, port, requests, concurrency, timeout=60):
    """Exactly `requests` requests; every one must be answered, and with 200."""
    table = children.path(name + ".tsv")
    _, output = children.run(name, ["ab", "-q", "-l", "-r", "-n", requests, "-c", concurrency, "-s", 30, "-g", table,
                                    f"http://127.0.0.1:{port}/recommend?user=17"], timeout=timeout)
    complete, failed = int(number(output, "Complete requests")), int(number(output, "Failed requests"))
    refused = int(number(output, "Non-2xx responses"))
    if complete != requests or failed or refused:
        raise DemoError(f"{name}: of {requests} requests {complete} complete, {failed} failed, {refused} not 2xx")
    times = times_ms(table)
    os.unlink(table)
    return Load(complete, number(output, "Requests per second"), percentile(times, 50), percentile(times, 99), times[-1],
                sum(time > SLOW_MS for time in times), sum(time > VERY_SLOW_MS for time in times))
