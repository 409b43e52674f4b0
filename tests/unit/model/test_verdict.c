/* SPDX-License-Identifier: BSD-2-Clause */
/* test_verdict.c - small services as event streams, and the verdict each must get. */
#include "unit/model/stream.h"

enum { PID = 100, REQUESTS = 60 };

/* One request that opens a connection of its own, uses it, and throws it away. */
static void leaky_request(struct stream *stream, uint32_t pid, uint32_t tid, uint32_t stack, uint32_t dropped)
{
	uint64_t request = request_begin(stream, pid, tid);
	uint64_t conn = redis_connect(stream, pid, tid, stack);

	redis_command(stream, conn, pid, tid);
	redis_command(stream, conn, pid, tid);
	redis_close(stream, conn, pid, tid, dropped);
	request_end(stream, request, pid, tid);
	stream->now_ns += 10 * MS;
}

static void pooled_request(struct stream *stream, uint32_t pid, uint32_t tid, uint64_t conn)
{
	uint64_t request = request_begin(stream, pid, tid);

	redis_command(stream, conn, pid, tid);
	request_end(stream, request, pid, tid);
	stream->now_ns += 10 * MS;
}

static void leak_for(struct stream *stream, unsigned requests)
{
	uint32_t stack = connect_stack(stream, "recommend", 42), dropped = drop_stack(stream);

	for (unsigned i = 0; i < requests; i++)
		leaky_request(stream, PID, PID, stack, dropped);
}

static void pool_per_request_is_found_with_its_cause_and_place(void **state)
{
	struct stream s;
	const struct site_row *site;
	const struct frame *frame;
	(void)state;

	stream_begin(&s);
	leak_for(&s, REQUESTS);
	assert_int_equal(stream_judge(&s, 10, NULL), CONNPROF_FINDINGS);
	site = only_site(&s);
	assert_int_equal(site->rule, RULE_CONNECTION_PER_REQUEST);
	assert_int_equal(site->cause, CAUSE_THROW_AWAY_CLIENT);
	assert_int_equal(site->attribution, ATTRIBUTION_THREAD);
	assert_true(site->decides);
	assert_int_equal(site->connects, REQUESTS);
	assert_int_equal(site->opening_requests, REQUESTS);
	assert_float_equal(site->connects_per_using_request, 1.0, 1e-9);
	assert_float_equal(site->connects_per_request, 1.0, 1e-9);
	assert_float_equal(site->requests_per_connection, 1.0, 1e-9);
	assert_float_equal(site->commands_per_connection, 2.0, 1e-9);
	assert_float_equal(site->setup_ms.p50, 1.0, 0.02);
	assert_int_equal(site->open_at_end, 0);
	frame = stacks_frame(s.recording->stacks, site->call_site);
	assert_string_equal(text_of(&s, frame->file), "/srv/app/recommend.py");
	assert_int_equal(frame->line, 42);
	assert_string_equal(text_of(&s, site->library), "redis-py 5.0.1");
	assert_non_null(strstr(text_of(&s, site->explanation), "Each request opens a Redis connection of its own"));
	assert_non_null(strstr(text_of(&s, site->remedy), "module level"));
	stream_end(&s);
}

/* One handler in five uses Redis and opens each time: one connection for each request that used it. */
static void a_leaky_handler_in_a_fifth_of_the_traffic_still_scores_one(void **state)
{
	struct stream s;
	uint32_t stack, dropped;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "recommend", 42);
	dropped = drop_stack(&s);
	for (int i = 0; i < 200; i++) {
		if (i % 5 == 0)
			leaky_request(&s, PID, PID, stack, dropped);
		else
			request_end(&s, request_begin(&s, PID, PID), PID, PID);
	}
	assert_int_equal(stream_judge(&s, 10, NULL), CONNPROF_FINDINGS);
	assert_float_equal(only_site(&s)->connects_per_using_request, 1.0, 1e-9);
	assert_float_equal(only_site(&s)->connects_per_request, 0.2, 1e-9);
	stream_end(&s);
}

