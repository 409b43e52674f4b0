/* SPDX-License-Identifier: BSD-2-Clause */
/* test_verdict.c - what check, trace and dump print, as text and as JSON, and the table of formats. */
#include "sample.h"

#include <json-c/json.h>

static const char *const check_members = "schema verdict targets window requests sites lost ";
static const char *const site_members =
	"rule protocol peer transport tls decides cause attribution library connects failed_connects requests "
	"connects_per_request connects_per_using_request open_at_end reuse pools lifetime_ms setup_ms setup call_site stack cost ";

/* The member names in their order, a space behind each. */
static void assert_members(struct json_object *object, const char *expected)
{
	char names[1024] = "";
	int used = 0;

	json_object_object_foreach(object, key, value) {
		(void)value;
		used += snprintf(names + used, sizeof(names) - (size_t)used, "%s ", key);
	}
	assert_string_equal(names, expected);
}

static struct json_object *at(struct json_object *object, const char *path)
{
	char copy[128], *rest = copy;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *key; (key = strsep(&rest, "."));) {
		struct json_object *next = NULL;

		if (*key >= '0' && *key <= '9')
			next = json_object_array_get_idx(object, (size_t)atoi(key));
		else if (!json_object_object_get_ex(object, key, &next))
			fail_msg("no %s", path);
		object = next;
	}
	return object;
}

static void assert_json(struct json_object *document, const char *path, const char *expected)
{
	struct json_object *value = at(document, path);

	assert_string_equal(value ? json_object_to_json_string_ext(value, JSON_C_TO_STRING_NOSLASHESCAPE) : "null", expected);
}

static struct connprof_recording *judged(void)
{
	struct connprof_recording *r = empty_recording();

	verdict(r);
	return r;
}

static void test_check_json_has_the_members_of_its_schema_in_order(void **state)
{
	struct connprof_recording *r = judged();
	char *out = render_as(r, CONNPROF_VIEW_VERDICT, "json");
	struct json_object *document = json_tokener_parse(out);

	(void)state;
	assert_non_null(document);
	assert_members(document, check_members);
	assert_members(at(document, "sites.0"), site_members);
	assert_members(at(document, "requests"), "observed protocol latency_ms ");
	assert_members(at(document, "requests.latency_ms"), "p50 p99 max ");
	assert_members(at(document, "sites.0.stack.0"), "function file line kind ");
	assert_json(document, "schema", "\"connprof.check/1\"");
	assert_json(document, "verdict", "\"findings\"");
	assert_json(document, "window.seconds", "30.0");
	assert_json(document, "targets.0.exe", "\"/usr/bin/python3.11\"");
	assert_json(document, "requests.latency_ms.max", "912.4");
	assert_json(document, "sites.0.peer", "\"127.0.0.1:6379\"");
	assert_json(document, "sites.0.connects_per_request", "1.0");
	assert_json(document, "sites.0.call_site.function", "\"RecommendHandler.__init__\"");
	assert_json(document, "sites.0.call_site.line", "42");
	assert_json(document, "sites.0.stack.0.kind", "\"native\"");
	assert_json(document, "sites.0.stack.1.line", "263");
	assert_json(document, "sites.0.pools.connects", "600");
	assert_json(document, "sites.0.pools.distinct", "590");
	assert_json(document, "sites.0.pools.shared", "false");
	assert_int_equal(json_object_array_length(at(document, "sites.0.stack")), 4); /* without _start's plumbing */
	json_object_put(document);
	free(out);
	connprof_recording_free(r);
}

static void test_unknown_is_null_never_zero(void **state)
{
	static const char *const unknown[] = {
		"rule", "protocol", "cause", "attribution", "library", "failed_connects", "requests", "connects_per_request",
		"reuse.requests_per_connection", "reuse.commands_per_connection", "lifetime_ms.p50", "setup_ms.p99",
		"call_site", "cost.setup_ms_per_request", "cost.cpu_percent", "pools",
	};
	struct connprof_recording *r = judged();
	char *out = render_as(r, CONNPROF_VIEW_VERDICT, "json"), path[64];
	struct json_object *document = json_tokener_parse(out);

	(void)state;
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		snprintf(path, sizeof(path), "sites.1.%s", unknown[i]);
		assert_null(at(document, path));
	}
	assert_json(document, "sites.1.peer", "\"[2001:db8::1]:443\"");
	assert_json(document, "sites.1.tls", "true");
	assert_json(document, "sites.1.decides", "false");
	assert_json(document, "sites.1.open_at_end", "2");
	assert_json(document, "lost.events", "0");
	json_object_put(document);
	free(out);
	connprof_recording_free(r);
}

