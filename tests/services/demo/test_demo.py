# SPDX-License-Identifier: BSD-2-Clause
"""That the demo tells right from wrong: its counts, shares and judgement on made-up results."""
import copy
import os
import tempfile
import unittest

from demo import counters, load, result, stacks

FILE = "/srv/recommend/leaky/service.py"
LOAD = load.Load(requests=50, per_second=10.0, p50_ms=1, p99_ms=2, max_ms=3, slow=0, very_slow=0)
SITE = {"rule": "connection-per-request", "decides": True, "peer": "127.0.0.1:7379", "connects": 100,
        "call_site": {"file": FILE, "line": 28}}


def made(variant, connections, status, verdict, sites):
    report = {"verdict": verdict, "requests": {"observed": 100}, "sites": copy.deepcopy(sites)}
    return result.Result(variant, LOAD, LOAD, connections, connections, "127.0.0.1:7379", status, report, 30.0, 20.0, "")


class Judgement(unittest.TestCase):
    def setUp(self):
        self.leaky = made("leaky", 100, 1, "findings", [SITE])
        self.fixed = made("fixed", 0, 0, "clean", [])

    def verdicts(self):
        return result.wrong_verdicts(self.leaky, self.fixed, FILE, 28)

    def test_the_story_as_told_is_accepted(self):
        self.assertEqual(self.verdicts() + result.disagreements(self.leaky) + result.disagreements(self.fixed), [])

    def test_a_witness_that_counted_otherwise_is_told(self):
        self.leaky.captured = 97
        self.assertRegex(result.disagreements(self.leaky)[0], "do not agree.*tcpdump 0.970")

    def test_connections_to_another_peer_do_not_make_up_for_missing_ones(self):
        self.leaky.report["sites"][0]["peer"] = "127.0.0.1:80"
        self.assertRegex(result.disagreements(self.leaky)[0], "connprof 0.000")

    def test_requests_connprof_did_not_see_are_told(self):
        self.fixed.report["requests"]["observed"] = None
        self.assertRegex(result.disagreements(self.fixed)[0], "connprof saw 0 requests, ab made 100")

    def test_a_disease_not_found_or_found_in_the_healthy_one_is_told(self):
        self.leaky.words = "".join(f"{n}. {kind}: redis\n" for n, kind in enumerate(result.DISEASES, 1))
        self.assertEqual(result.wrong_diagnoses(self.leaky, self.fixed), [])
        self.assertRegex(result.wrong_diagnoses(self.fixed, self.fixed)[0], "leaky: no connection-per-request")
        self.assertRegex(result.wrong_diagnoses(self.leaky, self.leaky)[0], "fixed: connection-per-request")

    def test_the_wrong_line_is_told(self):
        self.leaky.report["sites"][0]["call_site"]["line"] = 24
        self.assertRegex(self.verdicts()[0], "service.py:24; expected .*:28")

    def test_no_call_site_is_told(self):
        self.leaky.report["sites"][0]["call_site"] = None
        self.assertRegex(self.verdicts()[0], "expected .*:28")

    def test_another_rule_is_told(self):
        self.leaky.report["sites"][0]["rule"] = "connection-churn"
        self.assertRegex(self.verdicts()[0], "rule connection-churn")

    def test_a_leaky_service_called_clean_is_told(self):
        self.leaky = made("leaky", 100, 0, "clean", [{**SITE, "rule": None}])
        self.assertRegex(self.verdicts()[0], "leaky: exit status 0")

    def test_a_fixed_service_with_a_finding_or_an_inconclusive_one_is_told(self):
        for status, verdict in ((1, "findings"), (4, "inconclusive")):
            self.fixed = made("fixed", 0, status, verdict, [])
            self.assertRegex(self.verdicts()[0], f"fixed: exit status {status}")


class Profiles(unittest.TestCase):
    SETUP = "gunicorn (7);app (leaky/service.py:78);AbstractConnection.connect (redis/connection.py:263);connect_[n]"

    def test_share_counts_a_stack_once_however_often_the_frame_is_in_it(self):
        twice = self.SETUP + ";Connection._connect (redis/connection.py:600)"
        folded = {self.SETUP: 1, twice: 2, "a;read_response (redis/connection.py:500)": 6, "Logger.info (logging/__init__.py:9)": 1}
        self.assertEqual(stacks.share(folded, stacks.SETUP), 30.0)
        self.assertEqual(stacks.share(folded, stacks.LOGGING), 10.0)

    def test_share_of_nothing_is_not_zero(self):
        self.assertIsNone(stacks.share({}, stacks.SETUP))

    def test_the_same_code_in_another_worker_line_and_variant_is_one_stack(self):
        before = {"gunicorn (7);app (leaky/service.py:78);f (x.py:1)": 1, "gunicorn (8);app (leaky/service.py:79);f (x.py:1)": 3}
        after = {"gunicorn (9);app (fixed/service.py:78);f (x.py:2)": 7}
        self.assertEqual(stacks.differential(before, after), ["gunicorn;app (service.py);f (x.py) 100000 100000"])

    def test_only_what_chance_does_not_explain_differs(self):
        lines = stacks.differential({"a;connect": 40, "a;work": 57, "a;rare": 3}, {"a;work": 95, "a;rare": 5})
        self.assertEqual(lines, ["a;connect 0 40000", "a;rare 3000 3000", "a;work 95000 57000"])


class Measurements(unittest.TestCase):
    def test_percentiles_are_values_that_occurred(self):
        self.assertEqual(load.percentile(list(range(1, 101)), 50), 50)
        self.assertEqual(load.percentile(list(range(1, 101)), 99), 99)
        self.assertEqual(load.percentile([7], 99), 7)

    def test_every_request_time_is_read_from_the_ab_table(self):
        with tempfile.NamedTemporaryFile("w", delete=False) as file:
            file.write("starttime\tseconds\tctime\tdtime\tttime\twait\nTue Nov 24\t1\t0\t9\t9\t9\nTue Nov 24\t1\t0\t4\t5\t4\n")
        try:
            self.assertEqual(load.times_ms(file.name), [5, 9])
        finally:
            os.unlink(file.name)

    def test_a_syn_sent_again_is_one_connection(self):
        line = "04:16:02.1 IP 127.0.0.1.{} > 127.0.0.1.7379: Flags [S], seq {}, win 65495, length 0\n"
        text = line.format(40001, 11) + line.format(40001, 11) + line.format(40001, 12) + line.format(40002, 11)
        self.assertEqual(len(set(counters.SYN.findall(text))), 3)


if __name__ == "__main__":
    unittest.main()
