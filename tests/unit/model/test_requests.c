/* SPDX-License-Identifier: BSD-2-Clause */
/* test_requests.c - where a request begins and ends, and whose work a thread is doing. */
#include "unit/model/stream.h"

#include "model/requests.h"

enum { PID = 50 };

static void head(struct stream *s, uint64_t conn, uint32_t tid, uint32_t count)
{
	io(s, conn, PID, tid, WIRE_RECEIVED,
	   (struct wire_facts){ .protocol = PROTOCOL_HTTP, .flags = WIRE_SERVER, .requests = count });
}

static void answer_part(struct stream *s, uint64_t conn, uint32_t tid, uint16_t flags, uint32_t responses)
{
	io(s, conn, PID, tid, WIRE_SENT,
	   (struct wire_facts){ .protocol = PROTOCOL_HTTP, .flags = WIRE_SERVER | flags, .responses = responses });
}

static void latency_runs_from_head_to_last_byte(void **state)
{
	struct stream s;
	(void)state;

	stream_begin(&s);
	for (int i = 0; i < 3; i++) { /* keep-alive, the response in two parts */
		head(&s, 1, PID, 1);
		s.now_ns += 600 * MS;
		answer_part(&s, 1, PID, 0, 1);
		s.now_ns += 100 * MS;
		answer_part(&s, 1, PID, WIRE_RESPONSE_DONE, 0);
		s.now_ns += 1000 * MS;
	}
	stream_judge(&s, 10, NULL);
	assert_int_equal(s.recording->requests.observed, 3);
	assert_float_equal(s.recording->requests.latency_ms.max, 700, 1e-6);
	assert_int_equal(s.recording->requests.over_500ms, 3);
	assert_int_equal(s.recording->requests.over_1s, 0);
	stream_end(&s);
}

/* A router of the service's own, as uWSGI has one, and the worker behind it: one request. */
static void what_is_passed_on_counts_once(void **state)
{
	enum { ROUTER = 60 };
	const struct wire_facts passed = { .protocol = PROTOCOL_UWSGI, .requests = 1 };
	uint64_t told = 0;
	struct stream s;
	(void)state;

	stream_begin(&s);
	s.recording->collect |= CONNPROF_REQUESTS;
	for (uint64_t i = 0; i < 5; i++) {
		io(&s, 10 + i, ROUTER, ROUTER, WIRE_RECEIVED, (struct wire_facts){ .protocol = PROTOCOL_HTTP, .flags = WIRE_SERVER, .requests = 1 });
		conn_event(&s, EVENT_CONNECT, 20 + i, ROUTER, ROUTER, 0, CONN_OPENED, 0);
		io(&s, 20 + i, ROUTER, ROUTER, WIRE_SENT, passed);
		io(&s, 30 + i, PID, PID, WIRE_RECEIVED, (struct wire_facts){ .protocol = PROTOCOL_UWSGI, .flags = WIRE_SERVER, .requests = 1 });
		s.now_ns += 30 * MS;
		io(&s, 30 + i, PID, PID, WIRE_SENT,
		   (struct wire_facts){ .protocol = PROTOCOL_UWSGI, .flags = WIRE_SERVER | WIRE_RESPONSE_DONE, .responses = 1 });
		s.now_ns += 70 * MS;
		io(&s, 10 + i, ROUTER, ROUTER, WIRE_SENT,
		   (struct wire_facts){ .protocol = PROTOCOL_HTTP, .flags = WIRE_SERVER | WIRE_RESPONSE_DONE, .responses = 1 });
	}
	stream_judge(&s, 10, NULL);
	assert_int_equal(s.recording->requests.observed, 5);
	assert_int_equal(s.recording->requests.protocol, PROTOCOL_UWSGI);
	assert_float_equal(s.recording->requests.latency_ms.max, 30, 1e-6);
	for (size_t i = 0; i < s.recording->latency_count; i++)
		told += s.recording->latencies[i].requests;
	assert_int_equal(told, 5);
	stream_end(&s);
}