/* Dropped pools that the collector frees much later, in the middle of another request. */
static void connections_closed_late_by_the_collector_are_found(void **state)
{
	struct stream s;
	uint32_t stack, gc;
	uint64_t pending[20];
	size_t count = 0;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "recommend", 42);
	gc = drop_stack(&s);
	for (int i = 0; i < REQUESTS; i++) {
		uint64_t request = request_begin(&s, PID, PID);

		pending[count] = redis_connect(&s, PID, PID, stack);
		redis_command(&s, pending[count++], PID, PID);
		if (count == 20)
			while (count)
				redis_close(&s, pending[--count], PID, PID, gc);
		request_end(&s, request, PID, PID);
		s.now_ns += 10 * MS;
	}
	for (int i = 0; i < 7; i++) { /* and some left open at the end */
		uint64_t request = request_begin(&s, PID, PID);

		redis_command(&s, redis_connect(&s, PID, PID, stack), PID, PID);
		request_end(&s, request, PID, PID);
	}
	assert_int_equal(stream_judge(&s, 10, NULL), CONNPROF_FINDINGS);
	assert_int_equal(only_site(&s)->rule, RULE_CONNECTION_PER_REQUEST);
	assert_int_equal(only_site(&s)->open_at_end, 7);
	stream_end(&s);
}

/* Twelve requests at once fill a pool of twelve; then it is used again and again. */
static void a_pool_growing_to_its_size_is_clean(void **state)
{
	enum { POOL = 12 };
	struct stream s;
	uint64_t requests[POOL], pool[POOL];
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "recommend", 42);
	for (uint32_t i = 0; i < 10; i++)
		request_end(&s, request_begin(&s, PID, PID + 1), PID, PID + 1);
	for (uint32_t i = 0; i < POOL; i++)
		requests[i] = request_begin(&s, PID, PID + 1 + i);
	for (uint32_t i = 0; i < POOL; i++) {
		pool[i] = redis_connect(&s, PID, PID + 1 + i, stack);
		redis_command(&s, pool[i], PID, PID + 1 + i);
	}
	for (uint32_t i = 0; i < POOL; i++)
		request_end(&s, requests[i], PID, PID + 1 + i);
	for (int i = 0; i < 200; i++) /* the last one used is taken first: the others lie idle */
		pooled_request(&s, PID, PID + 1, pool[0]);
	assert_int_equal(stream_judge(&s, 60, NULL), CONNPROF_OK);
	assert_int_equal(only_site(&s)->rule, RULE_NONE);
	assert_int_equal(only_site(&s)->connects, POOL);
	stream_end(&s);
}

static void one_connection_per_worker_is_clean(void **state)
{
	enum { WORKERS = 40 };
	struct stream s;
	uint64_t conns[WORKERS];
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "recommend", 42);
	for (uint32_t w = 0; w < WORKERS; w++) {
		uint64_t request = request_begin(&s, PID + w, PID + w);

		conns[w] = redis_connect(&s, PID + w, PID + w, stack);
		redis_command(&s, conns[w], PID + w, PID + w);
		request_end(&s, request, PID + w, PID + w);
	}
	for (uint32_t w = 0; w < WORKERS; w++)
		pooled_request(&s, PID + w, PID + w, conns[w]);
	assert_int_equal(stream_judge(&s, 10, NULL), CONNPROF_OK);
	assert_float_equal(only_site(&s)->requests_per_connection, 2.0, 1e-9);
	stream_end(&s);
}

/* The server restarts: forty pooled connections break at once and are each replaced by a request. */
static void reconnects_after_the_server_restarted_are_clean(void **state)
{
	enum { POOL = 40 };
	struct stream s;
	uint64_t pool[POOL];
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "recommend", 42);
	for (uint32_t i = 0; i < POOL; i++)
		pool[i] = redis_connect(&s, PID, PID, stack);
	for (int i = 0; i < 3 * POOL; i++)
		pooled_request(&s, PID, PID, pool[i % POOL]);
	for (uint32_t i = 0; i < POOL; i++)
		peer_closes(&s, pool[i]);
	for (uint32_t i = 0; i < POOL; i++) {
		uint64_t request = request_begin(&s, PID, PID);

		redis_close(&s, pool[i], PID, PID, 0);
		redis_command(&s, redis_connect(&s, PID, PID, stack), PID, PID);
		request_end(&s, request, PID, PID);
		s.now_ns += 10 * MS;
	}
	assert_int_equal(stream_judge(&s, 10, NULL), CONNPROF_OK);
	stream_end(&s);
}

