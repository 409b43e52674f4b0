# SPDX-License-Identifier: BSD-2-Clause
"""Every format is read by the programs it is made for: flamegraph.pl, Chromium, speedscope's schema, go tool pprof."""
# LIMIT_SECONDS = 300
import html
import json
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as tree

import live
from live import bare, case, expect

CHROMIUM_FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                  "--disable-background-networking", "--disable-component-update", "--disable-sync"]
# Older flamegraph.pl draws <module> as (module).
MODULE = r"[<(]module[)>]"
PLACES = ["/usr/share/perl5/Devel/NYTProf", "/usr/share/flamegraph", "/usr/lib/x86_64-linux-gnu/perl5"]


def flamegraph_script():
    found = shutil.which("flamegraph.pl")
    for place in [os.environ.get("FLAMEGRAPH_DIR", ""), *PLACES]:
        if not found and place and os.path.exists(f"{place}/flamegraph.pl"):
            found = f"{place}/flamegraph.pl"
    return found or live.missing("flamegraph.pl (libdevel-nytprof-perl)")


def recording(name, seconds=2):
    """Records mixed.py once into the recording format; returns its path."""
    process, _ = live.workload("mixed.py")
    path = live.folder() / name
    live.connprof("record", "-p", process.pid, "-d", seconds, "-o", path).expect_status(0)
    live.answer(process)
    return path


def rendered(path, name, *arguments):
    out = live.folder() / name
    live.connprof("report", path, "-o", out, *arguments).expect_status(0)
    return out


@case
def flamegraph_script_accepts_the_folded_file():
    script = flamegraph_script()
    folded = rendered(recording("r.pb.gz"), "r.folded")
    drawn = subprocess.run(["perl", script, str(folded)], capture_output=True, text=True, check=False)
    expect(drawn.returncode == 0 and not drawn.stderr.strip(), f"status {drawn.returncode}: {drawn.stderr}")
    for name in ("leaf", "key", "outer", MODULE):
        expect(re.search(rf"<title>\S*{name} ", html.unescape(drawn.stdout)), f"{name} is not in what the script drew")
    total = live.Folded(folded.read_text()).total
    expect(re.search(rf"<title>all \({total:,} samples, 100%\)", drawn.stdout), f"the script did not count {total} samples")


@case
def svg_opens_in_chromium_and_holds_the_frames():
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or live.missing("chromium")
    svg = rendered(recording("r.pb.gz"), "r.svg")
    dump = subprocess.run([browser, *CHROMIUM_FLAGS, f"--user-data-dir={live.folder()}/browser", "--dump-dom",
                           f"file://{svg}"], capture_output=True, text=True, timeout=60, check=False)
    expect("<svg" in dump.stdout and "parsererror" not in dump.stdout, f"not an SVG document: {dump.stdout[:500]}")
    titles = [html.unescape(title) for title in re.findall(r"<title>([^<]*)</title>", dump.stdout)]
    for name in ("leaf", "key", "outer", "middle", "method", "main", MODULE):
        expect(any(re.match(rf"(\S+\.)?{name} \(", title) for title in titles), f"{name} is not in the DOM: {titles}")
    expect(len(re.findall(r"<rect", dump.stdout)) > 7, "no rectangles")


@case
def svg_is_well_formed_and_says_what_it_shows():
    root = tree.parse(rendered(recording("r.pb.gz"), "r.svg")).getroot()
    expect(root.tag == "{http://www.w3.org/2000/svg}svg", root.tag)
    text = " ".join(root.itertext())
    expect("mixed.py" in text or "python" in text, "the title does not name the target")


