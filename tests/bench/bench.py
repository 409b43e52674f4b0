#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Measures what connprof costs and writes the tables of docs/overhead.md between their markers.

usage: bench.py [PART...]     parts: host first depth loop service story offcpu connects sockets tables memory (default: all)
"""
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time

import measure
import story
import switches
from measure import Connprof, KernelStatistics, Nothing, live, ran, ratios, spread
from document import table, write_between  # noqa: E402  (measure knows where)

sys.path.insert(0, str(measure.HERE.parent / "live"))
import cpythons  # noqa: E402
import services  # noqa: E402
from sockets import part_sockets  # noqa: E402

DOCUMENT = live.ROOT / "docs" / "overhead.md"


def part_host():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = re.search(r"model name\s*: (.*)", info.read()).group(1)
    load = os.getloadavg()
    return (f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores ({model}), Linux {platform.release()}, load average at the start "
            f"{load[0]:.1f}, {measure.PAIRS} pairs. Figures are median [min..max].")


def part_first():
    """From the start of the command to its first sample, as it says itself, and from launch to attached, seen from outside."""
    rows = []
    targets = [("C program", lambda: live.workload("split")), ("Python " + python_version(), lambda: live.workload("mixed.py"))]
    if live.VENV_PYTHON.exists():
        targets.append(("threaded HTTP service, under load", service_under_load))
    for name, begin in targets:
        said, attached = [], []
        for _ in range(max(measure.PAIRS, 5)):
            process, ready = begin()
            load = services.Load(ready["port"], 2) if "port" in ready else None
            started = time.monotonic()
            command = live.start(live.CONNPROF, "record", "-p", process.pid, "-d", "700ms", "-o", "x.folded", cwd=live.folder(),
                                 stderr=subprocess.PIPE)
            while not live.attachments(command.pid) and command.poll() is None:
                time.sleep(0.001)
            attached.append(1e3 * (time.monotonic() - started))
            result = live.connprof_end(command).expect_status(0)
            found = re.search(r"first sample after (\d+) ms", result.err)
            said.append(float(found.group(1)) if found else float("nan"))
            if load:
                load.stop()
            live.clean_up()
        rows.append([name, spread(said, 0), spread(attached, 0)])
    return table(["target", "start to first sample, ms (its own word)", "launch to first attachment, ms (from outside)"], rows)


def python_version():
    return subprocess.run([live.sys.executable, "-c", "import platform; print(platform.python_version())"], capture_output=True,
                          text=True, check=True).stdout.strip()


def service_under_load():
    _, redis_port = services.redis_server()
    return services.service("fixed", redis_port)


def part_depth():
    """Kernel time of one sample by depth, by the sampler's own clock; and of a tick that meets nobody followed, as the kernel
    accounts it."""
    rows = []
    cases = [(f"C, {depth} calls deep", ["deep", depth], {}) for depth in (10, 40, 100, 300)]
    cases += [(f"Python, {plain} calls", ["layers.py", plain, 0], {}) for plain in (10, 100)]
    cases += [("Python through C (sorted), 5 layers", ["layers.py", 11, 5], {})]
    for name, command, options in cases:
        for rate in (99, 999):
            process, _ = live.workload(*command, **options)
            with Connprof("record", "-p", process.pid, "-n", "-r", rate, "-o", "x.folded") as beside:
                time.sleep(2.5)
            found = re.search(r"([\d.]+) us a sample", beside.summary)
            folded = live.Folded((live.folder() / "x.folded").read_text())
            rows.append([name, rate, *depth_of(folded), folded.total, found.group(1) if found else "not measured"])
            live.clean_up()
    for rate in (99, 999):
        process, _ = live.workload("idle.py")
        with KernelStatistics(), Connprof("record", "-p", process.pid, "-r", rate, "-o", "x.folded") as beside:
            before = measure.programs(beside.process.pid)
            time.sleep(2.5)
            nanoseconds, runs = ran(before, measure.programs(beside.process.pid), "sample")
        rows.append(["nobody followed runs: the tick ends at once", rate, 0, 0, runs,
                     f"{nanoseconds / runs / 1e3:.2f}" if runs else "not measured"])
        live.clean_up()
    return table(["stack", "Hz", "native frames", "Python frames", "samples", "µs a sample"], rows)


def depth_of(folded):
    """Median frames of a sample: (native, Python)."""
    native, python = [], []
    for frames, count in folded.stacks:
        interpreted = sum(bool(re.search(r" \(.+\.py:\d+\)$|^<module>", frame)) for frame in frames)
        python += [interpreted] * count
        native += [len(frames) - interpreted] * count
    return int(statistics.median(native)), int(statistics.median(python))


def loop_rate(process, seconds=1.0):
    """Rounds per CPU second and per wall second of the loop workload over the next moment."""
    def ask():
        live.go(process)
        return [int(word) for word in process.stdout.readline().split()]
    first = ask()
    time.sleep(seconds)
    second = ask()
    rounds = second[0] - first[0]
    return {"rounds a CPU second": rounds / (second[1] - first[1]) * 1e9, "rounds a second": rounds / (second[2] - first[2]) * 1e9}


# What runs beside a target: a name and connprof's command line, PID and output apart.
SAMPLING = [("99 Hz", ["record", "-r", 99]), ("999 Hz", ["record", "-r", 999])]
EVERYTHING = SAMPLING + [
    ("waits (record --mode offcpu)", ["record", "--mode", "offcpu"]),
    ("everything (diagnose)", ["diagnose", "-q"]),
]


def connprof_beside(command, pid):
    return Connprof(*command, "-p", pid, "-o", "x.folded" if command[0] == "record" else "x.html")


def accounted(pid, command, seconds, busy=lambda: None):
    """Kernel time of our programs ÷ CPU time of the target, percent; and connprof's own CPU share and peak memory."""
    with KernelStatistics(), connprof_beside(command, pid) as beside:
        before, cpu = measure.programs(beside.process.pid), measure.cpu_seconds(pid)
        started = time.monotonic()
        busy()
        time.sleep(seconds)
        after, used = measure.programs(beside.process.pid), measure.cpu_seconds(pid) - cpu
        passed = time.monotonic() - started
    nanoseconds, _ = ran(before, after)
    return 100 * nanoseconds / 1e9 / used, beside.own_cpu / passed, beside.peak_mb


