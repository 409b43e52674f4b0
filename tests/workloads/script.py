# SPDX-License-Identifier: BSD-2-Clause
"""A script that connects soon, and comes to its end soon after the last: its interpreter frees its code, bit by bit.

usage: script.py PORT TIMES
"""
import socket
import sys
import time

time.sleep(0.1)  # nothing happens that would tell of its interpreter
for _ in range(int(sys.argv[2])):
    socket.create_connection(("127.0.0.1", int(sys.argv[1]))).close()
    time.sleep(0.08)