@case
def speedscope_file_is_consistent():
    document = json.loads(rendered(recording("r.pb.gz"), "r.speedscope.json").read_text())
    expect(set(document) >= {"$schema", "shared", "profiles"}, f"{set(document)}")
    expect(document["$schema"] == "https://www.speedscope.app/file-format-schema.json", document["$schema"])
    frames = document["shared"]["frames"]
    for frame in frames:
        expect(set(frame) <= {"name", "file", "line", "col"} and isinstance(frame["name"], str), f"{frame}")
        expect(isinstance(frame.get("line", 1), int) and isinstance(frame.get("file", ""), str), f"{frame}")
    expect(document["profiles"], "no profiles")
    seen = set()
    for profile in document["profiles"]:
        expect(profile["type"] == "sampled", profile["type"])
        expect(set(profile) == {"type", "name", "unit", "startValue", "endValue", "samples", "weights"}, f"{set(profile)}")
        expect(profile["unit"] in ("none", "nanoseconds", "microseconds", "milliseconds", "seconds", "bytes"), profile["unit"])
        expect(len(profile["samples"]) == len(profile["weights"]) > 0, "samples and weights differ in number")
        expect(all(0 <= index < len(frames) for stack in profile["samples"] for index in stack), "a frame index is out of range")
        span = profile["endValue"] - profile["startValue"]
        expect(abs(sum(profile["weights"]) - span) <= 1e-6 * span, f"weights {sum(profile['weights'])}, span {span}")
        for stack in profile["samples"]:
            names = [bare(frames[index]["name"]).rpartition(".")[2] for index in stack]
            seen.update(names)
            if "leaf" in names:
                expect(names.index("main") < names.index("key") < names.index("leaf"), f"not root first: {names}")
    expect({"<module>", "leaf", "key"} <= seen, f"{seen}")


@case
def speedscope_file_fits_the_published_schema():
    if not shutil.which("npm"):
        live.unable("no npm here to bring the published schema (the consistency case stands alone)")
    python = next((p for p in (live.sys.executable, "/usr/bin/python3") if subprocess.run(
        [p, "-c", "import jsonschema"], capture_output=True, check=False).returncode == 0), None)
    if not python:
        live.unable("no Python jsonschema here (the consistency case stands alone)")
    cache = live.BUILD / "speedscope"
    schema = cache / "node_modules/speedscope/dist/release/file-format-schema.json"
    if not schema.exists():
        cache.mkdir(parents=True, exist_ok=True)
        brought = subprocess.run(["npm", "install", "--silent", "--no-save", "--ignore-scripts", "speedscope@1.25.0"],
                                 cwd=cache, capture_output=True, text=True, timeout=90, check=False)
        if not schema.exists():
            live.unable(f"npm brought no speedscope: {brought.stderr.strip()[-200:]}")
    document = rendered(recording("r.pb.gz"), "r.speedscope.json")
    code = "import json,jsonschema,sys; jsonschema.validate(*[json.load(open(p)) for p in sys.argv[1:]])"
    validated = subprocess.run([python, "-c", code, str(document), str(schema)], capture_output=True, text=True, check=False)
    expect(validated.returncode == 0, validated.stderr[-1500:])


def go_pprof(path, *arguments):
    go = shutil.which("go") or live.missing("go (golang-go)")
    # Newer Go builds its pprof at first use: what it builds is kept for the next run.
    env = dict(os.environ, PPROF_TMPDIR=str(live.folder()), GOTOOLCHAIN="local", GOFLAGS="-mod=mod",
               GOCACHE=str((live.BUILD / "go-cache").resolve()))
    shown = subprocess.run([go, "tool", "pprof", *arguments, str(path)], capture_output=True, text=True, env=env,
                           cwd=live.folder(), timeout=280, check=False)
    expect(shown.returncode == 0, f"go tool pprof: {shown.stderr}")
    return shown.stdout


@case
def go_tool_pprof_reads_the_recording():
    path = recording("r.pb.gz")
    total = live.Folded(rendered(path, "r.folded").read_text()).total
    top = go_pprof(path, "-top", "-sample_index=samples")
    expect(re.search(r"^\s+\d+\s+[\d.]+%\s+[\d.]+%\s+\d+\s+[\d.]+%\s+(\S+\.)?leaf\b", top, re.M), top[:2000])
    found = re.search(r"of (\d+) total|Total samples = (\d+)|Showing nodes accounting for (\d+)", top)
    expect(found and max(int(n) for n in found.groups() if n) <= total, f"{top[:400]} for {total} samples")
    raw = go_pprof(path, "-raw")
    for name in ("<module>", "leaf", "key"):
        expect(re.search(rf" (\S+\.)?{name} \S*mixed\.py:\d+", raw), f"{name} with its line is not in the recording: {raw[:3000]}")


