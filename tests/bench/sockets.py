# SPDX-License-Identifier: BSD-2-Clause
"""What following connections costs a call: of the target, and of everybody else; beside other tools, in the same rounds.

A round measures each companion once, in an order that changes from round to round; what is told is the time of a call with a
companion less the time without one in the same round."""
import shutil
import statistics
import time

import measure
from measure import NotHere, Tool, live
from document import table  # noqa: E402  (measure knows where)

KINDS = {"getppid": (40, 4000), "file": (40, 4000), "tcp": (40, 500), "unix": (40, 1000), "tcpconnect": (15, 60), "unixconnect": (15, 60)}
FOREIGN = ("getppid", "file", "tcp", "unix", "tcpconnect", "unixconnect")
TRACED = ("file", "tcp", "unix", "tcpconnect", "unixconnect")
# Classic tracepoints need tracefs: in a mount namespace of their own, where it is not mounted.
WITH_TRACEFS = ["unshare", "-m", "sh", "-c", "mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null; exec \"$@\"", "sh"]
BPFTRACE = "tracepoint:sock:inet_sock_set_state /pid == %d && args->newstate == 2/ { @[ustack(perf)] = count(); }"


def ask(process, kind):
    """(least, median) ns of one operation."""
    batches, rounds = KINDS[kind]
    process.stdin.write(f"{kind} {batches} {rounds}\n")
    process.stdin.flush()
    return [float(word) for word in process.stdout.readline().split()]


def cost(process, kind):
    """The least for calls, which are all alike; the median for connections, which are not."""
    return ask(process, kind)[kind.endswith("connect")]


def companions(port, target, other):
    """Name: (what is measured, which process measures, what runs beside it)."""
    def connprof(command, pid, *options):
        return lambda: measure.Connprof(command, "-p", pid, *options, "-o", live.folder() / "beside.out")

    class OtherWithUnix(measure.Connprof):
        """connprof follows another process, which has opened a UNIX connection: the hooks for that are on."""

        def __enter__(self):
            super().__enter__()
            ask(other, "unixconnect")
            time.sleep(0.5)
            return self

    found = {
        "nothing": (FOREIGN, measure.Nothing),
        "record of another process": (FOREIGN, connprof("record", other.pid, "-f", "folded")),
        "trace of another process": (FOREIGN, connprof("trace", other.pid, "--json")),
        "trace of another process that uses UNIX sockets": (
            FOREIGN, lambda: OtherWithUnix("trace", "-p", other.pid, "--json", "-o", live.folder() / "beside.out")),
        "trace of this process": (TRACED, connprof("trace", target.pid, "--json")),
        "bpftrace with ustack of this process": (
            ("tcpconnect",), lambda: Tool(*WITH_TRACEFS, "bpftrace", "-e", BPFTRACE % target.pid)),
        "strace -f -e trace=network of this process": (
            TRACED, lambda: Tool("strace", "-f", "-e", "trace=network", "-o", "/dev/null", "-p", target.pid)),
        "tcpdump of this port": (("tcp", "tcpconnect"), lambda: Tool("tcpdump", "-i", "lo", "-w", "/dev/null", f"tcp port {port}")),
    }
    for tool in ("tcplife", "tcpconnect", "tcptracer"):
        path = shutil.which(tool, path="/usr/sbin:/usr/share/bcc/tools")
        if path:
            found[f"{tool} (libbpf-tools)"] = (FOREIGN, lambda path=path: Tool(*WITH_TRACEFS, path))
    return {name: row for name, row in found.items()
            if not name.startswith(("bpftrace", "strace", "tcpdump")) or shutil.which(name.split()[0])}


def one_round(target, rows, order, missing):
    found = {}
    for name in order:
        kinds, beside = rows[name]
        if name in missing:
            continue
        try:
            with beside():
                found[name] = {kind: cost(target, kind) for kind in kinds}
        except NotHere as why:
            missing[name] = str(why)
    return found


def part_sockets():
    path = str(live.folder() / "bench.sock")
    tcp_server, ready = live.workload("flood", "serve", "0")
    unix_server, _ = live.workload("flood", "serve", path)
    target, _ = live.workload("calls", ready["port"], path)
    other, _ = live.workload("calls", ready["port"], path)
    rows, missing, rounds = companions(ready["port"], target, other), {}, []
    names = list(rows)
    for number in range(measure.PAIRS):
        shift = number * 3 % len(names)
        rounds.append(one_round(target, rows, names[shift:] + names[:shift], missing))
    alive = tcp_server.poll() is None and unix_server.poll() is None
    live.clean_up()
    if not alive:
        raise SystemExit("a server of the bench ended")
    head = ["beside it", "getppid", "write to /dev/null", "TCP send or recv", "UNIX send or recv", "TCP connect + close",
            "UNIX connect + close"]
    return table(head, [row_of(name, rows[name][0], rounds, missing) for name in names]) + \
        "".join(f"\n\n{name}: does not run here ({why})." for name, why in missing.items())


def row_of(name, kinds, rounds, missing):
    if name in missing:
        return [name] + ["does not run here"] * len(FOREIGN)
    cells = []
    for kind in FOREIGN:
        if kind not in kinds:
            cells.append("")
            continue
        values = [found[name][kind] - (found["nothing"][kind] if name != "nothing" else 0) for found in rounds]
        sign = "" if name == "nothing" else "+"
        scale, unit = (1e3, " µs") if kind.endswith("connect") else (1, " ns")
        middle, low, high = (value / scale for value in (statistics.median(values), min(values), max(values)))
        digits = 1 if scale > 1 else 0
        cells.append(f"{middle:{sign}.{digits}f}{unit} [{low:.{digits}f}..{high:.{digits}f}]")
    return [name, *cells]
