/* SPDX-License-Identifier: BSD-2-Clause */
/* test_wire.c - which protocol a connection speaks, and which it does not. */
#include "unit/protocol/script.h"

#define GET_K "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"

static void other_protocols_are_never_confirmed(void **state)
{
	static const struct { const char *name; struct line lines[4]; } cases[] = {
		{"NATS", {RECEIVED("INFO {\"server_id\":\"x\"}\r\n"), SENT("CONNECT {}\r\nPING\r\n"), RECEIVED("PONG\r\n"),
			  SENT("PING\r\n")}},
		{"POP3", {RECEIVED("+OK ready\r\n"), SENT("USER me\r\n"), RECEIVED("+OK\r\n"), SENT("PASS x\r\n")}},
		{"SMTP", {RECEIVED("220 mail\r\n"), SENT("HELO a\r\n"), RECEIVED("250 a\r\n"), SENT("QUIT\r\n")}},
		{"HTTP/2", {SENT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), RECEIVED("\0\0\6\4\0\0\0\0\0"), SENT("x"), RECEIVED("y")}},
		{"MySQL", {RECEIVED("\x4a\0\0\0\x0a" "8.0.1\0"), SENT("\1\0\0\1\1"), RECEIVED("\7\0\0\2"), SENT("\1")}},
		{"RESP-shaped, but answered otherwise", {SENT(GET_K), RECEIVED("VALUE 1\r\n"), SENT("more"), RECEIVED("x")}},
		{"RESP-shaped both ways", {SENT(GET_K), RECEIVED(GET_K), SENT(GET_K), RECEIVED(GET_K)}},
	};

	(void)state;
	for (size_t i = 0; i < LINES(cases); i++) {
		struct tally tally = play(cases[i].lines, 4), bytes = play_bytes(cases[i].lines, 4);

		if (tally.flags & WIRE_CONFIRMED)
			fail_msg("%s was confirmed as %s", cases[i].name, protocol_name(tally.protocol));
		if (i < LINES(cases) - 1)
			assert_false(bytes.flags & WIRE_CONFIRMED);
	}
}

static void one_direction_alone_is_not_confirmed(void **state)
{
	static const struct line lines[] = {SENT(GET_K), SENT(GET_K)};
	struct tally tally = play(lines, 2);

	(void)state;
	assert_int_equal(tally.protocol, PROTOCOL_REDIS);
	assert_int_equal(tally.requests, 2);
	assert_false(tally.flags & WIRE_CONFIRMED);
}

static void connection_joined_late_is_recognised_at_its_next_request(void **state)
{
	static const struct line lines[] = {
		RECEIVED("lf of a long value\r\n"), SENT("rest of a command\r\n"), RECEIVED("+OK\r\n"),
		SENT(GET_K), RECEIVED("$1\r\nv\r\n"),
	};
	struct tally tally = play(lines, 5);

	(void)state;
	assert_int_equal(tally.protocol, PROTOCOL_REDIS);
	assert_int_equal(tally.requests, 1);
	assert_int_equal(tally.responses, 1);
	assert_true(tally.last & WIRE_CONFIRMED);
}

/* A worker that waits in BLPOP at the attach: the first that is seen is the reply, which could be a request. */
static void a_reply_that_looks_like_a_request_is_put_right_by_the_first_command(void **state)
{
	static const struct line lines[] = {
		RECEIVED("*2\r\n$4\r\njobs\r\n$5\r\njob:0\r\n"), SENT("*2\r\n$4\r\nINCR\r\n$4\r\ndone\r\n"), RECEIVED(":1\r\n"),
		SENT("*3\r\n$5\r\nBLPOP\r\n$4\r\njobs\r\n$1\r\n0\r\n"), RECEIVED("*2\r\n$4\r\njobs\r\n$5\r\njob:1\r\n"),
	};
	struct tally tally = play(lines, 5);

	(void)state;
	assert_int_equal(tally.protocol, PROTOCOL_REDIS);
	assert_false(tally.last & (WIRE_SERVER | WIRE_GARBLED));
	assert_true(tally.last & WIRE_CONFIRMED);
	assert_true(tally.last & WIRE_JOB);
}

