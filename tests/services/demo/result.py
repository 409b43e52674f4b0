# SPDX-License-Identifier: BSD-2-Clause
"""What one variant showed, whether that is what the story says, and the table before | after."""
import os
from dataclasses import dataclass

from demo.load import Load

# The three counts of connections must agree within this many connections a request. They are counts of the same events,
# ab's requests all end inside the window, so nothing but an error makes them differ at all.
TOLERANCE = 0.01

# What ails the leaky service, as connprof names it.
DISEASES = ("connection-per-request", "noisy-log")


@dataclass
class Result:
    variant: str
    through_nginx: Load
    direct: Load
    redis_connections: int   # INFO total_connections_received
    captured: int            # SYNs
    peer: str                # the service's Redis
    status: int              # connprof check's
    report: dict             # connprof check's JSON
    setup_percent: float
    logging_percent: float
    words: str               # connprof diagnose's

    @property
    def requests(self):
        return self.through_nginx.requests + self.direct.requests

    @property
    def connprof_connections(self):
        return sum(site["connects"] for site in self.report["sites"] if site["peer"] == self.peer)

    @property
    def finding(self):
        broken = [site for site in self.report["sites"] if site["rule"] and site["decides"]]
        return broken[0] if broken else None

    def counts(self):
        return {"connprof": self.connprof_connections, "Redis INFO": self.redis_connections, "tcpdump": self.captured}


def disagreements(result):
    """What the counts contradict each other in, in words."""
    said = []
    per_request = {source: count / result.requests for source, count in result.counts().items()}
    if max(per_request.values()) - min(per_request.values()) > TOLERANCE:
        said.append("connections per request do not agree: " +
                    ", ".join(f"{source} {value:.3f}" for source, value in per_request.items()))
    observed = result.report["requests"]["observed"] or 0  # null: none could be told
    if abs(observed - result.requests) > TOLERANCE * result.requests:
        said.append(f"connprof saw {observed} requests, ab made {result.requests}")
    return [f"{result.variant}: {text}" for text in said]


def wrong_verdicts(leaky, fixed, file, line):
    """What the verdicts should say and do not, in words."""
    said = []
    if leaky.status != 1 or leaky.report["verdict"] != "findings":
        said.append(f"leaky: exit status {leaky.status}, verdict {leaky.report['verdict']}; expected 1, findings")
    elif leaky.finding["rule"] != "connection-per-request":
        said.append(f"leaky: rule {leaky.finding['rule']}; expected connection-per-request")
    else:
        site = leaky.finding["call_site"] or {"file": None, "line": None}
        if not site["file"] or not file.endswith(os.path.normpath(site["file"])) or site["line"] != line:
            said.append(f"leaky: call site {site['file']}:{site['line']}; expected {file}:{line}")
    if fixed.status != 0 or fixed.report["verdict"] != "clean":
        said.append(f"fixed: exit status {fixed.status}, verdict {fixed.report['verdict']}; expected 0, clean")
    return said


def wrong_diagnoses(leaky, fixed):
    """What the diagnoses should find and do not, in words."""
    said = []
    for kind in DISEASES:
        if f". {kind}: " not in leaky.words:
            said.append(f"leaky: no {kind} among the findings")
        if f". {kind}: " in fixed.words:
            said.append(f"fixed: {kind} among the findings")
    return said


def verdict(result):
    if not result.finding:
        return result.report["verdict"]
    site = result.finding["call_site"]
    place = f", {os.path.basename(site['file'])}:{site['line']}" if site else ""
    return f"{result.finding['rule']}{place}"


def load_rows(title, loads):
    return [
        (title, "", ""),
        ("  requests a second", *(f"{load.per_second:.0f}" for load in loads)),
        ("  p50, ms", *(f"{load.p50_ms}" for load in loads)),
        ("  p99, ms", *(f"{load.p99_ms}" for load in loads)),
        ("  max, ms", *(f"{load.max_ms}" for load in loads)),
        ("  over 0.5 s", *(f"{load.slow} of {load.requests}" for load in loads)),
        ("  over 1 s", *(f"{load.very_slow} of {load.requests}" for load in loads)),
    ]


def percent(value):
    return "no samples" if value is None else f"{value:.1f} %"


def rows(before, after):
    both = (before, after)
    table = load_rows("through nginx", [result.through_nginx for result in both])
    table += load_rows("directly at gunicorn", [result.direct for result in both])
    table.append(("Redis connections per request", "", ""))
    for source in before.counts():
        cells = (f"{result.counts()[source] / result.requests:.3f} ({result.counts()[source]})" for result in both)
        table.append((f"  as {source} counted", *cells))
    table.append(("share of the CPU", "", ""))
    table.append(("  setting up Redis connections", *(percent(result.setup_percent) for result in both)))
    table.append(("  logging", *(percent(result.logging_percent) for result in both)))
    table.append(("connprof check", *(f"exit {result.status}, {result.report['verdict']}" for result in both)))
    return table


def table_text(before, after):
    table = [("", "before (leaky)", "after (fixed)")] + rows(before, after)
    widths = [max(len(row[column]) for row in table) for column in range(3)]
    lines = [f"{name:<{widths[0]}}   {left:>{widths[1]}} | {right:>{widths[2]}}" for name, left, right in table]
    return "\n".join([lines[0].rstrip(), "-" * len(lines[0])] + [line.rstrip(" |") for line in lines[1:]])
