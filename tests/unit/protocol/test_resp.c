/* SPDX-License-Identifier: BSD-2-Clause */
/* test_resp.c - Redis conversations, byte for byte as clients and servers of several versions send them. */
#include "unit/protocol/script.h"

#include "protocol/resp_commands.h"

#define UNKNOWN_SETINFO "-ERR unknown subcommand 'SETINFO'. Try CLIENT HELP.\r\n"
#define NAME_IS_REDIS_PY "*4\r\n$6\r\nCLIENT\r\n$7\r\nSETINFO\r\n$8\r\nLIB-NAME\r\n$8\r\nredis-py\r\n"

/* Captured from redis-py 4.6.0 against Redis 7.0.15 (requirepass, db 2; SET, GET, a transaction of two). */
static const struct line redis_py_4[] = {
	SENT("*2\r\n$4\r\nAUTH\r\n$6\r\ns3cret\r\n"), RECEIVED("+OK\r\n"),
	SENT("*2\r\n$6\r\nSELECT\r\n$1\r\n2\r\n"), RECEIVED("+OK\r\n"),
	SENT("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"), RECEIVED("+OK\r\n"),
	SENT("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"), RECEIVED("$1\r\nv\r\n"),
	SENT("*1\r\n$5\r\nMULTI\r\n*3\r\n$6\r\nINCRBY\r\n$1\r\na\r\n$1\r\n1\r\n"
	     "*3\r\n$6\r\nINCRBY\r\n$1\r\nb\r\n$1\r\n1\r\n*1\r\n$4\r\nEXEC\r\n"),
	RECEIVED("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:1\r\n"),
};

/* The same by redis-py 5.0.1. */
static const struct line redis_py_5[] = {
	SENT("*2\r\n$4\r\nAUTH\r\n$6\r\ns3cret\r\n"), RECEIVED("+OK\r\n"),
	SENT(NAME_IS_REDIS_PY), RECEIVED(UNKNOWN_SETINFO),
	SENT("*4\r\n$6\r\nCLIENT\r\n$7\r\nSETINFO\r\n$7\r\nLIB-VER\r\n$5\r\n5.0.1\r\n"), RECEIVED(UNKNOWN_SETINFO),
	SENT("*2\r\n$6\r\nSELECT\r\n$1\r\n2\r\n"), RECEIVED("+OK\r\n"),
	SENT("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"), RECEIVED("+OK\r\n"),
	SENT("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"), RECEIVED("$1\r\nv\r\n"),
};

/* The same by redis-py 8.0.0: RESP3. */
static const struct line redis_py_8[] = {
	SENT("*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n$6\r\ns3cret\r\n"),
	RECEIVED("%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n"
		 ":5\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"),
	SENT("*5\r\n$6\r\nCLIENT\r\n$19\r\nMAINT_NOTIFICATIONS\r\n$2\r\nON\r\n$20\r\nmoving-endpoint-type\r\n"
	     "$13\r\ninternal-fqdn\r\n"),
	RECEIVED("-ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP.\r\n"),
	SENT(NAME_IS_REDIS_PY), RECEIVED(UNKNOWN_SETINFO),
	SENT("*4\r\n$6\r\nCLIENT\r\n$7\r\nSETINFO\r\n$7\r\nLIB-VER\r\n$5\r\n8.0.0\r\n"), RECEIVED(UNKNOWN_SETINFO),
	SENT("*2\r\n$6\r\nSELECT\r\n$1\r\n2\r\n"), RECEIVED("+OK\r\n"),
	SENT("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"), RECEIVED("$1\r\nv\r\n"),
};

/* Jedis: the set-up in one pipeline. */
static const struct line jedis[] = {
	SENT("*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"), RECEIVED("%1\r\n$6\r\nserver\r\n$5\r\nredis\r\n"),
	SENT("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"
	     "*4\r\n$6\r\nCLIENT\r\n$7\r\nSETINFO\r\n$8\r\nlib-name\r\n$29\r\njedis(redis-om-spring_v1.0.0)\r\n"
	     "*4\r\n$6\r\nCLIENT\r\n$7\r\nSETINFO\r\n$7\r\nlib-ver\r\n$5\r\n5.1.0\r\n"),
	RECEIVED("+OK\r\n+OK\r\n+OK\r\n"),
	SENT("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"), RECEIVED("_\r\n"),
};

