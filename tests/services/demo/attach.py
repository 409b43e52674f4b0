# SPDX-License-Identifier: BSD-2-Clause
"""Runs connprof beside the load, as a person would: attached to the gunicorn master's PID, ended by Ctrl-C."""
import json
import signal
import time

from demo.children import DemoError

LIMIT_SECONDS = 90   # -d: connprof ends by itself should the demo not end it
ATTACH_SECONDS = 30  # from start to attached, at most; the service is idle meanwhile
FINISH_SECONDS = 45  # from Ctrl-C to the last report written


class Attached:
    """Some connprof commands attached to one service at once."""

    def __init__(self, children, connprof):
        self.children = children
        self.connprof = connprof
        self.running = []

    def start(self, name, command, pid, *options):
        words = [self.connprof, command, "-v", "-p", pid, "-d", LIMIT_SECONDS, *options]
        self.running.append(self.children.start(name, words))

    def wait_attached(self):
        deadline = time.monotonic() + ATTACH_SECONDS
        for child in self.running:
            while "connprof: attached " not in self.children.log(child.name):
                self.children.check_alive(child)
                if time.monotonic() > deadline:
                    raise DemoError(f"{child.name}: not attached within {ATTACH_SECONDS} s{self.children.tail(child.name)}")
                time.sleep(0.02)

    def stop(self):
        """Ctrl-C for all of them; returns {name: exit status}."""
        for child in self.running:
            child.send_signal(signal.SIGINT)
        return {child.name: self.children.stop(child, signal.SIGCONT, FINISH_SECONDS) for child in self.running}


def record_and_check(children, connprof, variant, pid):
    """A profile and a JSON verdict at once, as VARIANT.pb.gz and VARIANT.json."""
    attached = Attached(children, connprof)
    attached.start(f"check-{variant}", "check", pid, "-f", "json", "-o", children.path(variant + ".json"))
    attached.start(f"record-{variant}", "record", pid, "-o", children.path(variant + ".pb.gz"))
    attached.wait_attached()
    return attached


def finish(attached, variant):
    """Ends record_and_check; returns check's (exit status, JSON) and renders the profile as SVG and folded."""
    children = attached.children
    statuses = attached.stop()
    if statuses[f"record-{variant}"] != 0:
        raise DemoError(f"record: exit status {statuses[f'record-{variant}']}{children.tail(f'record-{variant}')}")
    if statuses[f"check-{variant}"] not in (0, 1, 4):
        raise DemoError(f"check: exit status {statuses[f'check-{variant}']}{children.tail(f'check-{variant}')}")
    recording = children.path(variant + ".pb.gz")
    for ending in (".svg", ".folded"):
        children.run(f"report-{variant}{ending}",
                     [attached.connprof, "report", recording, "-o", children.path(variant + ending)])
    with open(children.path(variant + ".json"), encoding="utf-8") as file:
        return statuses[f"check-{variant}"], json.load(file)


def diagnose(children, connprof, variant, pid, load):
    """`connprof diagnose` while load() runs: its recording and page as VARIANT.diagnosis.pb.gz and .html; returns its text."""
    attached = Attached(children, connprof)
    name = f"diagnose-{variant}"
    recording = children.path(f"{variant}.diagnosis.pb.gz")
    attached.start(name, "diagnose", pid, "-o", recording)
    attached.wait_attached()
    load()
    status = attached.stop()[name]
    if status != 0:
        raise DemoError(f"diagnose: exit status {status}{children.tail(name)}")
    children.run(f"page-{variant}", [connprof, "report", recording, "--view", "diagnosis", "-o",
                                     children.path(f"{variant}.html")])
    return children.output(name)


def compare(children, connprof):
    """`connprof diff` of the two diagnoses; returns its text."""
    recordings = [children.path(f"{variant}.diagnosis.pb.gz") for variant in ("leaky", "fixed")]
    _status, text = children.run("diff", [connprof, "diff", *recordings])
    return text
