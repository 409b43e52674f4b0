# SPDX-License-Identifier: BSD-2-Clause
"""connprof top in a real terminal (tmux): its views, keys, sizes, and a target that ends."""
import atexit
import re
import shutil
import subprocess

import live
import services
from live import case, expect


class Terminal:
    """A terminal of so many columns and lines that runs one command."""

    def __init__(self, *command, columns=120, lines=30):
        self.tmux = [shutil.which("tmux") or live.missing("tmux"), "-S", str(live.folder() / "tmux"), "-f", "/dev/null"]
        atexit.register(self.close)
        line = " ".join(map(str, command))
        self.call("new-session", "-d", "-x", str(columns), "-y", str(lines), "-c", str(live.folder()),
                  f"env LC_ALL=C.UTF-8 {line}; echo status=$?; exec cat")

    def call(self, *arguments):
        return subprocess.run([*self.tmux, *arguments], capture_output=True, text=True, check=False).stdout

    def screen(self):
        return self.call("capture-pane", "-p")

    def keys(self, *keys):
        self.call("send-keys", *keys)

    def wait(self, what, seconds=20):
        try:
            live.wait_for(lambda: what in self.screen(), what, seconds)
        except live.Failed:
            raise live.Failed(f"'{what}' is not on the screen:\n{self.screen()}") from None

    def close(self):
        self.call("kill-server")


@case
def views_keys_and_sizes():
    _, redis_port = services.redis_server()
    process, ready = services.service("leaky", redis_port)
    load = services.Load(ready["port"])
    terminal = Terminal(live.CONNPROF, "top", "-p", process.pid, columns=160)
    terminal.wait("(redis/connection.py:")
    terminal.keys("2")
    terminal.wait("(connection-per-request)")
    expect("! redis" in terminal.screen(), f"the finding is not marked:\n{terminal.screen()}")
    expect("service.py" in terminal.screen(), f"the call site is not named:\n{terminal.screen()}")
    terminal.keys("3")
    terminal.wait("###")
    terminal.call("resize-window", "-x", "80", "-y", "24")
    terminal.keys("Tab")
    terminal.wait("function")
    lines = terminal.screen().splitlines()
    expect(len(lines) <= 24 and max(map(len, lines)) <= 80 and lines[-1].startswith("Tab or 1-3"), f"not 80x24:\n{terminal.screen()}")
    expect(re.search(r"\d requests \(\d+/s\) .* over 0.5 s: \d", lines[1]) and re.match(r"\d+ connections \(\d+/s\)$", lines[2]),
           f"the numbers above are cut:\n{terminal.screen()}")
    terminal.keys("w")
    terminal.wait("wrote connprof-")
    terminal.keys("p")
    terminal.wait("paused")
    expect(load.stop() > 20, "the load did not run")
    terminal.keys("q")
    terminal.wait("status=0")
    recording = next(live.folder().glob("connprof-*.pb.gz"))
    result = live.connprof("report", recording, "-f", "folded").expect_status(0)
    expect("service.py" in result.out, f"the recording does not hold the service: {result}")
    terminal.close()


@case
def target_that_ends_is_said_and_stays_on_the_screen():
    process, _ = live.workload("loop")
    terminal = Terminal(live.CONNPROF, "top", "-p", process.pid)
    terminal.wait("main")
    process.kill()
    process.wait()
    terminal.wait("the target has ended")
    expect("main" in terminal.screen(), f"what was seen is gone:\n{terminal.screen()}")
    terminal.keys("q")
    terminal.wait("status=0")
    terminal.close()


@case
def no_terminal_is_a_usage_error():
    process, _ = live.workload("loop")
    live.connprof("top", "-p", process.pid).expect_error(2, "not a terminal", "diagnose")


if __name__ == "__main__":
    live.main()