static void passed(struct stream *s, uint64_t conn, uint32_t pid, uint8_t direction, uint16_t flags)
{
	bool request = (direction == WIRE_RECEIVED) == ((flags & WIRE_SERVER) != 0);

	io(s, conn, pid, pid, direction, (struct wire_facts){ .protocol = PROTOCOL_UWSGI, .flags = flags, .requests = request, .responses = !request });
}

/* Asked by uwsgi and asking so, the workers not followed: what it is asked is all there is. With them followed, theirs is. */
static void a_router_between_counts_where_nobody_behind_it_does(void **state)
{
	enum { ROUTER = 60 };
	(void)state;

	for (int followed = 0; followed < 2; followed++) {
		struct stream s;

		stream_begin(&s);
		for (uint64_t i = 0; i < 5; i++) {
			passed(&s, 10 + i, ROUTER, WIRE_RECEIVED, WIRE_SERVER);
			conn_event(&s, EVENT_CONNECT, 20 + i, ROUTER, ROUTER, 0, CONN_OPENED, 0);
			passed(&s, 20 + i, ROUTER, WIRE_SENT, 0);
			s.now_ns += 10 * MS;
			if (followed) {
				passed(&s, 30 + i, PID, WIRE_RECEIVED, WIRE_SERVER);
				s.now_ns += 20 * MS;
				passed(&s, 30 + i, PID, WIRE_SENT, WIRE_SERVER | WIRE_RESPONSE_DONE);
			}
			s.now_ns += 30 * MS;
			passed(&s, 10 + i, ROUTER, WIRE_SENT, WIRE_SERVER | WIRE_RESPONSE_DONE);
		}
		stream_judge(&s, 10, NULL);
		assert_int_equal(s.recording->requests.observed, 5);
		assert_float_equal(s.recording->requests.latency_ms.max, followed ? 20 : 40, 1e-6);
		stream_end(&s);
	}
}

/* The worker's request was seen before the front's own sending of it, which was told late: its sends come by another CPU. */
static void a_front_known_late_counts_once_too(void **state)
{
	enum { ROUTER = 60 };
	struct stream s;
	(void)state;

	stream_begin(&s);
	for (uint64_t i = 0; i < 5; i++) {
		io(&s, 10 + i, ROUTER, ROUTER, WIRE_RECEIVED, (struct wire_facts){ .protocol = PROTOCOL_HTTP, .flags = WIRE_SERVER, .requests = 1 });
		passed(&s, 30 + i, PID, WIRE_RECEIVED, WIRE_SERVER);
		conn_event(&s, EVENT_CONNECT, 20 + i, ROUTER, ROUTER, 0, CONN_OPENED, 0);
		passed(&s, 20 + i, ROUTER, WIRE_SENT, 0);
		s.now_ns += 20 * MS;
		passed(&s, 30 + i, PID, WIRE_SENT, WIRE_SERVER | WIRE_RESPONSE_DONE);
	}
	stream_judge(&s, 10, NULL);
	assert_int_equal(s.recording->requests.observed, 5);
	assert_int_equal(s.recording->requests.protocol, PROTOCOL_UWSGI);
	stream_end(&s);
}

/* The web server alone is followed: its requests are all there is to see. */
static void a_web_server_that_passes_on_counts_its_own(void **state)
{
	struct stream s;
	(void)state;

	stream_begin(&s);
	for (uint64_t i = 0; i < 5; i++) {
		head(&s, 10 + i, PID, 1);
		conn_event(&s, EVENT_CONNECT, 20 + i, PID, PID, 0, CONN_OPENED, 0);
		io(&s, 20 + i, PID, PID, WIRE_SENT, (struct wire_facts){ .protocol = PROTOCOL_FASTCGI, .requests = 1 });
		s.now_ns += 100 * MS;
		answer_part(&s, 10 + i, PID, WIRE_RESPONSE_DONE, 1);
	}
	stream_judge(&s, 10, NULL);
	assert_int_equal(s.recording->requests.observed, 5);
	assert_int_equal(s.recording->requests.protocol, PROTOCOL_HTTP);
	stream_end(&s);
}

