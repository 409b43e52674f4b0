# SPDX-License-Identifier: BSD-2-Clause
"""half_closed.py PORT COUNT: on "go", connects COUNT times, says it has no more to send, and reads the answer only when the
kernel is done with the connection (both ends have closed, the data still waits)."""
import socket
import sys
import time

port, count = int(sys.argv[1]), int(sys.argv[2])
print("ready {}", flush=True)
sys.stdin.readline()
got = 0
for _ in range(count):
    connection = socket.create_connection(("127.0.0.1", port))
    connection.shutdown(socket.SHUT_WR)
    time.sleep(0.02)
    while chunk := connection.recv(3):
        got += len(chunk)
    connection.close()
print("done", flush=True)
sys.stdin.readline()
print('answer {"bytes": %d}' % got, flush=True)
