/* SPDX-License-Identifier: BSD-2-Clause */
/* test_diagnosis.c - the diagnosis from recordings built by hand: what is a finding, in which order, in words, JSON and HTML. */
#include "sample.h"

#include <json-c/json.h>

#include "report/diagnosis.h"

static struct connprof_recording *sick(void)
{
	struct connprof_recording *r = sample_recording();

	verdict(r);
	return r;
}

/* The leaky site again, cheaper, at another peer. */
static struct site_row *cheaper_site(struct connprof_recording *r, double ms, double cpu_percent)
{
	struct site_row *s;

	leaky_site(r);
	s = &r->sites[r->site_count - 1];
	s->peer.port = 6380;
	s->setup_ms_per_request = ms;
	s->cpu_percent = cpu_percent;
	return s;
}

static void test_findings_stand_dearest_first(void **state)
{
	struct connprof_recording *r = sick();
	struct diagnosis *diagnosis;

	(void)state;
	r->sites[0].setup_ms_per_request = 0.1; /* 3 % of the median request */
	r->sites[0].cpu_percent = 2;
	cheaper_site(r, 0.62, NAN);             /* 20 % of it */
	cheaper_site(r, NAN, NAN)->peer.port = 6381;
	cheaper_site(r, NAN, 40)->peer.port = 6382;
	assert_int_equal(diagnosis_make(r, &diagnosis), 0);
	assert_int_equal(diagnosis->total, 4);
	assert_int_equal(diagnosis->count, 4);
	assert_has(diagnosis->findings[0].subject, ":6382");
	assert_has(diagnosis->findings[1].subject, ":6380");
	assert_true(diagnosis->findings[1].weight > 19.9 && diagnosis->findings[1].weight < 20.1);
	assert_has(diagnosis->findings[2].subject, ":6379");
	assert_has(diagnosis->findings[3].subject, ":6381");
	free(diagnosis);
	connprof_recording_free(r);
}

static void test_what_breaks_no_rule_or_is_accepted_or_does_not_decide_is_no_finding(void **state)
{
	struct connprof_recording *r = sick();
	struct diagnosis *diagnosis;

	(void)state;
	r->sites[0].accepted = ACCEPTED_BASELINE;
	cheaper_site(r, 1, 1)->decides = false;
	assert_int_equal(diagnosis_make(r, &diagnosis), 0);
	assert_int_equal(diagnosis->total, 0);
	free(diagnosis);
	connprof_recording_free(r);
}

static void test_past_the_limit_the_cheapest_are_counted_only(void **state)
{
	struct connprof_recording *r = sick();
	struct diagnosis *diagnosis;

	(void)state;
	for (unsigned i = 0; i < DIAGNOSIS_MAX + 5; i++)
		cheaper_site(r, NAN, 32 + (i * 7) % (DIAGNOSIS_MAX + 5) * 0.1); /* each dearer than the first, in no order */
	assert_int_equal(diagnosis_make(r, &diagnosis), 0);
	assert_int_equal(diagnosis->total, DIAGNOSIS_MAX + 6);
	assert_int_equal(diagnosis->count, DIAGNOSIS_MAX);
	for (size_t i = 1; i < diagnosis->count; i++)
		assert_true(diagnosis->findings[i - 1].weight >= diagnosis->findings[i].weight);
	assert_true(diagnosis->findings[DIAGNOSIS_MAX - 1].weight > 32.45); /* the five cheapest and the first are not shown */
	free(diagnosis);
	connprof_recording_free(r);
}

static void log_row(struct connprof_recording *r, uint32_t call_site, const char *place, double lines, double ms, double cpu_percent)
{
	assert_int_equal(array_reserve(&r->logs, &r->log_capacity, r->log_count + 1, sizeof(*r->logs), 1000), 0);
	r->logs[r->log_count++] = (struct log_row){.call_site = call_site, .stack = call_site ? stack(r, END_ROOT, 1, call_site) : 0,
		.place = text(r, place), .writes = lines, .lines = lines, .ms = ms, .inside_lines = lines, .inside_ms = ms, .cpu_percent = cpu_percent};
	r->collect |= CONNPROF_LOGS;
}

