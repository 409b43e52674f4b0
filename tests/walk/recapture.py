#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Captures the walks of tests/walk/images again (root): recapture.py [NAME...]. A bug found on a live target becomes one more of
them: capture PID > tests/walk/images/NAME.txt, while it shows.

Captured again, an image is another moment of the same program: look at the difference before it is committed.
"""
import os
import pathlib
import random
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "live"))
import cpythons  # noqa: E402
import live  # noqa: E402

CAPTURE = live.BUILD / "tests" / "walk" / "capture"
IMAGES = HERE / "images"


def python(version):
    return cpythons.python(version).path


def mixed(version):
    return lambda: live.workload("mixed.py", python=python(version))[0]


def tree(version):
    def begin():
        process, _ = live.workload("tree.py", 7, python=python(version))
        live.go(process)
        return process
    return begin


def script(version, text):
    """One line of Python; in a root file system of its own where the interpreter has one."""
    def begin():
        path = python(version)
        root = live.root_of(path)
        command = ["chroot", root, path[len(root):]] if root else [path]
        process = live.start(*command, "-c", "print('ready {}', flush=True)\n" + text)
        live.ready_line(process)
        return process
    return begin


def native(*command):
    return lambda: live.workload(*command)[0]


SELECTS = "import select\nselect.select([0], [], [])"
CALLS = "def called(number): pass\ndef calls():\n  while True: list(map(called, range(1000)))\ncalls()"

# name: (what it is, how to start it, more arguments)
WALKS = {
    **{f"mixed-{version}": (f"mixed.py under CPython {version}: Python, sorted(), Python", mixed(version), [])
       for version in cpythons.VERSIONS},
    **{f"tree-{version}": (f"tree.py under CPython {version}", tree(version), []) for version in cpythons.VERSIONS},
    **{f"torn-{version}": (f"CPython {version} caught before a CFrame is filled in", script(version, CALLS), ["--until-broken", "100000"])
       for version in ("3.11", "3.12")},
    "select-3.14": ("select.select() of Debian's CPython 3.14: 74 KiB of arrays on the stack", script("3.14", SELECTS), []),
    "deep": ("C without frame pointers, 40 calls deep", native("deep", 40), []),
    "signals": ("C inside signal handlers", native("signals"), []),
    "kernel": ("assembler without call frame information: rsp on another page, the old one in rbx", native("kernel"), []),
    "vdso": ("C in the vdso", native("vdso"), []),
    "jit": ("made-up JIT code by the frame pointer", native("jit"), []),
    "loop": ("C that computes", native("loop"), []),
}


def main():
    for name in sys.argv[1:] or WALKS:
        what, begin, arguments = WALKS[name]
        process = begin()
        time.sleep(0.3 + random.random() / 10)
        done = subprocess.run([str(CAPTURE), str(process.pid), *arguments], capture_output=True, text=True, check=False)
        live.clean_up()
        if done.returncode:
            raise SystemExit(f"{name}: {done.stderr or 'did not show'}")
        (IMAGES / f"{name}.txt").write_text(f"# {what}\n{done.stdout}", encoding="utf-8")
        print(name, done.stdout.rstrip().splitlines()[-1])


if __name__ == "__main__":
    if os.geteuid() != 0:
        raise SystemExit("recapture: must be root")
    main()
