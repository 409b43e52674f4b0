/* SPDX-License-Identifier: BSD-2-Clause */
/* test_units.c - tasks and greenlets: several requests at once on one thread, each told by its unit of work. */
#include "unit/model/stream.h"

enum { PID = 70, AT_ONCE = 8, ROUNDS = 10 };

static void as(struct stream *s, uint32_t unit)
{
	s->unit = unit;
}

/* Heads of AT_ONCE requests are read by the loop; their connections are returned. */
static void heads(struct stream *s, uint64_t *requests)
{
	as(s, 0);
	for (int i = 0; i < AT_ONCE; i++) {
		requests[i] = request_begin(s, PID, PID);
		s->now_ns += MS;
	}
}

static void answers(struct stream *s, const uint64_t *requests, uint32_t first_unit)
{
	for (int i = 0; i < AT_ONCE; i++) {
		as(s, first_unit ? first_unit + i : 0);
		request_end(s, requests[i], PID, PID);
		s->now_ns += MS;
	}
}

/* The addresses of tasks are used again at once, and not in the same order. */
static uint32_t unit_of(int round, int i)
{
	return 100 + (uint32_t)(i + round) % AT_ONCE;
}

static void each_task_opens_its_own_and_is_told_by_its_answer(void **state)
{
	struct stream s;
	const struct site_row *site;
	uint64_t requests[AT_ONCE], conns[AT_ONCE];
	uint32_t stack, dropped;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "handler", 12);
	dropped = drop_stack(&s);
	for (int round = 0; round < ROUNDS; round++) {
		heads(&s, requests);
		for (int i = 0; i < AT_ONCE; i++) {
			as(&s, unit_of(round, i));
			conns[i] = redis_connect(&s, PID, PID, stack);
		}
		for (int i = 0; i < AT_ONCE; i++) {
			as(&s, unit_of(round, i));
			redis_command(&s, conns[i], PID, PID);
			redis_close(&s, conns[i], PID, PID, dropped);
		}
		for (int i = 0; i < AT_ONCE; i++) {
			as(&s, unit_of(round, i));
			request_end(&s, requests[i], PID, PID);
		}
	}
	assert_int_equal(stream_judge(&s, 60, NULL), CONNPROF_FINDINGS);
	site = only_site(&s);
	assert_int_equal(site->rule, RULE_CONNECTION_PER_REQUEST);
	assert_int_equal(site->attribution, ATTRIBUTION_TASK);
	assert_int_equal(site->connects, AT_ONCE * ROUNDS);
	assert_int_equal(site->opening_requests, AT_ONCE * ROUNDS);
	assert_int_equal(site->using_requests, AT_ONCE * ROUNDS);
	assert_float_equal(site->requests_per_connection, 1.0, 1e-9);
	stream_end(&s);
}

static void a_pool_shared_by_tasks_is_reused(void **state)
{
	struct stream s;
	const struct site_row *site;
	uint64_t requests[AT_ONCE], pool[AT_ONCE];
	(void)state;

	stream_begin(&s);
	for (int round = 0; round < ROUNDS; round++) {
		heads(&s, requests);
		for (int i = 0; i < AT_ONCE; i++) {
			as(&s, unit_of(round, i));
			if (!round)
				pool[i] = redis_connect(&s, PID, PID, connect_stack(&s, "handler", 12));
			redis_command(&s, pool[i], PID, PID);
		}
		for (int i = 0; i < AT_ONCE; i++) {
			as(&s, unit_of(round, i));
			request_end(&s, requests[i], PID, PID);
		}
	}
	assert_int_equal(stream_judge(&s, 60, NULL), CONNPROF_OK);
	site = only_site(&s);
	assert_int_equal(site->using_requests, AT_ONCE * ROUNDS);
	assert_float_equal(site->requests_per_connection, ROUNDS, 1e-9);
	stream_end(&s);
}

/* Nobody answers from within the task that connects: of several open requests it could be any. */
static void what_no_task_answers_is_nobodys(void **state)
{
	struct stream s;
	uint64_t requests[AT_ONCE];
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "metrics", 12);
	for (int round = 0; round < 3 * ROUNDS; round++) {
		heads(&s, requests);
		as(&s, 99);
		redis_close(&s, redis_connect(&s, PID, PID, stack), PID, PID, 0);
		answers(&s, requests, 200);
	}
	stream_judge(&s, 60, NULL);
	assert_int_equal(only_site(&s)->opening_requests, 0);
	assert_int_equal(only_site(&s)->rule, RULE_NONE);
	assert_int_equal(only_site(&s)->attribution, ATTRIBUTION_RATE);
	stream_end(&s);
}