def slowdown_rows(pid, what, runner, commands):
    """A null row and one per command: ratios, accounted share, own CPU, peak memory."""
    rows = [[what, "nothing (null)", *(spread(values) for values in ratios(runner, Nothing).values()), "", "", ""]]
    for name, command in commands:
        found = ratios(runner, lambda command=command: connprof_beside(command, pid))
        share, own, peak = accounted(pid, command, 3)
        rows.append([what, name, *(spread(values) for values in found.values()), f"{share:.3f} %", f"{100 * own:.1f} %", f"{peak:.0f}"])
    return rows


def part_loop():
    rows = []
    process, _ = live.workload("loop")
    rows += slowdown_rows(process.pid, "C loop", lambda: loop_rate(process), SAMPLING)
    live.clean_up()
    return table(["target", "beside it", "work per CPU second, with ÷ without", "work per second, with ÷ without",
                  "accounted share of its CPU time", "connprof's own CPU", "peak MB"], rows)


def service_rate(process, load, seconds=1.5):
    """Requests per second and per CPU second of the service over the next moment, under a running load."""
    answered, cpu, started = load.answered, measure.cpu_seconds(process.pid), time.monotonic()
    time.sleep(seconds)
    done, used = load.answered - answered, measure.cpu_seconds(process.pid) - cpu
    return {"requests a CPU second": done / used, "requests a second": done / (time.monotonic() - started)}


def part_story():
    with story.Story() as service:
        rows = slowdown_rows(service.master.pid, "the demo's service", service.rate, EVERYTHING)
    return table(["target", "beside it", "requests per CPU second, with ÷ without", "requests per second, with ÷ without",
                  "accounted share of its CPU time", "connprof's own CPU", "peak MB"], rows)


def part_service():
    rows = []
    process, ready = service_under_load()
    load = services.Load(ready["port"], 3, 0)
    time.sleep(1)
    rows += slowdown_rows(process.pid, "HTTP service with redis-py", lambda: service_rate(process, load), EVERYTHING)
    load.stop()
    live.clean_up()
    return table(["target", "beside it", "requests per CPU second, with ÷ without", "requests per second, with ÷ without",
                  "accounted share of its CPU time", "connprof's own CPU", "peak MB"], rows)


def part_offcpu():
    rows, missing = switches.service_rows()
    return (table(["whose switches", "switches", "ns a switch", "ns a waking", "of them walked"], switches.cost_rows()) + "\n\n" +
            table(["beside redis-server under redis-benchmark", "requests a second, with ÷ without",
                   "requests a CPU second of the server, with ÷ without", "its own CPU"], rows) +
            "".join(f"\n\n{name}: does not run here ({why})." for name, why in missing.items()))


def dial(process, count=3000):
    process.stdin.write(f"{count}\n")
    process.stdin.flush()
    done, cpu, wall = (int(word) for word in process.stdout.readline().split())
    if done != count:
        raise SystemExit(f"only {done} of {count} connections were made")
    return {"CPU ns a connection": cpu / done, "wall ns a connection": wall / done}


