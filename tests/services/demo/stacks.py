# SPDX-License-Identifier: BSD-2-Clause
"""What the profiles say: shares of the CPU, and the two profiles laid over each other as a differential flame graph."""
import math
import os
import re
import shutil
import subprocess

from demo.children import DemoError

# Frames look like `Connection.connect (redis/connection.py:263)`, or the bare name where the runtime has no other.
SETUP = re.compile(r"(?:^|\.)(?:connect|_connect|on_connect|make_connection|__init__) \([^)]*redis/connection\.py")
LOGGING = re.compile(r"\([^)]*logging/__init__\.py")

SCALE = 100000  # each profile's total in the differential one
SIGMAS = 2


def read_folded(path):
    """{stack: count} of a folded file: `root;…;leaf COUNT` a line."""
    stacks = {}
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            stack, _, count = line.rstrip("\n").rpartition(" ")
            stacks[stack] = stacks.get(stack, 0) + int(count)
    return stacks


def share(stacks, pattern):
    """The share of samples with a frame of that pattern anywhere in the stack, in percent; None without samples."""
    total = sum(stacks.values())
    if not total:
        return None
    found = sum(count for stack, count in stacks.items() if any(pattern.search(frame) for frame in stack.split(";")))
    return 100.0 * found / total


def comparable(stacks):
    """Stacks of both variants by the same names: all workers as one, no line numbers, the handler's file under one name,
    and native calls counted to the Python code that makes them, so that fewer samples suffice to tell two apart."""
    merged = {}
    for stack, count in stacks.items():
        stack = re.sub(r"^([^;]+) \(\d+\);", r"\1;", stack)  # the root frame `python (812)`
        stack = re.sub(r"(;[^;]*_\[n\])+$", "", stack)
        stack = re.sub(r":\d+\)", ")", stack)
        stack = re.sub(r"\([^)]*\bservice\.py\)", "(service.py)", stack)
        merged[stack] = merged.get(stack, 0) + count
    return merged


def differential(before, after):
    """Lines `stack AFTER BEFORE`, both profiles scaled to the same total. flamegraph.pl draws the width of the last
    column and colours by its growth: so everything the leak costs is there to see, and red. What differs by no more than
    chance makes two runs differ (SIGMAS standard deviations of the counts) is given equal columns: it stays white."""
    before, after = comparable(before), comparable(after)
    scale_before, scale_after = (SCALE / max(1, sum(stacks.values())) for stacks in (before, after))
    lines = []
    for stack in sorted(before.keys() | after.keys()):
        many, few = before.get(stack, 0), after.get(stack, 0)
        width, other = many * scale_before, few * scale_after
        if abs(width - other) <= SIGMAS * math.hypot(math.sqrt(many) * scale_before, math.sqrt(few) * scale_after):
            other = width
        lines.append(f"{stack} {round(other)} {round(width)}")
    return lines


def flamegraph_script():
    places = [os.path.join(os.environ["FLAMEGRAPH_DIR"], "flamegraph.pl")] if "FLAMEGRAPH_DIR" in os.environ else []
    places += [shutil.which("flamegraph.pl"), "/usr/share/perl5/Devel/NYTProf/flamegraph.pl"]
    for place in places:
        if place and os.path.exists(place):
            return place
    raise DemoError("no flamegraph.pl: apt-get install libdevel-nytprof-perl")


def draw_difference(before, after, path):
    """Writes the differential flame graph to path."""
    drawn = subprocess.run(
        ["perl", flamegraph_script(), "--title", "What the leak costs: the leaky profile, red where it grew over the fixed one, blue where its share shrank",
         "--countname", "per 100,000 samples", "--width", "1600"],
        input="\n".join(differential(before, after)) + "\n", capture_output=True, text=True, timeout=60, check=False)
    if drawn.returncode != 0 or "<svg" not in drawn.stdout:
        raise DemoError(f"flamegraph.pl: exit status {drawn.returncode}: {drawn.stderr.strip()}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(drawn.stdout)
