#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Checks what the compiler does not: who may include whom, sizes, forbidden words, headers that stand alone, scripts.

usage: lint.py [BUILD_FOLDER]   The rules are the tables below; one line per rule, then every place that breaks it.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 80

# Who may include whom (docs/architecture.md). A room may always include its own headers. Headers that belong to no room
# are named as files. No arrow runs back up: session > report > source, symbol > unwind, runtime > process, model, peer, tools >
# bpf, base, event.h, frame.h, protocol, connprof.h.
ALLOWED = {
    "tools": {"connprof.h"},
    "bpf": set(),
    "base": {"connprof.h"},
    "protocol": {"base"},
    "event.h": {"bpf", "protocol"},
    "frame.h": set(),
    "connprof.h": set(),
    "process": {"base", "bpf", "connprof.h"},
    "model": {"base", "bpf", "protocol", "event.h", "frame.h", "connprof.h"},
    "peer": {"base", "bpf", "protocol", "connprof.h", "model"},
    "unwind": {"base", "bpf", "process", "connprof.h"},
    "runtime": {"base", "bpf", "process", "frame.h", "connprof.h"},
    "symbol": {"base", "bpf", "process", "frame.h", "connprof.h"},
    "source": {"base", "bpf", "process", "protocol", "unwind", "runtime", "symbol", "model", "event.h", "frame.h", "connprof.h"},
    "report": {"base", "bpf", "protocol", "model", "symbol", "event.h", "frame.h", "connprof.h"},
    "session": {"base", "bpf", "process", "protocol", "unwind", "runtime", "symbol", "source", "model", "peer", "report",
                "event.h", "frame.h", "connprof.h"},
}
# Libraries that have one place each.
LIBRARIES = {
    "libbpf": (re.compile(r"#include <bpf/(libbpf|bpf|btf)\.h>"), ("profiler/source/", "tests/")),
    "libunwind": (re.compile(r"#include <libunwind"), ("profiler/unwind/", "tests/")),
    "ncurses": (re.compile(r"#include <ncurses"), ("tools/top_draw.c",)),
    "hiredis": (re.compile(r"#include <hiredis"), ("profiler/peer/", "tests/")),
}
FORBIDDEN = {
    "paths of one machine": re.compile(r"(?<![\w.$}])/(work|root|home/\w+)/"),
    "unfinished work": re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b"),
    "names of package registries": re.compile(r"pypi\.(org|python)|registry\.npmjs|proxy\.golang\.org|deb\.debian\.org|crates\.io"),
    "functions without a bound": re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|gets|alloca|strtok|system|popen|tmpnam|mktemp)\("),
}
# Where a forbidden word is right, with the reason.
EXCUSED = {
    ("paths of one machine", "CHANGELOG.md"): "quotes nothing of ours",
}
SOURCE = (".c", ".h", ".s", ".py", ".sh", ".mk", ".proto")
MUTABLE_MEMBERS = {"log.o"}  # where log lines go, and from which level on


