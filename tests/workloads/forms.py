# SPDX-License-Identifier: BSD-2-Clause
"""Burns CPU in every form of Python code there is, and says for each which stack a profiler must show: [function, …] from main() on.

A function is known by its last name; names that the language does not allow are given by hand. CPython 3.6 and later.
"""
import ctypes
import functools
import importlib
import json
import select
import sys
import types

CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int)
# Code objects are kept: one that has gone by the time it is read has no name.
GENERATED = compile("def generated():\n\n    burn()\n\ngenerated()", "<generated>", "exec")
IMPORTED = compile("burn()", "/srv/imported.py", "exec")
expected = []


def burn():
    total = 0
    for number in range(3000):
        total = (total + number * 13) % 1000003
    return total


def form(*stack):
    """Marks a function that burns in burn(), by way of what stack says, below itself."""
    def mark(function):
        expected.append((function, ["main", function.__name__, *stack, "burn"]))
        return function
    return mark


def renamed(function, name):
    code = function.__code__
    if hasattr(code, "replace"):  # 3.8
        code = code.replace(co_name=name, co_filename="/srv/%s.py" % name,
                            **({"co_qualname": name} if sys.version_info >= (3, 11) else {}))
    return types.FunctionType(code, globals(), name, (None,))


@form("Body")
def class_body():
    class Body:
        burn()
    return Body


@form("wrapper", "decorated")
def decorator():
    def around(function):
        @functools.wraps(function)
        def wrapper():
            return function()
        return wrapper

    @around
    def decorated():
        burn()
    decorated()


@form("<module>", "generated")
def executed():
    exec(GENERATED, {"burn": burn})


@form("_call_with_frames_removed", "<module>")
def frozen():
    # The import system is frozen into the interpreter: frames of a file that is nowhere.
    importlib._bootstrap._call_with_frames_removed(exec, IMPORTED, {"burn": burn})


@form("consumer", "producer")
def generators():
    def producer():
        for _ in range(3):
            burn()
            yield 1

    def consumer():
        yield from producer()
    return sum(consumer())


@form("coroutine", "awaited")
def coroutines():
    async def awaited():
        burn()

    async def coroutine():
        await awaited()
    try:
        coroutine().send(None)
    except StopIteration:
        pass


@form("key")
def sort_key():
    def key(value):
        burn()
        return value
    sorted([2, 1, 3], key=key)


@form("from_c")
def ctypes_callback():
    def from_c():
        burn()
        return 0
    CALLBACK(from_c)()


@form("value")
def property_value():
    class Holder:
        @property
        def value(self):
            return burn()
    return Holder().value


@form("__del__")
def finalizer():
    class Dying:
        def __del__(self):
            burn()
    del_me = Dying()
    del del_me


@form("<lambda>")
def partial_of_lambda():
    functools.partial(lambda _x: burn(), 1)()


@form("__exit__")
def context():
    class Guard:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            burn()
    with Guard():
        pass


@form("жар", "火焰")
def scripts():
    # Names of one, two and four bytes a character, as far as identifiers can be.
    def 火焰():
        burn()

    def жар():
        火焰()
    жар()


def plain(inner=None):
    inner() if inner else burn()


LATIN, EMOJI = renamed(plain, "çà ÿ"), renamed(plain, "🔥 🚀")


@form(EMOJI.__code__.co_name, LATIN.__code__.co_name)
def any_name():
    EMOJI(LATIN)


def main():
    # Asked here, not in a thread, which would have to wait for the GIL, and in some releases long.
    while not select.select([sys.stdin], [], [], 0)[0]:
        for function, _ in expected:
            function()


print("ready " + json.dumps({"stacks": [stack for _, stack in expected]}), flush=True)
main()
print('answer {"done": true}')
