/* SPDX-License-Identifier: BSD-2-Clause */
/* test_part.c - the slow requests alone and against the normal ones, in every profile format and through a file. */
#include "sample.h"

#include "model/latency.h"

#define MS 1000000u

/* Of 20 requests one is slow: 10 samples in slow(), 5 in both(); the others 30 in normal(), 20 in both(); 7 outside. */
static struct connprof_recording *mixed(void)
{
	static const struct {
		const char *function;
		uint64_t latency_ms, samples;
	} rows[] = {{"slow", 700, 10}, {"both", 700, 5}, {"normal", 10, 30}, {"both", 10, 20}, {"outside", 0, 7}};
	struct connprof_recording *r = empty_recording();

	r->collect |= CONNPROF_CONNECTIONS | CONNPROF_REQUESTS;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		row(r, stack(r, END_ROOT, 1, python(r, rows[i].function, "/srv/app/a.py", 3)), MASTER, MASTER, "main", rows[i].samples);
		r->profile[i].latency = rows[i].latency_ms ? latency_bucket(rows[i].latency_ms * MS) : LATENCY_NONE;
	}
	assert_int_equal(array_reserve(&r->latencies, &r->latency_capacity, 2, sizeof(*r->latencies), 2), 0);
	r->latencies[r->latency_count++] = (struct latency_row){latency_bucket(10 * MS), 19};
	r->latencies[r->latency_count++] = (struct latency_row){latency_bucket(700 * MS), 1};
	return r;
}

static char *part(const struct connprof_recording *r, const char *format, bool against)
{
	struct connprof_report_options options = {.format = format, .slower_than_ns = 500 * MS, .against_normal = against};

	return render(r, CONNPROF_VIEW_PROFILE, &options, NULL);
}

static void test_the_slow_part_alone(void **state)
{
	struct connprof_recording *r = mixed();
	struct connprof_report_options share = {.format = "folded", .slowest_percent = 5};
	char *by_limit = part(r, "folded", false), *by_share = render(r, CONNPROF_VIEW_PROFILE, &share, NULL);

	(void)state;
	assert_string_equal(by_limit, "both (app/a.py:3) 5\nslow (app/a.py:3) 10\n");
	assert_string_equal(by_share, by_limit);
	free(by_limit);
	free(by_share);
	connprof_recording_free(r);
}

/* The normal side, 50 samples, is scaled to the 15 of the slow one. */
static void test_slow_against_normal_has_two_counts(void **state)
{
	struct connprof_recording *r = mixed();
	char *out = part(r, "folded", true), *picture = part(r, "svg", true);

	(void)state;
	assert_string_equal(out, "both (app/a.py:3) 6.00 5\nnormal (app/a.py:3) 9.00 0\nslow (app/a.py:3) 0.00 10\n");
	assert_has(picture, "1 requests slower than 500 ms against the others - 15 samples");
	assert_has(picture, "slow (app/a.py:3) (10 samples, 66.67%; +66.67%)");
	free(out);
	free(picture);
	connprof_recording_free(r);
}

/* The page's summary is of the part: of 20 requests, 1. */
static void test_the_page_of_a_part_says_how_many_requests_it_is_of(void **state)
{
	struct connprof_recording *r = mixed();
	char *out;

	(void)state;
	r->requests = (struct requests_summary){.observed = 20, .latency_ms = {10, 700, 702.5}};
	r->collect |= CONNPROF_OFFCPU;
	r->offcpu.walked = 400;
	r->offcpu.walked_ns = 3000000000;
	out = part(r, "html", false);
	assert_has(out, "1 of 20 requests, those slower than 500 ms; 15 samples");
	assert_has_not(out, "p50");
	assert_has(out, "in the whole recording 400 waits walked (3.000 s)");
	free(out);
	connprof_recording_free(r);
}

