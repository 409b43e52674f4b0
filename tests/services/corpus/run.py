#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the corpus: real services, guilty and innocent, each under load with `connprof check` beside it and Redis as witness.

usage: run.py [--list] [--runs N] [--add] [--write] [PATTERN...]     PATTERN: shell-style, matched against RUNTIME:NAME

A run is right when the service did what its row claims (by Redis), connprof's verdict is the row's, and both counted the same
connections. Results go to build/corpus/results/, one JSON file a case; --write makes docs/verdicts.md's tables of them.
"""
import argparse
import dataclasses
import fnmatch
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1] / "live")]
import live  # noqa: E402  (starting and ending processes, the command)
import figures  # noqa: E402
import runtimes  # noqa: E402
import truth  # noqa: E402
from beside import answering  # noqa: E402
from cases import CASES  # noqa: E402
from demo.children import free_port  # noqa: E402
from load import LoadError  # noqa: E402

RESULTS = runtimes.INSTALLED / "results"


class World:
    """One run's parts: a private redis-server, the service, and the question put to both."""

    def __init__(self, case):
        self.case, self.folder = case, live.folder()
        self.port, self.redis_port, self.tls_port, self.beside_port = (free_port() for _ in range(4))
        self.opened_before_restart = 0
        self.log = open(self.folder / "service.log", "ab")
        self.places = {"port": self.port, "redis": self.redis_port, "tls": self.tls_port, "scratch": self.folder, "file": case.file,
                       "stem": case.service or case.stem, "here": case.file.parent, "bin": case.runtime.bin}
        if "--tls-port" in case.redis:
            self.make_certificate()
        self.start_redis()
        self.server = truth.Server(self.redis_port)
        if case.beside:
            case.beside(self)

    def make_certificate(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-days", "1", "-keyout",
                        self.folder / "key.pem", "-out", self.folder / "certificate.pem"], check=True, capture_output=True)

    def start_redis(self):
        options = [word.format(**self.places) for word in self.case.redis]
        with open(self.folder / "redis.log", "ab") as log:
            self.redis = live.start("redis-server", "--port", self.redis_port, "--bind", "127.0.0.1", "--save", "", "--appendonly",
                                    "no", "--dir", self.folder, "--unixsocket", self.folder / "redis.sock", *options,
                                    stdin=subprocess.DEVNULL, stdout=log)
        answering(self.redis_port)

    def restart_redis(self):
        """The server goes away under its clients, and is back half a second later."""
        self.opened_before_restart += self.server.received() - self.received_first
        self.redis.kill()
        self.redis.wait()
        self.server.close()
        time.sleep(0.5)
        self.start_redis()
        self.server.connect()
        self.received_first = self.server.received()

    def command(self):
        return shlex.split((self.case.start or self.case.runtime.command).format(**self.places))

    def environment(self):
        return dict(os.environ, PORT=str(self.port), REDIS_PORT=str(self.redis_port), TLS_PORT=str(self.tls_port),
                    BESIDE_PORT=str(self.beside_port), REDIS_SOCKET=str(self.folder / "redis.sock"), SCRATCH=str(self.folder),
                    **runtimes.ENVIRONMENT)

    def start_service(self):
        self.service = live.start(*self.command(), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=self.environment(),
                                  cwd=self.case.file.parent)
        self.await_service()

    def await_service(self):
        live.wait_for(self.listening, f"the service: {self.said()}", 30)

    def run_beside(self, command):
        """A program of the load's, to its end. connprof does not follow it; Redis counts its connections (Case.counted=False)."""
        subprocess.run(shlex.split(command.format(**self.places)), env=self.environment(), cwd=self.case.file.parent, check=True,
                       stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, timeout=60)

    def listening(self):
        """By /proc, not by a connection: some services serve whoever connects."""
        if self.service.poll() is not None:
            raise live.Failed(f"the service ended with status {self.service.returncode}: {self.said()}")
        if (self.folder / "ready").exists():
            return True
        ended = f":{self.port:04X}"
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            with open(table, encoding="ascii") as lines:
                if any(line.split()[1].endswith(ended) and line.split()[3] == "0A" for line in list(lines)[1:]):
                    return True
        return False

    def said(self):
        return (self.folder / "service.log").read_text(encoding="utf-8", errors="replace")[-1500:]

    def watch(self):
        """Starts the service, puts the load on with connprof beside it; returns (connprof's Result, the facts)."""
        arguments = ["check", "-f", "json", "-o", self.folder / "report.json", "--events", self.folder / "run.events.jsonl",
                     *(word.format(**self.places) for word in self.case.check)]
        if self.case.launched:
            self.received_first, before = self.server.received(), len(self.server.clients())
            earlier = self.received_first
            connprof = self.service = live.connprof_start(*arguments, "--", *self.command(), env=self.environment(),
                                                          cwd=self.case.file.parent, stdout=self.log)
            if self.case.load.needs_service:
                self.await_service()
        else:
            self.start_service()
            if self.case.warm:
                self.case.warm.run(self)
            earlier = self.server.received()
            connprof = live.connprof_start(*arguments, "-p", self.service.pid)
            self.received_first, before = self.server.received(), len(self.server.clients())
        requests = self.case.load.run(self)
        time.sleep(0.3)
        clients, opened = self.server.clients(), self.server.received() - self.received_first
        result = live.connprof_end(connprof, signal.SIGINT, timeout=60)
        self.case.load.done()
        facts = truth.Facts(opened + self.opened_before_restart, self.server.received() - earlier, before, len(clients),
                            sum(int(c["sub"]) + int(c["psub"]) > 0 for c in clients), sum("b" in c["flags"] for c in clients), requests)
        result.expect_status(0, 1, 4, *([5] if self.case.launched else []))  # 5: how the service took its SIGTERM
        result.out = (self.folder / "report.json").read_text(encoding="utf-8")
        return result, facts


