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

static void sealed(struct stream *stream, uint64_t conn, uint8_t direction)
{
	struct wire_facts facts = { .flags = WIRE_TLS | WIRE_SEALED };

	io(stream, conn, PID, PID, direction, facts);
}

static void plain(struct stream *stream, uint64_t conn, uint8_t direction, uint32_t requests, uint32_t handshake)
{
	struct wire_facts facts = { .protocol = PROTOCOL_REDIS, .flags = WIRE_INSIDE_TLS | WIRE_CONFIRMED, .requests = requests,
				    .handshake = handshake, .responses = direction == WIRE_RECEIVED };

	io(stream, conn, PID, PID, direction, facts);
}

/* TLS's handshake takes 3 ms: hello, the server's answer, finished. Then nothing for 10 ms, and a command: one that logs in, or not. Where
 * the library writes to the socket itself, ciphertext goes before its plaintext; where the program does, behind it. */
static void tls_connection(struct stream *stream, bool login, bool by_program)
{
	uint64_t conn = stream->next_conn++;

	conn_event(stream, EVENT_CONNECT, conn, PID, PID, connect_stack(stream, "recommend", 42), CONN_OPENED, 0);
	stream->now_ns += MS;
	conn_event(stream, EVENT_ESTABLISHED, conn, PID, PID, 0, CONN_OPENED, 0);
	sealed(stream, conn, WIRE_SENT);
	stream->now_ns += 2 * MS;
	sealed(stream, conn, WIRE_RECEIVED);
	stream->now_ns += MS;
	sealed(stream, conn, WIRE_SENT);
	stream->now_ns += 10 * MS;
	if (!by_program)
		sealed(stream, conn, WIRE_SENT);
	plain(stream, conn, WIRE_SENT, 1, login);
	if (by_program)
		sealed(stream, conn, WIRE_SENT);
	stream->now_ns += MS / 2;
	sealed(stream, conn, WIRE_RECEIVED);
	plain(stream, conn, WIRE_RECEIVED, 0, 0);
	plain(stream, conn, WIRE_SENT, 1, 0);
	redis_close(stream, conn, PID, PID, 0);
}

static void tls_is_a_part_of_the_set_up_and_a_pause_behind_it_is_not(void **state)
{
	(void)state;
	for (int way = 0; way < 4; way++) {
		bool login = way & 1;
		struct stream s;

		stream_begin(&s);
		for (unsigned i = 0; i < 13; i++)
			tls_connection(&s, login, way & 2);
		stream_judge(&s, 60, NULL);
		assert_float_equal(only_site(&s)->connect_ms.p50, 1, 0.02);
		assert_float_equal(only_site(&s)->tls_ms.p50, 3, 0.06);
		assert_float_equal(only_site(&s)->setup_ms.p50, login ? 14.5 : 4, 0.3);
		if (login)
			assert_float_equal(only_site(&s)->handshake_ms.p50, 10.5, 0.2);
		stream_end(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_remedy_is_the_frameworks_where_there_is_one),
		cmocka_unit_test(set_up_is_told_in_its_parts),
		cmocka_unit_test(tls_is_a_part_of_the_set_up_and_a_pause_behind_it_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