static void test_a_noisy_log_is_one_finding_named_by_its_loudest_statement(void **state)
{
	struct connprof_recording *r = sick();
	double requests = (double)r->requests.observed;
	struct diagnosis *diagnosis;

	(void)state;
	log_row(r, python(r, "quiet", "/srv/app/recommend.py", 80), "stderr", 2 * requests, requests * 0.01, 2);
	log_row(r, python(r, "loud", "/srv/app/recommend.py", 88), "stderr", 4 * requests, requests * 0.02, 38);
	log_row(r, python(r, "audit", "/srv/app/audit.py", 8), "/var/log/audit", 1 * requests, requests * 9, 30); /* one line a request */
	assert_int_equal(diagnosis_make(r, &diagnosis), 0);
	assert_int_equal(diagnosis->total, 2);
	assert_string_equal(diagnosis->findings[0].kind, "noisy-log"); /* 40 % of the CPU, against 31 */
	assert_string_equal(diagnosis->findings[0].subject, "stderr");
	assert_string_equal(diagnosis->findings[0].what, "Each request writes 6.0 lines, by 2 statements. The one named here writes most: 4.0.");
	assert_int_equal(stacks_frame(r->stacks, diagnosis->findings[0].frame)->line, 88);
	assert_float_equal(diagnosis->findings[0].cpu_percent, 40, 1e-9);
	assert_float_equal(diagnosis->findings[0].ms_per_request, 0.03, 1e-9);
	free(diagnosis);
	r->logs[1].cpu_percent = 2; /* many lines that cost nothing */
	assert_int_equal(diagnosis_make(r, &diagnosis), 0);
	assert_int_equal(diagnosis->total, 1);
	free(diagnosis);
	r->requests.observed = UNKNOWN_COUNT;
	r->logs[1].cpu_percent = 38;
	assert_int_equal(diagnosis_make(r, &diagnosis), 0);
	assert_int_equal(diagnosis->total, 1); /* whether it is much for a request cannot be told */
	free(diagnosis);
	connprof_recording_free(r);
}

static void test_round_trips_are_a_finding_from_five_a_request(void **state)
{
	struct connprof_recording *r = sick();
	uint32_t site = python(r, "rank", "/srv/app/rank.py", 57);
	struct diagnosis *diagnosis;

	(void)state;
	assert_int_equal(array_reserve(&r->trips, &r->trip_capacity, 2, sizeof(*r->trips), 1000), 0);
	r->trip_count = 2;
	r->trips[0] = (struct trip_row){.call_site = site, .stack = stack(r, END_ROOT, 1, site), .command = text(r, "GET"), .requests = 100,
					.trips = 2300, .ms = 610};
	r->trips[1] = (struct trip_row){.call_site = site, .stack = r->trips[0].stack, .command = text(r, "SET"), .requests = 100, .trips = 499,
					.ms = 600};
	r->collect |= CONNPROF_ROUND_TRIPS;
	assert_int_equal(diagnosis_make(r, &diagnosis), 0);
	assert_int_equal(diagnosis->total, 2);
	assert_string_equal(diagnosis->findings[0].kind, "round-trips"); /* 6.1 ms of a median of 3.1 */
	assert_string_equal(diagnosis->findings[0].subject, "redis GET");
	assert_has(diagnosis->findings[0].what, "23.0 GET are sent one by one");
	free(diagnosis);
	connprof_recording_free(r);
}

static void test_waits_are_findings_behind_those_that_name_code(void **state)
{
	struct connprof_recording *r = sick();
	struct diagnosis *diagnosis;

	(void)state;
	assert_int_equal(array_reserve(&r->spent.rows, &r->spent.capacity, 2, sizeof(*r->spent.rows), 1000), 0);
	r->spent.count = 2;
	r->spent.latency_ms[BAND_MEAN] = 10;
	r->spent.rows[0] = (struct spent_row){.spent = SPENT_RUNQUEUE, .ms = {[BAND_MEAN] = 9}};
	r->spent.rows[1] = (struct spent_row){.spent = SPENT_GIL, .ms = {[BAND_MEAN] = 0.9}}; /* 9 % is not yet one */
	assert_int_equal(diagnosis_make(r, &diagnosis), 0);
	assert_int_equal(diagnosis->total, 2);
	assert_string_equal(diagnosis->findings[0].kind, "connection-per-request");
	assert_string_equal(diagnosis->findings[1].kind, "cpu-shortage");
	assert_string_equal(diagnosis->findings[1].subject, "90 % of the requests' time");
	free(diagnosis);
	connprof_recording_free(r);
}

static void test_text_begins_with_the_findings(void **state)
{
	struct connprof_recording *r = sick();
	char *out = render_as(r, CONNPROF_VIEW_DIAGNOSIS, "text");

	(void)state;
	assert_int_equal(strncmp(out, "1 finding: gunicorn 812 and 1 more, 30.0 s, 4812 HTTP requests, 4815 connections opened\n"
				      "not recorded: waits, requests, log statements, round trips (connprof diagnose records what this kernel tells)\n\n"
				      "1. connection-per-request: redis 127.0.0.1:6379, redis-py 5.0.1\n", 248), 0);
	assert_has(out, "   where     RecommendHandler.__init__ (/srv/app/recommend.py:42)\n");
	assert_has(out, "   cost      0.90 ms of each request, 31.0 % of the CPU samples\n");
	assert_has(out, "   remedy    build the ConnectionPool once, at module level\n");
	assert_has(out, "\nrequests: p50 3.1 ms, p99 41.0 ms, max 912.4 ms; 12 took over 0.5 s, 3 over 1 s\n");
	assert_has(out, "    50.0 %        50.0 %  tcp_sendmsg_[k]\n");
	free(out);
	connprof_recording_free(r);
}