/* go-redis: lower case, a name with a comma in it; the version in a call of its own, before the name (node-redis). */
static const struct line go_redis[] = {
	SENT("*2\r\n$5\r\nhello\r\n$1\r\n3\r\n"), RECEIVED("%1\r\n+server\r\n+redis\r\n"),
	SENT("*4\r\n$6\r\nclient\r\n$7\r\nsetinfo\r\n$7\r\nLIB-VER\r\n$5\r\n9.7.0\r\n"), RECEIVED("+OK\r\n"),
	SENT("*4\r\n$6\r\nclient\r\n$7\r\nsetinfo\r\n$8\r\nLIB-NAME\r\n$19\r\ngo-redis(,go1.22.1)\r\n"),
	RECEIVED("+OK\r\n"),
	SENT("*2\r\n$3\r\nget\r\n$1\r\nk\r\n"), RECEIVED("$-1\r\n"),
};

static void tells_redis_py_4_with_its_handshake_apart_from_its_work(void **state)
{
	struct tally tally = play(redis_py_4, LINES(redis_py_4));

	(void)state;
	assert_int_equal(tally.protocol, PROTOCOL_REDIS);
	assert_int_equal(tally.requests, 8);
	assert_int_equal(tally.handshake, 2);
	assert_int_equal(tally.responses, 8);
	assert_int_equal(tally.errors, 0);
	assert_true(tally.last & WIRE_CONFIRMED);
	assert_false(tally.flags & (WIRE_SERVER | WIRE_GARBLED | WIRE_BLOCKING | WIRE_SUBSCRIBED));
	assert_string_equal(tally.library, "");
}

static void learns_library_and_version_from_two_commands_in_two_calls(void **state)
{
	struct tally five = play(redis_py_5, LINES(redis_py_5)), eight = play(redis_py_8, LINES(redis_py_8));

	(void)state;
	assert_string_equal(five.library, "redis-py 5.0.1");
	assert_int_equal(five.libraries, 1);
	assert_int_equal(five.requests - five.handshake, 2);
	assert_int_equal(five.errors, 2);
	assert_string_equal(eight.library, "redis-py 8.0.0");
	assert_int_equal(eight.requests, 6);
	assert_int_equal(eight.handshake, 5);
	assert_int_equal(eight.responses, 6);
	assert_true(eight.last & WIRE_CONFIRMED);
}

static void learns_library_from_a_pipeline_and_in_either_order(void **state)
{
	struct tally one = play(jedis, LINES(jedis)), two = play(go_redis, LINES(go_redis));

	(void)state;
	assert_string_equal(one.library, "jedis(redis-om-spring_v1.0.0) 5.1.0");
	assert_int_equal(one.handshake, 4);
	assert_string_equal(two.library, "go-redis(go1.22.1) 9.7.0");
	assert_int_equal(two.requests, 4);
	assert_int_equal(two.handshake, 3);
}

static void a_version_ends_before_its_commit(void **state)
{
	struct tally tally;
	const struct line lettuce[] = {
		SENT("*4\r\n$6\r\nCLIENT\r\n$7\r\nSETINFO\r\n$8\r\nlib-name\r\n$7\r\nLettuce\r\n"
		     "*4\r\n$6\r\nCLIENT\r\n$7\r\nSETINFO\r\n$7\r\nlib-ver\r\n$21\r\n6.8.1.RELEASE/ec1d2e3\r\n"),
	};
	(void)state;

	tally = play(lettuce, LINES(lettuce));
	assert_string_equal(tally.library, "Lettuce 6.8.1.RELEASE");
}

static void library_without_version_is_told_when_work_starts(void **state)
{
	static const struct line lines[] = {
		SENT(NAME_IS_REDIS_PY), RECEIVED("+OK\r\n"), SENT("*1\r\n$4\r\nPING\r\n"), RECEIVED("+PONG\r\n"),
		SENT("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"), RECEIVED("$-1\r\n"),
	};
	struct tally before = play(lines, 4), after = play(lines, 6);

	(void)state;
	assert_string_equal(before.library, "");
	assert_string_equal(after.library, "redis-py");
	assert_int_equal(after.libraries, 1);
}

