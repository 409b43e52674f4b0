/* SPDX-License-Identifier: BSD-2-Clause */
/* test_databases.c - PostgreSQL, MySQL and memcached conversations: recognised, counted, whole, in pieces, and peeked short. */
#include "script.h"

#include <stdlib.h>

/* ---- PostgreSQL ---- */

#define PG_STARTUP "\0\0\0\x1f\0\3\0\0user\0me\0database\0shop\0\0"
#define PG_AUTH_MD5 "R\0\0\0\x0c\0\0\0\5salt"
#define PG_PASSWORD "p\0\0\0\x0cmd5abcd\0"
#define PG_READY "R\0\0\0\x08\0\0\0\0S\0\0\0\x0etz\0UTC\0ab\0Z\0\0\0\5I"
#define PG_ROWS "T\0\0\0\6\0\0D\0\0\0\6\0\0C\0\0\0\x0dSELECT 1\0Z\0\0\0\5I"

static const struct line pg_session[] = {
	SENT(PG_STARTUP), RECEIVED(PG_AUTH_MD5), SENT(PG_PASSWORD), RECEIVED(PG_READY),
	SENT("Q\0\0\0\x13set names utf8\0"), RECEIVED("C\0\0\0\x08SET\0Z\0\0\0\5I"),
	SENT("Q\0\0\0\x0dselect 1\0"), RECEIVED(PG_ROWS),
	/* Parse, Bind, Describe, Execute, Sync in one go. */
	SENT("P\0\0\0\x11\0select $1\0\0\0B\0\0\0\x0c\0\0\0\0\0\0\0\0D\0\0\0\6P\0E\0\0\0\x09\0\0\0\0\0S\0\0\0\4"),
	RECEIVED("1\0\0\0\4" "2\0\0\0\4" PG_ROWS),
	SENT("Q\0\0\0\x0bnosuch\0"), RECEIVED("E\0\0\0\x0cSERROR\0\0Z\0\0\0\5I"),
	SENT("X\0\0\0\4"),
};

static void test_postgres_session(void **state)
{
	struct tally tally = play(pg_session, LINES(pg_session));

	(void)state;
	assert_int_equal(tally.protocol, PROTOCOL_POSTGRES);
	assert_int_equal(tally.requests, 7);  /* startup, password, set, select, execute, the wrong one, terminate */
	assert_int_equal(tally.handshake, 4); /* the first three and the last */
	assert_int_equal(tally.responses, 6); /* one each, but for the last */
	assert_int_equal(tally.errors, 1);
	assert_true(tally.flags & WIRE_CONFIRMED);
	assert_false(tally.flags & WIRE_GARBLED);
	assert_any_split_is_the_same(pg_session, LINES(pg_session));
}

static void test_postgres_tls_is_said_and_refused_tls_goes_on(void **state)
{
	static const struct line taken[] = {
		SENT("\0\0\0\x08\x04\xd2\x16\x2f"), RECEIVED("S"), SENT("\x16\3\1\2\0\1\0\1\xfc\3\3"), RECEIVED("\x16\3\3\0\x7a\2\0\0\x76"),
	};
	static const struct line refused[] = {
		SENT("\0\0\0\x08\x04\xd2\x16\x2f"), RECEIVED("N"), SENT(PG_STARTUP), RECEIVED(PG_READY), SENT("Q\0\0\0\x0dselect 1\0"), RECEIVED(PG_ROWS),
	};
	struct tally tally = play(taken, LINES(taken));

	(void)state;
	assert_true(tally.last & WIRE_TLS);
	assert_false(tally.flags & WIRE_GARBLED);
	tally = play(refused, LINES(refused));
	assert_int_equal(tally.requests - tally.handshake, 1);
	assert_false(tally.flags & (WIRE_TLS | WIRE_GARBLED));
	assert_any_split_is_the_same(refused, LINES(refused));
}

