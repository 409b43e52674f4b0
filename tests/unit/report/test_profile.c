/* SPDX-License-Identifier: BSD-2-Clause */
/* test_profile.c - the profile formats from a recording built by hand: names, merging, flame graph, speedscope, summary. */
#include "sample.h"

#include <json-c/json.h>

static char *folded(const struct connprof_recording *r, struct connprof_report_options options)
{
	options.format = "folded";
	return render(r, CONNPROF_VIEW_PROFILE, &options, NULL);
}

static void test_folded_shows_merged_stacks_root_first_sorted(void **state)
{
	struct connprof_recording *r = sample_recording();
	char *out = folded(r, (struct connprof_report_options){0});

	(void)state;
	assert_string_equal(out,
		"gunicorn;[cut: stack memory not readable];deep (app/deep.py:7) 19\n"
		"gunicorn;[no stack] 1\n"
		"gunicorn;main;[libz.so.1] 30\n"
		"gunicorn;serve (app/wsgi.py:10);Connection.send (redis/connection.py:300);send_[n];tcp_sendmsg_[k] 41\n"
		"gunicorn;serve (app/wsgi.py:10);Connection.send (redis/connection.py:301);send_[n];tcp_sendmsg_[k] 9\n");
	free(out);
	connprof_recording_free(r);
}

static void test_functions_merge_lines_and_nolineno_drops_them(void **state)
{
	struct connprof_recording *r = sample_recording();
	char *by_function = folded(r, (struct connprof_report_options){.functions = true});
	char *no_lines = folded(r, (struct connprof_report_options){.nolineno = true});

	(void)state;
	assert_has(no_lines, "serve (app/wsgi.py);Connection.send (redis/connection.py);send_[n];tcp_sendmsg_[k] 50\n");
	assert_has(by_function, "serve (app/wsgi.py:10);Connection.send (redis/connection.py:300);send_[n];tcp_sendmsg_[k] 50\n");
	free(by_function);
	free(no_lines);
	connprof_recording_free(r);
}

static void test_native_shows_the_plumbing_and_threads_the_thread(void **state)
{
	struct connprof_recording *r = sample_recording();
	char *out = folded(r, (struct connprof_report_options){.native = true, .threads = true});

	(void)state;
	assert_has(out, "gunicorn (815);thread 815 (MainThread);serve (app/wsgi.py:10);_PyEval_EvalFrameDefault_[n];Connection.send");
	assert_has(out, "gunicorn (815);thread 816 (worker);");
	free(out);
	connprof_recording_free(r);
}

static void test_one_process_needs_no_process_frame_and_plumbing_alone_is_shown(void **state)
{
	struct connprof_recording *r = empty_recording();
	char *out;

	(void)state;
	row(r, stack(r, END_ROOT, 1, native(r, "take_gil", "/usr/bin/python3.11", 1, FRAME_INTERPRETER)), MASTER, MASTER, "m", 2);
	out = folded(r, (struct connprof_report_options){0});
	assert_string_equal(out, "take_gil 2\n");
	free(out);
	connprof_recording_free(r);
}

/* What a malicious target may call its functions, files and processes. */
static struct connprof_recording *hostile_recording(void)
{
	struct connprof_recording *r = empty_recording();
	char longest[1025];

	memset(longest, 'x', 1024);
	longest[1024] = '\0';
	target(r, WORKER, MASTER, "</t>\"'&;\033", "/x");
	row(r, stack(r, END_ROOT, 6, native(r, "a;b\nc 12", "", 1, 0), native(r, "count 3.5", "", 2, 0),
		     native(r, "x]]><script>alert('1')</script>\"&amp;\033[2J", "", 3, 0), python(r, longest, longest, 9),
		     python(r, "\\');alert(1);//", "/a/\xff\xfe\xef\xbf\xbf.py", 1), native(r, "", "", 4, 0)), WORKER, 9, "t;h 7", 11);
	row(r, stack(r, END_ROOT, 1, native(r, "- 77", "", 5, 0)), MASTER, MASTER, "m", 2);
	return r;
}

static void test_hostile_names_keep_one_stack_a_line_and_one_count(void **state)
{
	struct connprof_recording *r = hostile_recording();
	char *out = folded(r, (struct connprof_report_options){.threads = true}), *rest = out;
	size_t lines = 0;

	(void)state;
	for (char *line; (line = strsep(&rest, "\n")) && *line; lines++) {
		char *count = strrchr(line, ' '), *previous;

		assert_non_null(count);
		*count = '\0';
		assert_true(strtoul(count + 1, NULL, 10) == 11 || strtoul(count + 1, NULL, 10) == 2);
		for (const char *c = line; *c; c++)
			assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
		for (char *name = line; (previous = strsep(&name, ";"));) { /* no name ends in another number */
			char *space = strrchr(previous, ' ');

			assert_true(strlen(previous) > 0);
			assert_true(!space || !space[1] || strspn(space + 1, "0123456789.") != strlen(space + 1));
		}
	}
	assert_int_equal(lines, 2);
	free(out);
	connprof_recording_free(r);
}