static void test_a_file_keeps_what_is_needed_to_cut_again(void **state)
{
	struct connprof_recording *r = mixed(), *back = NULL;
	struct connprof_report_options options = {.format = "pprof"};
	char *bytes, *out, *expected = part(r, "folded", true), path[32];
	size_t size;

	(void)state;
	r->profile[4].latency = LATENCY_UNHELD;
	r->unheld = 7;
	assert_int_equal(array_reserve(&r->spent.rows, &r->spent.capacity, 2, sizeof(*r->spent.rows), 2), 0);
	r->spent.rows[r->spent.count++] = (struct spent_row){.spent = SPENT_LOCKS, .ms = {0.1, 1.0 / 3, 3, 4, 5},
							     .count = {NAN, NAN, NAN, NAN, NAN}};
	r->spent.rows[r->spent.count++] = (struct spent_row){.spent = SPENT_REDIS, .command = text(r, "GET"), .ms = {1, 2, 3, 4, 5},
							     .count = {23, 23, 24, 25, 23.5}};
	for (unsigned band = 0; band < BAND_COUNT; band++) {
		r->spent.requests[band] = band + 1;
		r->spent.latency_ms[band] = band / 3.0;
	}
	bytes = render(r, CONNPROF_VIEW_PROFILE, &options, &size);
	temporary(path, bytes, size);
	assert_int_equal(pprof_load(path, &back, NULL), 0);
	unlink(path);
	for (size_t i = 0; i < r->profile_count; i++)
		assert_int_equal(back->profile[i].latency, r->profile[i].latency);
	assert_int_equal(back->latency_count, 2);
	assert_memory_equal(&back->latencies[1], &r->latencies[1], sizeof(uint16_t));
	assert_int_equal(back->latencies[1].requests, 1);
	assert_int_equal(back->unheld, 7);
	assert_memory_equal(back->spent.requests, r->spent.requests, sizeof(r->spent.requests));
	assert_memory_equal(back->spent.latency_ms, r->spent.latency_ms, sizeof(r->spent.latency_ms));
	assert_int_equal(back->spent.count, 2);
	assert_int_equal(back->spent.rows[0].spent, SPENT_LOCKS);
	assert_memory_equal(back->spent.rows[0].ms, r->spent.rows[0].ms, sizeof(r->spent.rows[0].ms));
	assert_true(isnan(back->spent.rows[0].count[0]));
	assert_string_equal(strings_get(back->strings, back->spent.rows[1].command), "GET");
	assert_float_equal(back->spent.rows[1].count[BAND_MEAN], 23.5, 0);
	out = part(back, "folded", true);
	assert_string_equal(out, expected);
	free(bytes);
	free(out);
	free(expected);
	connprof_recording_free(back);
	connprof_recording_free(r);
}

static void test_what_cannot_be_shown_is_refused_in_words(void **state)
{
	struct connprof_recording *r = mixed();
	struct connprof_report_options options = {.format = "speedscope", .slower_than_ns = 500 * MS, .against_normal = true};
	struct connprof_error error = {0};
	FILE *nowhere = fopen("/dev/null", "w");

	(void)state;
	assert_int_equal(connprof_report_write(r, CONNPROF_VIEW_PROFILE, &options, nowhere, &error), -EINVAL);
	assert_has(error.text, "the format speedscope cannot show a difference");
	r->collect = CONNPROF_SAMPLES;
	r->latency_count = 0;
	options.against_normal = false;
	assert_int_equal(connprof_report_write(r, CONNPROF_VIEW_PROFILE, &options, nowhere, &error), -ENODATA);
	assert_has(error.text, "record it with --requests");
	fclose(nowhere);
	connprof_recording_free(r);
}

static void test_no_slow_request_is_an_empty_picture(void **state)
{
	struct connprof_recording *r = mixed();
	struct connprof_report_options options = {.format = "svg", .slower_than_ns = 900 * MS};
	char *out = render(r, CONNPROF_VIEW_PROFILE, &options, NULL);

	(void)state;
	assert_has(out, "0 requests slower than 900 ms");
	assert_has(out, "no samples inside such requests");
	free(out);
	connprof_recording_free(r);
}

static struct connprof_recording *chatty(void)
{
	struct connprof_recording *r = mixed();
	uint32_t rank = python(r, "rank", "/srv/app/rank.py", 57), log = python(r, "recommend", "/srv/app/recommend.py", 88);

	r->collect |= CONNPROF_LOGS | CONNPROF_ROUND_TRIPS;
	r->requests.observed = 20;
	assert_int_equal(array_reserve(&r->trips, &r->trip_capacity, 2, sizeof(*r->trips), 2), 0);
	r->trips[r->trip_count++] = (struct trip_row){.call_site = rank, .command = text(r, "GET"), .requests = 20, .trips = 460, .ms = 122};
	r->trips[r->trip_count++] = (struct trip_row){.call_site = rank, .command = text(r, "SET"), .requests = 20, .trips = 20, .ms = 3};
	assert_int_equal(array_reserve(&r->logs, &r->log_capacity, 2, sizeof(*r->logs), 2), 0);
	r->logs[r->log_count++] = (struct log_row){
		.call_site = log, .place = text(r, "stderr (pipe)"), .writes = 820, .lines = 820, .bytes = 65600, .ms = 11, .blocked_ms = 7,
		.inside_lines = 820, .inside_ms = 10, .inside_blocked_ms = 6, .cpu_percent = 22};
	r->logs[r->log_count++] = (struct log_row){.place = text(r, "/var/log/app.log"), .writes = 3, .lines = 3, .ms = 1, .cpu_percent = NAN};
	return r;
}

static void assert_chatty(const struct connprof_recording *r)
{
	char *out = render_as(r, CONNPROF_VIEW_REQUESTS, "text"), *json = render_as(r, CONNPROF_VIEW_REQUESTS, "json");

	assert_has(out, "  23.0 GET in turn, 6.10 ms of waiting a request that does so (20 seen): rank (app/rank.py:57)\n");
	assert_has_not(out, "SET in turn");
	assert_has(out, "  41.0 lines and 0.50 ms (0.30 ms blocked) a request, 22.0 % of the CPU: recommend (app/recommend.py:88), to stderr (pipe)\n");
	assert_has(out, "  3 lines, 1.0 ms (0.0 ms blocked): (no application frame), to /var/log/app.log\n");
	assert_has(json, "\"per_request\": 23.0");
	assert_has(json, "\"lines_per_request\": 41.0");
	assert_has(json, "\"line\": 88");
	free(out);
	free(json);
}

