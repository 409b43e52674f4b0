# SPDX-License-Identifier: BSD-2-Clause
"""A program whose legal stacks are known: it makes up trees of functions, runs them hard, and says which stacks there can be.

usage: tree.py [SEED [made]]   prints "ready JSON", runs after a line on standard input until that is closed, prints "answer JSON"

Every generated function has a name of its own and a place of its own from which it is entered: so a stack is legal when each
of its frames stands on a line that can have entered the next. It is made to go wrong in as many ways as there are: calls,
methods, generators, coroutines, exceptions, with statements, recursion, callbacks through C, class bodies; frames of many
sizes; threads that live for long and for microseconds; signal handlers, collections and finalizers on top of anything. With "made",
one more thread makes code on the spot, which is gone after microseconds, and other code in its place.
Runs on CPython 3.6 and later, and says in "ready":

  lines      {function: [first, last]}             lines on which the innermost frame may stand
  edges      {function: [[caller, line], ...]}     who can have entered it, standing on which line (null: on any of its own)
  through    {function: "c" or "python"}           entered through C (native frames lie between), or surely not; else either
  anywhere   [function, ...]                       may stand on any frame, on any of its lines
  roots      [function, ...]                       may be the outermost frame
"""
import _thread
import gc
import json
import os
import random
import select
import signal
import sys
import threading

KINDS = ("plain", "method", "generator", "coroutine", "raises", "context", "recursive", "sorts", "maps", "classbody", "closure",
         "initializer", "attribute", "cycles")
FANOUT = 3
DEPTH = 14
MADE = 40        # different pieces of code made on the spot