/* ---- the picture ---- */

static char *svg_checked(const struct connprof_recording *r)
{
	struct connprof_report_options options = {.format = "svg"};
	size_t size;
	char path[32], line[256], *said, *svg = render(r, CONNPROF_VIEW_PROFILE, &options, &size);
	int status;

	temporary(path, svg, size);
	snprintf(line, sizeof(line), "python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' %s 2>&1", path);
	said = command(line, &status);
	unlink(path);
	if (status)
		fail_msg("not well-formed: %s\n%.2000s", said, svg);
	free(said);
	return svg;
}

static void test_the_picture_is_xml_and_holds_every_frame(void **state)
{
	struct connprof_recording *r = sample_recording();
	char *svg = svg_checked(r);

	(void)state;
	assert_has(svg, "serve (app/wsgi.py:10) (50 samples, 50.00%)");
	assert_has(svg, "gunicorn 812 + 1 child - 100 samples at 99 Hz, 30.0 s, 80.0 % complete");
	free(svg);
	connprof_recording_free(r);
}

static void test_the_same_recording_gives_the_same_picture(void **state)
{
	struct connprof_recording *r = sample_recording();
	char *one = render_as(r, CONNPROF_VIEW_PROFILE, "svg"), *two = render_as(r, CONNPROF_VIEW_PROFILE, "svg");

	(void)state;
	assert_string_equal(one, two);
	free(one);
	free(two);
	connprof_recording_free(r);
}

static void test_hostile_names_cannot_break_the_picture(void **state)
{
	struct connprof_recording *r = hostile_recording();
	char *svg = svg_checked(r);

	(void)state;
	assert_has_not(svg, "<script>alert");
	assert_has_not(svg, "\\\\');alert"); /* an escaped escape would end the script's string */
	free(svg);
	connprof_recording_free(r);
}

static void test_no_samples_is_a_picture_that_says_so(void **state)
{
	struct connprof_recording *r = empty_recording();
	char *svg = svg_checked(r);

	(void)state;
	assert_has(svg, "no samples");
	free(svg);
	connprof_recording_free(r);
}

static int svg_code(struct connprof_error *error)
{
	struct connprof_report_options options = {.format = "svg"};
	struct connprof_recording *r = sample_recording();
	char *out = NULL;
	size_t size;
	FILE *stream = open_memstream(&out, &size);
	int code = connprof_report_write(r, CONNPROF_VIEW_PROFILE, &options, stream, error);

	fclose(stream);
	free(out);
	connprof_recording_free(r);
	return code;
}

static void test_a_script_that_fails_is_quoted_in_the_error(void **state)
{
	char folder[] = "/tmp/connprof-test-XXXXXX", path[64];
	struct connprof_error error = {0};
	FILE *script;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(setenv("FLAMEGRAPH_DIR", folder, 1), 0);
	assert_int_equal(svg_code(&error), -ENOENT);
	assert_has(error.text, "FLAMEGRAPH_DIR");
	snprintf(path, sizeof(path), "%s/flamegraph.pl", folder);
	script = fopen(path, "w");
	assert_non_null(script);
	fputs("#!/bin/sh\necho broken on purpose >&2\nexit 3\n", script);
	fclose(script);
	assert_int_equal(chmod(path, 0700), 0);
	assert_int_equal(svg_code(&error), -EIO);
	assert_has(error.text, "status 3");
	assert_has(error.text, "broken on purpose");
	unlink(path);
	rmdir(folder);
	unsetenv("FLAMEGRAPH_DIR");
}

/* ---- speedscope ---- */

static struct json_object *member(struct json_object *of, const char *key, enum json_type type)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(of, key, &value) || !json_object_is_type(value, type))
		fail_msg("member %s is missing or of another type", key);
	return value;
}

/* The rules of the published schema for sampled profiles. */
static void check_profile(struct json_object *profile, size_t frames, uint64_t *sum)
{
	struct json_object *samples = member(profile, "samples", json_type_array);
	struct json_object *weights = member(profile, "weights", json_type_array);

	assert_string_equal(json_object_get_string(member(profile, "type", json_type_string)), "sampled");
	member(profile, "name", json_type_string);
	assert_string_equal(json_object_get_string(member(profile, "unit", json_type_string)), "nanoseconds");
	assert_int_equal(json_object_array_length(samples), json_object_array_length(weights));
	*sum = 0;
	for (size_t i = 0; i < json_object_array_length(samples); i++) {
		struct json_object *sample = json_object_array_get_idx(samples, i);

		*sum += json_object_get_uint64(json_object_array_get_idx(weights, i));
		for (size_t k = 0; k < json_object_array_length(sample); k++)
			assert_in_range(json_object_get_uint64(json_object_array_get_idx(sample, k)), 0, frames - 1);
	}
	assert_int_equal(json_object_get_uint64(member(profile, "startValue", json_type_int)), 0);
	assert_int_equal(json_object_get_uint64(member(profile, "endValue", json_type_int)), *sum);
}