static void test_postgres_open_before_the_attach_is_told_by_a_query(void **state)
{
	static const struct line middle[] = {
		RECEIVED("D\0\0\0\6\0\0C\0\0\0\x0dSELECT 1\0Z\0\0\0\5I"), SENT("Q\0\0\0\x0dselect 1\0"), RECEIVED(PG_ROWS),
		SENT("Q\0\0\0\x0dselect 2\0"), RECEIVED(PG_ROWS),
	};
	struct tally tally = play(middle, LINES(middle));

	(void)state;
	assert_int_equal(tally.protocol, PROTOCOL_POSTGRES);
	assert_int_equal(tally.requests, 2);
	assert_true(tally.flags & WIRE_CONFIRMED);
}

static void test_postgres_large_rows_are_skipped_by_their_length(void **state)
{
	static const struct line large[] = {
		SENT(PG_STARTUP), RECEIVED(PG_READY), SENT("Q\0\0\0\x0dselect 1\0"),
		RECEIVED_CUT("T\0\0\0\6\0\0D\0\1\0\4", 0x10000), RECEIVED("C\0\0\0\x0dSELECT 1\0Z\0\0\0\5I"),
		SENT_CUT("Q\0\0\1\4insert ", 256 - 7), RECEIVED("C\0\0\0\x0fINSERT 0 1\0Z\0\0\0\5I"),
	};
	struct tally tally = play(large, LINES(large));

	(void)state;
	assert_int_equal(tally.requests - tally.handshake, 2);
	assert_int_equal(tally.responses, 3);
	assert_false(tally.flags & WIRE_GARBLED);
}

/* A query that has not even its NUL does not put the reader out of step. */
static void test_an_empty_query_is_one(void **state)
{
	static const struct line session[] = {
		SENT(PG_STARTUP), RECEIVED(PG_READY), SENT("Q\0\0\0\4" "Q\0\0\0\x0dselect 1\0"), RECEIVED("E\0\0\0\x0cSERROR\0\0Z\0\0\0\5I" PG_ROWS),
		SENT("Q\0\0\0\x0dselect 2\0"), RECEIVED(PG_ROWS),
	};
	struct tally tally = play(session, LINES(session));

	(void)state;
	assert_int_equal(tally.requests - tally.handshake, 3);
	assert_false(tally.flags & WIRE_GARBLED);
	assert_any_split_is_the_same(session, LINES(session));
}

/* ---- MySQL ---- */

#define MY_GREETING "\x2e\0\0\0\x0a" "8.0.36\0\7\0\0\0saltsalt\0\xff\xf7\x21\2\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0moresalt\0"
#define MY_ZEROS "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define MY_LOGIN "\x2c\0\0\1\x8d\xa6\x0f\0\0\0\0\1\x21" MY_ZEROS "user\0\6secret"
#define MY_OK(sequence) "\7\0\0" sequence "\0\0\0\2\0\0\0"
#define MY_ROWS "\1\0\0\1\1\2\0\0\2de\5\0\0\3\xfe\0\0\2\0\2\0\0\4\1" "1\5\0\0\5\xfe\0\0\2\0"

static const struct line my_session[] = {
	RECEIVED(MY_GREETING), SENT(MY_LOGIN), RECEIVED(MY_OK("\2")),
	SENT("\x0f\0\0\0\3SET NAMES utf8"), RECEIVED(MY_OK("\1")),
	SENT("\x09\0\0\0\3select 1"), RECEIVED(MY_ROWS),
	SENT("\1\0\0\0\x0e"), RECEIVED(MY_OK("\1")),
	SENT("\5\0\0\0\3oops"), RECEIVED("\7\0\0\1\xff\x28\4#4200"),
	SENT("\1\0\0\0\1"),
};

