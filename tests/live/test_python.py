# SPDX-License-Identifier: BSD-2-Clause
"""CPython: functions, order, lines, interleaving with native frames, threads with and without the GIL, in every version found."""
import re
import subprocess

import cpythons
import live
from live import bare, case, expect


def is_native(frame):
    return frame.endswith("_[n]")


def python_part(frames):
    """(function, line) of the Python frames, root first; the function without its class."""
    part = []
    for frame in frames:
        found = re.fullmatch(r"(.+) \((.+):(\d+)\)", frame)
        if found and not is_native(frame):
            part.append((found.group(1).rpartition(".")[2], int(found.group(3))))
    return part


@cpythons.on_pythons(*cpythons.VERSIONS)
def frames_order_lines_and_native_frames_are_right(python):
    process, ready = live.workload("mixed.py", python=python.path)
    # Without a name sorted() shows with --native only.
    folded = live.record(process.pid, "-r", "399", *(["-n"] if python.version in cpythons.STRIPPED else []), seconds=2)
    live.answer(process)
    order, lines = ready["order"], ready["lines"]
    above, below = ready["native_between"]
    full = rooted = 0
    for frames, count in folded.stacks:
        part = python_part(frames)
        names = [name for name, _ in part]
        rooted += count * ("<module>" in names)
        if "leaf" not in names:
            continue
        expect(names == order, f"{names} instead of {order}: {';'.join(frames)}")
        for name, line in part:
            expect(line in lines[name], f"{name} on line {line}, not {lines[name]}: {';'.join(frames)}")
        full += count
        places = [bare(frame).rpartition(".")[2] if not is_native(frame) else None for frame in frames]
        between = frames[places.index(above) + 1:places.index(below)]
        expect(between and all(map(is_native, between)), f"no sorted() between {above} and {below}: {';'.join(frames)}")
    expect(full > folded.total * 0.9 and full > 100, f"{full} of {folded.total} samples are in leaf: {folded}")
    expect(rooted >= folded.total * 0.97, f"{rooted} of {folded.total} stacks hold <module>: {folded}")
    expect("100" in folded.summary or re.search(r"9[7-9]", folded.summary), f"no share of complete stacks: {folded.summary}")


@cpythons.on_pythons(*cpythons.VERSIONS)
def threads_with_and_without_the_gil(python):
    process, ready = live.workload("threads.py", python=python.path)
    folded = live.record(process.pid, "-r", "399", seconds=1)
    for name in ready["busy"]:
        expect(folded.with_frame(name) > folded.total * 0.1, f"{name} was not seen: {folded}")
    for name in ready["idle"]:
        expect(folded.with_frame(name) < folded.total * 0.05, f"{name} sleeps, and was sampled: {folded}")
    # The hash runs in C without the GIL: its samples must still have Python frames above them.
    inside = folded.count(lambda frames: "hash_without_gil" in map(bare, frames)
                          and any(is_native(frame) for frame in frames[-3:]))
    expect(inside > folded.total * 0.1, f"hashing without the GIL lost its Python frames: {folded}")
    live.answer(process)


@case
def thread_names_head_the_stacks_when_asked():
    process, _ = live.workload("threads.py", python=cpythons.python("system").path)
    folded = live.record(process.pid, "-t", seconds=2)
    threads = {frame for frames, _ in folded.stacks for frame in frames[:3] if re.search(r"\b%d\b|\d{2,}" % process.pid, frame)}
    expect(len(threads) >= 2, f"no thread frames: {folded}")


@case
def function_mode_merges_lines():
    process, _ = live.workload("mixed.py")
    folded = live.record(process.pid, "-F", seconds=2)
    names = {frame for frames, _ in folded.stacks for frame in frames if bare(frame) == "leaf"}
    expect(len(names) == 1, f"leaf shows as {names}")


