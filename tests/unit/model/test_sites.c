/* SPDX-License-Identifier: BSD-2-Clause */
/* test_sites.c - whose frames are the application's, what makes one call site, and what setting up costs it. */
#include "unit/model/stream.h"

#include "model/appframes.h"
#include "model/clients.h"

enum { PID = 100 };

static void own_code_is_told_from_libraries_by_path(void **state)
{
	static const struct {
		const char *function, *file;
		bool own;
	} cases[] = {
		{ "handler", "/srv/app/views.py", true },
		{ "handler", "views.py", true },
		{ "<module>", "/srv/app/bin/worker.py", true },
		{ "<module>", "/srv/python/app.py", true },
		{ "handler", "<string>", true },
		{ "get", "/srv/venv/lib/python3.11/site-packages/redis/client.py", false },
		{ "get", "/usr/lib/python3/dist-packages/redis/client.py", false },
		{ "connect", "/usr/lib/python3.11/socket.py", false },
		{ "connect", "/opt/python/lib64/python3.12/ssl.py", false },
		{ "connect", "/usr/lib/python311.zip/socket.py", false },
		{ "_load", "<frozen importlib._bootstrap>", false },
		{ "<module>", "/srv/venv/bin/gunicorn", false },
		{ "f", "", false },
	};
	const struct connprof_rules none = { 0 };
	struct stream s;
	struct appframes *appframes;
	uint32_t ids[sizeof(cases) / sizeof(cases[0])];
	(void)state;

	stream_begin(&s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ids[i] = python_frame(&s, cases[i].function, cases[i].file, 1);
	appframes = appframes_new(s.recording, &none);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (appframes_own(appframes, ids[i]) != cases[i].own)
			fail_msg("%s %s", cases[i].function, cases[i].file);
	appframes_free(appframes);
	stream_end(&s);
}

static void native_code_is_own_only_in_the_main_object(void **state)
{
	const struct connprof_rules none = { 0 };
	struct stream s;
	struct frame frame = { .kind = FRAME_NATIVE, .flags = FRAME_MAIN_OBJECT };
	struct appframes *appframes;
	uint32_t own, library;
	(void)state;

	stream_begin(&s);
	frame.function = strings_add(s.recording->strings, "main");
	own = stacks_add_frame(s.recording->stacks, &frame);
	frame.flags = 0;
	library = stacks_add_frame(s.recording->stacks, &frame);
	appframes = appframes_new(s.recording, &none);
	assert_true(appframes_own(appframes, own));
	assert_false(appframes_own(appframes, library));
	appframes_free(appframes);
	stream_end(&s);
}

/* The same handler at two lines, through two commands: one site. The user's patterns move the call site. */
static void lines_do_not_split_a_site_and_patterns_move_it(void **state)
{
	static const char *const library[] = { "/srv/app/cache.py", NULL }, *const app[] = { "*/redis/client.py", NULL };
	struct connprof_rules rules = { .min_requests = 20, .max_connects_per_request = 0.05, .max_churn_per_second = 2 };
	struct stream s;
	const struct frame *frame;
	(void)state;

	stream_begin(&s);
	for (unsigned line = 10; line < 30; line += 10)
		redis_close(&s, redis_connect(&s, PID, PID, stack_of(&s, "connect", LIB "/redis/connection.py", 263u, "Redis.get",
			    LIB "/redis/client.py", line, "cached", "/srv/app/cache.py", line, "view", "/srv/app/views.py", 3u, NULL)),
			    PID, PID, 0);
	stream_judge(&s, 10, &rules);
	assert_int_equal(only_site(&s)->connects, 2);
	frame = stacks_frame(s.recording->stacks, only_site(&s)->call_site);
	assert_string_equal(text_of(&s, frame->function), "cached");
	rules.library_patterns = library;
	connprof_recording_judge(s.recording, &rules, NULL);
	frame = stacks_frame(s.recording->stacks, only_site(&s)->call_site);
	assert_string_equal(text_of(&s, frame->function), "view");
	rules.app_patterns = app;
	connprof_recording_judge(s.recording, &rules, NULL);
	frame = stacks_frame(s.recording->stacks, only_site(&s)->call_site);
	assert_string_equal(text_of(&s, frame->function), "Redis.get");
	stream_end(&s);
}

static void a_library_is_never_blamed(void **state)
{
	struct stream s;
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = stack_of(&s, "connect", LIB "/redis/connection.py", 263u, "handle", LIB "/gunicorn/workers/sync.py", 1u, NULL);
	for (int i = 0; i < 40; i++) {
		uint64_t request = request_begin(&s, PID, PID), conn = redis_connect(&s, PID, PID, stack);

		redis_command(&s, conn, PID, PID);
		redis_close(&s, conn, PID, PID, 0);
		request_end(&s, request, PID, PID);
	}
	assert_int_equal(stream_judge(&s, 10, NULL), CONNPROF_FINDINGS);
	assert_int_equal(only_site(&s)->call_site, 0);
	assert_int_equal(only_site(&s)->attribution, ATTRIBUTION_NONE);
	stream_end(&s);
}

static void what_closed_it_tells_why(void **state)
{
	struct stream s;
	uint32_t dropped, released, bare;
	(void)state;

	stream_begin(&s);
	dropped = drop_stack(&s);
	released = stack_of(&s, "Connection.disconnect", LIB "/redis/connection.py", 1u, "ConnectionPool.release",
			    LIB "/redis/connection.py", 2u, "Redis.execute_command", LIB "/redis/client.py", 3u, NULL);
	bare = stack_of(&s, "shutdown", "/srv/app/x.py", 1u, NULL);
	assert_int_equal(client_close_cause(s.recording, dropped), CAUSE_THROW_AWAY_CLIENT);
	assert_int_equal(client_close_cause(s.recording, released), CAUSE_POOL_DROPPED_IT);
	assert_int_equal(client_close_cause(s.recording, bare), CAUSE_NONE);
	assert_int_equal(client_close_cause(s.recording, 0), CAUSE_NONE);
	assert_string_equal(client_of_stack(s.recording, released), "redis-py");
	assert_null(client_of_stack(s.recording, bare));
	stream_end(&s);
}

static void samples_inside_connect_are_the_sites_share(void **state)
{
	struct stream s;
	struct event sample = { .kind = EVENT_SAMPLE, .pid = PID, .tid = PID };
	(void)state;

	stream_begin(&s);
	redis_close(&s, redis_connect(&s, PID, PID, connect_stack(&s, "recommend", 42)), PID, PID, 0);
	sample.stack = stack_of(&s, "on_connect", LIB "/redis/connection.py", 300u, "connect", LIB "/redis/connection.py", 270u,
				"ConnectionPool.get_connection", LIB "/redis/connection.py", 1100u, "recommend",
				"/srv/app/recommend.py", 42u, NULL);
	feed(&s, &sample); /* inside this site's set-up */
	sample.stack = stack_of(&s, "connect", LIB "/redis/connection.py", 270u, "other", "/srv/app/other.py", 1u, NULL);
	feed(&s, &sample); /* somebody else's */
	sample.stack = stack_of(&s, "recommend", "/srv/app/recommend.py", 50u, NULL);
	feed(&s, &sample); /* its own work */
	feed(&s, &sample);
	stream_judge(&s, 10, NULL);
	assert_float_equal(only_site(&s)->cpu_percent, 25.0, 1e-9);
	stream_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_code_is_told_from_libraries_by_path),
		cmocka_unit_test(native_code_is_own_only_in_the_main_object),
		cmocka_unit_test(lines_do_not_split_a_site_and_patterns_move_it),
		cmocka_unit_test(a_library_is_never_blamed),
		cmocka_unit_test(what_closed_it_tells_why),
		cmocka_unit_test(samples_inside_connect_are_the_sites_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