def part_connects():
    """What tracing adds to one connection: connect, a Redis command, its reply, close."""
    _, port = services.redis_server()
    process, _ = live.workload("dialler", port)
    dial(process)
    rows = []
    plain = dial(process)
    for name, beside in (("nothing (null)", Nothing), ("trace", lambda: Connprof("trace", "-p", process.pid, "--json"))):
        found = ratios(lambda: dial(process), beside)
        cells = [spread(values) for values in found.values()]
        extra = ["", "", ""]
        if name == "trace":
            with KernelStatistics(), Connprof("trace", "-p", process.pid, "--json") as running:
                before = measure.programs(running.process.pid)
                dial(process)
                after = measure.programs(running.process.pid)
            nanoseconds, _ = ran(before, after)
            report = json.loads(running.output)
            seen = sum(site["connects"] for site in report["sites"])
            extra = [f"{nanoseconds / 3000 / 1e3:.1f}", f"{seen} of 3000, {report['lost']['events']} lost", f"{running.peak_mb:.0f}"]
        rows.append([name, *cells, *extra])
    live.clean_up()
    return table(["beside it", "CPU time a connection, with ÷ without", "wall time a connection, with ÷ without",
                  "kernel µs a connection (all our programs, whole machine)", "connections seen", "peak MB"], rows) + \
        f"\n\nWithout a tracer one connection takes {plain['wall ns a connection'] / 1e3:.0f} µs here, " \
        f"{plain['CPU ns a connection'] / 1e3:.0f} µs of it the client's CPU time."


def objects():
    """The objects whose tables are measured: what is found of the usual ones."""
    found = {}
    candidates = [path for _, path in cpythons.found(*cpythons.VERSIONS) if not live.root_of(path)] + [shutil.which(name) for name in ("redis-server", "nginx", "node")]
    for program in filter(None, candidates):
        listed = subprocess.run(["ldd", os.path.realpath(program)], capture_output=True, text=True, check=False).stdout
        for path in [os.path.realpath(program), *re.findall(r"=> (/\S+)", listed)]:
            name = os.path.basename(program if path == os.path.realpath(program) else path)
            found.setdefault(os.path.realpath(path), name)
    wanted = re.compile(r"^(libpython3|python3|libc\.so|libc-|libcrypto|libssl|libstdc|redis-|nginx|node)")
    return {path: name for path, name in sorted(found.items(), key=lambda item: item[1]) if wanted.match(name)}


def part_tables():
    tool, names = live.BUILD / "tests" / "bench" / "tables", objects()
    done = subprocess.run([str(tool), *names], capture_output=True, text=True, check=False)
    rows = []
    for line in done.stdout.splitlines():
        entry = json.loads(line)
        if entry["rows"] < 100:
            continue  # a launcher: its code is in a shared object
        low, median, high = (value / 1e6 for value in entry["ns"])
        rows.append([names[entry["file"]], entry["functions"], entry["rows"], entry["bytes"] // 1024, entry["expressions"],
                     f"{median:.1f} [{low:.1f}..{high:.1f}]"])
    return table(["object", "functions", "rows", "KB", "rows left to libunwind", "ms"], rows)


def kernel_maps():
    """Every BPF map of this machine by id: its name and the memory the kernel accounts for it."""
    listed = subprocess.run(["bpftool", "-j", "map", "show"], capture_output=True, text=True, check=True).stdout
    return {entry["id"]: (entry.get("name", "?"), int(entry["bytes_memlock"])) for entry in json.loads(listed)}


def part_memory():
    """What the kernel holds for us, by map, and our own peak memory, beside a Python service."""
    held, peaks = {}, {}
    for command in ("record", "trace"):
        process, _ = live.workload("mixed.py")
        before = kernel_maps()
        output = ["-o", live.folder() / "memory.folded"] if command == "record" else []
        with Connprof(command, "-p", process.pid, *output) as running:
            time.sleep(1)
            held[command] = {name: size for key, (name, size) in kernel_maps().items() if key not in before}
        peaks[command] = running.peak_mb
        live.clean_up()
    rows = [[name, *(held[command].get(name, 0) // 1024 for command in held)] for name in sorted(
        {name for maps in held.values() for name in maps}, key=lambda name: -max(maps.get(name, 0) for maps in held.values()))]
    rows = [row for row in rows if max(row[1:]) >= 8]
    rows.append(["all maps, KB", *(sum(maps.values()) // 1024 for maps in held.values())])
    rows.append(["connprof itself, peak MB", *(f"{peaks[command]:.0f}" for command in held)])
    return table(["BPF map", "record, KB", "trace, KB"], rows)


PARTS = {"host": part_host, "first": part_first, "depth": part_depth, "loop": part_loop, "service": part_service, "story": part_story, "offcpu": part_offcpu,
         "connects": part_connects, "sockets": part_sockets, "tables": part_tables, "memory": part_memory}


def main():
    if os.geteuid() != 0:
        raise SystemExit("bench: must be root")
    with KernelStatistics("0"):
        for name in sys.argv[1:] or PARTS:
            started = time.monotonic()
            text = PARTS[name]()
            write_between(DOCUMENT, "bench", name, text)
            print(f"== {name} ({time.monotonic() - started:.0f} s)\n{text}\n", flush=True)


if __name__ == "__main__":
    main()
