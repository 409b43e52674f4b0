# SPDX-License-Identifier: BSD-2-Clause
"""A Python that lies about itself, in its own memory, while it computes. CPython 3.11 to 3.14; ends without cleaning up.

usage: hostile.py circle    its outermost frame is called by its innermost
       hostile.py states    its thread states are a list in a circle
       hostile.py lengths   names of functions are 2 GB long, and longer than any memory
       hostile.py text      names and files hold what ends a line, a field, a CDATA section or a terminal's patience
"""
import ctypes
import json
import os
import select
import sys

PREVIOUS = 48 if sys.version_info < (3, 12) else 8  # in a frame
LENGTH = 16                                         # in a str
NEXT = 8                                            # in a thread state
TEXT = "evil\x1b[31m;\n]]></script><b>\r\x9b'\"& 12"


def over():
    return select.select([sys.stdin], [], [], 0)[0]


def burn():
    total = 0
    for number in range(5000):
        total = (total + number * 13) % 1000003
    return total


def poke(address, value):
    ctypes.c_uint64.from_address(address).value = value


def run(work):
    print("ready " + json.dumps({"text": TEXT}), flush=True)
    while not over():
        work()
    print('answer {"done": true}', flush=True)
    os._exit(0)


def frame_address(frame):
    return ctypes.c_uint64.from_address(id(frame) + 24).value  # PyFrameObject.f_frame


def circle():
    inner = outer = sys._getframe()
    while outer.f_back:
        outer = outer.f_back
    poke(frame_address(outer) + PREVIOUS, frame_address(inner))
    run(burn)


def states():
    get = ctypes.pythonapi.PyThreadState_Get
    get.restype = ctypes.c_void_p
    state = get()
    poke(state + NEXT, state)
    run(burn)


def two_gigabytes():
    burn()


def without_end():
    burn()


def lengths():
    for function, length in ((two_gigabytes, (1 << 31) - 1), (without_end, 1 << 60)):
        for name in {id(function.__code__.co_name), id(getattr(function.__code__, "co_qualname", ""))}:
            poke(name + LENGTH, length)

    def work():
        two_gigabytes()
        without_end()
    run(work)


def text():
    def plain():
        burn()
    code = plain.__code__.replace(co_name=TEXT, co_filename="/srv/" + TEXT + ".py", **(
        {"co_qualname": TEXT} if sys.version_info >= (3, 11) else {}))
    run(type(plain)(code, globals()))


globals()[sys.argv[1]]()
