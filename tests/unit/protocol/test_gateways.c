/* SPDX-License-Identifier: BSD-2-Clause */
/* test_gateways.c - FastCGI and uwsgi: requests that a web server passes on, whole, in pieces, and peeked short. */
#include "script.h"

/* ---- FastCGI ---- */

#define BEGIN_KEPT "\1\1\0\1\0\x08\0\0" "\0\1\1\0\0\0\0\0"
#define BEGIN_ONCE "\1\1\0\1\0\x08\0\0" "\0\1\0\0\0\0\0\0"
#define PARAMS "\1\4\0\1\0\x16\2\0" "\x0e\6REQUEST_METHODDELETE" "\0\0"
#define PARAMS_END "\1\4\0\1\0\0\0\0"
#define STDIN_END "\1\5\0\1\0\0\0\0"
#define STDOUT_FINE "\1\6\0\1\0\x1f\1\0" "Content-type: text/html\r\n\r\nfine" "\0"
#define STDOUT_MORE "\1\6\0\1\0\4\0\0" "more"
#define STDOUT_WRONG "\1\6\0\1\0\x1f\0\0" "Status: 500 Server Error\r\n\r\nno!"
#define STDERR_LINE "\1\7\0\1\0\4\0\0" "oops"
#define END "\1\3\0\1\0\x08\0\0" "\0\0\0\0\0\0\0\0"

static const struct line fastcgi_session[] = {
	RECEIVED("\1\1\0\1\0\x08\0\0"), RECEIVED("\0\1\1\0\0\0\0\0"), RECEIVED(PARAMS PARAMS_END STDIN_END), SENT(STDOUT_FINE STDOUT_MORE END),
	RECEIVED(BEGIN_KEPT PARAMS PARAMS_END STDIN_END), SENT(STDOUT_FINE), SENT(STDOUT_MORE), SENT(END),
	RECEIVED(BEGIN_KEPT PARAMS PARAMS_END STDIN_END), SENT(STDERR_LINE STDOUT_WRONG END),
	RECEIVED(BEGIN_ONCE PARAMS PARAMS_END STDIN_END), SENT(END),
};

static void test_fastcgi_session(void **state)
{
	struct tally tally = play(fastcgi_session, LINES(fastcgi_session));

	(void)state;
	assert_int_equal(tally.protocol, PROTOCOL_FASTCGI);
	assert_int_equal(tally.requests, 4);
	assert_int_equal(tally.responses, 4);
	assert_int_equal(tally.errors, 1);
	assert_int_equal(tally.done, 4);
	assert_true(tally.flags & WIRE_CONFIRMED);
	assert_true(tally.flags & WIRE_SERVER);
	assert_true(tally.last & WIRE_CLOSE);
	assert_false(tally.flags & WIRE_GARBLED);
	assert_any_split_is_the_same(fastcgi_session, LINES(fastcgi_session));
}

static void test_fastcgi_keeps_its_connection_where_asked(void **state)
{
	struct tally tally = play(fastcgi_session, LINES(fastcgi_session) - 2);

	(void)state;
	assert_int_equal(tally.done, 3);
	assert_false(tally.flags & WIRE_CLOSE);
}

/* A connection older than the attach, its first call in the middle of a request; and answers longer than what is peeked. */
static void test_fastcgi_is_found_again_and_long_answers_end(void **state)
{
	static const struct line late[] = {
		RECEIVED(PARAMS_END STDIN_END), SENT(STDOUT_FINE END),
		RECEIVED("\1\1\0\1\0\x08\0\0"), RECEIVED("\0\1\1\0\0\0\0\0"), RECEIVED(PARAMS PARAMS_END STDIN_END),
		SENT_CUT("\1\6\0\1\x20\0\0\0" "Status: 502 Bad Gateway\r\n", 0x2000 - 25), SENT_CUT("\1\6\0\1\1\0\0\0", 256 + 16),
		RECEIVED_CUT(BEGIN_KEPT "\1\4\0\1\2\0\0\0", 512), RECEIVED(PARAMS_END STDIN_END), SENT(STDOUT_FINE END),
	};
	struct tally tally = play(late, LINES(late));

	(void)state;
	assert_int_equal(tally.protocol, PROTOCOL_FASTCGI);
	assert_int_equal(tally.requests, 2);
	assert_int_equal(tally.responses, 2);
	assert_int_equal(tally.done, 2);
	assert_int_equal(tally.errors, 1);
}