static void test_check_text_names_the_line_the_cost_and_the_remedy(void **state)
{
	struct connprof_recording *r = judged();
	char *out = render_as(r, CONNPROF_VIEW_VERDICT, "text");

	(void)state;
	assert_int_equal(strncmp(out, "findings: 1 call site breaks a rule\n", 36), 0);
	assert_has(out, "gunicorn 812, 30.0 s, 4812 HTTP requests (p50 3.1 ms, p99 41.0 ms, max 912.4 ms), 4815 connections\n");
	assert_has(out, "12 requests took over 0.5 s, 3 over 1 s\n");
	assert_has(out, "1. connection-per-request: redis 127.0.0.1:6379, redis-py 5.0.1\n");
	assert_has(out, "RecommendHandler.__init__ (/srv/app/recommend.py:42)\n");
	assert_has(out, "every request opened its own connection and threw it away\n");
	assert_has(out, "0.60 ms to set one up (connect 0.10, handshake 0.40 in 3 round trips; p99 9.00 ms), 0.90 ms of each\n");
	assert_has(out, "  request, 31.0 % of the CPU samples\n");
	assert_has(out, "build the ConnectionPool once, at module level\n");
	assert_has(out, "told apart by the thread that served them\n");
	assert_true(strstr(out, "serve (app/wsgi.py:10)") < strstr(out, "-> RecommendHandler.__init__"));
	assert_true(strstr(out, "-> RecommendHandler.__init__") < strstr(out, "Connection.connect (redis/connection.py:263)"));
	assert_has(out, "other call sites\n");
	assert_has(out, "unknown+tls");
	assert_has_not(out, "lost");
	assert_has_not(out, "nan");
	assert_has_not(out, "18446744073709551615");
	free(out);
	connprof_recording_free(r);
}

static void test_the_parts_of_a_set_up_are_told_with_tls(void **state)
{
	struct connprof_recording *r = judged();
	char *out;

	(void)state;
	r->sites[0].tls_ms.p50 = 1.234;
	out = render_as(r, CONNPROF_VIEW_VERDICT, "text");
	assert_has(out, "ms to set one up (connect 0.10, TLS 1.23, handshake 0.40 in 3 round trips; p99 9.00 ms)");
	free(out);
	out = render_as(r, CONNPROF_VIEW_DIAGNOSIS, "html");
	assert_has(out, "<td>connect 0.10, TLS 1.23, handshake 0.40 in 3 round trips</td>");
	free(out);
	connprof_recording_free(r);
}

/* A stack of which nothing is known to be the application's: what matters is near connect(), not near the loop. */
static void test_without_a_call_site_the_innermost_calls_are_shown(void **state)
{
	struct connprof_recording *r = judged();
	uint32_t ids[14];
	char name[16], *out;

	(void)state;
	for (size_t i = 0; i < 14; i++) {
		snprintf(name, sizeof(name), "call%zu;", i);
		ids[i] = python(r, name, "/usr/lib/python3/dist-packages/redis/connection.py", 1);
	}
	r->sites[0].call_site = 0;
	r->sites[0].stack = stacks_add(r->stacks, ids, 14, END_ROOT);
	out = render_as(r, CONNPROF_VIEW_VERDICT, "text");
	assert_has(out, "outermost first, without those further out\n");
	assert_has_not(out, "call10;");
	assert_true(strstr(out, "call9;") && strstr(out, "call9;") < strstr(out, "call0;"));
	free(out);
	connprof_recording_free(r);
}

static void test_inconclusive_says_why_and_colours_only_when_asked(void **state)
{
	struct connprof_report_options options = {.format = "text", .color = true};
	struct connprof_recording *r = empty_recording();
	char *plain, *coloured;

	(void)state;
	r->verdict = VERDICT_INCONCLUSIVE;
	r->verdict_note = text(r, "only 3 requests were seen, 20 are needed");
	r->drops[DROP_RING_FULL_CONNECTION] = 4;
	plain = render_as(r, CONNPROF_VIEW_VERDICT, "text");
	coloured = render(r, CONNPROF_VIEW_VERDICT, &options, NULL);
	assert_int_equal(strncmp(plain, "inconclusive: only 3 requests were seen, 20 are needed\n", 55), 0);
	assert_has(plain, "lost: ring full: connections 4\n");
	assert_has_not(plain, "\033");
	assert_has(coloured, "\033[");
	free(plain);
	free(coloured);
	connprof_recording_free(r);
}

