# SPDX-License-Identifier: BSD-2-Clause
"""On "go" makes COUNT connections in one of the ways there are, then says "done" and waits for its stdin to close.

usage: dials.py WAY WHERE COUNT      WHERE: a port of 127.0.0.1, a UNIX socket's path, or @NAME (abstract)

plain         connect, say a word, close                 kept          connect, never close
shut          shutdown() before close                    duplicated    close one of two descriptors, then the other
forked        a child closes its copy first, then we     passed        sent to another process, which closes last
nonblocking   connect_ex() without waiting for it        absent        nobody listens there
silent        connect and close without a word           half          the peer's end is read before closing
late          connect() that times out                   interrupted   one that a signal breaks off
early         closed before it is established            refused       without waiting, then told that nobody is there
reset         connect, say a word, break it off
"""
import array
import errno
import json
import os
import select
import signal
import socket
import struct
import sys

WORD = b"hello, there\r\n"


def address(where):
    return ("127.0.0.1", int(where)) if where.isdigit() else where.replace("@", "\0", 1) if where[0] == "@" else where


def fresh(where):
    return socket.socket(socket.AF_INET if where.isdigit() else socket.AF_UNIX, socket.SOCK_STREAM)


def dial(where):
    connection = fresh(where)
    connection.connect(address(where))  # dials here
    return connection


def plain(where, kept):
    connection = dial(where)
    connection.sendall(WORD)
    close(connection)


def silent(where, kept):
    dial(where).close()


def keep(where, kept):
    kept.append(dial(where))
    kept[-1].sendall(WORD)


def shut(where, kept):
    connection = dial(where)
    connection.sendall(WORD)
    connection.shutdown(socket.SHUT_RDWR)
    close(connection)


def reset(where, kept):
    connection = dial(where)
    connection.sendall(WORD)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    close(connection)


def duplicated(where, kept):
    connection = dial(where)
    second = connection.dup()
    connection.sendall(WORD)
    connection.close()
    close(second)


def forked(where, kept):
    connection = dial(where)
    child = os.fork()
    if not child:
        connection.close()
        os._exit(0)
    os.waitpid(child, 0)
    connection.sendall(WORD)
    close(connection)


def passed(where, kept):
    """The one who got it closes last, and is no child of ours: it was started by the test."""
    connection = dial(where)
    kept[0].sendmsg([b"!"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [connection.fileno()]))])
    connection.close()
    kept[0].recv(1)


def nonblocking(where, kept):
    connection = fresh(where)
    connection.setblocking(False)
    code = connection.connect_ex(address(where))
    if code not in (0, errno.EINPROGRESS):
        raise OSError(code, os.strerror(code))
    select.select([], [connection], [])
    connection.send(WORD)
    close(connection)


def absent(where, kept):
    connection = fresh(where)
    try:
        connection.connect(address(where))  # nobody is there
    except OSError:
        pass
    connection.close()


def half(where, kept):
    connection = dial(where)
    connection.sendall(WORD)
    while connection.recv(100):
        pass
    close(connection)


def late(where, kept):
    connection = fresh(where)
    connection.settimeout(0.01)
    fails(connection, where)


def interrupted(where, kept):
    connection = fresh(where)
    signal.signal(signal.SIGALRM, break_off)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    fails(connection, where)


def break_off(number, frame):
    raise OSError(errno.EINTR, "broken off")


def fails(connection, where):
    try:
        connection.connect(address(where))
    except OSError:
        connection.close()
        return
    raise SystemExit("somebody is there")


def early(where, kept):
    connection = fresh(where)
    connection.setblocking(False)
    if connection.connect_ex(address(where)) != errno.EINPROGRESS:
        raise SystemExit("not on its way")
    connection.close()


def refused(where, kept):
    connection = fresh(where)
    connection.setblocking(False)
    if connection.connect_ex(address(where)) not in (errno.EINPROGRESS, errno.ECONNREFUSED):
        raise SystemExit("not on its way")
    select.select([], [connection], [])
    connection.close()


def close(connection):
    connection.close()  # closes here


WAYS = {"plain": plain, "kept": keep, "shut": shut, "duplicated": duplicated, "forked": forked, "passed": passed,
        "nonblocking": nonblocking, "absent": absent, "silent": silent, "half": half, "reset": reset,
        "late": late, "interrupted": interrupted, "early": early, "refused": refused}


def main():
    way, where, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    kept = [socket.socket(fileno=int(os.environ["PASS_TO"]))] if way == "passed" else []
    with open(__file__, encoding="utf-8") as source:
        lines = {mark: number for number, text in enumerate(source, 1) for mark in ("dials", "closes")
                 if text.rstrip().endswith(f"# {mark} here")}
    print("ready " + json.dumps(lines), flush=True)
    sys.stdin.readline()
    for _ in range(count):
        WAYS[way](where, kept)
    print("done", flush=True)
    sys.stdin.read()
    print("answer " + json.dumps({"made": count, "word": len(WORD)}), flush=True)


if __name__ == "__main__":
    main()
