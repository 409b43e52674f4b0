# SPDX-License-Identifier: BSD-2-Clause
"""Interpreters whose frames this connprof does not read: named, refused in words, and their native stacks go on."""
import os
import re
import shutil

import cpythons
import live
from live import bare, case, expect


def refused(process, words):
    folded = live.record(process.pid, seconds=1)
    dump = live.connprof("dump", "-p", process.pid).expect_status(0)
    expect(re.search(rf"note: {process.pid} \(.*\): {words}: native frames only", folded.summary), folded.summary)
    expect(folded.total > 20, f"native samples do not go on: {folded}")
    expect(not folded.count(lambda frames: any(".py:" in frame for frame in frames)), f"Python frames: {folded}")
    expect("Thread " in dump.out, str(dump))
    return folded


@case
def pypy_is_named_and_its_native_frames_are_shown():
    python = shutil.which("pypy3")
    if not python:
        live.missing("pypy3")
    process, _ = live.workload("pypy.py", python=python)
    folded = refused(process, "PyPy is not known to this connprof")
    in_libraries = folded.count(lambda frames: any(re.match(r"adler32|\[libz\.", bare(frame)) for frame in frames))
    expect(in_libraries > folded.total * 0.1, f"libz is not seen: {folded}")


@case
def python_without_the_gil_is_named_and_its_native_stacks_are_whole():
    python = cpythons.python("3.13").path
    prefix = os.path.dirname(os.path.dirname(os.path.realpath(python)))
    name = "libpython3.13.so.1.0"
    if not os.path.exists(f"{prefix}/lib/{name}"):
        live.missing(f"{prefix}/lib/{name}")
    # The interpreter says of itself whether it has a GIL: the third word of what it publishes.
    library = open(f"{prefix}/lib/{name}", "rb").read()
    published = re.search(rb"xdebugpy..\x0d\x03\0{12}", library, re.S)
    expect(published, "nothing published is found in the library")
    at = published.start() + 16
    (live.folder() / name).write_bytes(library[:at] + b"\x01" + library[at + 1:])
    process, _ = live.workload("mixed.py", python=python, env=dict(os.environ, LD_LIBRARY_PATH=str(live.folder())))
    folded = refused(process, r"CPython 3\.13\.\d+ without the GIL is not known to this connprof")
    whole = folded.count(lambda frames: any("_PyEval_EvalFrameDefault" in frame for frame in frames)
                         and not frames[0].startswith("[cut"))
    expect(whole > folded.total * 0.95, f"{whole} of {folded.total} native stacks are whole: {folded}")


if __name__ == "__main__":
    live.main()