def tracked():
    """Every file of the repository, also new ones that are not ignored."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        names = listed.stdout.split("\n")
    else:
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if "build" not in path.parts and ".git" not in path.parts]
    return sorted(name for name in names if name and (ROOT / name).is_file())


def text_of(name):
    try:
        return (ROOT / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def room_of(name):
    """The room a file or an include belongs to."""
    parts = name.split("/")
    if parts[0] in ("tools", "bpf"):
        return parts[0]
    if parts[0] == "profiler":
        parts = parts[1:]
    if len(parts) == 1:
        return parts[0] if parts[0] in ALLOWED else "session"
    return parts[0]


def dependencies(files):
    """Quoted includes against ALLOWED."""
    for name in files:
        if not name.endswith((".c", ".h")) or not name.startswith(("tools/", "bpf/", "profiler/")):
            continue
        room = room_of(name)
        if room not in ALLOWED:
            yield f"{name}: no row for {room} in the table of tests/lint/lint.py"
            continue
        for line, included in enumerate(re.findall(r'^#\s*include "([^"]+)"|^', text_of(name), re.M), 1):
            if not included or included.endswith((".skel.h", ".pb-c.h")):
                continue
            if "/" not in included and (ROOT / name).parent.joinpath(included).exists():
                continue  # its own folder's
            target = room_of(included)
            if target != room and target not in ALLOWED[room]:
                yield f"{name}:{line}: {room} may not include {included}"


def libraries(files):
    for name in files:
        if not name.endswith((".c", ".h")):
            continue
        for library, (pattern, places) in LIBRARIES.items():
            if pattern.search(text_of(name)) and not name.startswith(places):
                yield f"{name}: {library} belongs to {places[0]} alone"


def file_sizes(files):
    for name in files:
        if name.endswith(SOURCE) or name in ("Makefile", ".ci/run"):
            lines = text_of(name).count("\n")
            if lines > FILE_LINES_MAX:
                yield f"{name}: {lines} lines, more than {FILE_LINES_MAX}"


def function_sizes(files):
    """C functions by their braces in the first column, Python ones by indentation."""
    for name in files:
        lines = text_of(name).split("\n")
        if name.endswith((".c", ".h")):
            start = None
            for number, line in enumerate(lines, 1):
                if line.startswith("{"):
                    start = number
                elif line.startswith("}") and start:
                    if number - start - 1 > FUNCTION_LINES_MAX:
                        yield f"{name}:{start}: a function of {number - start - 1} lines, more than {FUNCTION_LINES_MAX}"
                    start = None
        elif name.endswith(".py"):
            starts = [(number, len(line) - len(line.lstrip())) for number, line in enumerate(lines) if re.match(r"\s*def ", line)]
            for number, indent in starts:
                end = number + 1
                while end < len(lines) and (not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > indent
                                            or lines[end].strip().startswith((")", "]"))):
                    end += 1
                while not lines[end - 1].strip():
                    end -= 1
                if end - number > FUNCTION_LINES_MAX:
                    yield f"{name}:{number + 1}: a function of {end - number} lines, more than {FUNCTION_LINES_MAX}"


def forbidden(files):
    for name in files:
        if name == "tests/lint/lint.py":
            continue
        for line, text in enumerate(text_of(name).split("\n"), 1):
            for what, pattern in FORBIDDEN.items():
                if pattern.search(text) and (what, name) not in EXCUSED:
                    if what == "functions without a bound" and (not name.startswith(("profiler/", "tools/", "bpf/")) or re.match(r"\s*(\*|//|/\*)", text)):
                        continue
                    yield f"{name}:{line}: {what}: {text.strip()[:100]}"


def licences(files):
    for name in files:
        if name.endswith(SOURCE) or name == ".ci/run":
            head = "\n".join(text_of(name).split("\n")[:3])
            if "SPDX-License-Identifier: " not in head:
                yield f"{name}: no SPDX line at the top"
            elif name.startswith("bpf/") and "BSD-2-Clause OR GPL-2.0" not in head:
                yield f"{name}: the kernel side is BSD-2-Clause OR GPL-2.0"


def headers_alone(files, build):
    """Each header is compiled by itself; the kernel's by clang for BPF."""
    for name in files:
        if not name.endswith(".h") or not name.startswith(("profiler/", "tools/", "bpf/", "tests/workloads/")):
            continue
        if name.startswith("bpf/") and name != "bpf/events.h":
            command = ["clang", "-target", "bpf", "-mcpu=v3", "-D__TARGET_ARCH_x86", "-g", "-O2", "-std=gnu11",
                       f"-I/usr/include/{os.uname().machine}-linux-gnu"]
        else:
            command = ["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra"]
        if not shutil.which(command[0]):
            continue
        command += ["-fsyntax-only", "-Iprofiler", "-I.", f"-I{build}", "-include", name, "-x", "c", "/dev/null"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            yield f"{name}: does not compile alone: {(done.stderr.splitlines() or ['?'])[0]}"


def scripts(files):
    for name in files:
        text = text_of(name)
        shell = re.match(r"#!.*\b(sh|bash)\b", text)
        if name.endswith(".sh") or shell:
            checker = "bash" if shell and shell.group(1) == "bash" else "sh"
            done = subprocess.run([checker, "-n", name], cwd=ROOT, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                yield f"{name}: {done.stderr.strip()}"
            if shutil.which("shellcheck"):
                done = subprocess.run(["shellcheck", "-f", "gcc", "-S", "warning", name], cwd=ROOT, capture_output=True, text=True,
                                      check=False)
                yield from done.stdout.splitlines()
        elif name.endswith(".py") or text.startswith("#!/usr/bin/env python3"):
            try:
                compile(text, name, "exec")
            except SyntaxError as error:
                yield f"{name}:{error.lineno}: {error.msg}"


def globals_constant(build):
    """The library's only variable that changes is where log lines go."""
    library = ROOT / build / "libconnprof.a"
    if not library.exists():
        yield f"{library}: not built"
        return
    listed = subprocess.run(["objdump", "-t", str(library)], capture_output=True, text=True, check=False).stdout
    member = "?"
    for line in listed.splitlines():
        found = re.match(r"(\S+\.o): ", line)
        member = found.group(1) if found else member
        # A relocated constant lies in .data.rel.ro: only .data, .bss and common symbols can change at run time.
        found = re.match(r"[0-9a-f]+ .{6}O (\.data|\.data\.rel|\.data\.rel\.local|\.bss\S*|\*COM\*)\t\S+ (?:\.hidden )?(\S+)$", line)
        if found and member not in MUTABLE_MEMBERS and not member.endswith(".pb-c.o"):
            yield f"{member}: {found.group(2)} is a mutable global"


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else "build"
    os.chdir(ROOT)
    files = tracked()
    rules = {
        "includes follow the floors": dependencies(files),
        "libbpf, libunwind, hiredis in one place each": libraries(files),
        f"files of at most {FILE_LINES_MAX} lines": file_sizes(files),
        f"functions of at most {FUNCTION_LINES_MAX} lines": function_sizes(files),
        "no forbidden words": forbidden(files),
        "a licence line in every source": licences(files),
        "headers compile alone": headers_alone(files, build),
        "scripts parse": scripts(files),
        "no mutable globals in the library": globals_constant(build),
    }
    failed = 0
    for number, (rule, findings) in enumerate(rules.items(), 1):
        found = list(findings)
        failed += bool(found)
        print(f"{'not ok' if found else 'ok'} {number} - {rule}")
        for line in found:
            print(f"    {line}")
    print(f"lint: {len(rules) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