static void tls_is_told_and_nothing_more_is_read(void **state)
{
	static const struct line client[] = {SENT("\x16\x03\x01\x02\x00\x01"), RECEIVED("\x16\x03\x03"), SENT(GET_K)};
	static const struct line late[] = {SENT("\x17\x03\x03\x00\x20"), SENT("\x17\x03\x03\x00\x20"), RECEIVED("+OK\r\n")};

	(void)state;
	for (size_t n = 1; n <= 3; n++)
		assert_int_equal(play(client, n).last, WIRE_TLS);
	assert_int_equal(play_bytes(client, 1).last, WIRE_TLS);
	assert_int_equal(play(late, 3).last, WIRE_TLS);
	assert_int_equal(play(client, 3).requests, 0);
	assert_int_equal(play(client, 3).protocol, PROTOCOL_UNKNOWN);
}

static void calls_that_show_nothing_say_nothing(void **state)
{
	static const struct line lines[] = {SENT(""), SENT_CUT("", 500), RECEIVED_CUT("", UINT64_MAX), SENT(GET_K)};
	struct tally three = play(lines, 3), four = play(lines, 4);

	(void)state;
	assert_int_equal(three.protocol, PROTOCOL_UNKNOWN);
	assert_int_equal(three.flags, 0);
	assert_int_equal(four.requests, 1);
}

/* xorshift64: the same garbage every time */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void garbage_keeps_every_promise_about_facts(void **state)
{
	static const char alphabet[] = "*$+-:%|>~_#0123459\r\n GETPOSHD/.:1ab\0\x16\x03";
	static const char *const starts[] = {GET_K, "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "+OK\r\n", ""};
	uint64_t seed = 88172645463325252u;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct wire *wire = wire_new();

		for (int call = 0; call < 12; call++) {
			uint8_t bytes[96];
			const char *start = starts[next_random(&seed) % LINES(starts)];
			size_t size = strlen(start), more = next_random(&seed) % 48;
			struct wire_facts facts;

			memcpy(bytes, start, size);
			for (size_t i = 0; i < more; i++)
				bytes[size++] = (uint8_t)alphabet[next_random(&seed) % (sizeof(alphabet) - 1)];
			wire_feed(wire, next_random(&seed) % 2 ? WIRE_SENT : WIRE_RECEIVED, bytes, size,
				  size + (next_random(&seed) % 3 ? 0 : next_random(&seed)), &facts);
			assert_true(facts.handshake <= facts.requests);
			assert_true(facts.errors <= facts.responses);
			assert_true(facts.requests + facts.responses <= size + 1);
			assert_true(facts.protocol < PROTOCOL_COUNT);
			assert_true(facts.protocol || !facts.requests);
		}
		wire_free(wire);
	}
}

static void names_go_both_ways(void **state)
{
	(void)state;
	assert_string_equal(protocol_name(PROTOCOL_REDIS), "redis");
	assert_string_equal(protocol_name(PROTOCOL_HTTP), "http");
	assert_string_equal(protocol_name(PROTOCOL_UNKNOWN), "unknown");
	assert_int_equal(protocol_by_name("redis"), PROTOCOL_REDIS);
	assert_int_equal(protocol_by_name("http"), PROTOCOL_HTTP);
	assert_int_equal(protocol_by_name("gopher"), PROTOCOL_UNKNOWN);
	wire_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_protocols_are_never_confirmed),
		cmocka_unit_test(one_direction_alone_is_not_confirmed),
		cmocka_unit_test(connection_joined_late_is_recognised_at_its_next_request),
		cmocka_unit_test(a_reply_that_looks_like_a_request_is_put_right_by_the_first_command),
		cmocka_unit_test(tls_is_told_and_nothing_more_is_read),
		cmocka_unit_test(calls_that_show_nothing_say_nothing),
		cmocka_unit_test(garbage_keeps_every_promise_about_facts),
		cmocka_unit_test(names_go_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