static void library_text_is_limited_to_plain_characters(void **state)
{
	static const struct line lines[] = {
		SENT("*4\r\n$6\r\nCLIENT\r\n$7\r\nSETINFO\r\n$8\r\nLIB-NAME\r\n$18\r\n\033[31m<b>x;\n$(id)\0%\r\n"
		     "*4\r\n$6\r\nCLIENT\r\n$7\r\nSETINFO\r\n$7\r\nLIB-VER\r\n$60\r\n"
		     "123456789012345678901234567890123456789012345678901234567890\r\n"),
	};
	struct tally tally = play(lines, 1);

	(void)state;
	assert_string_equal(tally.library, "31mbx(id) 123456789012345");
}

static void hello_with_setname_and_client_setname_are_no_library(void **state)
{
	static const struct line lines[] = {
		SENT("*4\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$7\r\nSETNAME\r\n$4\r\nshop\r\n"
		     "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$4\r\nshop\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"),
	};
	struct tally tally = play(lines, 1);

	(void)state;
	assert_string_equal(tally.library, "");
	assert_int_equal(tally.handshake, 2);
}

static void any_split_of_any_call_gives_the_same_totals(void **state)
{
	(void)state;
	assert_any_split_is_the_same(redis_py_4, LINES(redis_py_4));
	assert_any_split_is_the_same(redis_py_5, LINES(redis_py_5));
	assert_any_split_is_the_same(redis_py_8, LINES(redis_py_8));
	assert_any_split_is_the_same(jedis, LINES(jedis));
	assert_any_split_is_the_same(go_redis, LINES(go_redis));
}

static void handshake_flag_covers_its_replies_and_ends_with_work(void **state)
{
	(void)state;
	assert_true(play(redis_py_5, 1).last & WIRE_HANDSHAKE);
	assert_true(play(redis_py_5, 8).last & WIRE_HANDSHAKE);
	assert_false(play(redis_py_5, 9).last & WIRE_HANDSHAKE);
	assert_false(play(redis_py_5, 10).last & WIRE_HANDSHAKE);
}

static void blocking_and_subscribing_commands_are_flagged(void **state)
{
	static const struct { const char *bytes; unsigned flags; } cases[] = {
		{"*3\r\n$5\r\nBLPOP\r\n$1\r\nq\r\n$1\r\n0\r\n", WIRE_BLOCKING},
		{"*3\r\n$8\r\nbzpopmin\r\n$1\r\nq\r\n$1\r\n0\r\n", WIRE_BLOCKING},
		{"*6\r\n$5\r\nXREAD\r\n$5\r\nblock\r\n$1\r\n0\r\n$7\r\nSTREAMS\r\n$1\r\ns\r\n$1\r\n$\r\n", WIRE_BLOCKING},
		{"*4\r\n$5\r\nXREAD\r\n$7\r\nSTREAMS\r\n$5\r\nBLOCK\r\n$1\r\n0\r\n", 0}, /* a stream called BLOCK */
		{"*9\r\n$10\r\nXREADGROUP\r\n$5\r\nGROUP\r\n$5\r\nBLOCK\r\n$1\r\nc\r\n$5\r\nBLOCK\r\n$1\r\n0\r\n$7\r\n"
		 "STREAMS\r\n$1\r\ns\r\n$1\r\n>\r\n", WIRE_BLOCKING},
		{"*7\r\n$10\r\nXREADGROUP\r\n$5\r\nGROUP\r\n$5\r\nBLOCK\r\n$1\r\nc\r\n$7\r\nSTREAMS\r\n$1\r\ns\r\n$1\r\n>\r\n",
		 0}, /* a group called BLOCK */
		{"*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nc\r\n", WIRE_SUBSCRIBED},
		{"*2\r\n$10\r\nPSUBSCRIBE\r\n$1\r\nc\r\n", WIRE_SUBSCRIBED},
		{"*1\r\n$7\r\nMONITOR\r\n", WIRE_SUBSCRIBED},
		{"*2\r\n$4\r\nLPOP\r\n$5\r\nBLPOP\r\n", 0},
	};

	(void)state;
	for (size_t i = 0; i < LINES(cases); i++) {
		struct line line = {WIRE_SENT, cases[i].bytes, strlen(cases[i].bytes), 0};

		assert_int_equal(play(&line, 1).flags & (WIRE_BLOCKING | WIRE_SUBSCRIBED), cases[i].flags);
		assert_any_split_is_the_same(&line, 1);
	}
}

