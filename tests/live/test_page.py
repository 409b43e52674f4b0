# SPDX-License-Identifier: BSD-2-Clause
"""The pages of `record -f html` and `diagnose`, made of a real service and used in a real browser: zoom, search, sort."""
import json

import browser
import live
import services
from live import case, expect

SORTED = "return Array.from(document.querySelectorAll(arguments[0])).map(cell => +cell.dataset.v)"
COLUMN = "#functions + table tbody td:nth-child({})"


def diagnose(mode="leaky", *options, seconds=2):
    """A page of the small service under load; returns (path of the page, what was printed)."""
    _, redis_port = services.redis_server()
    process, ready = services.service(mode, redis_port)
    load = services.Load(ready["port"])
    page = live.folder() / "report.html"
    result = live.connprof("diagnose", "-p", process.pid, "-d", seconds, "-o", page, *options)
    expect(load.stop() > 20, "the load did not run")
    result.expect_status(0)
    return page, result.out


@case
def page_zooms_searches_and_sorts():
    page, _ = diagnose()
    window = browser.Browser()
    window.open(page)
    expect(window.run("return performance.getEntriesByType('resource').filter(e => !e.name.startsWith('data:')).length") == 0,
           "the page loads something")
    window.enter("#cpu + iframe")
    frames = window.run("return document.querySelectorAll('g').length")
    expect(frames > 20, f"{frames} frames in the flame graph")
    window.run("document.querySelectorAll('g')[arguments[0]].dispatchEvent(new MouseEvent('click', {bubbles: true}))", frames // 2)
    expect(float(window.run("return document.getElementById('unzoom').style.opacity")) == 1, "a click does not zoom")
    window.click("#search")
    window.answer("connect")
    found = window.run("return Array.from(document.querySelectorAll('rect')).filter(r => r.getAttribute('fill') === 'rgb(230,0,230)').length")
    expect(found > 0, "the search finds nothing")
    window.enter(None)
    by_self = window.run(SORTED, COLUMN.format(1))
    expect(len(by_self) > 10 and by_self == sorted(by_self, reverse=True), f"not by self at first: {by_self}")
    window.click("#functions + table th:nth-child(2)")
    by_total = window.run(SORTED, COLUMN.format(2))
    expect(by_total == sorted(by_total, reverse=True) and by_total != sorted(by_total), f"a click does not sort: {by_total}")
    window.click("#functions + table th:nth-child(2)")
    expect(window.run(SORTED, COLUMN.format(2)) == sorted(by_total), "a second click does not turn the order round")
    window.close()


@case
def findings_come_first_in_every_form():
    page, printed = diagnose("leaky", "--json")
    document = json.loads(printed)
    expect(document["findings"][0]["kind"] == "connection-per-request", f"{document['findings']}")
    expect(document["findings"][0]["where"]["file"].endswith("service.py"), f"{document['findings'][0]}")
    text = page.read_text(encoding="utf-8")
    body = text[text.index("<body>"):]
    expect(body.index("connection-per-request") < body.index("<h2"), "the finding does not stand above the evidence")


SERIES = """return Array.from(document.querySelectorAll('h2#over-time ~ svg.series')).map(svg => {
    const box = svg.getBoundingClientRect(), line = svg.querySelector('polyline.open').getBoundingClientRect();
    return {width: box.width, height: box.height, line: line.width,
            bars: Array.from(svg.querySelectorAll('rect.opened')).map(bar => bar.getBoundingClientRect().height),
            titles: Array.from(svg.querySelectorAll('title')).map(title => title.textContent)};
});"""
HISTOGRAM = """const table = document.querySelector('h2#requests ~ details table');
    table.closest('details').open = true;
    return Array.from(table.tBodies[0].rows).map(row => [+row.cells[2].dataset.v, row.cells[3].firstChild.getBoundingClientRect().width]);"""


@case
def connections_over_time_and_latencies_are_drawn():
    page, printed = diagnose("leaky", "--json", seconds=3)
    document = json.loads(printed)
    told = document["connections_over_time"]["peers"][0]
    window = browser.Browser()
    window.open(page)
    drawn = window.run(SERIES)
    expect(len(drawn) == len(document["connections_over_time"]["peers"]), f"{len(drawn)} pictures of {document['connections_over_time']}")
    first = drawn[0]
    expect(first["width"] > 600 and first["height"] > 50 and first["line"] > 600, f"{first}")
    opened = [int(title.split(": ")[1].split()[0]) for title in first["titles"]]
    expect(opened == told["opened"] and sum(opened) > 20, f"{opened}, {told['opened']}")
    expect(len(first["bars"]) == sum(count > 0 for count in opened), f"{len(first['bars'])} bars for {opened}")
    expect(0 < min(first["bars"]) <= max(first["bars"]) < first["height"], f"{first['bars']}")
    bars = window.run(HISTOGRAM)
    observed = sum(count for count, _ in bars)
    expect(0 <= document["check"]["requests"]["observed"] - observed <= 20, f"{observed} in the histogram: {document['check']['requests']}")
    expect(all((width > 0) == (count > 0) for count, width in bars), f"{bars}")
    window.close()


@case
def a_plain_recording_is_a_page_that_says_what_it_lacks():
    process, _ = live.workload("threads")
    path, page = live.folder() / "r.pb.gz", live.folder() / "r.html"
    live.connprof("record", "-p", process.pid, "-d", 1, "-o", path).expect_status(0)
    live.connprof("report", path, "--view", "diagnosis", "-o", page).expect_status(0)
    text = page.read_text(encoding="utf-8")
    expect("Not recorded: waits, connections, requests, log statements, round trips. connprof diagnose" in text, text[:5000])
    expect("<iframe" in text and "no findings in what was recorded" in text, text[:5000])
    live.connprof("report", path, "--view", "verdict").expect_error(4, "holds no connections to judge", "connprof check")


if __name__ == "__main__":
    live.main()