@case
def native_flag_shows_the_interpreters_own_frames():
    process, _ = live.workload("mixed.py")
    plain = live.record(process.pid, seconds=1)
    native = live.record(process.pid, "-n", seconds=1)
    longest = max(len(frames) for frames, _ in plain.stacks)
    expect(max(len(frames) for frames, _ in native.stacks) > longest, f"-n adds nothing: {native}")


MODULES = ("asyncio http.server email.message xml.dom.minidom unittest.mock decimal ipaddress zipfile ssl sqlite3 tarfile argparse "
           "logging.config multiprocessing.pool concurrent.futures pydoc doctest pdb optparse")


@case
def modules_that_are_imported_have_their_own_names():
    """A module's code runs once and is freed, and other code soon lies in its place: it may not lend it its name."""
    out = live.folder() / "imports.folded"
    for _ in range(3):
        live.connprof("record", "-r", "1999", "-o", out, "--", "/usr/bin/python3", "-c", "import " + ", ".join(MODULES.split())).expect_status(0)
        folded = live.Folded(out.read_text())
        imported = [inner for frames, count in folded.stacks for outer, inner in zip(frames, frames[1:])
                    if outer.startswith("_call_with_frames_removed (") and re.search(r"\.py:\d+\)$", inner)]
        expect(len(imported) > 50, f"hardly any import was seen: {folded}")
        wrong = [frame for frame in imported if bare(frame) != "<module>"]
        expect(not wrong, f"of {len(imported)} modules some are called {wrong}")


@case
def unknown_python_version_goes_on_natively_and_says_so():
    python = patched_python()
    process, _ = live.workload("mixed.py", python=python["path"], env=python["env"])
    folded = live.record(process.pid, seconds=2)
    expect(folded.total > 50, f"native samples do not go on: {folded}")
    expect(re.search(r"3\.99", folded.summary) and re.search(r"python", folded.summary, re.I),
           f"the version is not refused in words: {folded.summary}")
    expect(folded.count(lambda frames: "leaf" in map(bare, frames)) == 0, f"frames of a version that is not known: {folded}")


def patched_python():
    """A copy of a CPython >= 3.11 that says it is 3.99: the Py_Version constant and 3.13's own debug offsets are changed,
    and the files' names with them."""
    import os
    import shutil
    place = live.folder() / "python"
    place.mkdir()
    original = (cpythons.found("3.13", "3.12", "3.11", "system") or [cpythons.python("3.13")])[0].path
    real = os.path.realpath(original)
    prefix = subprocess.run([original, "-c", "import sys; print(sys.base_prefix)"], capture_output=True, text=True,
                            check=True).stdout.strip()
    minor = subprocess.run([original, "-c", "import sys; print('%x' % sys.hexversion)"], capture_output=True, text=True,
                           check=True).stdout.strip()
    version = int(minor, 16)
    name = f"python3.{(version >> 16) & 0xff}".encode()
    renamed = b"python3.99" if len(name) == len(b"python3.99") else b"python3.9"
    (place / "bin").mkdir()
    (place / "lib").mkdir()
    wanted = version & 0xff00ffff | 99 << 16
    changed = 0
    library = [f for f in os.listdir(f"{prefix}/lib") if f.startswith("lib" + name.decode()) and ".so.1" in f]
    for source, target in [(real, place / "bin" / renamed.decode())] + \
            [(f"{prefix}/lib/{f}", place / "lib" / f.replace(name.decode(), renamed.decode())) for f in library]:
        data = open(source, "rb").read()
        changed += data.count(version.to_bytes(8, "little"))
        data = data.replace(version.to_bytes(8, "little"), wanted.to_bytes(8, "little"))
        data = data.replace(b"lib" + name + b".so", b"lib" + renamed + b".so")
        with open(target, "wb") as out:
            out.write(data)
        shutil.copymode(source, target)
    expect(changed, "the version constant was not found to patch")
    env = dict(os.environ, PYTHONHOME=prefix, LD_LIBRARY_PATH=str(place / "lib"))
    return {"path": str(place / "bin" / renamed.decode()), "env": env}


if __name__ == "__main__":
    live.main()
