# SPDX-License-Identifier: BSD-2-Clause
"""Debug info from a server: asked for what is missing where the user has named one, and never otherwise."""
import http.server
import os
import re
import shutil
import subprocess
import threading

import live
from live import case, expect


class Server:
    """A debuginfod server on loopback that has one file."""

    def __init__(self, build_id, debug_file):
        self.asked = []
        content = debug_file.read_bytes()
        asked = self.asked

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # pylint: disable=invalid-name
                asked.append(self.path)
                found = self.path == f"/buildid/{build_id}/debuginfo"
                self.send_response(200 if found else 404)
                self.send_header("Content-Length", str(len(content) if found else 0))
                self.end_headers()
                if found:
                    self.wfile.write(content)

            def log_message(self, *_arguments):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"

    def close(self):
        self.http.shutdown()
        self.http.server_close()


def stripped_program():
    """The workload split without its symbols, their debug file elsewhere, and its build-id."""
    program, debug = live.folder() / "split", live.folder() / "kept" / "debug"
    debug.parent.mkdir()
    shutil.copy(live.WORKLOADS / "split", program)
    notes = subprocess.run(["readelf", "-n", program], capture_output=True, text=True, check=True).stdout
    subprocess.run(["objcopy", "--only-keep-debug", program, debug], check=True)
    subprocess.run(["strip", "-s", program], check=True)
    return program, debug, re.search(r"Build ID: ([0-9a-f]+)", notes).group(1)


def recorded(program, environment):
    process = live.start(program)
    live.ready_line(process)
    path = live.folder() / "out.folded"
    result = live.connprof("record", "-v", "-p", process.pid, "-d", 1, "-r", "199", "-o", path,
                           env=dict(os.environ, **environment)).expect_status(0)
    folded = live.Folded(path.read_text())
    folded.summary = result.err
    return folded


def named(folded):
    return folded.share(lambda frames: any(re.search(r"^(alpha|beta|gamma_work) \(\S*split\.c:\d+\)", frame) for frame in frames))


@case
def server_that_is_named_gives_names_and_lines():
    program, debug, build_id = stripped_program()
    server = Server(build_id, debug)
    cache = live.folder() / "cache"
    try:
        folded = recorded(program, {"DEBUGINFOD_URLS": server.url, "DEBUGINFOD_CACHE_PATH": str(cache)})
        if "client is not installed" in folded.summary:
            live.missing("libdebuginfod1")
        expect(named(folded) > 0.9, f"not named: {server.asked} {folded.summary} {folded}")
        expect(f"/buildid/{build_id}/debuginfo" in server.asked, f"asked for {server.asked}")
        expect(all(re.fullmatch(r"/buildid/[0-9a-f]+/debuginfo", path) for path in server.asked), f"asked for {server.asked}")
    finally:
        server.close()
    again = recorded(program, {"DEBUGINFOD_URLS": server.url, "DEBUGINFOD_CACHE_PATH": str(cache)})
    expect(named(again) > 0.9, f"not named from the cache, with the server gone: {again.summary} {again}")


@case
def server_that_is_not_named_is_not_asked():
    program, debug, build_id = stripped_program()
    server = Server(build_id, debug)
    try:
        folded = recorded(program, {"DEBUGINFOD_URLS": ""})
    finally:
        server.close()
    expect(not server.asked and named(folded) == 0, f"asked for {server.asked}: {folded}")


@case
def server_that_lies_is_not_believed():
    program, _, build_id = stripped_program()
    server = Server(build_id, live.WORKLOADS / "deep")  # an ELF file with debug info, of another build
    try:
        folded = recorded(program, {"DEBUGINFOD_URLS": server.url, "DEBUGINFOD_CACHE_PATH": str(live.folder() / "cache")})
    finally:
        server.close()
    if "client is not installed" in folded.summary:
        live.missing("libdebuginfod1")
    expect(f"/buildid/{build_id}/debuginfo" in server.asked, f"asked for {server.asked}")
    expect(not any("deep.c" in frame for frames, _ in folded.stacks for frame in frames), f"another build's lines: {folded}")


if __name__ == "__main__":
    live.main()