static void check_speedscope(struct connprof_recording *r, size_t profile_count, uint64_t samples)
{
	char *text_out = render_as(r, CONNPROF_VIEW_PROFILE, "speedscope");
	struct json_object *document = json_tokener_parse(text_out), *frames, *profiles;
	uint64_t all = 0, sum;

	assert_non_null(document);
	assert_string_equal(json_object_get_string(member(document, "$schema", json_type_string)),
			    "https://www.speedscope.app/file-format-schema.json");
	frames = member(member(document, "shared", json_type_object), "frames", json_type_array);
	for (size_t i = 0; i < json_object_array_length(frames); i++)
		member(json_object_array_get_idx(frames, i), "name", json_type_string);
	profiles = member(document, "profiles", json_type_array);
	assert_int_equal(json_object_array_length(profiles), profile_count);
	for (size_t i = 0; i < profile_count; i++) {
		check_profile(json_object_array_get_idx(profiles, i), json_object_array_length(frames), &sum);
		all += sum;
	}
	assert_int_equal(all, samples * (1000000000u / 99));
	json_object_put(document);
	free(text_out);
}

static void test_speedscope_keeps_its_schema_and_every_sample(void **state)
{
	struct connprof_recording *r = sample_recording();

	(void)state;
	check_speedscope(r, 3, 100);
	connprof_recording_free(r);
	r = hostile_recording();
	check_speedscope(r, 2, 13);
	connprof_recording_free(r);
}

/* ---- summary ---- */

static void test_summary_counts_what_was_lost_and_cut_and_why(void **state)
{
	struct connprof_recording *r = sample_recording();
	char *out = NULL;
	size_t size;
	FILE *stream = open_memstream(&out, &size);

	(void)state;
	assert_int_equal(connprof_report_summary(r, stream, NULL), 0);
	fclose(stream);
	assert_string_equal(out,
		"100 samples in 30.0 s, 99 Hz asked, 98.7 Hz of the CPU time used, 80.0 % complete stacks\n"
		"cut: no user registers 1, stack memory not readable 19\n"
		"Python frames cut: interpreter memory not readable 2\n"
		"lost: ring full: samples 5\n"
		"note: unknown CPython 3.16: native frames only\n"
		"connprof itself: 0.25 s CPU, 21.0 MB, 0.001 s in the kernel (8.0 us a sample), 0.08 % of the target's CPU time, "
		"first sample after 31 ms\n");
	free(out);
	connprof_recording_free(r);
}

static void test_full_tables_are_losses_too(void **state)
{
	struct connprof_recording *r = sample_recording();
	char *out;

	(void)state;
	verdict(r);
	r->connections_refused = 2;
	r->requests_refused = 70;
	r->deeds_refused = 3;
	r->unheld = 9;
	r->purposes_refused = 4;
	r->trips_untied = 6;
	out = render_as(r, CONNPROF_VIEW_REQUESTS, "text");
	assert_has(out, "lost: ring full: samples 5, connections not followed (table full) 2, requests not followed (table full) 70, "
			"deeds of tasks not kept until their request was known 3, latency of samples in requests that were too many to hold 9, "
			"intervals of requests that were too many to keep 4, round trips of sub-tasks whose request is not known 6\n");
	free(out);
	out = render_as(r, CONNPROF_VIEW_REQUESTS, "json");
	assert_has(out, "\"requests\": 70");
	assert_has(out, "\"deeds\": 3");
	free(out);
	connprof_recording_free(r);
}

static void test_summary_is_silent_about_zero_counters(void **state)
{
	struct connprof_recording *r = empty_recording();
	char *out = NULL;
	size_t size;
	FILE *stream = open_memstream(&out, &size);

	(void)state;
	assert_int_equal(connprof_report_summary(r, stream, NULL), 0);
	fclose(stream);
	assert_has(out, "no samples");
	assert_has_not(out, "lost");
	assert_has_not(out, "cut");
	assert_has_not(out, "connprof itself");
	free(out);
	connprof_recording_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folded_shows_merged_stacks_root_first_sorted),
		cmocka_unit_test(test_functions_merge_lines_and_nolineno_drops_them),
		cmocka_unit_test(test_native_shows_the_plumbing_and_threads_the_thread),
		cmocka_unit_test(test_one_process_needs_no_process_frame_and_plumbing_alone_is_shown),
		cmocka_unit_test(test_hostile_names_keep_one_stack_a_line_and_one_count),
		cmocka_unit_test(test_the_picture_is_xml_and_holds_every_frame),
		cmocka_unit_test(test_the_same_recording_gives_the_same_picture),
		cmocka_unit_test(test_hostile_names_cannot_break_the_picture),
		cmocka_unit_test(test_no_samples_is_a_picture_that_says_so),
		cmocka_unit_test(test_a_script_that_fails_is_quoted_in_the_error),
		cmocka_unit_test(test_speedscope_keeps_its_schema_and_every_sample),
		cmocka_unit_test(test_summary_counts_what_was_lost_and_cut_and_why),
		cmocka_unit_test(test_full_tables_are_losses_too),
		cmocka_unit_test(test_summary_is_silent_about_zero_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