/* A task that nobody answers from, but only one request was open: it will have been that one's. */
static void a_sub_task_of_the_only_request_is_tied_by_process(void **state)
{
	struct stream s;
	uint64_t requests[AT_ONCE];
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "handler", 12);
	heads(&s, requests);
	answers(&s, requests, 200);
	for (int i = 0; i < 40; i++) {
		uint64_t request;

		as(&s, 0);
		request = request_begin(&s, PID, PID);
		as(&s, 50);
		redis_close(&s, redis_connect(&s, PID, PID, stack), PID, PID, drop_stack(&s));
		as(&s, 51);
		request_end(&s, request, PID, PID);
	}
	stream_judge(&s, 60, NULL);
	assert_int_equal(only_site(&s)->attribution, ATTRIBUTION_PROCESS);
	assert_int_equal(only_site(&s)->opening_requests, 40);
	stream_end(&s);
}

/* After its answer a task goes on for a moment (clean-up), while others' heads come in: its own work, not theirs. */
static void work_after_the_answer_is_not_the_next_ones(void **state)
{
	struct stream s;
	uint64_t mine, next, conn;
	(void)state;

	stream_begin(&s);
	as(&s, 0);
	mine = request_begin(&s, PID, PID);
	as(&s, 7);
	conn = redis_connect(&s, PID, PID, connect_stack(&s, "handler", 12));
	redis_command(&s, conn, PID, PID);
	request_end(&s, mine, PID, PID);
	redis_command(&s, conn, PID, PID);   /* clean-up */
	redis_close(&s, conn, PID, PID, 0);
	s.now_ns += MS;
	as(&s, 0);
	next = request_begin(&s, PID, PID);
	as(&s, 7);                           /* the same address, another task */
	redis_close(&s, redis_connect(&s, PID, PID, connect_stack(&s, "handler", 12)), PID, PID, 0);
	request_end(&s, next, PID, PID);
	stream_judge(&s, 10, NULL);
	assert_int_equal(only_site(&s)->opening_requests, 2);
	assert_float_equal(only_site(&s)->requests_per_connection, 0.5, 1e-9);
	stream_end(&s);
}

/* One long answer (server-sent events) must not keep the deeds of all others waiting: its task is known. */
static void a_long_answer_holds_nobody_up(void **state)
{
	struct stream s;
	uint64_t events, requests[AT_ONCE];
	uint32_t stack;
	struct wire_facts begun = { .protocol = PROTOCOL_HTTP, .flags = WIRE_SERVER, .responses = 1 };
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "background", 3);
	as(&s, 0);
	events = request_begin(&s, PID, PID);
	as(&s, 1);
	io(&s, events, PID, PID, WIRE_SENT, begun);
	heads(&s, requests);
	as(&s, 2);
	redis_close(&s, redis_connect(&s, PID, PID, stack), PID, PID, 0);
	answers(&s, requests, 200);
	as(&s, 1);
	redis_close(&s, redis_connect(&s, PID, PID, connect_stack(&s, "events", 9)), PID, PID, 0);
	stream_judge(&s, 60, NULL);
	assert_int_equal(s.recording->site_count, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct site_row *site = &s.recording->sites[i];
		const char *function = text_of(&s, stacks_frame(s.recording->stacks, site->call_site)->function);

		assert_int_equal(site->opening_requests, !strcmp(function, "events"));
	}
	stream_end(&s);
}

/* Before 3.12 wait_for starts a task of its own, in which redis-py then sends: the request a connection was opened for uses it,
 * as long as it lasts; who uses it after that is somebody else. */
