# SPDX-License-Identifier: BSD-2-Clause
"""Burns CPU in plain code and in a C library, for an interpreter whose frames cannot be read."""
import select
import sys
import zlib

data = bytes(1 << 20)
print("ready {}", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    zlib.adler32(data)
    sum(number * 13 % 7 for number in range(2000))
print('answer {"done": true}')
