# SPDX-License-Identifier: BSD-2-Clause
"""Blocks every thread in a known chain of calls and prints each thread's own truth: python3.6 and later.

Output: "thread IDENT TID NAME", then its frames, innermost first, "frame LINE FIRST_LINE FILE FUNCTION"; at the end "ready".
Ends when its standard input does.
"""
import ctypes
import os
import sys
import threading
import time

native = {}
hold_read, hold_write = os.pipe()


def note_tid():
    native[threading.get_ident()] = ctypes.CDLL(None).syscall(186)  # gettid, x86-64


def block():
    os.read(hold_read, 1)


class Handler(object):
    def method(self, depth):
        if depth:
            return (
                self.method(
                    depth - 1))
        return self.property_

    @property
    def property_(self):
        return [value for value in self.generator()]

    def generator(self):
        for value in range(2):
            yield (lambda: next(self.inner(value)))()

    def inner(self, value):
        yield ctypes.CFUNCTYPE(ctypes.c_int)(self.callback)()

    def callback(self):
        sorted([3, 1, 2], key=self.key)
        return 0

    def key(self, value):
        block()
        return value


def grüße_你好():
    block()


def deep(n):
    if n:
        deep(n - 1)
    else:
        block()


def worker(function, *args):
    note_tid()
    function(*args)


def all_blocked(frames):
    line = block.__code__.co_firstlineno + 1
    return all(frame.f_code is block.__code__ and frame.f_lineno == line
               for ident, frame in frames.items() if ident != threading.get_ident())


def report():
    note_tid()
    frames = sys._current_frames()
    while len(native) < len(threads) + 1 or not all_blocked(frames):
        time.sleep(0.01)
        frames = sys._current_frames()
    names = {t.ident: t.name for t in threading.enumerate()}
    for ident, frame in frames.items():
        if ident == threading.get_ident():
            continue
        print("thread %d %d %s" % (ident, native[ident], names[ident]))
        while frame:
            code = frame.f_code
            name = getattr(code, "co_qualname", code.co_name)
            print("frame %d %d %s %s" % (frame.f_lineno, code.co_firstlineno, code.co_filename, name))
            frame = frame.f_back
    print("ready")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)


if hasattr(sys.stdout, "reconfigure"):
    sys.stdout.reconfigure(encoding="utf-8")
else:
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
note_tid()
threads = [
    threading.Thread(name="handler", target=worker, args=(Handler().method, 7)),
    threading.Thread(name="unicode", target=worker, args=(grüße_你好,)),
    threading.Thread(name="deep", target=worker, args=(deep, 300)),
    threading.Thread(name="report", target=report),
]
for thread in threads:
    thread.daemon = True
    thread.start()
exec(compile("Handler().method(\n\n\n25)", "<generated>", "exec"))