@case
def recording_read_back_renders_the_same():
    process, _ = live.workload("mixed.py")
    direct = live.folder() / "direct.folded"
    live.connprof("record", "-p", process.pid, "-d", 1, "-o", "r.pb.gz").expect_status(0)
    live.answer(process)
    path = live.folder() / "r.pb.gz"
    first = rendered(path, "first.folded").read_text()
    live.connprof("report", path, "-f", "pprof", "-o", "again.pb.gz").expect_status(0)
    expect(rendered(live.folder() / "again.pb.gz", "second.folded").read_text() == first, "the second reading differs")
    expect(not direct.exists(), "a file nobody asked for")


@case
def aliases_and_extensions_name_the_formats():
    path = recording("r.pb.gz", 1)
    plain = live.connprof("report", path, "-f", "folded", "-o", "-").expect_status(0).out
    expect(live.connprof("report", path, "-f", "raw", "-o", "-").expect_status(0).out == plain, "raw is not folded")
    expect(rendered(path, "x.folded").read_text() == plain, ".folded is not folded")
    expect(live.connprof("report", path, "-f", "flamegraph", "-o", "-").expect_status(0).out.lstrip().startswith("<?xml"), "flamegraph")


@case
def hostile_names_cannot_break_a_format():
    # A thread's name and a perf map are the target's own words: quotes, markup, newlines, escapes, semicolons, numbers.
    code = ("import ctypes, json, os, select, sys\n"
            "name = b'\\x1b[31m<b>;\"& 7'\nctypes.CDLL(None).prctl(15, name, 0, 0, 0)\n"
            "def burn():\n    total = 0\n    for n in range(200000):\n        total += n\n"
            "print('ready {}', flush=True)\nwhile not select.select([sys.stdin], [], [], 0)[0]:\n    burn()\nprint('answer {}')\n")
    script = live.folder() / "a;b<&\"\x1b[1m 42.py"
    script.write_text(code)
    process = live.start(live.sys.executable, script)
    live.ready_line(process)
    live.connprof("record", "-t", "-p", process.pid, "-d", 1, "-o", "h.pb.gz").expect_status(0)
    path = live.folder() / "h.pb.gz"
    for arguments in ([], ["-t"]):
        folded = rendered(path, "h.folded", *arguments).read_text()
        expect(live.Folded(folded).total > 20 and "\x1b" not in folded, f"{folded[:500]!r}")
        for frames, _ in live.Folded(folded).stacks:
            expect(not any(re.search(r" \d+$", frame) for frame in frames), f"a frame ends in a number: {frames}")
        tree.parse(rendered(path, "h.svg", *arguments))
        json.loads(rendered(path, "h.speedscope.json", *arguments).read_text())
    dump = live.connprof("dump", "-p", process.pid).expect_status(0)
    expect("\x1b" not in dump.out, f"an escape sequence reaches the terminal: {dump.out!r}")


@case
def damaged_recordings_are_refused_in_words():
    path = recording("r.pb.gz", 1)
    data = path.read_bytes()
    samples = {"empty": b"", "cut": data[:len(data) // 2], "text": b"hello\n" * 50, "flipped": bytes(
        b ^ 0x55 if n % 97 == 50 else b for n, b in enumerate(data))}
    for name, content in samples.items():
        bad = live.folder() / f"{name}.pb.gz"
        bad.write_bytes(content)
        result = live.connprof("report", bad, "-f", "folded", "-o", "-")
        result.expect_error((2, 3), f"{name}.pb.gz")
    live.connprof("report", "absent.pb.gz", "-o", "-").expect_error(3, "absent.pb.gz", "No such file")


@case
def events_written_while_recording_replay_to_the_same_picture():
    process, _ = live.workload("mixed.py")
    live.connprof("record", "-p", process.pid, "-d", 1, "--events", "e.events.jsonl", "-o", "direct.folded").expect_status(0)
    replayed = rendered(live.folder() / "e.events.jsonl", "replayed.folded")
    expect(sorted(replayed.read_text().splitlines()) == sorted((live.folder() / "direct.folded").read_text().splitlines()),
           "the replay differs")


if __name__ == "__main__":
    live.main()
