/* SPDX-License-Identifier: BSD-2-Clause */
/* test_http.c - HTTP/1 conversations, as server and as client: heads counted, ends told by framing, cut heads survived. */
#include "unit/protocol/script.h"

#define GET "GET /recommend?user=7 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer secret\r\n\r\n"
#define OK_5 "HTTP/1.1 200 OK\r\nServer: gunicorn\r\nContent-Length: 5\r\n\r\nhello"

static void server_with_keep_alive_counts_each_request_and_its_end(void **state)
{
	static const struct line lines[] = {RECEIVED(GET), SENT(OK_5), RECEIVED(GET), SENT(OK_5)};
	struct tally tally = play(lines, 4);

	(void)state;
	assert_int_equal(tally.protocol, PROTOCOL_HTTP);
	assert_int_equal(tally.requests, 2);
	assert_int_equal(tally.responses, 2);
	assert_int_equal(tally.done, 2);
	assert_int_equal(tally.last, WIRE_CONFIRMED | WIRE_SERVER | WIRE_RESPONSE_DONE);
	assert_any_split_is_the_same(lines, 4);
}

static void client_side_is_told_from_the_direction_of_requests(void **state)
{
	static const struct line lines[] = {SENT(GET), RECEIVED("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")};
	struct tally tally = play(lines, 2);

	(void)state;
	assert_int_equal(tally.requests, 1);
	assert_int_equal(tally.errors, 1);
	assert_int_equal(tally.last, WIRE_CONFIRMED | WIRE_RESPONSE_DONE);
	assert_any_split_is_the_same(lines, 2);
}

static void head_and_body_in_two_calls_end_with_the_second(void **state)
{
	static const struct line lines[] = {
		RECEIVED(GET), SENT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), SENT("hello"),
	};

	(void)state;
	assert_false(play(lines, 2).last & WIRE_RESPONSE_DONE);
	assert_true(play(lines, 3).last & WIRE_RESPONSE_DONE);
}