/* What a worker waited for has come: its next job. */
static void a_blocking_pop_that_brings_something_is_a_job(void **state)
{
	static const struct { const char *request, *reply; bool job; } cases[] = {
		{"*3\r\n$5\r\nBLPOP\r\n$1\r\nq\r\n$1\r\n5\r\n", "*2\r\n$1\r\nq\r\n$3\r\njob\r\n", true},
		{"*3\r\n$5\r\nBRPOP\r\n$1\r\nq\r\n$1\r\n5\r\n", "*-1\r\n", false},
		{"*3\r\n$5\r\nBRPOP\r\n$1\r\nq\r\n$1\r\n5\r\n", "_\r\n", false},
		{"*6\r\n$6\r\nBLMOVE\r\n$1\r\na\r\n$1\r\nb\r\n$4\r\nLEFT\r\n$5\r\nRIGHT\r\n$1\r\n0\r\n", "$3\r\njob\r\n", true},
		{"*6\r\n$6\r\nBLMOVE\r\n$1\r\na\r\n$1\r\nb\r\n$4\r\nLEFT\r\n$5\r\nRIGHT\r\n$1\r\n0\r\n", "$-1\r\n", false},
		{"*3\r\n$8\r\nBZPOPMIN\r\n$1\r\nq\r\n$1\r\n0\r\n", "*3\r\n$1\r\nq\r\n$1\r\na\r\n,1.5\r\n", true},
		{"*3\r\n$5\r\nBLPOP\r\n$1\r\nq\r\n$1\r\n5\r\n", "-WRONGTYPE no\r\n", false},
		{"*9\r\n$10\r\nXREADGROUP\r\n$5\r\nGROUP\r\n$1\r\ng\r\n$1\r\nc\r\n$5\r\nBLOCK\r\n$1\r\n0\r\n$7\r\n"
		 "STREAMS\r\n$1\r\ns\r\n$1\r\n>\r\n", "%1\r\n$1\r\ns\r\n*1\r\n+x\r\n", true},
		{"*6\r\n$5\r\nXREAD\r\n$5\r\nBLOCK\r\n$1\r\n0\r\n$7\r\nSTREAMS\r\n$1\r\ns\r\n$1\r\n$\r\n", "*1\r\n+x\r\n", false},
		{"*2\r\n$4\r\nLPOP\r\n$1\r\nq\r\n", "$3\r\njob\r\n", false},
		/* The reply to what went before is none, wherever the calls are cut. */
		{"*2\r\n$4\r\nLPOP\r\n$1\r\nq\r\n*3\r\n$5\r\nBLPOP\r\n$1\r\nq\r\n$1\r\n5\r\n", "$3\r\nabc\r\n*-1\r\n", false},
		{"*3\r\n$5\r\nBLPOP\r\n$1\r\nq\r\n$1\r\n5\r\n*2\r\n$4\r\nLPOP\r\n$1\r\nq\r\n", "*-1\r\n$3\r\nabc\r\n", false},
	};

	(void)state;
	for (size_t i = 0; i < LINES(cases); i++) {
		struct line lines[] = {{WIRE_SENT, cases[i].request, strlen(cases[i].request), 0},
				       {WIRE_RECEIVED, cases[i].reply, strlen(cases[i].reply), 0}};

		assert_int_equal(!!(play(lines, 2).flags & WIRE_JOB), cases[i].job);
		assert_any_split_is_the_same(lines, 2);
	}
}