static void test_mysql_session(void **state)
{
	struct tally tally = play(my_session, LINES(my_session));

	(void)state;
	assert_int_equal(tally.protocol, PROTOCOL_MYSQL);
	assert_int_equal(tally.requests, 6);  /* login, set, select, ping, the wrong one, quit */
	assert_int_equal(tally.handshake, 4); /* login, set, ping, quit */
	assert_int_equal(tally.responses, 5);
	assert_int_equal(tally.errors, 1);
	assert_true(tally.flags & WIRE_CONFIRMED);
	assert_false(tally.flags & WIRE_GARBLED);
}

static void test_mysql_empty_query_is_one(void **state)
{
	static const struct line session[] = {
		RECEIVED(MY_GREETING), SENT(MY_LOGIN), RECEIVED(MY_OK("\2")), SENT("\1\0\0\0\3"), RECEIVED("\7\0\0\1\xff\x28\4#4200"),
	};
	struct tally tally = play(session, LINES(session));

	(void)state;
	assert_int_equal(tally.requests - tally.handshake, 1);
	assert_int_equal(tally.errors, 1);
}

static void test_mysql_in_pieces_is_the_same(void **state)
{
	struct tally whole = play(my_session, LINES(my_session));

	(void)state;
	/* The login's first 32 bytes are needed to be sure of it. */
	for (size_t i = 3; i < LINES(my_session); i++)
		for (size_t at = 1; at < my_session[i].size; at++) {
			struct tally split = play_split(my_session, LINES(my_session), i, at, SIZE_MAX);

			assert_same(&whole, &split);
		}
}

static void test_mysql_tls_and_compression_are_not_misread(void **state)
{
	static const struct line tls[] = {
		RECEIVED(MY_GREETING), SENT("\x20\0\0\1\x8d\xae\x0f\0\0\0\0\1\x21" MY_ZEROS), SENT("\x16\3\1\2\0\1\0\1\xfc\3\3"),
		RECEIVED("\x16\3\3\0\x7a\2\0\0\x76"),
	};
	static const struct line compressed[] = {
		RECEIVED(MY_GREETING), SENT("\x2c\0\0\1\xad\xa6\x0f\0\0\0\0\1\x21" MY_ZEROS "user\0\6secret"), RECEIVED(MY_OK("\2")),
		SENT("\x0d\0\0\0\0\0\0\x09\0\0\0\3select 1"), RECEIVED("\x0b\0\0\1\0\0\0" MY_OK("\1")),
	};
	struct tally tally = play(tls, LINES(tls));

	(void)state;
	assert_true(tally.last & WIRE_TLS);
	tally = play(compressed, LINES(compressed));
	assert_int_equal(tally.protocol, PROTOCOL_MYSQL);
	assert_true(tally.last & WIRE_GARBLED);
	assert_int_equal(tally.requests - tally.handshake, 0);
}

/* ---- memcached ---- */

static const struct line text_session[] = {
	SENT("version\r\n"), RECEIVED("VERSION 1.6.18\r\n"),
	SENT("set user:1 0 60 10\r\nget x\r\nabc\r\n"), RECEIVED("STORED\r\n"), /* the value looks like a command */
	SENT("get user:1 user:2\r\n"), RECEIVED("VALUE user:1 0 10\r\nget x\r\nabc\r\nEND\r\n"),
	SENT("incr hits 1\r\nincr hits 1\r\n"), RECEIVED("41\r\n42\r\n"),
	SENT("bogus\r\n"), RECEIVED("ERROR\r\n"),
};

static void test_memcached_text_session(void **state)
{
	struct tally tally = play(text_session, LINES(text_session) - 2);

	(void)state;
	assert_int_equal(tally.protocol, PROTOCOL_MEMCACHED);
	assert_int_equal(tally.requests, 5);
	assert_int_equal(tally.handshake, 1);
	assert_int_equal(tally.responses, 5);
	assert_true(tally.flags & WIRE_CONFIRMED);
	assert_false(tally.flags & WIRE_GARBLED);
	assert_any_split_is_the_same(text_session, LINES(text_session) - 2);
	tally = play(text_session, LINES(text_session));
	assert_true(tally.flags & WIRE_GARBLED); /* an unknown command may have a value behind it */
	assert_int_equal(tally.errors, 1);
}