static void chunked_body_ends_with_its_last_chunk_and_trailers(void **state)
{
	static const struct line lines[] = {
		RECEIVED(GET), SENT("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
		SENT("a;name=value\r\n0123456789\r\n"), SENT("3\r\nabc\r\n"), SENT("0\r\nX-Sum: 1\r\n\r\n"),
		RECEIVED(GET), SENT(OK_5),
	};
	struct tally four = play(lines, 4), five = play(lines, 5), all = play(lines, 7);

	(void)state;
	assert_int_equal(four.done, 0);
	assert_int_equal(five.done, 1);
	assert_int_equal(all.done, 2);
	assert_false(all.flags & WIRE_GARBLED);
	assert_any_split_is_the_same(lines, 7);
}

static void responses_without_a_body_end_at_their_head(void **state)
{
	static const struct line lines[] = {
		RECEIVED("HEAD / HTTP/1.1\r\n\r\n"), SENT("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"),
		RECEIVED(GET), SENT("HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n"),
		RECEIVED("DELETE /x HTTP/1.1\r\n\r\n"), SENT("HTTP/1.1 204 No Content\r\n\r\n"),
		RECEIVED(GET), SENT(OK_5),
	};
	struct tally tally = play(lines, 8);

	(void)state;
	assert_int_equal(tally.requests, 4);
	assert_int_equal(tally.responses, 4);
	assert_int_equal(tally.done, 4);
	assert_any_split_is_the_same(lines, 8);
}

static void pipelined_requests_are_counted_and_answered_in_order(void **state)
{
	static const struct line lines[] = {
		RECEIVED(GET "HEAD / HTTP/1.1\r\n\r\n" GET), SENT(OK_5 "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" OK_5),
	};
	struct tally tally = play(lines, 2);

	(void)state;
	assert_int_equal(tally.requests, 3);
	assert_int_equal(tally.responses, 3);
	assert_false(tally.flags & WIRE_GARBLED);
	assert_any_split_is_the_same(lines, 2);
}

static void request_bodies_are_skipped_and_100_continue_is_no_response(void **state)
{
	static const struct line lines[] = {
		RECEIVED("POST /a HTTP/1.1\r\nContent-Length: 24\r\nExpect: 100-continue\r\n\r\n"),
		SENT("HTTP/1.1 100 Continue\r\n\r\n"), RECEIVED("GET /inside HTTP/1.1\r\n\r\n"),
		SENT("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"),
		RECEIVED("PUT /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n" GET),
		SENT(OK_5), SENT(OK_5),
	};
	struct tally two = play(lines, 2), all = play(lines, 7);

	(void)state;
	assert_int_equal(two.responses, 0);
	assert_int_equal(two.done, 0);
	assert_int_equal(all.requests, 3);
	assert_int_equal(all.responses, 3);
	assert_int_equal(all.done, 3);
	assert_any_split_is_the_same(lines, 7);
}

static void close_is_told_by_header_and_by_version(void **state)
{
	static const struct line by_header[] = {
		RECEIVED(GET), SENT("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"),
	};
	static const struct line ab[] = {
		RECEIVED("GET / HTTP/1.0\r\n\r\n"), SENT("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
	};
	static const struct line ab_k[] = {
		RECEIVED("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"),
		SENT("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"),
	};
	static const struct line until_close[] = {RECEIVED(GET), SENT("HTTP/1.1 200 OK\r\n\r\nsome"), SENT("more")};

	(void)state;
	assert_int_equal(play(by_header, 2).last & (WIRE_CLOSE | WIRE_RESPONSE_DONE), WIRE_CLOSE | WIRE_RESPONSE_DONE);
	assert_int_equal(play(ab, 2).last & (WIRE_CLOSE | WIRE_RESPONSE_DONE), WIRE_CLOSE | WIRE_RESPONSE_DONE);
	assert_int_equal(play(ab_k, 2).last & (WIRE_CLOSE | WIRE_RESPONSE_DONE), WIRE_RESPONSE_DONE);
	assert_int_equal(play(until_close, 3).flags & (WIRE_CLOSE | WIRE_RESPONSE_DONE), WIRE_CLOSE);
}

static void after_an_upgrade_nothing_is_a_request(void **state)
{
	static const struct line lines[] = {
		RECEIVED("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
		SENT("HTTP/1.1 101 Switching Protocols\r\n\r\n"), RECEIVED(GET), SENT(OK_5),
	};
	struct tally two = play(lines, 2), four = play(lines, 4);

	(void)state;
	assert_true(two.last & WIRE_UPGRADED);
	assert_true(two.last & WIRE_RESPONSE_DONE);
	assert_int_equal(four.requests, 1);
	assert_true(four.last & WIRE_UPGRADED);
	assert_false(four.flags & WIRE_GARBLED);
}

static void bodies_not_visible_are_skipped_by_length(void **state)
{
	static const struct line lines[] = {
		RECEIVED_CUT("POST /a HTTP/1.1\r\nContent-Length: 1000\r\n\r\nabc", 597), RECEIVED_CUT("GET /x HTTP/1.1", 385),
		SENT_CUT("HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n<html>", 40000), SENT_CUT("", 29994),
		RECEIVED(GET),
		SENT_CUT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\nxx", 4096 - 2 + 2 + 5),
	};
	struct tally three = play(lines, 3), four = play(lines, 4), all = play(lines, 6);

	(void)state;
	assert_int_equal(three.done, 0);
	assert_int_equal(four.done, 1);
	assert_int_equal(all.requests, 2);
	assert_int_equal(all.done, 2);
	assert_false(all.flags & WIRE_GARBLED);
}

static void cut_heads_leave_the_counts_right(void **state)
{
	static const struct line lines[] = {
		RECEIVED_CUT("GET /a/long/path HTTP/1.1\r\nHost: a\r\nCookie: abc", 900),
		SENT_CUT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Long: abc", 300), /* head and body */
		RECEIVED_CUT("GET /a/long/path HTTP/1.1\r\nHost: a\r\nCookie: abc", 900),
		SENT_CUT("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\nX-Long: abc", 300), SENT_CUT("<html>", 4994),
		RECEIVED_CUT("POST /a/long/path HTTP/1.1\r\nHost: a\r\nCookie: abc", 900), RECEIVED("{\"body\": 1}"),
		SENT_CUT("HTTP/1.1 204 No Content\r\nX-Long: abc", 300),
		RECEIVED(GET), SENT(OK_5),
	};
	struct tally two = play(lines, 2), four = play(lines, 4), five = play(lines, 5), all = play(lines, LINES(lines));

	(void)state;
	assert_int_equal(two.done, 1);
	assert_int_equal(four.done, 1);
	assert_int_equal(five.done, 2);
	assert_int_equal(all.requests, 4);
	assert_int_equal(all.responses, 4);
	assert_int_equal(all.done, 4);
	assert_false(all.flags & WIRE_GARBLED);
}

static void cut_response_without_visible_framing_claims_no_end_and_recovers(void **state)
{
	static const struct line lines[] = {
		RECEIVED(GET), SENT_CUT("HTTP/1.1 200 OK\r\nX-Long: abc", 9000), SENT_CUT("<p>", 900), RECEIVED(GET), SENT(OK_5),
	};
	struct tally three = play(lines, 3), all = play(lines, 5);

	(void)state;
	assert_int_equal(three.done, 0);
	assert_false(three.flags & WIRE_CLOSE);
	assert_int_equal(all.requests, 2);
	assert_int_equal(all.responses, 2);
	assert_true(all.last & WIRE_RESPONSE_DONE);
}

static void chunks_lost_sight_of_are_found_again(void **state)
{
	static const struct line lines[] = {
		RECEIVED(GET), SENT_CUT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Long: a", 300),
		SENT_CUT("1000\r\nabc", 4093 + 2), SENT_CUT("20\r\nabc", 29 + 2 + 40), SENT("not a size"), SENT("0\r\n\r\n"),
	};
	struct tally five = play(lines, 5), six = play(lines, 6);

	(void)state;
	assert_int_equal(five.done, 0);
	assert_int_equal(six.done, 1);
}

static void a_body_that_went_by_unseen_does_not_hide_the_next_response(void **state)
{
	static const struct line lines[] = { /* sendfile(): the body is in no call seen here */
		RECEIVED(GET), SENT("HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n"), RECEIVED(GET), SENT(OK_5),
	};
	struct tally tally = play(lines, 4);

	(void)state;
	assert_int_equal(tally.requests, 2);
	assert_int_equal(tally.responses, 2);
	assert_true(tally.last & WIRE_RESPONSE_DONE);
}

static void every_peek_length_counts_the_same(void **state)
{
	static const struct line lines[] = {RECEIVED(GET), SENT(OK_5), RECEIVED(GET), SENT(OK_5), RECEIVED(GET), SENT(OK_5)};

	(void)state;
	for (size_t peek = 16; peek <= 256; peek++) {
		struct tally tally = play_split(lines, 6, SIZE_MAX, 0, peek);

		assert_int_equal(tally.requests, 3);
		assert_int_equal(tally.responses, 3);
		assert_true(tally.last & WIRE_CONFIRMED);
		assert_false(tally.flags & WIRE_GARBLED);
	}
}

/* A head of a megabyte, in calls of which only the first bytes are seen, is one request; so is the next, small one. */
static void a_gigantic_head_is_one_request(void **state)
{
	struct wire *wire = wire_new();
	struct tally tally = {0};
	char filler[256];

	(void)state;
	assert_non_null(wire);
	memset(filler, 'a', sizeof(filler));
	tally_call(&tally, wire, WIRE_RECEIVED, "GET / HTTP/1.1\r\nHost: a\r\nCookie: a", 34, 65536);
	for (int i = 0; i < 15; i++)
		tally_call(&tally, wire, WIRE_RECEIVED, filler, sizeof(filler), 65536);
	tally_call(&tally, wire, WIRE_SENT, "HTTP/1.1 431 Too Large\r\nContent-Length: 0\r\n\r\n", 45, 45);
	assert_int_equal(tally.requests, 1);
	assert_int_equal(tally.done, 1);
	tally_call(&tally, wire, WIRE_RECEIVED, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27, 27);
	tally_call(&tally, wire, WIRE_SENT, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 38, 38);
	assert_int_equal(tally.requests, 2);
	assert_int_equal(tally.done, 2);
	wire_free(wire);
}

static void lying_heads_are_refused_and_the_stream_recovers(void **state)
{
	static const char *const lies[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "HTTQ", "HTTP/1.1 2x0",
	};

	(void)state;
	for (size_t i = 0; i < LINES(lies); i++) {
		struct line lines[] = {
			RECEIVED(GET), SENT(OK_5), RECEIVED(GET), {WIRE_SENT, lies[i], strlen(lies[i]), 0}, RECEIVED(GET), SENT(OK_5),
		};
		struct tally bad = play(lines, 4), after = play(lines, 6);

		assert_true(bad.last & WIRE_GARBLED);
		assert_int_equal(after.requests, 3);
		assert_true(after.last & WIRE_RESPONSE_DONE);
		assert_false(after.last & WIRE_GARBLED);
	}
}

#define HOST "Host: a\r\n"
#define NEXT "GET /next HTTP/1.1\r\n" HOST "\r\n"

/*
 * One request inside another, as attackers write them for two servers that frame differently. Framing is RFC 9112's (6.3): chunks
 * before a length, and what is inside a body is no request. What that does not allow is refused, not guessed at.
 */
static void smuggled_requests_are_counted_by_the_standard(void **state)
{
	static const struct {
		const char *bytes;
		uint64_t requests;
		bool refused;
	} cases[] = {
		{"POST / HTTP/1.1\r\n" HOST "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT, 2, false},
		{"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 9999\r\n\r\n0\r\n\r\n" NEXT, 2, false},
		{"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1e\r\nGET /in HTTP/1.1\r\nHost: a\r\n\r\nx\r\n0\r\n\r\n" NEXT, 2, false},
		{"POST / HTTP/1.1\r\n" HOST "Content-Length: 29\r\n\r\nGET /in HTTP/1.1\r\nHost: a\r\n\r\n" NEXT, 2, false},
		{"POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello" NEXT, 2, false},
		{"POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 0\r\n\r\nhello" NEXT, 1, true},
		{"POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\nhello" NEXT, 1, true},
		{"POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\nhello" NEXT, 1, true},
		{"POST / HTTP/1.1\r\n" HOST "Content-Length : 5\r\n\r\nhello" NEXT, 1, true},
		{"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n" NEXT, 1, true},
		{"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n0\r\nTrailer: x\r\n\r\n" NEXT, 2, false},
		{"GET / HTTP/1.1\n" "Host: a\n\n" NEXT, 2, false}, /* bare line ends: 2.2 lets a server take them */
		{"GET / HTTP/1.1\r\n" HOST "X: a\r\n b: folded\r\n\r\n" NEXT, 2, false},
		{"GET / HTTP/1.1\r\n" HOST "X\x01Y: a\r\n\r\n" NEXT, 1, true},
	};

	(void)state;
	for (size_t i = 0; i < LINES(cases); i++) {
		struct line lines[] = {
			RECEIVED(GET), SENT(OK_5), {WIRE_RECEIVED, cases[i].bytes, strlen(cases[i].bytes), 0}, SENT(OK_5), RECEIVED(GET), SENT(OK_5),
		};
		struct tally bad = play(lines, 3), after = play(lines, 6);

		if (bad.requests != 1 + cases[i].requests || !(bad.flags & WIRE_GARBLED) == cases[i].refused)
			fail_msg("%s: %u requests, flags %x", cases[i].bytes, (unsigned)bad.requests - 1, bad.flags);
		assert_int_equal(after.requests, 2 + cases[i].requests);
		assert_false(after.last & WIRE_GARBLED);
		if (!cases[i].refused)
			assert_any_split_is_the_same(lines, 6);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_with_keep_alive_counts_each_request_and_its_end),
		cmocka_unit_test(client_side_is_told_from_the_direction_of_requests),
		cmocka_unit_test(head_and_body_in_two_calls_end_with_the_second),
		cmocka_unit_test(chunked_body_ends_with_its_last_chunk_and_trailers),
		cmocka_unit_test(responses_without_a_body_end_at_their_head),
		cmocka_unit_test(pipelined_requests_are_counted_and_answered_in_order),
		cmocka_unit_test(request_bodies_are_skipped_and_100_continue_is_no_response),
		cmocka_unit_test(close_is_told_by_header_and_by_version),
		cmocka_unit_test(after_an_upgrade_nothing_is_a_request),
		cmocka_unit_test(bodies_not_visible_are_skipped_by_length),
		cmocka_unit_test(cut_heads_leave_the_counts_right),
		cmocka_unit_test(cut_response_without_visible_framing_claims_no_end_and_recovers),
		cmocka_unit_test(chunks_lost_sight_of_are_found_again),
		cmocka_unit_test(a_body_that_went_by_unseen_does_not_hide_the_next_response),
		cmocka_unit_test(every_peek_length_counts_the_same),
		cmocka_unit_test(a_gigantic_head_is_one_request),
		cmocka_unit_test(lying_heads_are_refused_and_the_stream_recovers),
		cmocka_unit_test(smuggled_requests_are_counted_by_the_standard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
