/* SPDX-License-Identifier: BSD-2-Clause */
/* test_clients.c - what is said of a client: what its connections cost to set up, and what to change about it. */
#include "unit/model/stream.h"

enum { PID = 100, REQUESTS = 60 };

/* One request that opens a connection of its own, uses it, and throws it away. */
static void leaky_request(struct stream *stream, uint32_t pid, uint32_t tid, uint32_t stack, uint32_t dropped)
{
	uint64_t request = request_begin(stream, pid, tid);
	uint64_t conn = redis_connect(stream, pid, tid, stack);

	redis_command(stream, conn, pid, tid);
	redis_command(stream, conn, pid, tid);
	redis_close(stream, conn, pid, tid, dropped);
	request_end(stream, request, pid, tid);
	stream->now_ns += 10 * MS;
}

/* The framework that holds the client has the setting to change; without one it is the library. */
static void the_remedy_is_the_frameworks_where_there_is_one(void **state)
{
	static const struct { const char *function, *file, *words; } cases[] = {
		{ "RedisCacheClient.get", LIB "/django/core/cache/backends/redis.py", "django-redis" },
		{ "RedisBackend.get", LIB "/celery/backends/redis.py", "result_backend_thread_safe" },
		{ "Queue.enqueue", LIB "/rq/queue.py", "one Queue at module level" },
		{ "Connection.connect", LIB "/redis/asyncio/connection.py", "redis.asyncio.Redis" },
		{ "Redis.get", LIB "/redis/client.py", "module level" },
	};
	(void)state;

	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		struct stream s;
		uint32_t stack;

		stream_begin(&s);
		stack = stack_of(&s, "connect", LIB "/redis/connection.py", 263u, cases[c].function, cases[c].file, 7u, "page",
				 "/srv/app/pages.py", 42u, NULL);
		for (unsigned i = 0; i < REQUESTS; i++)
			leaky_request(&s, PID, PID, stack, drop_stack(&s));
		assert_int_equal(stream_judge(&s, 60, NULL), CONNPROF_FINDINGS);
		assert_non_null(strstr(text_of(&s, only_site(&s)->remedy), cases[c].words));
		stream_end(&s);
	}
}

/* Where set-up time goes: the socket's part and the handshake's, and how many replies were waited for. */
static void set_up_is_told_in_its_parts(void **state)
{
	struct stream s;
	(void)state;

	stream_begin(&s);
	for (unsigned i = 0; i < REQUESTS; i++)
		leaky_request(&s, PID, PID, connect_stack(&s, "recommend", 42), drop_stack(&s));
	stream_judge(&s, 60, NULL);
	assert_float_equal(only_site(&s)->connect_ms.p50, 0.5, 0.02);
	assert_float_equal(only_site(&s)->handshake_ms.p50, 0.5, 0.02);
	assert_true(isnan(only_site(&s)->tls_ms.p50));
	assert_float_equal(only_site(&s)->handshake_trips, 1.0, 1e-9);
	stream_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_remedy_is_the_frameworks_where_there_is_one),
		cmocka_unit_test(set_up_is_told_in_its_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
