# SPDX-License-Identifier: BSD-2-Clause
"""The demo's leaky service with nginx in front, under the demo's Python: says "ready JSON", runs until standard input closes."""
import json
import sys

from demo import services
from demo.children import Children

if __name__ == "__main__":
    children = Children(sys.argv[1])
    try:
        redis_port, _ = services.start_data(children)
        master, port = services.start_service(children, "leaky", redis_port)
        _, front = services.start_nginx(children, "nginx", port)
        print("ready " + json.dumps({"pid": master.pid, "port": front}), flush=True)
        sys.stdin.read()
    finally:
        children.stop_all()