/* Without a length the end of a response shows only when the next head comes. */
static void a_response_without_framing_ends_with_the_next_head(void **state)
{
	struct stream s;
	(void)state;

	stream_begin(&s);
	head(&s, 1, PID, 1);
	s.now_ns += 5 * MS;
	answer_part(&s, 1, PID, 0, 1);
	s.now_ns += 500 * MS;
	head(&s, 1, PID, 1);
	s.now_ns += 5 * MS;
	answer_part(&s, 1, PID, WIRE_RESPONSE_DONE, 1);
	stream_judge(&s, 10, NULL);
	assert_int_equal(s.recording->requests.observed, 2);
	assert_float_equal(s.recording->requests.latency_ms.max, 5, 1e-6);
	stream_end(&s);
}

static void pipelined_heads_are_each_a_request(void **state)
{
	struct stream s;
	(void)state;

	stream_begin(&s);
	head(&s, 1, PID, 1);
	head(&s, 1, PID, 1);
	answer_part(&s, 1, PID, WIRE_RESPONSE_DONE, 1);
	answer_part(&s, 1, PID, WIRE_RESPONSE_DONE, 1);
	stream_judge(&s, 10, NULL);
	assert_int_equal(s.recording->requests.observed, 2);
	stream_end(&s);
}

/* A tear-down handler that runs just after the response still belongs to the request; a job half a minute later does not. */
static void work_after_the_response_lingers_for_a_moment_only(void **state)
{
	struct stream s;
	uint64_t conn;
	(void)state;

	stream_begin(&s);
	head(&s, 1000, PID, 1);
	answer_part(&s, 1000, PID, WIRE_RESPONSE_DONE, 1);
	s.now_ns += 10 * MS;
	conn = redis_connect(&s, PID, PID, connect_stack(&s, "teardown", 5));
	redis_close(&s, conn, PID, PID, 0);
	s.now_ns += 30000 * MS;
	conn = redis_connect(&s, PID, PID, connect_stack(&s, "job", 9));
	redis_close(&s, conn, PID, PID, 0);
	stream_judge(&s, 60, NULL);
	assert_int_equal(s.recording->site_count, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct site_row *site = &s.recording->sites[i];
		const struct frame *frame = stacks_frame(s.recording->stacks, site->call_site);

		assert_int_equal(site->opening_requests, !strcmp(text_of(&s, frame->function), "teardown"));
	}
	stream_end(&s);
}

/* One thread reads the heads, another works and answers: with one request at a time the process tells whose work it is. */
static void a_handed_over_request_is_tied_by_process(void **state)
{
	struct stream s;
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "work", 3);
	for (uint64_t i = 0; i < 40; i++) {
		uint64_t conn;

		s.next_conn = 2 * i + 100;
		head(&s, 5000 + i, PID, 1);
		conn = redis_connect(&s, PID, PID + 1, stack);
		redis_command(&s, conn, PID, PID + 1);
		redis_close(&s, conn, PID, PID + 1, 0);
		answer_part(&s, 5000 + i, PID + 2, WIRE_RESPONSE_DONE, 1);
		conn_event(&s, EVENT_GONE, 5000 + i, 0, 0, 0, 0, 0);
	}
	assert_int_equal(stream_judge(&s, 10, NULL), CONNPROF_FINDINGS);
	assert_int_equal(only_site(&s)->attribution, ATTRIBUTION_PROCESS);
	assert_int_equal(only_site(&s)->opening_requests, 40);
	stream_end(&s);
}

