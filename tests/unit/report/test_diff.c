/* SPDX-License-Identifier: BSD-2-Clause */
/* test_diff.c - before and after the fix: ids and lines differ, names tell what is the same. */
#include "sample.h"

/* The fix moved the code down by `shift` lines and, with fixed, opens one connection for all requests. */
static struct connprof_recording *service(uint32_t shift, bool fixed)
{
	struct connprof_recording *r = empty_recording();
	uint32_t connect, answer, serve;
	struct site_row *s;

	for (uint32_t i = 0; i < shift; i++) /* other ids */
		python(r, "unused", "/srv/app/unused.py", i + 1);
	r->collect |= CONNPROF_CONNECTIONS;
	connect = python(r, "Connection.connect", "/usr/lib/python3/dist-packages/redis/connection.py", 263);
	answer = python(r, "answer", "/srv/app/recommend.py", 20 + shift);
	serve = python(r, "serve", "/srv/app/wsgi.py", 10 + shift);
	row(r, stack(r, END_ROOT, 3, connect, answer, serve), MASTER, MASTER, "main", fixed ? 1 : 40);
	row(r, stack(r, END_ROOT, 2, answer, serve), MASTER, MASTER, "main", fixed ? 199 : 60);
	r->requests = (struct requests_summary){.observed = fixed ? 2000 : 1000, .protocol = PROTOCOL_HTTP,
						.latency_ms = {fixed ? 1.5 : 3, fixed ? 4 : 600, fixed ? 9 : 900}};
	r->connections = fixed ? 1 : 1000;
	r->series.peak = fixed ? 1 : 250;
	r->cost.target_cpu_seconds = fixed ? 2 : 4;
	s = site(r);
	s->call_site = answer;
	s->stack = stack(r, END_ROOT, 3, connect, answer, serve);
	s->peer = (struct endpoint){.family = AF_INET, .port = 6379, .address = {127, 0, 0, 1}};
	s->protocol = PROTOCOL_REDIS;
	s->rule = fixed ? RULE_NONE : RULE_CONNECTION_PER_REQUEST;
	s->connects = fixed ? 1 : 1000;
	s->connects_per_request = s->connects_per_using_request = fixed ? 0.0005 : 1;
	s->requests_per_connection = s->commands_per_connection = s->setup_ms_per_request = s->cpu_percent = NAN;
	s->lifetime_ms = s->setup_ms = (struct quantiles){NAN, NAN, NAN};
	return r;
}

static char *compared(const struct connprof_recording *before, const struct connprof_recording *after, const char *format)
{
	struct connprof_report_options options = {.format = format, .base = before, .functions = true, .nolineno = true};

	return render(after, CONNPROF_VIEW_DIFF, &options, NULL);
}

static void test_text_tells_what_the_fix_changed(void **state)
{
	struct connprof_recording *before = service(0, false), *after = service(7, true);
	char *out = compared(before, after, "text");

	(void)state;
	assert_has(out, "latency p99, ms                         600       4.00\n");
	assert_has(out, "connections a request                  1.00       0.00\n");
	assert_has(out, "connections open at most                250       1.00\n");
	assert_has(out, "CPU a request, ms                      4.00       1.00\n");
	assert_has(out, "      1000     1.00       1.00     0.00  127.0.0.1:6379         answer (app/recommend.py)\n");
	assert_has(out, "       40.00     0.50        40.00     0.50  Connection.connect (redis/connection.py)\n");
	assert_has(out, "      100.00   100.00        60.00    99.50  answer (app/recommend.py)\n");
	assert_has_not(out, "serve (app"); /* neither its share nor its own changed */
	free(out);
	connprof_recording_free(before);
	connprof_recording_free(after);
}

static void test_json_and_folded_have_both_sides(void **state)
{
	struct connprof_recording *before = service(0, false), *after = service(7, true);
	char *json = compared(before, after, "json"), *folded = compared(before, after, "folded"), *svg = compared(before, after, "svg");

	(void)state;
	assert_has(json, "\"schema\": \"connprof.diff/1\"");
	assert_has(json, "\"total_percent_before\": 40.0");
	assert_has(json, "\"total_percent_after\": 0.5");
	assert_has(json, "\"rule\": \"connection-per-request\"");
	assert_string_equal(folded, "serve (app/wsgi.py);answer (app/recommend.py) 120.00 199\n"
				    "serve (app/wsgi.py);answer (app/recommend.py);Connection.connect (redis/connection.py) 80.00 1\n");
	assert_has(svg, "difference");
	assert_has(svg, "Connection.connect (redis/connection.py) (1 samples, 0.50%; -39.50%)");
	free(json);
	free(folded);
	free(svg);
	connprof_recording_free(before);
	connprof_recording_free(after);
}

static void test_a_site_that_is_gone_and_one_that_is_new(void **state)
{
	struct connprof_recording *before = service(0, false), *after = service(7, true);
	char *out;

	(void)state;
	after->sites[0].call_site = python(after, "other", "/srv/app/other.py", 5);
	out = compared(before, after, "text");
	assert_has(out, "answer (app/recommend.py) (gone)\n");
	assert_has(out, "other (app/other.py) (new)\n");
	free(out);
	connprof_recording_free(before);
	connprof_recording_free(after);
}

static void test_equal_and_empty_recordings_do_not_differ(void **state)
{
	struct connprof_recording *before = service(0, false), *after = service(0, false), *nothing = empty_recording();
	char *out = compared(before, after, "text"), *vanished = compared(before, nothing, "text"), *json = compared(nothing, nothing, "json");

	(void)state;
	assert_has(out, "no function's share of the samples changed\n");
	assert_has(vanished, "(gone)");
	assert_has(vanished, "       40.00     0.00");
	assert_has_not(vanished, "nan");
	assert_has_not(json, "nan");
	free(out);
	free(vanished);
	free(json);
	connprof_recording_free(before);
	connprof_recording_free(after);
	connprof_recording_free(nothing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_tells_what_the_fix_changed),
		cmocka_unit_test(test_json_and_folded_have_both_sides),
		cmocka_unit_test(test_a_site_that_is_gone_and_one_that_is_new),
		cmocka_unit_test(test_equal_and_empty_recordings_do_not_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