static void test_trace_shows_a_row_a_site(void **state)
{
	struct connprof_recording *r = judged();
	char *out = render_as(r, CONNPROF_VIEW_SITES, "text"), *json = render_as(r, CONNPROF_VIEW_SITES, "json");
	struct json_object *document = json_tokener_parse(json);

	(void)state;
	assert_has(out, "4815 connections seen, 2 more were open before, 40 accepted; 4812 HTTP requests\n");
	assert_has(out, "    4812      0      0      23.0      2.40      30.2  redis      127.0.0.1:6379         "
			"RecommendHandler.__init__ (app/recommend.py:42)\n");
	assert_has(out, "       3      -      2         -         -         -  unknown+tls [2001:db8::1]:443      "
			"(no application frame)\n");
	assert_json(document, "schema", "\"connprof.trace/1\"");
	assert_json(document, "connections.open_before", "2");
	assert_json(document, "sites.0.bytes_received", "2000");
	json_object_put(document);
	free(out);
	free(json);
	connprof_recording_free(r);
}

static struct connprof_recording *dumped(void)
{
	struct connprof_recording *r = empty_recording();

	r->dump = calloc(2, sizeof(*r->dump));
	assert_non_null(r->dump);
	r->dump_count = 2;
	r->dump[0] = (struct dump_thread){.pid = MASTER, .tid = MASTER, .thread = text(r, "MainThread"), .state = THREAD_SLEEPING,
					  .python_end = PYTHON_ROOT};
	r->dump[0].stack = stack(r, END_ROOT, 3, native(r, "__poll", "/usr/lib/libc.so.6", 1, 0),
				 python(r, "run", "/usr/lib/python3/dist-packages/gunicorn/arbiter.py", 200),
				 native(r, "_start", "/usr/bin/python3.11", 2, FRAME_INTERPRETER));
	r->dump[1] = (struct dump_thread){.pid = MASTER, .tid = 813, .thread = text(r, "worker"), .state = THREAD_RUNNING,
					  .holds_gil = true, .torn = true, .python_end = PYTHON_FAULT};
	r->dump[1].stack = stack(r, END_FAULT, 1, native(r, "epoll_wait", "/usr/lib/libc.so.6", 1, 0));
	return r;
}

static void test_dump_reads_like_py_spys(void **state)
{
	struct connprof_recording *r = dumped();
	char *out = render_as(r, CONNPROF_VIEW_THREADS, "dump"), *json = render_as(r, CONNPROF_VIEW_THREADS, "json");
	struct json_object *document = json_tokener_parse(json);

	(void)state;
	assert_string_equal(out,
		"Process 812: gunicorn (/usr/bin/python3.11)\n"
		"\n"
		"Thread 812 (idle): \"MainThread\"\n"
		"    __poll (libc.so.6)\n"
		"    run (gunicorn/arbiter.py:200)\n"
		"\n"
		"Thread 813 (active, holds the GIL, ran while being read): \"worker\"\n"
		"    epoll_wait (libc.so.6)\n"
		"    [cut: stack memory not readable]\n"
		"    [Python frames: interpreter memory not readable]\n");
	assert_json(document, "schema", "\"connprof.dump/1\"");
	assert_json(document, "processes.0.threads.1.holds_gil", "true");
	assert_json(document, "processes.0.threads.0.stack.1.file", "\"/usr/lib/python3/dist-packages/gunicorn/arbiter.py\"");
	json_object_put(document);
	free(out);
	free(json);
	connprof_recording_free(r);
}

/* ---- the table ---- */

static void assert_format(enum connprof_view view, const char *name, const char *path, const char *expected)
{
	const char *found = connprof_format_find(view, name, path);

	if (!expected)
		assert_null(found);
	else if (!found)
		fail_msg("no format for %s %s", name ? name : "", path ? path : "");
	else
		assert_string_equal(found, expected);
}

