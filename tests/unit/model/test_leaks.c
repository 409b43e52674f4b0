/* SPDX-License-Identifier: BSD-2-Clause */
/* test_leaks.c - connections that are not closed, or opened too often, without a request to explain them. */
#include "unit/model/stream.h"

enum { PID = 100 };

/* A timer thread that opens a connection five times a second, whatever the requests do. */
static void a_timer_that_reconnects_is_churn(void **state)
{
	struct stream s;
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "report_metrics", 7);
	for (int i = 0; i < 50; i++) {
		uint64_t conn = redis_connect(&s, PID, PID + 1, stack);

		redis_command(&s, conn, PID, PID + 1);
		redis_close(&s, conn, PID, PID + 1, 0);
		s.now_ns += 190 * MS;
	}
	assert_int_equal(stream_judge(&s, 10, NULL), CONNPROF_FINDINGS);
	assert_int_equal(only_site(&s)->rule, RULE_CONNECTION_CHURN);
	assert_int_equal(only_site(&s)->attribution, ATTRIBUTION_RATE);
	assert_true(isnan(only_site(&s)->connects_per_request));
	stream_end(&s);
}

static void a_slow_timer_is_not_churn(void **state)
{
	struct stream s;
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "report_metrics", 7);
	for (int i = 0; i < 12; i++) {
		redis_close(&s, redis_connect(&s, PID, PID, stack), PID, PID, 0);
		s.now_ns += 1000 * MS;
	}
	assert_int_equal(stream_judge(&s, 20, NULL), CONNPROF_OK);
	stream_end(&s);
}

/* Five tests a second, each with a client of its own. */
static int tested(struct stream *s, uint32_t stack)
{
	for (int i = 0; i < 50; i++) {
		uint64_t conn = redis_connect(s, PID, PID, stack);

		redis_command(s, conn, PID, PID);
		redis_close(s, conn, PID, PID, 0);
		s->now_ns += 190 * MS;
	}
	return stream_judge(s, 10, NULL);
}

/* What a test's fixture opens is the test's own; what the code that it tests opens is not. */
static void a_fixture_that_connects_is_no_churn(void **state)
{
	struct stream s;
	(void)state;

	stream_begin(&s);
	assert_int_equal(tested(&s, stack_of(&s, "connect", LIB "/redis/connection.py", 263u, "client", "/srv/app/conftest.py", 9u,
					     "call_fixture_func", LIB "/_pytest/fixtures.py", 890u, NULL)), CONNPROF_OK);
	stream_end(&s);
	stream_begin(&s);
	assert_int_equal(tested(&s, stack_of(&s, "connect", LIB "/redis/connection.py", 263u, "CartTest.setUp", "/srv/app/test_cart.py", 9u,
					     "TestCase._callSetUp", "/usr/lib/python3.11/unittest/case.py", 576u, NULL)), CONNPROF_OK);
	stream_end(&s);
	stream_begin(&s);
	assert_int_equal(tested(&s, stack_of(&s, "connect", LIB "/redis/connection.py", 263u, "visits", "/srv/app/cart.py", 9u,
					     "TestCase._callTestMethod", "/usr/lib/python3.11/unittest/case.py", 579u, NULL)),
			 CONNPROF_FINDINGS);
	stream_end(&s);
	stream_begin(&s); /* somebody else's file of that name */
	assert_int_equal(tested(&s, stack_of(&s, "connect", LIB "/redis/connection.py", 263u, "call_fixture_func", "/srv/app/fixtures.py", 9u,
					     NULL)), CONNPROF_FINDINGS);
	stream_end(&s);
}

static void connections_that_pile_up_are_a_leak(void **state)
{
	struct stream s;
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "recommend", 42);
	for (int i = 0; i < 90; i++) {
		uint64_t request = request_begin(&s, PID, PID);

		redis_command(&s, redis_connect(&s, PID, PID, stack), PID, PID);
		request_end(&s, request, PID, PID);
		s.now_ns += 100 * MS;
	}
	assert_int_equal(stream_judge(&s, 12, NULL), CONNPROF_FINDINGS);
	assert_int_equal(only_site(&s)->rule, RULE_CONNECTION_LEAK);
	assert_int_equal(only_site(&s)->cause, CAUSE_UNCLOSED);
	assert_int_equal(only_site(&s)->open_at_end, 90);
	stream_end(&s);
}

/* Cyclic garbage: the collector closes them in heaps, and one in ten outlives several of its rounds. Each request opens one, and
 * nearly all get closed: it is not told as a leak. */
