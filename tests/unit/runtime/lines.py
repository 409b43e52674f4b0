# SPDX-License-Identifier: BSD-2-Clause
"""Prints the line tables of standard library modules, and the interpreter's own answer for each code unit.

"code FIRST_LINE TABLE_IN_HEX", then "lines" and for every second byte offset the line (0: none), from PyCode_Addr2Line.
"""
import asyncio
import ctypes
import json
import os
import sys
import types

addr2line = ctypes.pythonapi.PyCode_Addr2Line
addr2line.argtypes = [ctypes.py_object, ctypes.c_int]
addr2line.restype = ctypes.c_int


def show(code):
    table = code.co_linetable if sys.version_info >= (3, 10) else code.co_lnotab
    print("code %d %s" % (code.co_firstlineno, table.hex() or "-"))
    print("lines " + " ".join(str(max(addr2line(code, i), 0)) for i in range(0, len(code.co_code), 2)))
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            show(constant)


# lines far apart, negative steps, no line at all
odd = "def f(a,\n" + "\n" * 300 + " b=1):\n try:\n  return (a +\n" + "\n" * 200 + " b)\n finally:\n  print(a)\n"
show(compile(odd, "odd", "exec"))
for module in (json, asyncio):
    folder = os.path.dirname(module.__file__)
    for name in sorted(os.listdir(folder)):
        if name.endswith(".py"):
            with open(os.path.join(folder, name), encoding="utf-8") as source:
                show(compile(source.read(), name, "exec"))
print("end")
