# SPDX-License-Identifier: BSD-2-Clause
"""Which pool opened a connection: a new one each time, or one that all requests share, is told from the pool object itself, with
real redis-py in many versions of CPython. The truth is the service's own: where its mode makes pools, and how many it made."""
import shutil
import time

import cpythons
import live
import services
from live import cases_for, expect

POOLS_TOLD_MAX = 512  # profiler/model/pools.h
OWN_SHARE = 0.9

SYSTEM = cpythons.Python("system", None)  # the venv's own


def redis_py(python):
    """(interpreter, folders of redis-py) for a Python."""
    name, path = python
    if not live.VENV_PYTHON.exists():
        live.missing(f"{live.VENV_PYTHON} (make deps)")
    if name == "system":
        return str(live.VENV_PYTHON), []
    if name in ("3.6", "3.7"):
        folder = live.BUILD / "venv" / "old"
        if not folder.exists():
            live.missing(f"{folder} (make {live.BUILD}/venv/.old)")
        return path, [folder]
    folders = list((live.BUILD / "venv" / "lib").glob("python3*/site-packages"))
    root, inside, _ = path.partition("/usr/bin/")
    if not root or not inside:
        return path, folders
    copy = "/tmp/connprof-redis"  # an interpreter in a root file system of its own sees no other
    shutil.copytree(folders[0] / "redis", f"{root}{copy}/redis", dirs_exist_ok=True)
    return path, [copy]


def checked(mode, version, *options):
    """The service in that mode under load: (the result of check, the site of its Redis or None, pools made for requests)."""
    _, redis_port = services.redis_server()
    python, folders = redis_py(version)
    process, ready = live.workload("pools.py", mode, redis_port, *folders, python=python)
    load = services.Load(ready["port"], pause=0.01)
    time.sleep(0.3)
    result = live.connprof("check", "-p", process.pid, "-d", 3, "-f", "json", *options, timeout=30)
    load.stop()
    made = live.answer(process)["made"]
    report = live.check_json(result)
    sites = [site for site in report["sites"] if site["peer"] == f"127.0.0.1:{redis_port}"]
    return result, max(sites, key=lambda site: site["connects"]) if sites else None, made


def expect_finding(result, site, rule, cause):
    result.expect_status(1)
    expect(site and (site["rule"], site["cause"], site["attribution"]) == (rule, cause, "thread"), f"{site}")
    expect(site["pools"] and site["pools"]["connects"] >= 20, f"{site['pools']} of {site['connects']} connections")


def kept(result, site, made):
    expect_finding(result, site, "connection-leak", "unclosed")
    pools = site["pools"]
    expect(pools["connects"] == pools["distinct"] == min(site["connects"], POOLS_TOLD_MAX) and pools["distinct"] <= made,
           f"{pools} for {site['connects']} connections, {made} pools made")
    expect(pools["shared"] is False, f"{pools}")


def thrown(result, site, made):
    expect_finding(result, site, "connection-per-request", "throw-away-client")
    pools = site["pools"]
    expect(1 < pools["distinct"] <= min(made, POOLS_TOLD_MAX), f"{pools}, {made} pools made")
    expect(pools["shared"] is (False if pools["distinct"] >= OWN_SHARE * pools["connects"] else None), f"no request shared one: {pools}")


def shared(site, made):
    expect(made == 0 and site["pools"] == {"connects": site["connects"], "distinct": 1, "shared": True}, f"one pool: {site}")


def dropped(result, site, made):
    expect_finding(result, site, "connection-per-request", "pool-dropped-it")
    shared(site, made)


def leaking(result, site, made):
    expect_finding(result, site, "connection-leak", "unclosed")
    shared(site, made)


def healthy(result, site, made):
    result.expect_status(0)
    expect(site is None or (site["rule"] is None and site["connects"] <= 10), f"{site}")
    expect(made == 0, f"{made}")


TRUTHS = {"thrown": thrown, "leaking": leaking, "healthy": healthy}


# Where each version keeps `self` is asked of all of them in tests/unit/runtime/test_cpython.c; these are those that keep it differently.
@cpythons.on_pythons("3.6", "3.10", "3.12", "3.15", "system")
def a_pool_each_time_is_told(python):
    kept(*checked("kept", python))


@cpythons.on_pythons("3.7", "3.13", "3.14", "system")
def a_shared_pool_that_drops_is_told(python):
    dropped(*checked("dropped", python))


@cases_for(["thrown", "leaking", "healthy"])
def pools_are_told_apart(mode):
    TRUTHS[mode](*checked(mode, SYSTEM))


@cases_for(["kept", "leaking"])
def a_recording_says_the_same_and_in_words(mode):
    words = {"kept": "opened by a pool of its own", "leaking": "The requests share their pool: 1 pool that did not get them back"}
    _, redis_port = services.redis_server()
    python, folders = redis_py(SYSTEM)
    process, ready = live.workload("pools.py", mode, redis_port, *folders, python=python)
    load = services.Load(ready["port"], pause=0.01)
    time.sleep(0.3)
    recording = live.folder() / "pools.pb.gz"
    events = live.folder() / "pools.events.jsonl"
    live.connprof("diagnose", "-p", process.pid, "-d", 3, "--events", events, "-f", "pprof", "-o", recording, timeout=30).expect_status(0)
    load.stop()
    live.answer(process)
    told = [live.connprof("report", path, "--view", "verdict", "-f", "json", "-o", "-") for path in (recording, events)]
    first, second = (max(live.check_json(result.expect_status(1))["sites"], key=lambda site: site["connects"]) for result in told)
    expect(first["pools"] and first["pools"] == second["pools"], f"{first['pools']} and {second['pools']}")
    expect(first["pools"]["shared"] is (mode == "leaking"), f"{first['pools']}")
    text = live.connprof("report", recording, "--view", "verdict", "-o", "-").expect_status(1).out
    expect(words[mode] in " ".join(text.split()), f"not in words: {text}")


if __name__ == "__main__":
    live.main()
