# SPDX-License-Identifier: BSD-2-Clause
"""What connprof costs the demo's own service: gunicorn behind nginx under ab, 5 commands to Redis a request, a saturated machine."""
import os
import subprocess
import sys
import time

import measure
from measure import live

sys.path.insert(0, str(measure.HERE.parent / "services"))

WINDOW_SECONDS = 2.0
CALLERS = 16


class Story:
    """The service's fixed variant under load until the end of the `with`."""

    def __enter__(self):
        os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/bin"])
        from demo import services  # wants the venv's redis-py
        from demo.children import Children
        self.children = Children(str(live.folder()))
        redis_port, _ = services.start_data(self.children)
        self.master, port = services.start_service(self.children, "fixed", redis_port)
        _, front = services.start_nginx(self.children, "nginx", port)
        self.redis = services.connect(redis_port)
        self.load = subprocess.Popen(["ab", "-q", "-l", "-r", "-t", "600", "-n", "100000000", "-c", str(CALLERS),
                                      f"http://127.0.0.1:{front}/recommend?user=17"],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1.5)
        return self

    def __exit__(self, *_):
        self.load.kill()
        self.load.wait()
        self.children.stop_all()
        live.clean_up()

    def commands(self):
        """Redis counts the work done: each request asks it the same."""
        return self.redis.info("stats")["total_commands_processed"]

    def rate(self):
        commands, cpu, started = self.commands(), measure.cpu_seconds(self.master.pid), time.monotonic()
        time.sleep(WINDOW_SECONDS)
        done, used = self.commands() - commands, measure.cpu_seconds(self.master.pid) - cpu
        return {"requests a CPU second": done / used, "requests a second": done / (time.monotonic() - started)}