static void failed_connects_are_counted_apart_and_excuse_the_retry(void **state)
{
	struct stream s;
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "recommend", 42);
	for (uint32_t i = 0; i < 30; i++) {
		uint64_t request = request_begin(&s, PID, PID), failed = s.next_conn++;

		conn_event(&s, EVENT_CONNECT, failed, PID, PID, stack, CONN_OPENED, 0);
		conn_event(&s, EVENT_GONE, failed, PID, PID, 0, CONN_OPENED | CONN_RESET, 111);
		leaky_request(&s, PID, PID, stack, 0);
		request_end(&s, request, PID, PID);
	}
	assert_int_equal(stream_judge(&s, 10, NULL), CONNPROF_OK);
	assert_int_equal(only_site(&s)->failed_connects, 30);
	assert_int_equal(only_site(&s)->connects, 30);
	stream_end(&s);
}

static void a_subscriber_for_each_client_is_clean(void **state)
{
	struct stream s;
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "events", 12);
	for (uint32_t i = 0; i < REQUESTS; i++) {
		uint64_t request = request_begin(&s, PID, PID);
		uint64_t conn = redis_connect(&s, PID, PID, stack);

		redis_command_flags(&s, conn, PID, PID, i & 1 ? WIRE_SUBSCRIBED : WIRE_BLOCKING);
		s.now_ns += 100 * MS;
		redis_close(&s, conn, PID, PID, 0);
		request_end(&s, request, PID, PID);
	}
	assert_int_equal(stream_judge(&s, 10, NULL), CONNPROF_OK);
	stream_end(&s);
}

/* Flask's development server with a client per thread: every thread lives for one request. */
static void a_thread_for_each_request_is_named(void **state)
{
	struct stream s;
	uint32_t stack, teardown;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "recommend", 42);
	teardown = stack_of(&s, "Redis.__del__", LIB "/redis/client.py", 500u, "_bootstrap", "/usr/lib/python3.11/threading.py",
			    995u, NULL);
	for (uint32_t i = 0; i < REQUESTS; i++)
		leaky_request(&s, PID, PID + 1 + i, stack, teardown);
	assert_int_equal(stream_judge(&s, 10, NULL), CONNPROF_FINDINGS);
	assert_int_equal(only_site(&s)->rule, RULE_CONNECTION_PER_REQUEST);
	assert_int_equal(only_site(&s)->cause, CAUSE_THREAD_PER_REQUEST);
	stream_end(&s);
}

static void a_process_for_each_request_is_named(void **state)
{
	struct stream s;
	uint32_t stack;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "recommend", 42);
	for (uint32_t i = 0; i < REQUESTS; i++) {
		process_begins(&s, PID + 1 + i, PID);
		leaky_request(&s, PID + 1 + i, PID + 1 + i, stack, 0);
		process_ends(&s, PID + 1 + i);
	}
	assert_int_equal(stream_judge(&s, 10, NULL), CONNPROF_FINDINGS);
	assert_int_equal(only_site(&s)->cause, CAUSE_PROCESS_PER_REQUEST);
	stream_end(&s);
}

static void two_connections_of_a_process_for_each_request_have_that_cause(void **state)
{
	struct stream s;
	uint64_t request, own;
	(void)state;

	stream_begin(&s);
	for (uint32_t pid = PID + 1; pid <= PID + REQUESTS; pid++) {
		process_begins(&s, pid, PID);
		request = request_begin(&s, pid, pid);
		for (int k = 0; k < 2; k++) { /* the second one is not its process's first */
			own = redis_connect(&s, pid, pid, connect_stack(&s, "recommend", 42));
			redis_command(&s, own, pid, pid);
			redis_close(&s, own, pid, pid, 0);
		}
		request_end(&s, request, pid, pid);
		process_ends(&s, pid);
	}
	assert_int_equal(stream_judge(&s, 10, NULL), CONNPROF_FINDINGS);
	assert_int_equal(only_site(&s)->cause, CAUSE_PROCESS_PER_REQUEST);
	stream_end(&s);
}

