# SPDX-License-Identifier: BSD-2-Clause
"""Does nothing until its stdin is closed."""
import sys

print("ready {}", flush=True)
sys.stdin.read()
print('answer {"done": true}')
