# SPDX-License-Identifier: BSD-2-Clause
"""Runs the story: `make demo`. Exit status 0 when everything showed what the story says, 1 when not, 2 when it cannot run."""
import argparse
import os
import shutil
import signal
import sys
import tempfile
import time

from demo import attach, counters, load, result, services, stacks
from demo.children import Children, DemoError

PEAK_SECONDS = 0.45      # "at peak": as many callers at once as the leaky service, unobserved, answers in that time,
CALLERS = (32, 400)      # within these; the same number for the fixed one
WARM_UP_REQUESTS = 900
REQUESTS = 3000          # each, through nginx and directly
DIAGNOSED_REQUESTS = 1500
TOOLS = {"ab": "apache2-utils", "nginx": "nginx-light", "redis-server": "redis-server", "tcpdump": "tcpdump", "perl": "perl"}
ENDINGS = (".svg", ".folded", ".pb.gz", ".json", ".html", ".diagnosis.pb.gz")


def say(text):
    print(text, flush=True)


def peak(rehearsal):
    return max(CALLERS[0], min(CALLERS[1], round(rehearsal.per_second * PEAK_SECONDS)))


def observe(children, connprof, variant, redis_port, callers=None):
    """Runs one variant under load with everything watching; returns (its Result, callers at once)."""
    master, port = services.start_service(children, variant, redis_port)
    nginx, front = services.start_nginx(children, f"nginx-{variant}", port)
    rehearsal = load.ab(children, f"warm-up-{variant}", front, WARM_UP_REQUESTS, CALLERS[0])
    callers = callers or peak(rehearsal)

    say(f"{variant}: connprof attaches to the gunicorn master, PID {master.pid}; {callers} callers at once come through "
        "nginx, then directly")
    redis_count = counters.RedisCount(services.connect(redis_port))
    capture = counters.Capture(children, f"tcpdump-{variant}", redis_port)
    attached = attach.record_and_check(children, connprof, variant, master.pid)
    through_nginx = load.ab(children, f"ab-nginx-{variant}", front, REQUESTS, callers)
    direct = load.ab(children, f"ab-direct-{variant}", port, REQUESTS, callers)
    status, report = attach.finish(attached, variant)
    received, captured = redis_count.stop(), capture.stop()

    words = attach.diagnose(children, connprof, variant, master.pid,
                            lambda: load.ab(children, f"ab-diagnose-{variant}", front, DIAGNOSED_REQUESTS, 16))
    children.stop(nginx)
    children.stop(master)
    folded = stacks.read_folded(children.path(variant + ".folded"))
    return result.Result(variant, through_nginx, direct, received, captured, f"127.0.0.1:{redis_port}", status, report,
                         stacks.share(folded, stacks.SETUP), stacks.share(folded, stacks.LOGGING), words), callers


def replay(children, connprof):
    """The whole story; returns the two Results and their difference in words."""
    redis_port, count = services.start_data(children)
    say(f"data sync: {count} keys of the intranet Redis copied to the service's Redis, through the HTTP source")
    before, callers = observe(children, connprof, "leaky", redis_port)
    after, _ = observe(children, connprof, "fixed", redis_port, callers)
    stacks.draw_difference(*(stacks.read_folded(children.path(f"{variant}.folded")) for variant in ("leaky", "fixed")),
                           children.path("difference.svg"))
    return before, after, attach.compare(children, connprof)


def keep(children, output):
    """Copies the artefacts out of the work folder, each whole or not at all."""
    os.makedirs(output, exist_ok=True)
    for name in [variant + ending for variant in ("leaky", "fixed") for ending in ENDINGS] + ["difference.svg"]:
        part = os.path.join(output, f".{name}.{os.getpid()}")
        shutil.copyfile(children.path(name), part)
        os.replace(part, os.path.join(output, name))


def show(before, after, difference, output):
    """Prints what was found; returns what is not as it should be."""
    say("\nAll figures with connprof attached.\n")
    say(result.table_text(before, after))
    for shown in (before, after):
        say(f"\n$ connprof diagnose -p PID    # {shown.variant}\n{shown.words.rstrip()}")
    say(f"\n$ connprof diff leaky.diagnosis.pb.gz fixed.diagnosis.pb.gz\n{difference.rstrip()}\n")
    for what, name in (("the diagnoses, a page each", "leaky.html, fixed.html"), ("flame graph, before", "leaky.svg"), ("flame graph, after", "fixed.svg"),
                       ("what the leak costs, in red", "difference.svg"), ("verdicts", "leaky.json, fixed.json"),
                       ("recordings (connprof report)", "leaky.pb.gz, fixed.pb.gz")):
        say(f"{what + ':':<31}{', '.join(os.path.join(output, one) for one in name.split(', '))}")
    return (result.disagreements(before) + result.disagreements(after) +
            result.wrong_verdicts(before, after, *services.handler_line("leaky")) +
            result.wrong_diagnoses(before, after))


def check_able(connprof):
    """Says what is missing before anything is started."""
    if os.geteuid() != 0:
        raise DemoError("the demo must run as root: connprof loads BPF programs, tcpdump captures")
    missing = [package for tool, package in TOOLS.items() if not shutil.which(tool)]
    if missing:
        raise DemoError(f"missing: {', '.join(missing)} (make deps)")
    if not os.access(connprof, os.X_OK):
        raise DemoError(f"no {connprof} (make build)")


def end_on_signal(number, _frame):
    raise SystemExit(128 + number)


def run(connprof, output, folder):
    """Returns the exit status."""
    children = Children(folder)
    begun = time.monotonic()
    try:
        before, after, difference = replay(children, connprof)
        keep(children, output)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # the teardown is short and must not be cut
        children.stop_all()
    wrong = show(before, after, difference, output)
    for text in wrong:
        say(f"demo: NOT AS THE STORY SAYS: {text}")
    if not wrong:
        say(f"\nThe three counts agree and the verdicts are right. ({time.monotonic() - begun:.0f} s)")
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(prog="demo")
    parser.add_argument("--connprof", required=True)
    parser.add_argument("--output", required=True)
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end_on_signal)
    os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/bin", "/sbin"])
    folder = tempfile.mkdtemp(prefix="connprof-demo.")
    status = 2
    try:
        check_able(os.path.abspath(options.connprof))
        status = run(os.path.abspath(options.connprof), options.output, folder)
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
    except BrokenPipeError:
        status = 2
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # nobody reads on: nor shall the flush at exit complain
    except KeyboardInterrupt:
        status = 130
    except SystemExit as ended:
        status = ended.code
    finally:
        if status in (1, 2) and os.listdir(folder):
            print(f"demo: the logs are in {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