/* Requests overlap on one thread: nothing can be tied, but opens and requests go in step and each dies within a request's time. */
static void an_event_loop_is_judged_by_rate(void **state)
{
	struct stream s;
	uint32_t stack, dropped;
	(void)state;

	stream_begin(&s);
	stack = connect_stack(&s, "recommend", 42);
	dropped = drop_stack(&s);
	for (int i = 0; i < REQUESTS; i++) {
		uint64_t first = request_begin(&s, PID, PID), second = request_begin(&s, PID, PID);
		uint64_t one = redis_connect(&s, PID, PID, stack), two = redis_connect(&s, PID, PID, stack);

		redis_command(&s, one, PID, PID);
		redis_command(&s, two, PID, PID);
		redis_close(&s, one, PID, PID, dropped);
		redis_close(&s, two, PID, PID, dropped);
		request_end(&s, first, PID, PID);
		request_end(&s, second, PID, PID);
		s.now_ns += 10 * MS;
	}
	assert_int_equal(stream_judge(&s, 10, NULL), CONNPROF_FINDINGS);
	assert_int_equal(only_site(&s)->rule, RULE_CONNECTION_PER_REQUEST);
	assert_int_equal(only_site(&s)->attribution, ATTRIBUTION_RATE);
	assert_true(isnan(only_site(&s)->requests_per_connection));
	stream_end(&s);
}

static void lost_traffic_that_could_acquit_makes_it_inconclusive(void **state)
{
	struct stream s;
	(void)state;

	stream_begin(&s);
	leak_for(&s, REQUESTS);
	lost(&s, DROP_RING_FULL_IO, REQUESTS);
	assert_int_equal(stream_judge(&s, 10, NULL), CONNPROF_INCONCLUSIVE);
	assert_int_equal(only_site(&s)->rule, RULE_NONE);
	assert_true(s.recording->verdict_note != 0);
	stream_end(&s);
}

static void a_few_lost_events_do_not_save_a_clear_case(void **state)
{
	struct stream s;
	(void)state;

	stream_begin(&s);
	leak_for(&s, REQUESTS);
	lost(&s, DROP_RING_FULL_IO, 5);
	lost(&s, DROP_RING_FULL_SAMPLE, 100000);
	assert_int_equal(stream_judge(&s, 10, NULL), CONNPROF_FINDINGS);
	stream_end(&s);
}

static void lost_connections_that_could_be_a_finding_are_never_clean(void **state)
{
	struct stream s;
	(void)state;

	stream_begin(&s);
	for (int i = 0; i < 40; i++)
		request_end(&s, request_begin(&s, PID, PID), PID, PID);
	lost(&s, DROP_RING_FULL_CONNECTION, 30);
	assert_int_equal(stream_judge(&s, 10, NULL), CONNPROF_INCONCLUSIVE);
	stream_end(&s);
}

static void fewer_requests_than_asked_for_are_inconclusive(void **state)
{
	struct stream s;
	(void)state;

	stream_begin(&s);
	leak_for(&s, 19);
	assert_int_equal(stream_judge(&s, 10, NULL), CONNPROF_INCONCLUSIVE);
	stream_end(&s);
}

/* 20 requests that each open: 10 of warm-up, and 10 that count. */
static void twenty_requests_are_just_enough_for_a_finding(void **state)
{
	struct stream s;
	(void)state;

	stream_begin(&s);
	leak_for(&s, 20);
	assert_int_equal(stream_judge(&s, 10, NULL), CONNPROF_FINDINGS);
	stream_end(&s);
}

static void enough_requests_and_no_connection_is_a_healthy_pool(void **state)
{
	struct stream s;
	(void)state;

	stream_begin(&s);
	for (int i = 0; i < 20; i++)
		request_end(&s, request_begin(&s, PID, PID), PID, PID);
	assert_int_equal(stream_judge(&s, 10, NULL), CONNPROF_OK);
	assert_int_equal(s.recording->site_count, 0);
	assert_int_equal(s.recording->requests.observed, 20);
	assert_int_equal(s.recording->accepted, 20);
	stream_end(&s);
}