/* A client that shuts its sending side down after the request still gets its answer: the request goes on until then. */
static void a_half_closed_request_lasts_until_its_answer(void **state)
{
	struct stream s;
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "page", 3);
	for (int i = 0; i < 40; i++) {
		uint64_t request = request_begin(&s, PID, PID);

		conn_event(&s, EVENT_PEER_CLOSED, request, 0, 0, 0, 0, 0);
		redis_close(&s, redis_connect(&s, PID, PID, stack), PID, PID, drop_stack(&s));
		s.now_ns += 5 * MS;
		request_end(&s, request, PID, PID);
	}
	assert_int_equal(stream_judge(&s, 10, NULL), CONNPROF_FINDINGS);
	assert_int_equal(only_site(&s)->attribution, ATTRIBUTION_THREAD);
	assert_int_equal(only_site(&s)->opening_requests, 40);
	assert_true(s.recording->requests.latency_ms.p50 > 5);
	stream_end(&s);
}

/* A client that says goodbye (QUIT) was not left by its server, even where the server closes first: the next one is no reconnect. */
static void a_server_that_closes_at_a_goodbye_excuses_nothing(void **state)
{
	struct wire_facts goodbye = { .protocol = PROTOCOL_REDIS, .flags = WIRE_CONFIRMED, .requests = 1, .handshake = 1 };
	struct stream s;
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "page", 3);
	for (int i = 0; i < 40; i++) {
		uint64_t request = request_begin(&s, PID, PID), conn = redis_connect(&s, PID, PID, stack);

		redis_command(&s, conn, PID, PID);
		io(&s, conn, PID, PID, WIRE_SENT, goodbye);
		peer_closes(&s, conn);
		redis_close(&s, conn, PID, PID, drop_stack(&s));
		request_end(&s, request, PID, PID);
	}
	assert_int_equal(stream_judge(&s, 10, NULL), CONNPROF_FINDINGS);
	assert_int_equal(only_site(&s)->rule, RULE_CONNECTION_PER_REQUEST);
	stream_end(&s);
}

/* After an upgrade (WebSocket) the connection is no request any more: what its thread does is nobody's. */
static void an_upgraded_connection_serves_no_request(void **state)
{
	struct stream s;
	uint64_t request;
	(void)state;

	stream_begin(&s);
	request = request_begin(&s, PID, PID);
	answer_part(&s, request, PID, WIRE_UPGRADED, 1);
	s.now_ns += 5000 * MS;
	redis_close(&s, redis_connect(&s, PID, PID, connect_stack(&s, "socket", 3)), PID, PID, 0);
	stream_judge(&s, 10, NULL);
	assert_int_equal(s.recording->requests.observed, 1);
	assert_int_equal(only_site(&s)->opening_requests, 0);
	stream_end(&s);
}

/* Clients that send a head and nothing more, past what can be followed: counted, and no more than that. */
static void requests_that_never_end_are_bounded(void **state)
{
	const uint64_t more = 70;
	struct stream s;
	(void)state;

	stream_begin(&s);
	for (uint64_t i = 0; i < REQUESTS_OPEN_MAX + more; i++)
		head(&s, 10 + i, PID, 1);
	stream_judge(&s, 10, NULL);
	assert_int_equal(s.recording->requests.observed, REQUESTS_OPEN_MAX + more);
	assert_int_equal(s.recording->requests_refused, more);
	for (uint64_t i = 0; i < REQUESTS_OPEN_MAX + more; i++) /* and room again once they have gone */
		conn_event(&s, EVENT_GONE, 10 + i, 0, 0, 0, 0, 0);
	head(&s, 5, PID, 1);
	answer_part(&s, 5, PID, WIRE_RESPONSE_DONE, 1);
	stream_judge(&s, 10, NULL);
	assert_int_equal(s.recording->requests_refused, more);
	stream_end(&s);
}