static void commands_from_sub_tasks_are_the_openers(void **state)
{
	struct stream s;
	const struct site_row *site;
	uint64_t requests[AT_ONCE], conns[AT_ONCE], pool[AT_ONCE];
	uint32_t own, shared, dropped;
	(void)state;

	stream_begin(&s);
	own = connect_stack(&s, "handler", 12);
	shared = connect_stack(&s, "pooled", 40);
	dropped = drop_stack(&s);
	for (int round = 0; round < ROUNDS; round++) {
		heads(&s, requests);
		for (int i = 0; i < AT_ONCE; i++) {
			as(&s, unit_of(round, i));
			conns[i] = redis_connect(&s, PID, PID, own);
			if (!round)
				pool[i] = redis_connect(&s, PID, PID, shared);
			as(&s, 300 + (uint32_t)i);
			redis_command(&s, conns[i], PID, PID);
			redis_command(&s, pool[i], PID, PID);
		}
		for (int i = 0; i < AT_ONCE; i++) {
			as(&s, unit_of(round, i));
			redis_close(&s, conns[i], PID, PID, dropped);
			request_end(&s, requests[i], PID, PID);
		}
		s.now_ns += 2000 * MS;
	}
	assert_int_equal(stream_judge(&s, 60, NULL), CONNPROF_FINDINGS);
	assert_int_equal(s.recording->site_count, 2);
	site = &s.recording->sites[0];
	assert_int_equal(site->rule, RULE_CONNECTION_PER_REQUEST);
	assert_int_equal(site->attribution, ATTRIBUTION_TASK);
	assert_float_equal(site->requests_per_connection, 1.0, 1e-9);
	site = &s.recording->sites[1];
	assert_int_equal(site->rule, RULE_NONE);
	assert_true(isnan(site->requests_per_connection)); /* used again and again, by whom is not known */
	assert_true(isnan(site->connects_per_using_request));
	stream_end(&s);
}

/* A greenlet reads the head, works and answers: told at once. */
static void greenlets_are_each_a_worker(void **state)
{
	struct stream s;
	uint64_t requests[AT_ONCE];
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "handler", 12);
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < AT_ONCE; i++) {
			as(&s, unit_of(round, i));
			requests[i] = request_begin(&s, PID, PID);
		}
		for (int i = 0; i < AT_ONCE; i++) {
			as(&s, unit_of(round, i));
			redis_close(&s, redis_connect(&s, PID, PID, stack), PID, PID, drop_stack(&s));
			request_end(&s, requests[i], PID, PID);
		}
	}
	assert_int_equal(stream_judge(&s, 60, NULL), CONNPROF_FINDINGS);
	assert_int_equal(only_site(&s)->attribution, ATTRIBUTION_TASK);
	assert_int_equal(only_site(&s)->opening_requests, AT_ONCE * ROUNDS);
	stream_end(&s);
}

/* asyncio.run inside a threaded server's handler: the thread says whose work it is, whatever runs in it. */
static void a_loop_inside_a_request_is_the_requests(void **state)
{
	struct stream s;
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "handler", 12);
	for (uint32_t i = 0; i < 40; i++) {
		uint64_t request;

		as(&s, 0);
		request = request_begin(&s, PID, PID);
		as(&s, 30 + i % 3);
		redis_close(&s, redis_connect(&s, PID, PID, stack), PID, PID, drop_stack(&s));
		as(&s, 0);
		request_end(&s, request, PID, PID);
	}
	assert_int_equal(stream_judge(&s, 60, NULL), CONNPROF_FINDINGS);
	assert_int_equal(only_site(&s)->attribution, ATTRIBUTION_THREAD);
	assert_int_equal(only_site(&s)->opening_requests, 40);
	stream_end(&s);
}

/* A process that ends with requests open: what waited in it is told, nothing is left behind. */
static void deeds_of_a_process_that_ends_are_settled(void **state)
{
	struct stream s;
	uint64_t requests[AT_ONCE];
	(void)state;

	stream_begin(&s);
	heads(&s, requests);
	for (uint32_t i = 0; i < AT_ONCE; i++) {
		as(&s, 10 + i);
		redis_close(&s, redis_connect(&s, PID, PID, connect_stack(&s, "handler", 12)), PID, PID, 0);
	}
	process_ends(&s, PID);
	stream_judge(&s, 60, NULL);
	assert_int_equal(only_site(&s)->connects, AT_ONCE);
	assert_int_equal(only_site(&s)->open_at_end, 0);
	stream_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_task_opens_its_own_and_is_told_by_its_answer),
		cmocka_unit_test(a_pool_shared_by_tasks_is_reused),
		cmocka_unit_test(what_no_task_answers_is_nobodys),
		cmocka_unit_test(a_sub_task_of_the_only_request_is_tied_by_process),
		cmocka_unit_test(work_after_the_answer_is_not_the_next_ones),
		cmocka_unit_test(a_long_answer_holds_nobody_up),
		cmocka_unit_test(commands_from_sub_tasks_are_the_openers),
		cmocka_unit_test(greenlets_are_each_a_worker),
		cmocka_unit_test(a_loop_inside_a_request_is_the_requests),
		cmocka_unit_test(deeds_of_a_process_that_ends_are_settled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