static void test_inconclusive_is_not_called_clean(void **state)
{
	struct connprof_recording *r = empty_recording();
	char *text_out, *page;

	(void)state;
	r->verdict = VERDICT_INCONCLUSIVE;
	r->verdict_note = text(r, "only 3 requests were seen");
	text_out = render_as(r, CONNPROF_VIEW_DIAGNOSIS, "text");
	page = render_as(r, CONNPROF_VIEW_DIAGNOSIS, "html");
	assert_int_equal(strncmp(text_out, "inconclusive (connections: only 3 requests were seen): ", 55), 0);
	assert_has(page, "<p class=\"weak\">inconclusive about connections: only 3 requests were seen</p>");
	assert_has_not(page, "class=\"good\"");
	free(text_out);
	free(page);
	connprof_recording_free(r);
}

static const char *text_at(struct json_object *object, const char *key)
{
	return json_object_get_string(json_object_object_get(object, key));
}

static void test_json_has_findings_functions_and_the_whole_verdict(void **state)
{
	struct connprof_recording *r = sick();
	char *out = render_as(r, CONNPROF_VIEW_DIAGNOSIS, "json");
	struct json_object *document = json_tokener_parse(out), *finding, *where, *check;

	(void)state;
	assert_non_null(document);
	assert_string_equal(text_at(document, "schema"), "connprof.diagnosis/1");
	assert_int_equal(json_object_array_length(json_object_object_get(document, "findings")), 1);
	finding = json_object_array_get_idx(json_object_object_get(document, "findings"), 0);
	where = json_object_object_get(finding, "where");
	assert_string_equal(text_at(where, "file"), "/srv/app/recommend.py");
	assert_int_equal(json_object_get_int(json_object_object_get(where, "line")), 42);
	assert_true(json_object_get_double(json_object_object_get(json_object_object_get(finding, "cost"), "cpu_percent")) == 31);
	check = json_object_object_get(document, "check");
	assert_string_equal(text_at(check, "schema"), "connprof.check/1");
	assert_int_equal(json_object_array_length(json_object_object_get(check, "sites")), 2);
	json_object_put(document);
	free(out);
	connprof_recording_free(r);
}

static void test_page_escapes_every_name(void **state)
{
	struct connprof_recording *r = sick();
	char *out;

	(void)state;
	r->sites[0].library = text(r, "<b>lib</b>");
	r->sites[0].explanation = text(r, "x</dd><script>1</script>");
	r->sites[0].remedy = text(r, "\"><img src=y>");
	r->sites[0].call_site = python(r, "<i>f", "/srv/<u>.py", 3);
	r->sites[0].stack = stack(r, END_ROOT, 1, r->sites[0].call_site);
	out = render_as(r, CONNPROF_VIEW_DIAGNOSIS, "html");
	assert_has(out, "&lt;b&gt;lib&lt;/b&gt;");
	assert_has(out, "x&lt;/dd&gt;&lt;script&gt;1&lt;/script&gt;");
	assert_has(out, "&lt;i&gt;f (/srv/&lt;u&gt;.py:3)");
	assert_has_not(out, "<img");
	assert_has_not(out, "<i>f");
	assert_has_not(out, "<u>");
	assert_has_not(out, "<script>1");
	free(out);
	connprof_recording_free(r);
}