static void nested_null_and_resp3_replies_are_one_each(void **state)
{
	static const struct line lines[] = {
		SENT("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"),
		RECEIVED("*3\r\n*2\r\n:1\r\n*1\r\n$3\r\nabc\r\n*-1\r\n$-1\r\n"  /* an array of arrays and nulls */
			 "%2\r\n+a\r\n~2\r\n:1\r\n:2\r\n+b\r\n*0\r\n"          /* a map with a set in it */
			 "|1\r\n+ttl\r\n:3\r\n=7\r\ntxt:abc\r\n"               /* an attribute, then its reply */
			 "*2\r\n|1\r\n+a\r\n:1\r\n:2\r\n:3\r\n"                /* an attribute inside */
			 ">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n"              /* a push answers nothing */
			 "_\r\n#t\r\n,1.5\r\n(123456789012345678901234567890\r\n"
			 "!9\r\nERR wrong\r\n-MOVED 1 127.0.0.1:1\r\n$0\r\n\r\n*-1\r\n"),
	};
	struct tally tally = play(lines, LINES(lines));

	(void)state;
	assert_int_equal(tally.responses, 12);
	assert_int_equal(tally.errors, 2);
	assert_false(tally.flags & WIRE_GARBLED);
	assert_any_split_is_the_same(lines, LINES(lines));
}

static void pipeline_of_thousands_is_counted_exactly(void **state)
{
	enum { COMMANDS = 7919, CHUNK = 256 };
	static const char command[] = "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n", reply[] = "+OK\r\n";
	static char sent[COMMANDS * sizeof(command)], received[COMMANDS * sizeof(reply)];
	size_t sent_size = 0, received_size = 0;
	struct wire *wire = wire_new();
	struct tally tally = {0};

	(void)state;
	for (int i = 0; i < COMMANDS; i++) {
		memcpy(sent + sent_size, command, sizeof(command) - 1);
		sent_size += sizeof(command) - 1;
		memcpy(received + received_size, reply, sizeof(reply) - 1);
		received_size += sizeof(reply) - 1;
	}
	for (size_t at = 0; at < sent_size; at += CHUNK)
		tally_call(&tally, wire, WIRE_SENT, sent + at, sent_size - at < CHUNK ? sent_size - at : CHUNK,
			   sent_size - at < CHUNK ? sent_size - at : CHUNK);
	for (size_t at = 0; at < received_size; at += CHUNK)
		tally_call(&tally, wire, WIRE_RECEIVED, received + at,
			   received_size - at < CHUNK ? received_size - at : CHUNK,
			   received_size - at < CHUNK ? received_size - at : CHUNK);
	assert_int_equal(tally.requests, COMMANDS);
	assert_int_equal(tally.responses, COMMANDS);
	assert_false(tally.flags & WIRE_GARBLED);
	wire_free(wire);
}

static void unseen_bytes_of_a_bulk_string_are_skipped_by_length(void **state)
{
	static const struct line lines[] = {
		SENT_CUT("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$100000\r\nsome", 99998), /* all of it and its CRLF */
		RECEIVED("+OK\r\n"),
		SENT("*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n"),
		RECEIVED_CUT("$100000\r\nsome", 60000), RECEIVED_CUT("more", 39992), RECEIVED("\r\n"),
		SENT("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"), RECEIVED("$1\r\nv\r\n"),
	};
	struct tally tally = play(lines, LINES(lines));

	(void)state;
	assert_int_equal(tally.requests, 3);
	assert_int_equal(tally.responses, 3);
	assert_false(tally.flags & WIRE_GARBLED);
}

static void big_values_peeked_at_16_64_and_256_bytes_are_counted(void **state)
{
	static const char set_head[] = "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$4099\r\n", got_head[] = "$4099\r\n";
	enum { n = sizeof(set_head) - 1, m = sizeof(got_head) - 1 };
	static char set[8192], got[8192];
	struct line lines[6];

	(void)state;
	memcpy(set, set_head, n);
	memcpy(got, got_head, m);
	memset(set + n, 'v', 4099);
	memcpy(set + n + 4099, "\r\n", 2);
	memset(got + m, 'v', 4099);
	memcpy(got + m + 4099, "\r\n", 2);
	for (int i = 0; i < 6; i += 2) {
		lines[i] = (struct line){WIRE_SENT, set, n + 4101, 0};
		lines[i + 1] = (struct line){WIRE_RECEIVED, got, m + 4101, 0};
	}
	for (size_t peek = 16; peek <= 256; peek *= 4) {
		struct tally tally = play_split(lines, 6, SIZE_MAX, 0, peek);

		assert_int_equal(tally.requests, 3); /* 16: the name is seen, the rest is found again at the next call */
		assert_int_equal(tally.responses, 3);
		assert_true(tally.last & WIRE_CONFIRMED);
		assert_int_equal(!!(tally.flags & WIRE_GARBLED), peek == 16);
	}
}