class Source:
    """Generated text, line by line, and what is legal in it. A write_* method writes one function with those that it calls
    and returns (the statement that enters it, the names which that statement enters)."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.text, self.lines, self.edges, self.through, self.count = [], {}, {}, {}, 0

    def put(self, *lines):
        """Adds lines; the number of the last."""
        self.text.extend(lines)
        return len(self.text)

    def tree(self, budget, depth=0):
        children, left = [], budget - 1
        while left > 0 and depth < DEPTH and len(children) < FANOUT:
            part = max(1, left * 2 // 3)
            children.append(self.tree(part, depth + 1))
            left -= part
        self.count += 1
        kind = self.random.choice(KINDS) if depth else "plain"
        return getattr(self, "write_" + kind)("%s_%d" % (kind, self.count), children)

    def enter(self, caller, line, names):
        for name in names:
            self.edges.setdefault(name, []).append([caller, line])

    def body(self, name, children, indent, between=None):
        pad = " " * indent
        size = self.random.choice((1, 2, 5, 11, 23))  # of the frame
        self.put(pad + "".join("v%d = " % n for n in range(size)) + "1")
        for statement, names in children:
            self.enter(name, self.put(pad + statement), names)
            if between:
                self.put(pad + between)
        self.put(pad + "for v0 in range(%d): v0 * v0" % self.random.choice((1, 4, 16)))

    def define(self, name, children, head="def {}(n=0):", between=None, last="return n"):
        first = self.put(head.format(name))
        self.body(name, children, 4, between)
        self.lines[name] = [first, self.put("    " + last)]

    def write_plain(self, name, children):
        self.define(name, children)
        self.through[name] = "python"
        return name + "(1)", [name]

    def write_method(self, name, children):
        self.define(name, children, "def {}(self, n):")
        self.put("class Holder_%s: method = %s" % (name, name))
        self.through[name] = "python"
        return "Holder_%s().method(2)" % name, [name]

    def write_initializer(self, name, children):
        self.define(name, children, "def {}(self, n):", last="pass")
        self.put("class Holder_%s: __init__ = %s" % (name, name))
        return "Holder_%s(3)" % name, [name]

    def write_attribute(self, name, children):
        self.define(name, children, "def {}(self, n=4):")
        self.put("class Holder_%s: attribute = property(%s)" % (name, name))
        return "Holder_%s().attribute" % name, [name]

    def write_generator(self, name, children):
        self.define(name, children, between="yield n", last="yield n")
        return "for v0 in %s(5): pass" % name, [name]

    def write_coroutine(self, name, children):
        inner, drive = name + "_inner", name + "_drive"
        self.define(inner, children, "async def {}(n):")
        first = self.put("async def %s(n):" % name)
        self.enter(name, self.put("    n = await %s(n)" % inner), [inner])
        self.lines[name] = [first, self.put("    return n")]
        first = self.put("def %s(n):" % drive)
        # From 3.11 on a coroutine makes itself: its function is entered where it is called, too.
        self.enter(drive, self.put("    c = %s(n)" % name), [name])
        self.put("    try:")
        self.enter(drive, self.put("        c.send(None)"), [name])
        self.lines[drive] = [first, self.put("    except StopIteration as end:", "        return end.value")]
        return drive + "(6)", [drive]

    def write_raises(self, name, children):
        thrower = name + "_thrower"
        self.define(thrower, [], last="raise KeyError(n)")
        self.through[thrower] = "python"
        first = self.put("def %s(n):" % name)
        self.put("    try:")
        self.enter(name, self.put("        %s(n)" % thrower), [thrower])
        self.put("    except KeyError:")
        self.body(name, children, 8)
        self.lines[name] = [first, self.put("    return n")]
        return name + "(7)", [name]

    def write_context(self, name, children):
        enter, leave = name + "_enter", name + "_leave"
        self.define(enter, [], "def {}(n):")
        self.define(leave, [], "def {}(n, *error):", last="return True")
        self.put("class Holder_%s: __enter__, __exit__ = %s, %s" % (name, enter, leave))
        first = self.put("def %s(n):" % name)
        self.enter(name, self.put("    with Holder_%s():" % name), [enter, leave])
        self.body(name, children, 8)
        # Until 3.7 the block is left by its last line, later by the with statement's.
        self.enter(name, self.put("        if n: raise KeyError(n)"), [leave])
        self.lines[name] = [first, self.put("    return n")]
        return name + "(8)", [name]

    def write_recursive(self, name, children):
        first = self.put("def %s(n):" % name)
        self.put("    if n > 0:")
        self.enter(name, self.put("        return %s(n - 1)" % name), [name])
        self.body(name, children, 4)
        self.lines[name] = [first, self.put("    return n")]
        self.through[name] = "python"
        return "%s(%d)" % (name, self.random.choice((1, 3, 9))), [name]

    def write_sorts(self, name, children):
        self.define(name, children)
        self.through[name] = "c"
        return "sorted((2, 1), key=%s)" % name, [name]

    def write_maps(self, name, children):
        self.define(name, children)
        self.through[name] = "c"
        return "list(map(%s, (1, 2)))" % name, [name]

    def write_closure(self, name, children):
        maker = name + "_maker"
        start = self.put("def %s(n):" % maker)
        first = self.put("    m = n", "    def %s(n):" % name)
        self.body(name, children, 8)
        self.lines[name] = [first, self.put("        return m + n")]
        last = self.put("    return %s(n)" % name)
        self.lines[maker] = [start, last]
        self.enter(maker, last, [name])
        self.through[name] = self.through[maker] = "python"
        return maker + "(9)", [maker]

    def write_classbody(self, name, children):
        maker = name + "_maker"
        start = self.put("def %s(n):" % maker)
        first = self.put("    class %s:" % name)
        self.enter(maker, first, [name])
        self.body(name, children, 8)
        self.lines[name] = [first, len(self.text)]
        self.lines[maker] = [start, self.put("    return n")]
        self.through[name] = "c"
        return maker + "(10)", [maker]

    def write_cycles(self, name, children):
        """Garbage that only a collection frees, with a finalizer."""
        self.define(name, children, last="Cycle()")
        self.through[name] = "python"
        # What Cycle() runs: its initializer.
        self.enter(name, self.lines[name][1], ["cycle_begins"])
        return name + "(11)", [name]


def spin(count):
    for number in range(count):
        number * number


def on_signal(number, frame):
    spin(20)


def on_collection(phase, info):
    spin(10)


def on_deletion(cycle):
    spin(5)


def cycle_begins(cycle):
    cycle.self = cycle


class Cycle:
    __init__ = cycle_begins
    __del__ = on_deletion


def own_lines():
    """The functions of this file: entered by name from wherever, their lines as the code objects have them."""
    lines = {}
    for function in (spin, on_signal, on_collection, on_deletion, cycle_begins, drive, churn, churned, make, main, over):
        first = function.__code__.co_firstlineno
        lines[function.__name__] = [first, first + 12]
    return lines


ending = False
gate = _thread.allocate_lock()  # held until all begins


def over():
    return select.select([0], [], [], 0)[0] and not os.read(0, 100)


def drive(root):
    with gate:
        pass
    while not ending:
        root(3)


def churned(lock, root):
    root(2)
    lock.release()


def churn(root):
    lock = _thread.allocate_lock()
    with gate:
        pass
    while not ending:
        lock.acquire()
        _thread.start_new_thread(churned, (lock, root))


def make(leaves):
    """Code that lives for microseconds, each piece of it with a function of its own that it alone may call."""
    draw = random.Random(3)
    with gate:
        pass
    while not ending:
        number = int(draw.random() * len(leaves))
        text = "\n" * number + "def made_%d(leaf):\n    leaf(9)\n" % number
        space = {}
        exec(compile(text, "generated.tree", "exec"), space)
        space["made_%d" % number](leaves[number])


def main(root):
    global ending
    os.read(0, 100)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    gate.release()
    rounds = 0
    while not over():
        for _ in range(20):
            root(1)
        rounds += 20
    ending = True
    return rounds


def begin(seed):
    """Writes and defines the trees: their root functions, and what is legal."""
    source, roots = Source(seed), []
    edges = {"spin": [[name, None] for name in ("on_signal", "on_collection", "on_deletion")],
             "over": [["main", None]], "make": [["run", None]], "<module>": [["make", None]], "drive": [["run", None]], "churn": [["run", None]], "main": [["<module>", None]],
             "run": [["_bootstrap_inner", None]], "_bootstrap_inner": [["_bootstrap", None]]}
    for caller, budget in (("main", 60), ("drive", 40), ("drive", 40), ("churned", 4)):
        statement, names = source.tree(budget)
        roots.append(statement[:statement.index("(")])
        edges.setdefault(names[0], []).append([caller, None])
    for number in range(MADE):
        source.define("leaf_%d" % number, [])
        source.lines["made_%d" % number] = [number + 1, number + 2]
        source.enter("made_%d" % number, number + 2, ["leaf_%d" % number])
        edges["made_%d" % number] = [["make", None]]
    space = {"Cycle": Cycle}
    exec(compile("\n".join(source.text) + "\n", "generated.tree", "exec"), space)
    for name, callers in source.edges.items():
        edges.setdefault(name, []).extend(callers)
    source.lines.update(own_lines())
    legal = {"lines": source.lines, "edges": edges, "through": source.through,
             "anywhere": ["on_signal", "on_collection", "on_deletion"], "roots": ["<module>", "_bootstrap", "churned"],
             "version": list(sys.version_info[:3])}
    return [space[name] for name in roots], [space["leaf_%d" % number] for number in range(MADE)], legal


if __name__ == "__main__":
    functions, leaves, legal = begin(int((sys.argv + ["1"])[1]))
    gc.set_threshold(30)
    gc.callbacks.append(on_collection)
    sys.setswitchinterval(0.0005)
    signal.signal(signal.SIGALRM, on_signal)
    gate.acquire()
    threads = [threading.Thread(target=drive, args=(functions[1],)), threading.Thread(target=drive, args=(functions[2],)),
               threading.Thread(target=churn, args=(functions[3],))]
    if sys.argv[2:] == ["made"]:
        threads.append(threading.Thread(target=make, args=(leaves,)))
    for thread in threads:
        thread.start()
    print("ready " + json.dumps(legal), flush=True)
    answer = {"rounds": main(functions[0])}
    signal.setitimer(signal.ITIMER_REAL, 0)
    for thread in threads:
        thread.join()
    print("answer " + json.dumps(answer))