/* "413 Too Large" goes out while the body still comes in: the rest of it begins no request and prolongs none. */
static void an_answer_before_the_request_has_ended_ends_it(void **state)
{
	struct stream s;
	(void)state;

	stream_begin(&s);
	for (int i = 0; i < 3; i++) {
		head(&s, 1, PID, 1);
		s.now_ns += 20 * MS;
		answer_part(&s, 1, PID, WIRE_RESPONSE_DONE, 1);
		for (int part = 0; part < 5; part++) {
			s.now_ns += 700 * MS;
			head(&s, 1, PID, 0); /* bytes of the body */
		}
	}
	answer_part(&s, 1, PID, WIRE_RESPONSE_DONE, 1); /* and an answer to nothing */
	stream_judge(&s, 60, NULL);
	assert_int_equal(s.recording->requests.observed, 3);
	assert_float_equal(s.recording->requests.latency_ms.max, 20, 1e-6);
	stream_end(&s);
}

/* Events of two CPUs out of order, or a clock that lies: no latency becomes negative, which would be 584 years. */
static void an_answer_older_than_its_request_took_no_time(void **state)
{
	struct stream s;
	(void)state;

	stream_begin(&s);
	s.recording->collect |= CONNPROF_REQUESTS;
	for (int i = 0; i < 20; i++) {
		head(&s, 1, PID, 1);
		s.now_ns -= 3 * MS;
		answer_part(&s, 1, PID, WIRE_RESPONSE_DONE, 1);
		s.now_ns += 3 * MS;
	}
	stream_judge(&s, 10, NULL);
	assert_int_equal(s.recording->requests.observed, 20);
	assert_true(isnan(s.recording->requests.latency_ms.max)); /* not known */
	assert_int_equal(s.recording->requests.over_1s, 0);
	assert_int_equal(s.recording->latency_count, 1);
	assert_int_equal(s.recording->latencies[0].requests, 20);
	assert_int_equal(s.recording->latencies[0].bucket, 1);
	stream_end(&s);
}

/* Accepted connections come and go by the thousand, each from another port: what is kept of them must not grow. */
static void accepted_connections_leave_no_sites_behind(void **state)
{
	struct stream s;
	(void)state;

	stream_begin(&s);
	for (uint64_t i = 0; i < 40000; i++) {
		struct event seen = { .kind = EVENT_ESTABLISHED, .pid = PID, .tid = PID };

		seen.conn.conn = 10 + i;
		seen.conn.peer = loopback((uint16_t)(1024 + i));
		feed(&s, &seen);
		head(&s, 10 + i, PID, 1);
		answer_part(&s, 10 + i, PID, WIRE_RESPONSE_DONE, 1);
		conn_event(&s, EVENT_GONE, 10 + i, 0, 0, 0, 0, 0);
	}
	redis_close(&s, redis_connect(&s, PID, PID, connect_stack(&s, "late", 1)), PID, PID, 0);
	stream_judge(&s, 60, NULL);
	assert_int_equal(s.recording->accepted, 40000);
	assert_true(only_site(&s)->stack != 0); /* groups are not used up: the stack is still told */
	stream_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(latency_runs_from_head_to_last_byte),
		cmocka_unit_test(what_is_passed_on_counts_once),
		cmocka_unit_test(a_router_between_counts_where_nobody_behind_it_does),
		cmocka_unit_test(a_front_known_late_counts_once_too),
		cmocka_unit_test(a_web_server_that_passes_on_counts_its_own),
		cmocka_unit_test(a_response_without_framing_ends_with_the_next_head),
		cmocka_unit_test(pipelined_heads_are_each_a_request),
		cmocka_unit_test(work_after_the_response_lingers_for_a_moment_only),
		cmocka_unit_test(a_handed_over_request_is_tied_by_process),
		cmocka_unit_test(a_half_closed_request_lasts_until_its_answer),
		cmocka_unit_test(a_server_that_closes_at_a_goodbye_excuses_nothing),
		cmocka_unit_test(an_upgraded_connection_serves_no_request),
		cmocka_unit_test(requests_that_never_end_are_bounded),
		cmocka_unit_test(an_answer_before_the_request_has_ended_ends_it),
		cmocka_unit_test(an_answer_older_than_its_request_took_no_time),
		cmocka_unit_test(accepted_connections_leave_no_sites_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