static void unseen_commands_make_a_lower_bound_until_the_next_clean_call(void **state)
{
	static const struct line lines[] = {
		SENT_CUT("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n*3\r\n$3\r\nSET\r\n$1\r\nb", 5000),
		RECEIVED_CUT("+OK\r\n+OK\r\n+O", 700),
		RECEIVED("+OK\r\n"), /* may be the middle of anything: not counted */
		SENT("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"), RECEIVED("$1\r\nv\r\n"),
	};
	struct tally first = play(lines, 1), second = play(lines, 2), third = play(lines, 3), all = play(lines, 5);

	(void)state;
	assert_true(first.last & WIRE_GARBLED);
	assert_true(second.last & WIRE_GARBLED);
	assert_true(third.last & WIRE_GARBLED);
	assert_int_equal(third.responses, 3);
	assert_false(all.last & WIRE_GARBLED);
	assert_int_equal(all.requests, 3);
	assert_int_equal(all.responses, 4);
}

static void lying_lengths_are_refused_and_the_stream_recovers(void **state)
{
	static const char *const lies[] = {
		"*9223372036854775808\r\n", "*-2\r\n", "*1\r\n$9223372036854775808\r\n", "*2\r\n$-1\r\n",
		"*99999999999999999999999999999\r\n", "*1\r\n$4\r\nPINGxx", "*1\r\n+PING\r\n", "*\r\n", "*--1\r\n", "\0\0\0",
	};

	(void)state;
	for (size_t i = 0; i < LINES(lies); i++) {
		struct line lines[] = {
			SENT("*1\r\n$4\r\nPING\r\n"), RECEIVED("+PONG\r\n"),
			{WIRE_SENT, lies[i], i == LINES(lies) - 1 ? 3 : strlen(lies[i]), 0},
			SENT("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"), RECEIVED("$1\r\nv\r\n"),
		};
		struct tally bad = play(lines, 3), after = play(lines, 5);

		assert_true(bad.last & WIRE_GARBLED);
		assert_false(after.last & WIRE_GARBLED);
		assert_true(after.requests >= 2 && after.requests <= 3);
		assert_int_equal(after.responses, 2);
	}
}

static void lying_replies_are_refused_and_the_stream_recovers(void **state)
{
	static const char *const lies[] = {
		"$9223372036854775808\r\n", "$-2\r\n", "*-3\r\n", "%9223372036854775807\r\n", "?\r\n", "$2\r\nabcd\r\n",
		"*1099511627776\r\n*1099511627776\r\n*1099511627776\r\n", "$\r\n",
	};

	(void)state;
	for (size_t i = 0; i < LINES(lies); i++) {
		struct line lines[] = {
			SENT("*1\r\n$4\r\nPING\r\n"), RECEIVED("+PONG\r\n"), SENT("*1\r\n$4\r\nPING\r\n"),
			{WIRE_RECEIVED, lies[i], strlen(lies[i]), 0},
			SENT("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"), RECEIVED("$1\r\nv\r\n"),
		};
		struct tally bad = play(lines, 4), after = play(lines, 6);

		assert_true(bad.last & WIRE_GARBLED);
		assert_false(after.last & WIRE_GARBLED);
		assert_int_equal(after.requests, 3);
	}
}

static void nesting_to_any_depth_costs_nothing_and_ends(void **state)
{
	enum { DEPTH = 100003 };
	static char deep[DEPTH * 4 + 4];
	struct line lines[] = {
		SENT("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"), {WIRE_RECEIVED, deep, sizeof(deep), 0},
		SENT("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"), RECEIVED("$1\r\nv\r\n"),
	};
	struct tally tally;

	(void)state;
	for (int i = 0; i < DEPTH; i++)
		memcpy(deep + i * 4, "*1\r\n", 4);
	memcpy(deep + DEPTH * 4, ":1\r\n", 4);
	tally = play(lines, 4);
	assert_int_equal(tally.responses, 2);
	assert_false(tally.flags & WIRE_GARBLED);
}