def one_of(value):
    return value if isinstance(value, tuple) else (value,)


def matches(case, site):
    """Does the call site connprof names lie where the row says (file:function, or None for no name at all)?"""
    named = site["call_site"]
    if case.site is None or named is None:
        return case.site is None and named is None
    file, _, function = case.site.partition(":")
    said = re.sub(r"[<(].*", "", named["function"])
    return pathlib.Path(named["file"] or "").name == file and (not function or said.split(".")[-1] == function)


def problems_of(case, report, facts, redis_port):
    """(what is wrong with the verdict, what is wrong with its details): two lists of sentences."""
    verdict, details = [], []
    sites = [site for site in report["sites"] if site["protocol"] == "redis" or str(site["peer"]).endswith(f":{redis_port}")]
    found = [site for site in report["sites"] if site["rule"]]
    decisive = [site for site in found if site["decides"]]
    if case.guilty:
        wanted = [site for site in decisive if site["rule"] in one_of(case.rule)]
        if report["verdict"] != "findings" or not wanted:
            verdict.append(f"missed: {report['verdict']}, rules {[site['rule'] for site in found]}")
        for site in wanted[:1]:
            for key in ("cause", "attribution"):
                allowed = getattr(case, key)
                if allowed != "any" and site[key] not in one_of(allowed):
                    details.append(f"{key} {site[key]}, not {allowed}")
            if case.site != "any" and not matches(case, site):
                details.append(f"call site {site['call_site']}, not {case.site}")
    elif report["verdict"] not in case.verdict:
        verdict.append(f"false: {report['verdict']}, not {case.verdict}: {[(site['rule'], site['cause'], site['call_site']) for site in found]}")
    seen = sum(site["connects"] for site in sites)
    if case.counted and not facts.opened <= seen <= facts.at_most:
        details.append(f"connprof counted {seen} connections, Redis {facts.opened} to {facts.at_most}")
    if report["lost"]["events"]:
        details.append(f"{report['lost']['events']} events lost")
    return verdict, details


def run_once(case, keep):
    """One run; returns its result as a dict."""
    outcome = {"case": case.name, "language": case.runtime.language, "guilty": case.guilty, "verdict_right": False, "right": False}
    world = None
    try:
        world = World(case)
        result, facts = world.watch()
        report = live.check_json(result)
        verdict, details = problems_of(case, report, facts, world.redis_port)
        if refuted := case.claim(facts):
            details.append(f"the case is not what it claims: {refuted}")
        chief = next((site for site in report["sites"] if site["rule"]), None) or {}
        outcome.update(facts=dataclasses.asdict(facts), verdict=report["verdict"], observed=report["requests"]["observed"],
                       site={key: chief.get(key) for key in ("rule", "cause", "attribution", "library", "connects", "pools", "call_site")},
                       verdict_right=not verdict, right=not verdict and not details, problems=verdict + details)
        if keep and outcome["problems"]:
            kept = runtimes.INSTALLED / "wrong" / case.name.replace(":", "-")
            kept.mkdir(parents=True, exist_ok=True)
            (kept / "report.json").write_text(json.dumps(report, indent=1))
            (kept / "run.events.jsonl").write_bytes((world.folder / "run.events.jsonl").read_bytes())
    except (live.Failed, LoadError, OSError) as error:
        outcome["problems"] = [f"{type(error).__name__}: {error}", *([world.said()] if world else [])]
    finally:
        if world:
            world.log.close()
        live.clean_up()
    return outcome


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patterns", nargs="*")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--add", action="store_true", help="keep the results of earlier runs too")
    parser.add_argument("--write", action="store_true", help="write the tables of docs/verdicts.md from all results there are")
    options = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("corpus: must be root")
    chosen = [case for case in CASES if not options.patterns or any(fnmatch.fnmatch(case.name, p) for p in options.patterns)]
    if options.list:
        print("\n".join(case.name for case in chosen))
        return 0
    counts = {"passed": 0, "failed": 0}
    RESULTS.mkdir(parents=True, exist_ok=True)
    for number, case in enumerate(chosen, 1):
        if not case.runtime.needs.exists():
            counts["failed"] += 1
            print(f"not ok {number} - {case.name}: not installed: {case.runtime.needs} (make corpus-deps)", flush=True)
            continue
        began = time.monotonic()
        runs = [run_once(case, keep=True) for _ in range(options.runs)]
        earlier = figures.runs_of(case, RESULTS) if options.add else []
        (RESULTS / f"{case.name.replace(':', '-')}.json").write_text(json.dumps(earlier + runs, indent=1) + "\n")
        right = sum(run["right"] for run in runs)
        counts["passed" if right == len(runs) else "failed"] += 1
        print(f"{'ok' if right == len(runs) else 'not ok'} {number} - {case.name} ({time.monotonic() - began:.1f} s, {right} of {len(runs)} right)",
              flush=True)
        for problem in dict.fromkeys(problem for run in runs for problem in run["problems"]):
            print(f"    {problem}", flush=True)
    if options.write:
        figures.write(CASES, RESULTS)
    print(f"corpus: {counts['passed']} passed, {counts['failed']} failed")
    return 1 if counts["failed"] or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