static void garbage_that_is_closed_late_is_no_leak(void **state)
{
	struct stream s;
	uint64_t waiting[9];
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "recommend", 42);
	for (int i = 0; i < 200; i++) {
		uint64_t request = request_begin(&s, PID, PID), conn = redis_connect(&s, PID, PID, stack);

		redis_command(&s, conn, PID, PID);
		if (i % 10)
			waiting[i % 10 - 1] = conn;
		for (int j = 0; i % 10 == 9 && j < 9; j++)
			redis_close(&s, waiting[j], PID, PID, drop_stack(&s));
		request_end(&s, request, PID, PID);
		s.now_ns += 40 * MS;
	}
	assert_int_equal(stream_judge(&s, 10, NULL), CONNPROF_FINDINGS);
	assert_int_equal(only_site(&s)->open_at_end, 20);
	assert_int_equal(only_site(&s)->rule, RULE_CONNECTION_PER_REQUEST);
	assert_int_equal(only_site(&s)->cause, CAUSE_THROW_AWAY_CLIENT);
	stream_end(&s);
}

/* A job that loses one in ten on an error path: no other rule tells that. */
static void a_leak_on_an_error_path_is_a_leak(void **state)
{
	struct stream s;
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "job", 9);
	for (int i = 0; i < 150; i++) {
		uint64_t conn = redis_connect(&s, PID, PID, stack);

		redis_command(&s, conn, PID, PID);
		if (i % 10)
			redis_close(&s, conn, PID, PID, 0);
		s.now_ns += 1000 * MS;
	}
	assert_int_equal(stream_judge(&s, 160, NULL), CONNPROF_FINDINGS);
	assert_int_equal(only_site(&s)->rule, RULE_CONNECTION_LEAK);
	stream_end(&s);
}

/* No requests at all: a job that opens and forgets. */
static void a_leak_needs_no_requests(void **state)
{
	struct stream s;
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "job", 9);
	for (int i = 0; i < 20; i++) {
		redis_command(&s, redis_connect(&s, PID, PID, stack), PID, PID);
		s.now_ns += 1000 * MS;
	}
	assert_int_equal(stream_judge(&s, 30, NULL), CONNPROF_FINDINGS);
	assert_int_equal(only_site(&s)->rule, RULE_CONNECTION_LEAK);
	stream_end(&s);
}

/* A proxy has a connection for each client that it has: they lie idle because the clients do. */
static void one_for_each_connected_client_is_no_leak(void **state)
{
	struct stream s;
	uint64_t clients[30];
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "client_connected", 9);
	for (int i = 0; i < 30; i++) {
		clients[i] = s.next_conn++;
		conn_event(&s, EVENT_ESTABLISHED, clients[i], PID, PID, 0, 0, 0);
		redis_command(&s, redis_connect(&s, PID, PID, stack), PID, PID);
		s.now_ns += 300 * MS;
	}
	assert_int_equal(stream_judge(&s, 12, NULL), CONNPROF_OK);
	/* The clients leave, their connections stay. */
	for (int i = 0; i < 30; i++)
		conn_event(&s, EVENT_PEER_CLOSED, clients[i], 0, 0, 0, 0, 0);
	assert_int_equal(stream_judge(&s, 13, NULL), CONNPROF_FINDINGS);
	assert_int_equal(only_site(&s)->rule, RULE_CONNECTION_LEAK);
	stream_end(&s);
}

/* Connections that are asked something every second second, by no request: they are idle between, and not left. */
static void one_that_works_again_is_no_leak(void **state)
{
	struct stream s;
	uint64_t conns[20];
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "shard", 9);
	for (int i = 0; i < 20; i++) {
		conns[i] = redis_connect(&s, PID, PID, stack);
		redis_command(&s, conns[i], PID, PID);
		s.now_ns += 300 * MS;
	}
	for (int i = 0; i < 20; i++)
		redis_command(&s, conns[i], PID, PID);
	assert_int_equal(stream_judge(&s, 8, NULL), CONNPROF_OK);
	stream_end(&s);
}

static void served(struct stream *s, uint64_t conn)
{
	uint64_t request = request_begin(s, PID, PID);

	redis_command(s, conn, PID, PID);
	request_end(s, request, PID, PID);
	s->now_ns += 30 * MS;
}

/* A pool lends a connection to one request after the other, until one that fails does not give it back. */
static void those_lost_after_they_were_reused_are_a_leak(void **state)
{
	struct stream s;
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "recommend", 42);
	for (int i = 0; i < 60; i++) {
		uint64_t conn = redis_connect(&s, PID, PID, stack);

		for (int j = 0; j < 4; j++)
			served(&s, conn);
	}
	assert_int_equal(stream_judge(&s, 8, NULL), CONNPROF_FINDINGS);
	assert_int_equal(only_site(&s)->rule, RULE_CONNECTION_LEAK);
	stream_end(&s);
}