static void test_formats_are_found_by_name_alias_and_extension(void **state)
{
	(void)state;
	assert_format(CONNPROF_VIEW_PROFILE, NULL, NULL, "svg");
	assert_format(CONNPROF_VIEW_PROFILE, "raw", NULL, "folded");
	assert_format(CONNPROF_VIEW_PROFILE, "flamegraph", "x.folded", "svg");
	assert_format(CONNPROF_VIEW_PROFILE, NULL, "/a/x.folded", "folded");
	assert_format(CONNPROF_VIEW_PROFILE, NULL, "x.speedscope.json", "speedscope");
	assert_format(CONNPROF_VIEW_PROFILE, NULL, "x.pb.gz", "pprof");
	assert_format(CONNPROF_VIEW_PROFILE, NULL, "profile", "svg");
	assert_format(CONNPROF_VIEW_PROFILE, NULL, "/a/.svg", "svg");
	assert_format(CONNPROF_VIEW_PROFILE, "ra", NULL, NULL);
	assert_format(CONNPROF_VIEW_PROFILE, "", NULL, NULL);
	assert_format(CONNPROF_VIEW_VERDICT, NULL, "verdict.json", "json");
	assert_format(CONNPROF_VIEW_VERDICT, NULL, "verdict.svg", NULL);
	assert_format(CONNPROF_VIEW_VERDICT, "svg", NULL, NULL);
	assert_format(CONNPROF_VIEW_THREADS, "dump", NULL, "text");
}

static void test_the_names_and_the_extension_of_a_view_are_listed(void **state)
{
	char text[CONNPROF_NAMES_BYTES];

	(void)state;
	connprof_format_names(CONNPROF_VIEW_PROFILE, text, sizeof(text));
	assert_string_equal(text, "svg, folded, speedscope, pprof, html");
	connprof_format_names(CONNPROF_VIEW_THREADS, text, sizeof(text));
	assert_string_equal(text, "text, json");
	connprof_format_names(CONNPROF_VIEW_PROFILE, text, 8);
	assert_string_equal(text, "svg, fo");
	connprof_format_extension(CONNPROF_VIEW_PROFILE, "pprof", text, sizeof(text));
	assert_string_equal(text, ".pb.gz");
	connprof_format_extension(CONNPROF_VIEW_VERDICT, "github", text, sizeof(text));
	assert_string_equal(text, "");
	connprof_format_extension(CONNPROF_VIEW_VERDICT, "no such", text, sizeof(text));
	assert_string_equal(text, "");
}

static void test_saving_leaves_the_old_file_whole_when_it_fails(void **state)
{
	struct connprof_recording *r = sample_recording();
	struct connprof_report_options options = {.format = "nonsense"};
	struct connprof_error error = {0};
	char path[32], line[64], *out;
	int status;

	(void)state;
	temporary(path, "old\n", 4);
	assert_true(connprof_report_save(r, CONNPROF_VIEW_PROFILE, &options, path, &error) < 0);
	assert_int_equal(error.status, CONNPROF_USAGE);
	snprintf(line, sizeof(line), "cat %s", path);
	out = command(line, &status);
	assert_string_equal(out, "old\n");
	free(out);
	options.format = "folded";
	assert_int_equal(connprof_report_save(r, CONNPROF_VIEW_PROFILE, &options, path, &error), 0);
	out = command(line, &status);
	assert_has(out, "main;[libz.so.1] 30\n");
	free(out);
	unlink(path);
	connprof_recording_free(r);
}

static void test_paths_are_shortened_to_what_a_reader_needs(void **state)
{
	(void)state;
	assert_string_equal(short_path("/usr/lib/python3/dist-packages/redis/connection.py"), "redis/connection.py");
	assert_string_equal(short_path("/v/lib/python3.11/site-packages/flask/app.py"), "flask/app.py");
	assert_string_equal(short_path("/usr/lib/python3.11/logging/__init__.py"), "logging/__init__.py");
	assert_string_equal(short_path("/srv/app/deep/recommend.py"), "deep/recommend.py");
	assert_string_equal(short_path("/recommend.py"), "recommend.py");
	assert_string_equal(short_path("app.py"), "app.py");
	assert_string_equal(short_path("<frozen importlib._bootstrap>"), "<frozen importlib._bootstrap>");
	assert_string_equal(short_path(""), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check_json_has_the_members_of_its_schema_in_order),
		cmocka_unit_test(test_unknown_is_null_never_zero),
		cmocka_unit_test(test_check_text_names_the_line_the_cost_and_the_remedy),
		cmocka_unit_test(test_the_parts_of_a_set_up_are_told_with_tls),
		cmocka_unit_test(test_without_a_call_site_the_innermost_calls_are_shown),
		cmocka_unit_test(test_inconclusive_says_why_and_colours_only_when_asked),
		cmocka_unit_test(test_trace_shows_a_row_a_site),
		cmocka_unit_test(test_dump_reads_like_py_spys),
		cmocka_unit_test(test_formats_are_found_by_name_alias_and_extension),
		cmocka_unit_test(test_the_names_and_the_extension_of_a_view_are_listed),
		cmocka_unit_test(test_saving_leaves_the_old_file_whole_when_it_fails),
		cmocka_unit_test(test_paths_are_shortened_to_what_a_reader_needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