static void test_fastcgi_nonsense_is_not_believed(void **state)
{
	static const struct line none[] = { RECEIVED("\1\1\0\1\0\x09\0\0" "\0\1\1\0\0\0\0\0") };
	static const struct line role[] = { RECEIVED("\1\1\0\1\0\x08\0\0" "\0\x09\1\0\0\0\0\0") };
	static const struct line broken[] = {
		RECEIVED(BEGIN_KEPT PARAMS PARAMS_END STDIN_END), SENT(STDOUT_FINE END), RECEIVED(BEGIN_KEPT "GET / HTTP/1.1\r\n\r\n"),
	};
	struct tally tally = play(broken, LINES(broken));

	(void)state;
	assert_int_equal(play(none, 1).protocol, PROTOCOL_UNKNOWN);
	assert_int_equal(play(role, 1).protocol, PROTOCOL_UNKNOWN);
	assert_int_equal(tally.requests, 2);
	assert_true(tally.last & WIRE_GARBLED);
}

/* As libfcgi asks and answers: all of a request in one call, the end of STDOUT told of before the end of the request. */
static void test_fastcgi_cut_in_the_middle_of_records_goes_on(void **state)
{
	static const struct line session[] = {
		RECEIVED_CUT(BEGIN_KEPT "\1\4\0\1\2\0\0\0", 512 + 8 + 8), SENT_CUT("\1\6\0\1\1\0\0\0", 256 + 8 + 16),
		RECEIVED(BEGIN_KEPT PARAMS PARAMS_END STDIN_END), SENT(STDOUT_FINE END),
	};
	static const struct line endless[] = {
		RECEIVED_CUT(BEGIN_KEPT PARAMS, UINT64_MAX - 1024), SENT_CUT(STDOUT_FINE, UINT64_MAX - 1024),
	};
	static const struct line unseen[] = {
		RECEIVED(BEGIN_KEPT PARAMS PARAMS_END STDIN_END), SENT(STDOUT_FINE END), RECEIVED_CUT("", 64),
	};
	struct tally tally = play(session, LINES(session)), far = play(endless, LINES(endless));

	(void)state;
	assert_int_equal(tally.requests, 2);
	assert_int_equal(tally.responses, 2);
	assert_false(tally.flags & WIRE_GARBLED);
	assert_int_equal(far.requests, 1);
	assert_int_equal(far.responses, 1);
	assert_true(play(unseen, LINES(unseen)).last & WIRE_GARBLED); /* it may have been a request */
}

/* ---- uwsgi ---- */

#define VARIABLES "\x0e\0REQUEST_METHOD\3\0GET" "\x0b\0REQUEST_URI\1\0/"
#define UWSGI_HEAD "\0\x25\0\0"
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define ERROR "HTTP/1.1 503 Busy\r\nContent-Type: text/plain\r\n\r\nlater"

static void test_uwsgi_session(void **state)
{
	static const struct line session[] = {
		RECEIVED(UWSGI_HEAD VARIABLES), SENT(ANSWER), RECEIVED(UWSGI_HEAD VARIABLES), SENT(ANSWER),
		RECEIVED(UWSGI_HEAD VARIABLES), RECEIVED("a body=1"), SENT(ERROR),
	};
	struct tally tally = play(session, LINES(session));

	(void)state;
	assert_int_equal(tally.protocol, PROTOCOL_UWSGI);
	assert_int_equal(tally.requests, 3);
	assert_int_equal(tally.responses, 3);
	assert_int_equal(tally.errors, 1);
	assert_int_equal(tally.done, 2); /* the last one ends with its connection */
	assert_true(tally.last & WIRE_CLOSE);
	assert_true(tally.flags & WIRE_CONFIRMED);
	assert_true(tally.flags & WIRE_SERVER);
	assert_false(tally.flags & WIRE_GARBLED);
}