static void inline_commands_are_counted(void **state)
{
	static const struct line lines[] = {
		SENT("PING\r\n"), RECEIVED("+PONG\r\n"), SENT("\r\nset k v\r\nget k\nAUTH pass word\r\n"),
		RECEIVED("+OK\r\n$1\r\nv\r\n-ERR\r\n"),
	};
	struct tally tally = play(lines, LINES(lines));

	(void)state;
	assert_int_equal(tally.protocol, PROTOCOL_REDIS);
	assert_int_equal(tally.requests, 4);
	assert_int_equal(tally.handshake, 2);
	assert_int_equal(tally.responses, 4);
	assert_true(tally.last & WIRE_CONFIRMED);
	assert_any_split_is_the_same(lines, LINES(lines));
}

static void server_side_is_told_from_the_direction_of_requests(void **state)
{
	static const struct line lines[] = {RECEIVED("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"), SENT("$1\r\nv\r\n")};
	struct tally tally = play(lines, LINES(lines));

	(void)state;
	assert_int_equal(tally.requests, 1);
	assert_true(tally.last & WIRE_SERVER);
	assert_true(tally.last & WIRE_CONFIRMED);
}

static void module_commands_are_work(void **state)
{
	static const struct line lines[] = {
		SENT("*3\r\n$9\r\nFT.SEARCH\r\n$1\r\ni\r\n$1\r\n*\r\n"), RECEIVED("*1\r\n:0\r\n"),
	};
	struct tally tally = play(lines, LINES(lines));

	(void)state;
	assert_int_equal(tally.protocol, PROTOCOL_REDIS);
	assert_int_equal(tally.requests, 1);
	assert_int_equal(tally.handshake, 0);
	assert_true(tally.last & WIRE_CONFIRMED);
}

static void command_table_is_sorted_and_knows_the_handshake(void **state)
{
	(void)state;
	assert_true(resp_commands_sorted());
	assert_true(resp_command_traits("hello", 5) & RESP_HANDSHAKE);
	assert_true(resp_command_traits("ZUNIONSTORE", 11) & RESP_KNOWN);
	assert_int_equal(resp_command_traits("GETX", 4), 0);
	assert_int_equal(resp_command_traits("", 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_redis_py_4_with_its_handshake_apart_from_its_work),
		cmocka_unit_test(learns_library_and_version_from_two_commands_in_two_calls),
		cmocka_unit_test(learns_library_from_a_pipeline_and_in_either_order),
		cmocka_unit_test(a_version_ends_before_its_commit),
		cmocka_unit_test(library_without_version_is_told_when_work_starts),
		cmocka_unit_test(library_text_is_limited_to_plain_characters),
		cmocka_unit_test(hello_with_setname_and_client_setname_are_no_library),
		cmocka_unit_test(any_split_of_any_call_gives_the_same_totals),
		cmocka_unit_test(handshake_flag_covers_its_replies_and_ends_with_work),
		cmocka_unit_test(blocking_and_subscribing_commands_are_flagged),
		cmocka_unit_test(a_blocking_pop_that_brings_something_is_a_job),
		cmocka_unit_test(nested_null_and_resp3_replies_are_one_each),
		cmocka_unit_test(pipeline_of_thousands_is_counted_exactly),
		cmocka_unit_test(unseen_bytes_of_a_bulk_string_are_skipped_by_length),
		cmocka_unit_test(big_values_peeked_at_16_64_and_256_bytes_are_counted),
		cmocka_unit_test(unseen_commands_make_a_lower_bound_until_the_next_clean_call),
		cmocka_unit_test(lying_lengths_are_refused_and_the_stream_recovers),
		cmocka_unit_test(lying_replies_are_refused_and_the_stream_recovers),
		cmocka_unit_test(nesting_to_any_depth_costs_nothing_and_ends),
		cmocka_unit_test(inline_commands_are_counted),
		cmocka_unit_test(server_side_is_told_from_the_direction_of_requests),
		cmocka_unit_test(module_commands_are_work),
		cmocka_unit_test(command_table_is_sorted_and_knows_the_handshake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
