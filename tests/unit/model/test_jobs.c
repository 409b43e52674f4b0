/* SPDX-License-Identifier: BSD-2-Clause */
/* test_jobs.c - job workers: from one blocking pop to the next is a request, wherever its work is done. */
#include "unit/model/stream.h"

enum { PID = 90, JOBS = 40 };

static void pop(struct stream *s, uint64_t conn)
{
	io(s, conn, PID, PID, WIRE_SENT,
	   (struct wire_facts){ .protocol = PROTOCOL_REDIS, .flags = WIRE_CONFIRMED | WIRE_BLOCKING, .requests = 1 });
	s->now_ns += 20 * MS;
}

static void job(struct stream *s, uint64_t conn)
{
	io(s, conn, PID, PID, WIRE_RECEIVED,
	   (struct wire_facts){ .protocol = PROTOCOL_REDIS, .flags = WIRE_CONFIRMED | WIRE_JOB, .responses = 1 });
}

static uint64_t queue(struct stream *s)
{
	return redis_connect(s, PID, PID, connect_stack(s, "main", 3));
}

static const struct site_row *site_named(struct stream *s, const char *name)
{
	for (size_t i = 0; i < s->recording->site_count; i++) {
		const struct site_row *site = &s->recording->sites[i];

		if (!strcmp(text_of(s, stacks_frame(s->recording->stacks, site->call_site)->function), name))
			return site;
	}
	fail_msg("no site %s", name);
	return NULL;
}

static void a_connection_for_each_job_is_found(void **state)
{
	struct stream s;
	const struct site_row *site;
	uint64_t conn;
	uint32_t stack, dropped;
	(void)state;

	stream_begin(&s);
	conn = queue(&s);
	stack = connect_stack(&s, "work", 12);
	dropped = drop_stack(&s);
	for (int i = 0; i < JOBS; i++) {
		uint64_t own;

		pop(&s, conn);
		job(&s, conn);
		own = redis_connect(&s, PID, PID, stack);
		redis_command(&s, own, PID, PID);
		redis_close(&s, own, PID, PID, dropped);
	}
	pop(&s, conn);
	assert_int_equal(stream_judge(&s, 60, NULL), CONNPROF_FINDINGS);
	assert_int_equal(s.recording->requests.observed, JOBS);
	assert_int_equal(s.recording->requests.protocol, PROTOCOL_JOB);
	site = site_named(&s, "work");
	assert_int_equal(site->rule, RULE_CONNECTION_PER_REQUEST);
	assert_int_equal(site->attribution, ATTRIBUTION_THREAD);
	assert_float_equal(site->connects_per_using_request, 1.0, 1e-9);
	assert_int_equal(site_named(&s, "main")->rule, RULE_NONE);
	stream_end(&s);
}

static void a_worker_with_one_more_connection_is_clean(void **state)
{
	struct stream s;
	uint64_t conn, other;
	(void)state;

	stream_begin(&s);
	conn = queue(&s);
	other = redis_connect(&s, PID, PID, connect_stack(&s, "work", 12));
	for (int i = 0; i < JOBS; i++) {
		pop(&s, conn);
		job(&s, conn);
		redis_command(&s, other, PID, PID);
	}
	pop(&s, conn);
	assert_int_equal(stream_judge(&s, 60, NULL), CONNPROF_OK);
	assert_float_equal(site_named(&s, "work")->requests_per_connection, JOBS, 1e-9);
	stream_end(&s);
}

/* RQ forks a process for each job; it opens connections of its own. */
static void what_a_process_forked_for_the_job_does_is_the_jobs(void **state)
{
	struct stream s;
	const struct site_row *site;
	uint64_t conn;
	uint32_t stack, dropped;
	(void)state;

	stream_begin(&s);
	conn = queue(&s);
	stack = connect_stack(&s, "perform", 12);
	dropped = drop_stack(&s);
	for (uint32_t i = 0; i < JOBS; i++) {
		uint32_t child = 1000 + i;
		uint64_t own;

		pop(&s, conn);
		job(&s, conn);
		process_begins(&s, child, PID);
		own = redis_connect(&s, child, child, stack);
		redis_command(&s, own, child, child);
		redis_close(&s, own, child, child, dropped);
		process_ends(&s, child);
	}
	pop(&s, conn);
	assert_int_equal(stream_judge(&s, 60, NULL), CONNPROF_FINDINGS);
	site = site_named(&s, "perform");
	assert_int_equal(site->rule, RULE_CONNECTION_PER_REQUEST);
	assert_int_equal(site->cause, CAUSE_PROCESS_PER_REQUEST);
	assert_int_equal(site->attribution, ATTRIBUTION_PROCESS);
	assert_int_equal(site->opening_requests, JOBS);
	stream_end(&s);
}

/* The worker's own code and the job's have a client each. */
static void of_a_process_forked_for_the_job_further_connections_have_the_same_cause(void **state)
{
	struct stream s;
	uint64_t conn;
	uint32_t stacks[2], dropped;
	(void)state;

	stream_begin(&s);
	conn = queue(&s);
	stacks[0] = connect_stack(&s, "beat", 30);
	stacks[1] = connect_stack(&s, "perform", 12);
	dropped = drop_stack(&s);
	for (uint32_t i = 0; i < JOBS; i++) {
		uint32_t child = 1000 + i;
		uint64_t own[2];

		pop(&s, conn);
		job(&s, conn);
		process_begins(&s, child, PID);
		for (int k = 0; k < 2; k++) {
			own[k] = redis_connect(&s, child, child, stacks[k]);
			redis_command(&s, own[k], child, child);
		}
		for (int k = 0; k < 2; k++)
			redis_close(&s, own[k], child, child, dropped);
		process_ends(&s, child);
	}
	pop(&s, conn);
	assert_int_equal(stream_judge(&s, 60, NULL), CONNPROF_FINDINGS);
	assert_int_equal(site_named(&s, "beat")->cause, CAUSE_PROCESS_PER_REQUEST);
	assert_int_equal(site_named(&s, "perform")->cause, CAUSE_PROCESS_PER_REQUEST);
	stream_end(&s);
}

/* A request that waits for its answer in a queue of Redis is one request, not a job beside it. */
static void a_pop_inside_a_request_is_no_job(void **state)
{
	struct stream s;
	uint64_t conn;
	(void)state;

	stream_begin(&s);
	conn = queue(&s);
	for (int i = 0; i < JOBS; i++) {
		uint64_t request = request_begin(&s, PID, PID);

		pop(&s, conn);
		job(&s, conn);
		request_end(&s, request, PID, PID);
	}
	stream_judge(&s, 60, NULL);
	assert_int_equal(s.recording->requests.observed, JOBS);
	assert_int_equal(s.recording->requests.protocol, PROTOCOL_HTTP);
	stream_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_for_each_job_is_found),
		cmocka_unit_test(a_worker_with_one_more_connection_is_clean),
		cmocka_unit_test(what_a_process_forked_for_the_job_does_is_the_jobs),
		cmocka_unit_test(of_a_process_forked_for_the_job_further_connections_have_the_same_cause),
		cmocka_unit_test(a_pop_inside_a_request_is_no_job),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
