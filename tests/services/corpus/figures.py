# SPDX-License-Identifier: BSD-2-Clause
"""Precision and recall, per language, and every case with its result: the tables of docs/verdicts.md, from the results of all runs."""
import json
import platform
import time

import document
import live

PAGE = live.ROOT / "docs" / "verdicts.md"


def share(part, whole):
    return f"{part / whole:.3f}" if whole else "–"


def runs_of(case, results):
    path = results / f"{case.name.replace(':', '-')}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def language_row(language, cases, results):
    """A run of a guilty case that is not found (inconclusive too) is missed; one of an innocent case with a finding is a false alarm."""
    runs = [(case, run) for case in cases for run in runs_of(case, results)]
    found = sum(case.guilty and run["verdict_right"] for case, run in runs)
    missed = sum(case.guilty and not run["verdict_right"] for case, run in runs)
    alarms = sum(not case.guilty and run.get("verdict") == "findings" for case, run in runs)
    undecided = sum(not case.guilty and not run["verdict_right"] and run.get("verdict") != "findings" for case, run in runs)
    agreed = sum(run["right"] for _, run in runs)
    return [language, sum(case.guilty for case in cases), sum(not case.guilty for case in cases), len(runs), found, missed, alarms,
            undecided, share(found, found + alarms), share(found, found + missed), f"{agreed} of {len(runs)}"]


def by_language(cases, results):
    languages = dict.fromkeys(case.runtime.language for case in cases)
    rows = [language_row(name, [case for case in cases if case.runtime.language == name], results) for name in languages]
    rows.append(language_row("**all**", cases, results))
    return document.table(["language", "guilty cases", "innocent cases", "runs", "found", "missed", "false alarms", "innocent, undecided",
                           "precision", "recall", "runs right in every detail"], rows)


def case_row(case, results):
    runs = runs_of(case, results)
    if not runs:
        return [case.name, case.family, "", "not run", "", ""]
    last = next((run for run in reversed(runs) if run.get("site")), {})
    site, facts = last.get("site") or {}, last.get("facts") or {}
    named = site.get("call_site") or {}
    where = f"`{named['function']}`" if named else "nobody named" if site.get("rule") else ""
    said = ", ".join(str(site[key]) for key in ("rule", "cause", "attribution") if site.get(key)) if site.get("rule") else last.get("verdict", "")
    return [case.name, case.family, f"{facts.get('opened', '?')} / {facts.get('requests', '?')}", said, where,
            f"{sum(run['right'] for run in runs)} of {len(runs)}"]


def by_case(cases, results, guilty):
    head = ["case", "stands for", "connections / requests, by Redis", "connprof says (last run)", "call site", "right"]
    return document.table(head, [case_row(case, results) for case in cases if case.guilty == guilty])


def write(cases, results):
    runs = [len(runs_of(case, results)) for case in cases]
    host = f"{time.strftime('%Y-%m-%d')}, Linux {platform.release()}: {len(cases)} cases, {sum(runs)} runs, {min(runs)} to {max(runs)} a case."
    document.write_between(PAGE, "corpus", "languages", f"{host}\n\n{by_language(cases, results)}")
    document.write_between(PAGE, "corpus", "guilty", by_case(cases, results, True))
    document.write_between(PAGE, "corpus", "innocent", by_case(cases, results, False))