static void test_memcached_meta_commands(void **state)
{
	static const struct line meta[] = {
		SENT("ms key S3 T60\r\nabc\r\n"), RECEIVED("HD\r\n"), SENT("mg key v\r\n"), RECEIVED("VA 3\r\nabc\r\n"), SENT("mg none v\r\n"),
		RECEIVED("EN\r\n"), SENT("mn\r\n"), RECEIVED("MN\r\n"),
	};
	struct tally tally = play(meta, LINES(meta));

	(void)state;
	assert_int_equal(tally.protocol, PROTOCOL_MEMCACHED);
	assert_int_equal(tally.requests, 4);
	assert_int_equal(tally.handshake, 1);
	assert_int_equal(tally.responses, 4);
	assert_false(tally.flags & WIRE_GARBLED);
	assert_any_split_is_the_same(meta, LINES(meta));
}

#define ZEROS_12 "\0\0\0\0\0\0\0\0\0\0\0\0"

/* A reply's head comes in two pieces: what is told of each makes sense alone. */
static void test_a_memcached_error_is_told_with_its_reply(void **state)
{
	static const uint8_t request[] = "\x80\x00\0\3\0\0\0\0\0\0\0\3" ZEROS_12 "key", reply[] = "\x81\x00\0\0\0\0\0\x81\0\0\0\0" ZEROS_12;
	struct wire *wire = wire_new();
	struct wire_facts facts;

	(void)state;
	wire_feed(wire, WIRE_SENT, request, sizeof(request) - 1, sizeof(request) - 1, &facts);
	wire_feed(wire, WIRE_RECEIVED, reply, 4, 4, &facts);
	assert_int_equal(facts.responses, 0);
	assert_int_equal(facts.errors, 0);
	wire_feed(wire, WIRE_RECEIVED, reply + 4, sizeof(reply) - 5, sizeof(reply) - 5, &facts);
	assert_int_equal(facts.responses, 1);
	assert_int_equal(facts.errors, 1);
	wire_free(wire);
}

static void test_memcached_binary_session(void **state)
{
	static const struct line binary[] = {
		SENT("\x80\x0b\0\0\0\0\0\0\0\0\0\0" ZEROS_12), RECEIVED("\x81\x0b\0\0\0\0\0\0\0\0\0\6" ZEROS_12 "1.6.18"),
		SENT("\x80\x00\0\3\0\0\0\0\0\0\0\3" ZEROS_12 "key"), RECEIVED("\x81\x00\0\0\4\0\0\0\0\0\0\7" ZEROS_12 "\0\0\0\0abc"),
		SENT("\x80\x00\0\3\0\0\0\0\0\0\0\3" ZEROS_12 "kez"), RECEIVED("\x81\x00\0\0\0\0\0\1\0\0\0\x09" ZEROS_12 "Not found"),
	};
	struct tally tally = play(binary, LINES(binary));

	(void)state;
	assert_int_equal(tally.protocol, PROTOCOL_MEMCACHED);
	assert_int_equal(tally.requests, 3);
	assert_int_equal(tally.handshake, 1);
	assert_int_equal(tally.responses, 3);
	assert_int_equal(tally.errors, 0); /* a miss is none */
	assert_any_split_is_the_same(binary, LINES(binary));
}

/* ---- what they are not ---- */