static void test_uwsgi_in_pieces_is_the_same(void **state)
{
	static const struct line session[] = { RECEIVED(UWSGI_HEAD VARIABLES), SENT(ANSWER) };

	(void)state;
	assert_any_split_is_the_same(session, LINES(session));
}

static void test_uwsgi_variables_may_be_unseen(void **state)
{
	static const struct line session[] = { RECEIVED_CUT("\0\0\2\0" VARIABLES, 512 - 0x25), SENT_CUT("HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\n", 4096) };
	struct tally tally = play(session, LINES(session));

	(void)state;
	assert_int_equal(tally.requests, 1);
	assert_int_equal(tally.done, 1);
}

/* After 101 it is another protocol's; a body that is answered early is not the next request. */
static void test_uwsgi_upgraded_and_answered_early(void **state)
{
	static const struct line upgraded[] = {
		RECEIVED(UWSGI_HEAD VARIABLES), SENT("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"), RECEIVED("\x81\x05hello"),
	};
	static const struct line early[] = {
		RECEIVED(UWSGI_HEAD VARIABLES), SENT(ANSWER), RECEIVED("the rest of a body"), RECEIVED(UWSGI_HEAD VARIABLES), SENT(ANSWER),
	};
	struct tally tally = play(upgraded, LINES(upgraded));

	(void)state;
	assert_int_equal(tally.requests, 1);
	assert_true(tally.last & WIRE_UPGRADED);
	assert_false(tally.flags & WIRE_GARBLED);
	tally = play(early, LINES(early));
	assert_int_equal(tally.requests, 2);
	assert_int_equal(tally.done, 2);
	assert_false(tally.flags & WIRE_GARBLED);
}

static void test_uwsgi_is_not_seen_in_other_bytes(void **state)
{
	static const struct line others[][1] = {
		{ RECEIVED("\0\x25\0\0" "\x0e\0request_method\3\0GET") }, /* no variable's name */
		{ RECEIVED("\0\x25\0\1" VARIABLES) },
		{ RECEIVED("\0\4\0\0" VARIABLES) },                       /* shorter than what it names */
		{ RECEIVED("\x4a\0\0\0" "\x0a" "8.0.36\0") },              /* MySQL's greeting */
	};

	(void)state;
	for (size_t i = 0; i < LINES(others); i++)
		assert_int_not_equal(play(others[i], 1).protocol, PROTOCOL_UWSGI);
}

static void test_which_serve(void **state)
{
	(void)state;
	assert_true(protocol_serves(PROTOCOL_HTTP) && !protocol_passed_on(PROTOCOL_HTTP));
	assert_true(protocol_serves(PROTOCOL_FASTCGI) && protocol_passed_on(PROTOCOL_FASTCGI));
	assert_true(protocol_serves(PROTOCOL_UWSGI) && protocol_passed_on(PROTOCOL_UWSGI));
	assert_false(protocol_serves(PROTOCOL_REDIS) || protocol_serves(PROTOCOL_JOB) || protocol_passed_on(PROTOCOL_UNKNOWN));
	assert_string_equal(protocol_name(PROTOCOL_FASTCGI), "fastcgi");
	assert_int_equal(protocol_by_name("uwsgi"), PROTOCOL_UWSGI);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fastcgi_session),
		cmocka_unit_test(test_fastcgi_keeps_its_connection_where_asked),
		cmocka_unit_test(test_fastcgi_is_found_again_and_long_answers_end),
		cmocka_unit_test(test_fastcgi_nonsense_is_not_believed),
		cmocka_unit_test(test_fastcgi_cut_in_the_middle_of_records_goes_on),
		cmocka_unit_test(test_uwsgi_session),
		cmocka_unit_test(test_uwsgi_upgraded_and_answered_early),
		cmocka_unit_test(test_uwsgi_in_pieces_is_the_same),
		cmocka_unit_test(test_uwsgi_variables_may_be_unseen),
		cmocka_unit_test(test_uwsgi_is_not_seen_in_other_bytes),
		cmocka_unit_test(test_which_serve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
