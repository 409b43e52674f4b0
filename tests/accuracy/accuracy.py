#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Measures how right connprof's stacks are and writes the tables of docs/accuracy.md between their markers.

usage: accuracy.py [PART...]     parts: host oracle made shares opinions complete side (default: all)

The exit status is 1 when a stack of connprof's was impossible, shares differ from those of CPU time more than chance allows, others see
something else than connprof does, or too many stacks do not reach their root.
"""
import collections
import os
import pathlib
import platform
import re
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "live"))
import cpythons  # noqa: E402
import live  # noqa: E402
from document import table, write_between  # noqa: E402  (as the bench writes its own)

import opinions  # noqa: E402
import oracle  # noqa: E402
import shares  # noqa: E402
import sidebyside  # noqa: E402
import targets  # noqa: E402

DOCUMENT = live.ROOT / "docs" / "accuracy.md"
ORACLE_HZ, ORACLE_SECONDS = 9973, 20
SHARES_HZ, SHARES_SECONDS = 1999, 5
COMPLETE_HZ, COMPLETE_SECONDS = 1999, 8
CHANCE = 0.001  # of shares that are right, below which they are called wrong
COMPLETE = 0.999  # of the stacks reach their root, or it is a finding
# Of the frames are the same, or it is a finding; with gdb all but a tenth, which it names by another of a function's names.
GDB = "dump / gdb, native and inlined frames with their lines"
ALIKE = {"dump / faulthandler": 0.99, "dump / py-spy dump": 0.99, "record (the kernel walker) / dump": 0.99, GDB: 0.87}

findings = []


def part_host():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = re.search(r"model name\s*: (.*)", info.read()).group(1)
    return f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores ({model}), Linux {platform.release()}."


# ---- no stack is impossible ----------------------------------------------------------------------------------------------

def part_oracle():
    pythons, rows, lines, total, impossible = cpythons.found(*cpythons.VERSIONS), [], [], 0, 0
    for number in range(0, len(pythons), os.cpu_count()):
        group = pythons[number:number + os.cpu_count()]  # each has a CPU of its own
        verdicts, summary = oracle.record(group, ORACLE_HZ, ORACLE_SECONDS, 7 + number)
        rate = re.search(r"([0-9.]+) Hz of the CPU time used", summary)
        for version, verdict in verdicts.items():
            counts = verdict.counts
            rows.append([full_version(dict(group)[version], version), verdict.samples, rate.group(1) if rate else "?", verdict.impossible,
                         counts["unreadable"] + counts["rootless"], counts["no Python"]])
            total, impossible = total + verdict.samples, impossible + verdict.impossible
            for judged in verdict.counts:
                if judged not in ("right", "no Python"):
                    print("\n".join([f"{version}: {judged}", *verdict.worst(judged)]), file=sys.stderr)
        torn = counters(summary, "Python frames cut")["caught in the middle of a change"]
        lost = sum(counters(summary, "lost").values())
        names = " and ".join(full_version(path, version) for version, path in group)
        lines.append(f"{names}: {torn} caught in the middle of a change, {lost} lost for want of room in the ring")
        print(summary, file=sys.stderr)
        live.clean_up()
    if impossible:
        findings.append(f"{impossible} impossible stacks")
    rows.append(["**all**", f"**{total}**", "", f"**{impossible}**", "", ""])
    return (table(["CPython", "samples", "Hz of the CPU time used", "impossible", "unreadable or rootless", "no Python frames"], rows) +
            f"\n\nBy recording: {'; '.join(lines)}.")


def part_made():
    rows = []
    for version, path in cpythons.found("3.8", "3.12", "3.14"):
        verdicts, summary = oracle.record([(version, path)], 999, 10, 7, "made")
        counts = verdicts[version].counts
        total, gone = verdicts[version].samples, counters(summary, "Python frames cut")["frames whose code was gone"]
        rows.append([full_version(path, version), total, f"{gone} ({percent(gone, total)})",
                     f"{verdicts[version].impossible} ({percent(verdicts[version].impossible, total)})"])
        if verdicts[version].impossible:
            findings.append(f"{version}: {verdicts[version].impossible} impossible stacks of code made while it ran")
        live.clean_up()
    return table(["CPython", "samples", "frames whose code was gone", "impossible"], rows)


def full_version(path, version):
    root = live.root_of(path)
    said = live.subprocess.run(["chroot", root or "/", path[len(root):], "-c", "import platform; print(platform.python_version())"], capture_output=True,
                               text=True, check=True).stdout.strip()
    return f"{said} (Debian)" if version == "system" or root else said


# ---- shares are those of CPU time ------------------------------------------------------------------------------------------

def part_shares():
    pythons, rows = cpythons.found(*cpythons.VERSIONS), []
    starts = [lambda: [("C", live.workload("split", "wait")[0])]]
    for number in range(0, len(pythons), os.cpu_count()):
        group = pythons[number:number + os.cpu_count()]
        starts.append(lambda group=group: [(f"CPython {full_version(path, version)}", live.workload("shares.py", python=path)[0])
                                           for version, path in group])
    for start in starts:
        for label, answer, seen in shares.record(start, SHARES_HZ, SHARES_SECONDS):
            samples, statistic, chance, text = shares.judge(answer, seen)
            rows.append([label, samples, text, f"{statistic:.2f}", f"{chance:.3f}"])
            if chance < CHANCE:
                findings.append(f"{label}: the shares differ more than chance allows")
    return table(["program", "samples", "share of CPU time by its own clock / share of samples, %", "chi-square", "probability"], rows)


# ---- others see the same ----------------------------------------------------------------------------------------------------

def part_opinions():
    """Over all versions: pairs of opinions, frame by frame."""
    pairs = {name: opinions.Difference() for name in ALIKE}
    silent, inferred = collections.defaultdict(list), 0
    for version, path in cpythons.found(*cpythons.VERSIONS):
        process, by_pthread = opinions.start(path)
        python, native = opinions.connprof_dump(process.pid)
        walker = opinions.connprof_record(process.pid)
        spied, ids = opinions.py_spy(process.pid)
        rooted = live.root_of(path)
        if rooted:
            silent["gdb"].append(version)
        backtraces, gdb_ids, tails = ({}, {}, 0) if rooted else opinions.gdb(process.pid)
        inferred += tails
        if spied is None:
            silent["py-spy"].append(f"{version} ({ids})")
            ids = gdb_ids
        names = list(pairs)
        for pthread, frames in by_pthread.items():
            if pthread in ids:
                pairs[names[0]].add(python[ids[pthread]], frames)
        for tid, frames in (spied or {}).items():
            pairs[names[1]].add(python[tid], frames)
        for tid, frames in walker.items():
            pairs[names[2]].add(frames, python[tid])
        for tid, frames in backtraces.items():
            pairs[names[3]].add(native[tid], frames)
        live.clean_up()
    for name, pair in pairs.items():
        if pair.counts["same"] < ALIKE[name] * sum(pair.counts.values()):
            findings.append(f"{name}: only {pair.counts['same']} of {sum(pair.counts.values())} frames are the same")
    rows = [[name, pair.threads, sum(pair.counts.values()), pair.counts["same"], str(pair)] for name, pair in pairs.items()]
    notes = "; ".join(f"{tool} has no word on {', '.join(versions)}" for tool, versions in silent.items())
    return (table(["the first / the second", "threads", "frames", "the same", "others"], rows) + f"\n\nLeft out of gdb's: {inferred} frames that it "
            f"infers for tail calls; they are not on the stack. {notes}.")


# ---- stacks reach their root -----------------------------------------------------------------------------------------------

def counters(summary, head):
    """The {reason: count} of a summary's line "head: a 3, b 1"."""
    found = re.search(rf"^{head}: (.*)$", summary, re.M)
    pairs = [re.fullmatch(r"(.*) (\d+)", part) for part in found.group(1).split(", ")] if found else []
    return collections.Counter({pair.group(1): int(pair.group(2)) for pair in pairs})