static void test_protocols_are_not_taken_for_each_other(void **state)
{
	static const struct { struct line lines[2]; enum protocol_id protocol; } talks[] = {
		{{SENT("*1\r\n$4\r\nPING\r\n"), RECEIVED("+PONG\r\n")}, PROTOCOL_REDIS},
		{{SENT("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), RECEIVED("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")}, PROTOCOL_HTTP},
		{{SENT("get key\r\n"), RECEIVED("END\r\n")}, PROTOCOL_MEMCACHED},
		{{SENT(PG_STARTUP), RECEIVED(PG_READY)}, PROTOCOL_POSTGRES},
		{{SENT(MY_LOGIN), RECEIVED(MY_OK("\2"))}, PROTOCOL_MYSQL},
		{{SENT("get key\r\n"), RECEIVED("$3\r\nabc\r\n")}, PROTOCOL_UNKNOWN}, /* Redis's answer to a line: it was no memcached */
		{{SENT("\x30\x0c\2\1\1\x60\7\2\1\3\4\0\x80\0"), RECEIVED("\x30\x0c\2\1\1\x61\7\x0a\1\0\4\0\4\0")}, PROTOCOL_UNKNOWN}, /* LDAP */
		{{SENT("EHLO x\r\n"), RECEIVED("250 OK\r\n")}, PROTOCOL_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < LINES(talks); i++) {
		struct tally tally = play(talks[i].lines, 2);

		if (tally.protocol != talks[i].protocol)
			fail_msg("talk %zu: %s", i, protocol_name(tally.protocol));
		assert_int_equal(!!(tally.flags & WIRE_CONFIRMED), talks[i].protocol != PROTOCOL_UNKNOWN);
	}
}

/* Lengths and counts at the limits: no crash, no wrap, and nothing is believed. */
static void test_hostile_lengths(void **state)
{
	static const struct line hostile[] = {
		SENT("\0\0\x27\x10\0\3\0\0user"), RECEIVED("Z\xff\xff\xff\xff"), SENT("Q\0\0\0\0"), RECEIVED("D\x7f\xff\xff\xff"),
		SENT("Q\xff\xff\xff\xff"),
	};
	static const struct line lines[] = {
		SENT("set k 0 0 99999999999999999999999999\r\n"), RECEIVED("VALUE k 0 99999999999999999999\r\n"),
		SENT_CUT("set k 0 0 1\r\n", UINT64_MAX - 64), RECEIVED_CUT("VALUE k 0 5\r\n", UINT64_MAX - 64),
	};
	static const struct line packets[] = {
		SENT(MY_LOGIN), RECEIVED("\xff\xff\xff\2\xff"), RECEIVED_CUT("", UINT64_MAX - 64), SENT("\xff\xff\xff\0\3"), SENT_CUT("", UINT64_MAX - 64),
		SENT("\0\0\0\0\0\0\0\0"), SENT("\1\0\0\0\xff"),
	};

	(void)state;
	play(hostile, LINES(hostile));
	play_bytes(hostile, LINES(hostile));
	play(lines, LINES(lines));
	play_bytes(lines, LINES(lines));
	play(packets, LINES(packets));
	assert_true(play(lines, LINES(lines)).flags & WIRE_GARBLED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_postgres_session),
		cmocka_unit_test(test_postgres_tls_is_said_and_refused_tls_goes_on),
		cmocka_unit_test(test_postgres_open_before_the_attach_is_told_by_a_query),
		cmocka_unit_test(test_postgres_large_rows_are_skipped_by_their_length),
		cmocka_unit_test(test_an_empty_query_is_one),
		cmocka_unit_test(test_mysql_empty_query_is_one),
		cmocka_unit_test(test_mysql_session),
		cmocka_unit_test(test_mysql_in_pieces_is_the_same),
		cmocka_unit_test(test_mysql_tls_and_compression_are_not_misread),
		cmocka_unit_test(test_memcached_text_session),
		cmocka_unit_test(test_memcached_meta_commands),
		cmocka_unit_test(test_memcached_binary_session),
		cmocka_unit_test(test_a_memcached_error_is_told_with_its_reply),
		cmocka_unit_test(test_protocols_are_not_taken_for_each_other),
		cmocka_unit_test(test_hostile_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