/* What `record` writes: shown as far as it goes, and not called healthy where it was not looked. */
static void test_a_plain_recording_shows_what_it_has_and_says_what_is_missing(void **state)
{
	struct connprof_recording *r = sample_recording();
	char *out = render_as(r, CONNPROF_VIEW_DIAGNOSIS, "text");

	(void)state;
	assert_has(out, "no findings in what was recorded: gunicorn 812 and 1 more, 30.0 s\n"
			"not recorded: waits, connections, requests, log statements, round trips (connprof diagnose records what this kernel tells)\n");
	assert_has(out, "    50.0 %        50.0 %  tcp_sendmsg_[k]\n");
	free(out);
	out = render_as(r, CONNPROF_VIEW_DIAGNOSIS, "html");
	assert_has(out, "Not recorded: waits, connections, requests, log statements, round trips. connprof diagnose records what this kernel tells.");
	assert_has(out, "<h2 id=\"connections\">Connections, by the code that opens them</h2>\n<p class=\"note\">Not recorded.</p>");
	assert_has_not(out, "No connection was opened");
	assert_has_not(out, "No requests were seen");
	assert_has_not(out, "No line was written");
	assert_has_not(out, "<h2 id=\"functions\">Functions</h2>\n<p class=\"note\">Not recorded.</p>");
	free(out);
	r->collect = CONNPROF_OFFCPU;
	r->samples = r->profile_count = 0;
	r->offcpu = (struct offcpu_row){.walked = 3, .walked_ns = 1500000000, .ns = {[WAIT_LOCK] = 1500000000}};
	out = render_as(r, CONNPROF_VIEW_DIAGNOSIS, "text");
	assert_has(out, "not recorded: time on the CPU, connections,");
	assert_has(out, "1.500 s off the CPU in all threads: lock 1.500 s\n");
	free(out);
	r->collect = CONNPROF_SAMPLES | CONNPROF_CONNECTIONS | CONNPROF_REQUESTS;
	out = render_as(r, CONNPROF_VIEW_DIAGNOSIS, "text");
	assert_has(out, "not recorded: waits, log statements, round trips, a verdict on connections (");
	free(out);
	connprof_recording_free(r);
}

/* The picture of that name, to be freed. */
static char *picture(const char *page, const char *name)
{
	const char *begin = strstr(page, name), *end = begin ? strstr(begin, "</iframe>") : NULL;

	assert_non_null(end);
	return strndup(begin, (size_t)(end - begin));
}

static void test_a_kind_of_waits_leaves_the_cpu_time_as_it_is(void **state)
{
	struct connprof_recording *r = sample_recording();
	struct connprof_report_options options = {.format = "html", .wait = "lock"};
	char *page, *whole, *cpu, *cpu_of_whole;

	(void)state;
	r->collect |= CONNPROF_OFFCPU;
	page = render(r, CONNPROF_VIEW_DIAGNOSIS, &options, NULL);
	options.wait = NULL;
	whole = render(r, CONNPROF_VIEW_DIAGNOSIS, &options, NULL);
	cpu = picture(page, "flame graph of the CPU time");
	cpu_of_whole = picture(whole, "flame graph of the CPU time");
	assert_string_equal(cpu, cpu_of_whole);
	free(page);
	free(whole);
	free(cpu);
	free(cpu_of_whole);
	connprof_recording_free(r);
}

static void test_connections_over_time_are_drawn_and_numbers_in_json(void **state)
{
	struct connprof_recording *r = sick();
	char *out;

	(void)state;
	series(r);
	out = render_as(r, CONNPROF_VIEW_DIAGNOSIS, "html");
	assert_has(out, "<h2 id=\"over-time\">Connections over time</h2>");
	assert_has(out, "From 0.50 to 30.50 s of the recording, those opened in it: at most 1502 open at the same time.");
	assert_has(out, "127.0.0.1:6379: 4812 opened, at most 2000 in a bar&#39;s 10 s; line: at most 1500 open, 1500 at the end");
	assert_has(out, "<title>10.50 to 20.50 s: 2000 opened, 900 open at its end</title>");
	assert_has(out, "/run/&lt;b&gt;.sock: 3 opened");
	assert_has_not(out, "<b>.sock");
	assert_true(strstr(out, "127.0.0.1:6379: 4812") < strstr(out, ".sock: 3 opened")); /* the most first */
	free(out);
	out = render_as(r, CONNPROF_VIEW_DIAGNOSIS, "json");
	assert_has(out, "\"most_open\": 1502");
	free(out);
	r->series.windows = 0;
	out = render_as(r, CONNPROF_VIEW_DIAGNOSIS, "html");
	assert_has(out, "No connection was opened.");
	free(out);
	connprof_recording_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_findings_stand_dearest_first),
		cmocka_unit_test(test_what_breaks_no_rule_or_is_accepted_or_does_not_decide_is_no_finding),
		cmocka_unit_test(test_past_the_limit_the_cheapest_are_counted_only),
		cmocka_unit_test(test_a_noisy_log_is_one_finding_named_by_its_loudest_statement),
		cmocka_unit_test(test_round_trips_are_a_finding_from_five_a_request),
		cmocka_unit_test(test_waits_are_findings_behind_those_that_name_code),
		cmocka_unit_test(test_text_begins_with_the_findings),
		cmocka_unit_test(test_inconclusive_is_not_called_clean),
		cmocka_unit_test(test_json_has_findings_functions_and_the_whole_verdict),
		cmocka_unit_test(test_page_escapes_every_name),
		cmocka_unit_test(test_a_plain_recording_shows_what_it_has_and_says_what_is_missing),
		cmocka_unit_test(test_a_kind_of_waits_leaves_the_cpu_time_as_it_is),
		cmocka_unit_test(test_connections_over_time_are_drawn_and_numbers_in_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