/* Requests that ask many things at once: the pool is larger than they are many, and when it rests nothing is opened any more. */
static void a_large_pool_at_rest_is_no_leak(void **state)
{
	struct stream s;
	uint64_t conns[40];
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "recommend", 42);
	for (int i = 0; i < 40; i++) {
		conns[i] = redis_connect(&s, PID, PID, stack);
		for (int j = 0; j <= i; j++)
			redis_command(&s, conns[j], PID, PID);
		for (int j = 0; j < 2; j++)
			served(&s, conns[i]);
		s.now_ns += 100 * MS;
	}
	assert_int_equal(stream_judge(&s, 9, NULL), CONNPROF_OK);
	stream_end(&s);
}

/* A client for each customer, used whenever he comes again. */
static void those_used_again_after_a_pause_are_no_leak(void **state)
{
	struct stream s;
	uint64_t conns[30];
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "recommend", 42);
	for (int i = 0; i < 30; i++) {
		conns[i] = redis_connect(&s, PID, PID, stack);
		served(&s, conns[i]);
		s.now_ns += 200 * MS;
		if (i >= 10)
			served(&s, conns[i - 10]);
	}
	for (int i = 20; i < 30; i++)
		served(&s, conns[i]);
	s.now_ns += 1000 * MS;
	served(&s, redis_connect(&s, PID, PID, stack));
	assert_int_equal(stream_judge(&s, 10, NULL), CONNPROF_OK);
	stream_end(&s);
}

static void connections_left_in_close_wait_are_a_leak(void **state)
{
	struct stream s;
	uint64_t conns[30];
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "recommend", 42);
	for (int i = 0; i < 30; i++) {
		uint64_t request = request_begin(&s, PID, PID);

		conns[i] = redis_connect(&s, PID, PID, stack);
		redis_command(&s, conns[i], PID, PID);
		request_end(&s, request, PID, PID);
	}
	for (int i = 0; i < 30; i++)
		peer_closes(&s, conns[i]);
	assert_int_equal(stream_judge(&s, 30, NULL), CONNPROF_FINDINGS);
	assert_int_equal(only_site(&s)->rule, RULE_CONNECTION_LEAK);
	assert_int_equal(only_site(&s)->peer_closed_open, 30);
	stream_end(&s);
}

static void idle_connections_that_close_after_all_are_printed_as_returned(void **state)
{
	struct stream s;
	uint64_t conns[5];
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "recommend", 42);
	for (int i = 0; i < 5; i++)
		conns[i] = redis_connect(&s, PID, PID, stack);
	s.now_ns += 5000 * MS;
	for (int i = 0; i < 5; i++)
		redis_close(&s, conns[i], PID, PID, 0);
	stream_judge(&s, 10, NULL);
	assert_int_equal(only_site(&s)->returned_later, 5);
	stream_end(&s);
}

/* For the server's CLIENT LIST: ours, not closed here, and not those that clients of the service hold. */
static void outgoing_connections_open_at_the_end_are_listed_by_their_local_end(void **state)
{
	struct stream s;
	uint64_t kept, before = 7000;
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stream_judge(&s, 1, NULL);
	assert_non_null(s.recording->open_ends); /* known to be none */
	assert_int_equal(s.recording->open_end_count, 0);
	conn_event(&s, EVENT_PREEXISTING, before, PID, PID, 0, 0, 0);
	stack = connect_stack(&s, "recommend", 42);
	kept = redis_connect(&s, PID, PID, stack);
	redis_close(&s, redis_connect(&s, PID, PID, stack), PID, PID, 0);
	request_begin(&s, PID, PID);
	stream_judge(&s, 2, NULL);
	assert_int_equal(s.recording->open_end_count, 2);
	assert_int_equal(s.recording->open_ends[0].port, LOCAL_PORTS + before);
	assert_int_equal(s.recording->open_ends[1].port, LOCAL_PORTS + kept);
	assert_int_equal(s.recording->open_ends[1].family, AF_INET);
	assert_int_equal(s.recording->open_ends[1].address[0], 127);
	stream_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_timer_that_reconnects_is_churn),
		cmocka_unit_test(a_slow_timer_is_not_churn),
		cmocka_unit_test(a_fixture_that_connects_is_no_churn),
		cmocka_unit_test(connections_that_pile_up_are_a_leak),
		cmocka_unit_test(garbage_that_is_closed_late_is_no_leak),
		cmocka_unit_test(a_leak_on_an_error_path_is_a_leak),
		cmocka_unit_test(a_leak_needs_no_requests),
		cmocka_unit_test(one_for_each_connected_client_is_no_leak),
		cmocka_unit_test(one_that_works_again_is_no_leak),
		cmocka_unit_test(those_lost_after_they_were_reused_are_a_leak),
		cmocka_unit_test(a_large_pool_at_rest_is_no_leak),
		cmocka_unit_test(those_used_again_after_a_pause_are_no_leak),
		cmocka_unit_test(connections_left_in_close_wait_are_a_leak),
		cmocka_unit_test(idle_connections_that_close_after_all_are_printed_as_returned),
		cmocka_unit_test(outgoing_connections_open_at_the_end_are_listed_by_their_local_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
