/* SPDX-License-Identifier: BSD-2-Clause */
/* test_rate.c - connections that no thread or task ties to a request: in step with the requests, or beside them? */
#include "unit/model/stream.h"

enum { PID = 100, REQUESTS = 60 };

/* Two requests at a time on one thread, each with a client that is cyclic garbage: the collector closes it long after the request. */
static void garbage_closed_after_the_slowest_request_is_still_in_step(void **state)
{
	struct stream s;
	uint64_t conns[2 * REQUESTS];
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "recommend", 42);
	for (int i = 0; i < REQUESTS; i++) {
		uint64_t first = request_begin(&s, PID, PID), second = request_begin(&s, PID, PID);

		for (int j = 0; j < 2; j++) {
			conns[2 * i + j] = redis_connect(&s, PID, PID, stack);
			redis_command(&s, conns[2 * i + j], PID, PID);
		}
		request_end(&s, first, PID, PID);
		request_end(&s, second, PID, PID);
		s.now_ns += 20 * MS;
		for (int j = 0; j < 2 && i >= 5; j++)
			redis_close(&s, conns[2 * (i - 5) + j], PID, PID, drop_stack(&s));
	}
	assert_int_equal(stream_judge(&s, 10, NULL), CONNPROF_FINDINGS);
	assert_int_equal(only_site(&s)->rule, RULE_CONNECTION_PER_REQUEST);
	assert_int_equal(only_site(&s)->attribution, ATTRIBUTION_RATE);
	stream_end(&s);
}

/* A probe that connects once a second, beside a service that is asked about as often: nobody is being served when it does. */
static void a_probe_beside_few_requests_is_not_in_step(void **state)
{
	struct stream s;
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "probe", 7);
	for (int i = 0; i < 30; i++) {
		uint64_t request = request_begin(&s, PID, PID), conn;

		s.now_ns += 5 * MS;
		request_end(&s, request, PID, PID);
		s.now_ns += 500 * MS;
		conn = redis_connect(&s, PID, PID + 1, stack);
		redis_command(&s, conn, PID, PID + 1);
		redis_close(&s, conn, PID, PID + 1, 0);
		s.now_ns += 500 * MS;
	}
	assert_int_equal(stream_judge(&s, 35, NULL), CONNPROF_OK);
	stream_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(garbage_closed_after_the_slowest_request_is_still_in_step),
		cmocka_unit_test(a_probe_beside_few_requests_is_not_in_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