static void what_was_open_before_the_attach_is_never_blamed(void **state)
{
	struct stream s;
	(void)state;

	stream_begin(&s);
	for (uint64_t conn = 1000; conn < 1030; conn++)
		conn_event(&s, EVENT_PREEXISTING, conn, PID, 0, 0, 0, 0);
	for (int i = 0; i < 30; i++)
		pooled_request(&s, PID, PID, 1000 + (uint64_t)i);
	for (uint64_t conn = 1000; conn < 1030; conn++)
		redis_close(&s, conn, PID, PID, 0);
	assert_int_equal(stream_judge(&s, 10, NULL), CONNPROF_OK);
	assert_int_equal(s.recording->site_count, 0);
	assert_int_equal(s.recording->preexisting, 30);
	stream_end(&s);
}

static void only_the_protocol_asked_for_decides(void **state)
{
	static const char *const http[] = { "http", NULL }, *const any[] = { "any", NULL };
	struct connprof_rules rules = { .min_requests = 20, .max_connects_per_request = 0.05, .max_churn_per_second = 2 };
	struct stream s;
	(void)state;

	stream_begin(&s);
	leak_for(&s, REQUESTS);
	rules.protocols = http;
	assert_int_equal(stream_judge(&s, 10, &rules), CONNPROF_OK);
	assert_false(only_site(&s)->decides);
	assert_int_equal(only_site(&s)->rule, RULE_CONNECTION_PER_REQUEST);
	rules.protocols = any;
	assert_int_equal(connprof_recording_judge(s.recording, &rules, NULL), CONNPROF_FINDINGS);
	stream_end(&s);
}

static void a_ratio_below_the_limit_is_clean(void **state)
{
	struct connprof_rules rules = { .min_requests = 20, .max_connects_per_request = 0.5, .max_churn_per_second = 2 };
	struct stream s;
	uint64_t kept;
	(void)state;

	stream_begin(&s);
	kept = redis_connect(&s, PID, PID, connect_stack(&s, "start", 1));
	for (int i = 0; i < 100; i++)
		pooled_request(&s, PID, PID, kept);
	leak_for(&s, REQUESTS); /* 60 opens in 150 requests that used the peer after warm-up */
	assert_int_equal(stream_judge(&s, 10, &rules), CONNPROF_OK);
	rules.max_connects_per_request = 0.3;
	assert_int_equal(connprof_recording_judge(s.recording, &rules, NULL), CONNPROF_FINDINGS);
	stream_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pool_per_request_is_found_with_its_cause_and_place),
		cmocka_unit_test(a_leaky_handler_in_a_fifth_of_the_traffic_still_scores_one),
		cmocka_unit_test(connections_closed_late_by_the_collector_are_found),
		cmocka_unit_test(a_pool_growing_to_its_size_is_clean),
		cmocka_unit_test(one_connection_per_worker_is_clean),
		cmocka_unit_test(reconnects_after_the_server_restarted_are_clean),
		cmocka_unit_test(failed_connects_are_counted_apart_and_excuse_the_retry),
		cmocka_unit_test(a_subscriber_for_each_client_is_clean),
		cmocka_unit_test(a_thread_for_each_request_is_named),
		cmocka_unit_test(a_process_for_each_request_is_named),
		cmocka_unit_test(two_connections_of_a_process_for_each_request_have_that_cause),
		cmocka_unit_test(an_event_loop_is_judged_by_rate),
		cmocka_unit_test(lost_traffic_that_could_acquit_makes_it_inconclusive),
		cmocka_unit_test(a_few_lost_events_do_not_save_a_clear_case),
		cmocka_unit_test(lost_connections_that_could_be_a_finding_are_never_clean),
		cmocka_unit_test(fewer_requests_than_asked_for_are_inconclusive),
		cmocka_unit_test(twenty_requests_are_just_enough_for_a_finding),
		cmocka_unit_test(enough_requests_and_no_connection_is_a_healthy_pool),
		cmocka_unit_test(what_was_open_before_the_attach_is_never_blamed),
		cmocka_unit_test(only_the_protocol_asked_for_decides),
		cmocka_unit_test(a_ratio_below_the_limit_is_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