static void test_statements_that_log_and_ask_are_shown_and_kept(void **state)
{
	struct connprof_recording *r = chatty(), *back = NULL;
	struct connprof_report_options options = {.format = "pprof"};
	char *bytes, path[32];
	size_t size;

	(void)state;
	assert_chatty(r);
	bytes = render(r, CONNPROF_VIEW_PROFILE, &options, &size);
	temporary(path, bytes, size);
	assert_int_equal(pprof_load(path, &back, NULL), 0);
	unlink(path);
	assert_chatty(back);
	free(bytes);
	connprof_recording_free(back);
	connprof_recording_free(r);
}

/* Those of sub-tasks are tied to no request: that the others are few says nothing. */
static void test_round_trips_that_are_nobodys_are_told(void **state)
{
	struct connprof_recording *r = mixed(), *back = NULL;
	struct connprof_report_options options = {.format = "pprof"};
	char *out, *bytes, path[32];
	size_t size;

	(void)state;
	r->collect |= CONNPROF_ROUND_TRIPS;
	out = render_as(r, CONNPROF_VIEW_REQUESTS, "text");
	assert_has(out, "no call site sends Redis commands one by one\n");
	free(out);
	r->trips_untied = 6;
	bytes = render(r, CONNPROF_VIEW_PROFILE, &options, &size);
	temporary(path, bytes, size);
	assert_int_equal(pprof_load(path, &back, NULL), 0);
	unlink(path);
	out = render_as(back, CONNPROF_VIEW_REQUESTS, "text");
	assert_has(out, "no call site is known to send Redis commands one by one; 6 round trips are those of sub-tasks whose request is not known\n");
	free(out);
	out = render_as(back, CONNPROF_VIEW_REQUESTS, "json");
	assert_has(out, "\"round_trips_untied\": 6");
	free(out);
	free(bytes);
	connprof_recording_free(back);
	connprof_recording_free(r);
}

static void test_where_the_time_went_as_text_and_json(void **state)
{
	struct connprof_recording *r = mixed();
	char *text_out, *json;

	(void)state;
	r->requests = (struct requests_summary){.observed = 20, .protocol = PROTOCOL_HTTP, .latency_ms = {10, 700, 702.5}, .over_500ms = 1};
	assert_int_equal(array_reserve(&r->spent.rows, &r->spent.capacity, 3, sizeof(*r->spent.rows), 3), 0);
	r->spent.rows[r->spent.count++] = (struct spent_row){.spent = SPENT_CPU, .ms = {1, 2, 3, 4, 5}, .count = {NAN, NAN, NAN, NAN, NAN}};
	r->spent.rows[r->spent.count++] = (struct spent_row){.spent = SPENT_GIL, .count = {NAN, NAN, NAN, NAN, NAN}};
	r->spent.rows[r->spent.count++] = (struct spent_row){.spent = SPENT_REDIS, .command = text(r, "GET"), .ms = {1, 2, 3, 4, 5},
							     .count = {23, 23, 24, 25, 23.5}};
	text_out = render_as(r, CONNPROF_VIEW_REQUESTS, "text");
	json = render_as(r, CONNPROF_VIEW_REQUESTS, "json");
	assert_has(text_out, "gunicorn 812, 30.0 s: 20 requests, p50 10.0 ms, p99 700.0 ms, max 702.5 ms; 1 over 0.5 s, 0 over 1 s\n");
	assert_has(text_out, "on CPU                            1.00      2.00      3.00      4.00      5.00\n");
	assert_has(text_out, "  GET (23.5 each)                 1.00");
	assert_has_not(text_out, "GIL");
	assert_has(text_out, "waits were not looked at");
	assert_has(json, "\"schema\": \"connprof.requests/1\"");
	assert_has(json, "\"part\": \"GIL\"");
	assert_has(json, "\"round_trips\": {");
	assert_has(json, "\"ms\": 696.2545");
	free(text_out);
	free(json);
	connprof_recording_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_slow_part_alone),
		cmocka_unit_test(test_slow_against_normal_has_two_counts),
		cmocka_unit_test(test_the_page_of_a_part_says_how_many_requests_it_is_of),
		cmocka_unit_test(test_a_file_keeps_what_is_needed_to_cut_again),
		cmocka_unit_test(test_what_cannot_be_shown_is_refused_in_words),
		cmocka_unit_test(test_statements_that_log_and_ask_are_shown_and_kept),
		cmocka_unit_test(test_round_trips_that_are_nobodys_are_told),
		cmocka_unit_test(test_where_the_time_went_as_text_and_json),
		cmocka_unit_test(test_no_slow_request_is_an_empty_picture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