def reasons(counts, total):
    return "; ".join(f"{reason} {count} ({100 * count / total:.3f} %)" for reason, count in counts.most_common()) or "none"


def part_complete():
    rows = []
    for name, begin in targets.COMPLETE:
        pids = begin()
        time.sleep(1)
        folded = live.record(pids, "-n", "-r", COMPLETE_HZ, seconds=COMPLETE_SECONDS)
        summary, total = folded.summary, folded.total
        cut, python = counters(summary, "cut"), counters(summary, "Python frames cut")
        rows.append([name, total, f"{100 - 100 * sum(cut.values()) / total:.3f} %", reasons(cut, total), reasons(python, total)])
        if total - sum(cut.values()) < COMPLETE * total:
            findings.append(f"{name}: {sum(cut.values())} of {total} stacks do not reach their root")
        print(name, summary, file=sys.stderr)
        live.clean_up()
    return table(["target", "samples", "reach the root", "those that do not, by reason", "Python part not whole, by reason"], rows)


# ---- side by side ------------------------------------------------------------------------------------------------------------

def part_side():
    rows = []
    for version, path in cpythons.found("3.11", "3.13", "3.15"):
        pid, judge_of, inside = sidebyside.start(version, path)
        for name, record in sidebyside.PROFILERS:
            seen = record(pid, inside)
            if seen.error:
                if not seen.error.startswith("needs"):
                    rows.append([version, name, f"cannot: {seen.error}", "", "", "", ""])
                continue
            counts, examples = sidebyside.judge(seen, judge_of)
            total = sum(counts.values())
            wrong = sum(count for verdict, count in counts.items() if verdict.startswith("impossible"))
            cut = counts["cut"] + counts["rootless"] + counts["unreadable"]
            if wrong and name == "connprof":
                findings.append(f"{wrong} impossible stacks beside others")
            missed, of = seen.missed if isinstance(seen.missed, tuple) else (seen.missed, total + seen.missed)
            without = counts["no Python"] + counts["native only"]
            rows.append([version, name, total, percent(wrong, total), percent(cut, total), percent(without, total), percent(missed, of)])
            for verdict, frames in examples.items():
                print(f"{version} {name}: {counts[verdict]} {verdict}: {frames}"[:1500], file=sys.stderr)
        live.clean_up()
    return table(["CPython", "profiler", "samples", "wrong", "cut", "no Python frames", "missing, by its own word"], rows)


def percent(part, whole):
    return f"{100 * part / whole:.2f} %" if whole else "?"


PARTS = {"host": part_host, "oracle": part_oracle, "made": part_made, "shares": part_shares, "opinions": part_opinions, "complete": part_complete, "side": part_side}


def main():
    if os.geteuid() != 0:
        raise SystemExit("accuracy: must be root")
    for name in sys.argv[1:] or PARTS:
        started = time.monotonic()
        text = PARTS[name]()
        write_between(DOCUMENT, "accuracy", name, text)
        print(f"== {name} ({time.monotonic() - started:.0f} s)\n{text}\n", flush=True)
    print("\n".join(f"accuracy: {finding}" for finding in findings), end="\n" if findings else "", file=sys.stderr)
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
