/* SPDX-License-Identifier: BSD-2-Clause */
/* test_pools.c - what the pool that opened a connection tells: one for each, one for all, or nothing that could be relied on. */
#include "unit/model/stream.h"

#include "model/clients.h"
#include "model/pools.h"

enum { PID = 100, REQUESTS = 60 };

static uint32_t close_stack(struct stream *s)
{
	return stack_of(s, "AbstractConnection.disconnect", LIB "/redis/connection.py", 400u, "Redis.close", LIB "/redis/client.py", 500u,
			"recommend", "/srv/app/recommend.py", 50u, NULL);
}

/* One request that opens a connection and closes it again. */
static void alone(struct stream *s, uint32_t place, uint32_t closing)
{
	uint64_t request = request_begin(s, PID, PID), conn;

	s->pool = place;
	conn = redis_connect(s, PID, PID, connect_stack(s, "recommend", 42));
	redis_command(s, conn, PID, PID);
	redis_close(s, conn, PID, PID, closing);
	request_end(s, request, PID, PID);
	s->now_ns += 30 * MS;
}

/* Two requests at a time, each with a connection, both from that place. */
static void together(struct stream *s, uint32_t place, uint32_t closing)
{
	uint64_t first = request_begin(s, PID, PID + 1), second = request_begin(s, PID, PID + 2), a, b;
	uint32_t stack = connect_stack(s, "recommend", 42);

	s->pool = place;
	a = redis_connect(s, PID, PID + 1, stack);
	b = redis_connect(s, PID, PID + 2, stack);
	redis_command(s, a, PID, PID + 1);
	redis_command(s, b, PID, PID + 2);
	redis_close(s, a, PID, PID + 1, closing);
	redis_close(s, b, PID, PID + 2, closing);
	request_end(s, first, PID, PID + 1);
	request_end(s, second, PID, PID + 2);
	s->now_ns += 30 * MS;
}

static const struct site_row *found(struct stream *s, enum rule_id rule)
{
	assert_int_equal(stream_judge(s, 20, NULL), CONNPROF_FINDINGS);
	assert_int_equal(only_site(s)->rule, rule);
	return only_site(s);
}

static void assert_pools(const struct site_row *row, uint64_t connects, uint64_t pools, enum pooling_id pooling, enum cause_id cause)
{
	assert_int_equal(row->pool_connects, connects);
	assert_int_equal(row->pools, pools);
	assert_int_equal(row->pooling, pooling);
	assert_int_equal(row->cause, cause);
}

/* Nothing is known of who closed them: a pool for each, and it was thrown away. */
static void a_pool_for_each_is_a_client_thrown_away(void **state)
{
	struct stream s;
	(void)state;

	stream_begin(&s);
	for (uint32_t i = 0; i < REQUESTS; i++)
		alone(&s, i < 2 ? 1 : i, 0);
	assert_pools(found(&s, RULE_CONNECTION_PER_REQUEST), REQUESTS, REQUESTS - 1, POOLING_OWN, CAUSE_THROW_AWAY_CLIENT);
	assert_non_null(strstr(text_of(&s, only_site(&s)->explanation), "Nearly each was opened by a pool of its own: 59 different pools for 60"));
	stream_end(&s);
}

static void pools_that_are_not_known_tell_nothing(void **state)
{
	struct stream s;
	(void)state;

	stream_begin(&s);
	for (int i = 0; i < REQUESTS; i++)
		alone(&s, 0, 0);
	assert_pools(found(&s, RULE_CONNECTION_PER_REQUEST), 0, 0, POOLING_UNKNOWN, CAUSE_NONE);
	stream_end(&s);
	stream_begin(&s); /* nor do those of a few */
	for (uint32_t i = 0; i < REQUESTS; i++)
		alone(&s, i % 3 ? 0 : 1 + i, 0);
	assert_pools(found(&s, RULE_CONNECTION_PER_REQUEST), REQUESTS / 3, REQUESTS / 3, POOLING_UNKNOWN, CAUSE_NONE);
	stream_end(&s);
}

/* Requests that overlap use the same one: it lives on, whatever closes its connections; but a finalizer knows better. */
static void a_pool_that_requests_share_drops_its_connections(void **state)
{
	struct stream s;
	(void)state;

	stream_begin(&s);
	for (int i = 0; i < REQUESTS / 2; i++)
		together(&s, 1, 0);
	assert_pools(found(&s, RULE_CONNECTION_PER_REQUEST), REQUESTS, 1, POOLING_SHARED, CAUSE_POOL_DROPPED_IT);
	assert_non_null(strstr(text_of(&s, only_site(&s)->explanation), "The requests share their pool: 1 pool opened 60 of them."));
	stream_end(&s);
	stream_begin(&s);
	for (int i = 0; i < REQUESTS / 2; i++)
		together(&s, 1, close_stack(&s));
	assert_pools(found(&s, RULE_CONNECTION_PER_REQUEST), REQUESTS, 1, POOLING_SHARED, CAUSE_POOL_DROPPED_IT);
	stream_end(&s);
	stream_begin(&s);
	for (int i = 0; i < REQUESTS / 2; i++)
		together(&s, 1, drop_stack(&s));
	assert_pools(found(&s, RULE_CONNECTION_PER_REQUEST), REQUESTS, 1, POOLING_SHARED, CAUSE_THROW_AWAY_CLIENT);
	stream_end(&s);
}

/* One after the other, it may be one pool or a new one in the old one's place. */
static void the_same_place_alone_proves_nothing(void **state)
{
	struct stream s;
	(void)state;

	stream_begin(&s);
	for (int i = 0; i < REQUESTS; i++)
		alone(&s, 1, close_stack(&s));
	assert_pools(found(&s, RULE_CONNECTION_PER_REQUEST), REQUESTS, 1, POOLING_UNKNOWN, CAUSE_THROW_AWAY_CLIENT);
	assert_null(strstr(text_of(&s, only_site(&s)->explanation), "pool"));
	stream_end(&s);
}

/* A request's own pool may well open several connections. */
static void connections_of_one_request_prove_no_sharing(void **state)
{
	struct stream s;
	(void)state;

	stream_begin(&s);
	for (int i = 0; i < REQUESTS / 2; i++) {
		uint64_t request = request_begin(&s, PID, PID), a, b;

		s.pool = 1;
		a = redis_connect(&s, PID, PID, connect_stack(&s, "recommend", 42));
		b = redis_connect(&s, PID, PID, connect_stack(&s, "recommend", 42));
		redis_command(&s, a, PID, PID);
		redis_command(&s, b, PID, PID);
		redis_close(&s, a, PID, PID, 0);
		redis_close(&s, b, PID, PID, 0);
		request_end(&s, request, PID, PID);
		s.now_ns += 30 * MS;
	}
	assert_pools(found(&s, RULE_CONNECTION_PER_REQUEST), REQUESTS, 1, POOLING_UNKNOWN, CAUSE_NONE);
	stream_end(&s);
}

/* A connection may outlive its pool until the collector comes, and say goodbye even then: it must be used. */
static void what_lies_about_proves_no_sharing(void **state)
{
	static const struct wire_facts quit = { .protocol = PROTOCOL_REDIS, .flags = WIRE_CONFIRMED, .requests = 1, .handshake = 1 };
	struct stream s;
	uint64_t before = 0;
	(void)state;

	stream_begin(&s);
	s.pool = 1;
	for (int i = 0; i < REQUESTS; i++) {
		uint64_t request = request_begin(&s, PID, PID), conn = redis_connect(&s, PID, PID, connect_stack(&s, "recommend", 42));

		redis_command(&s, conn, PID, PID);
		if (before) {
			io(&s, before, PID, PID, WIRE_SENT, quit);
			redis_close(&s, before, PID, PID, 0);
		}
		before = conn;
		request_end(&s, request, PID, PID);
		s.now_ns += 30 * MS;
	}
	assert_pools(found(&s, RULE_CONNECTION_PER_REQUEST), REQUESTS, 1, POOLING_UNKNOWN, CAUSE_NONE);
	stream_end(&s);
}

/* Which requests these were shows when they answer. */
static void a_pool_that_tasks_share_is_one_too(void **state)
{
	struct stream s;
	(void)state;

	stream_begin(&s);
	s.pool = 1;
	for (uint32_t i = 0; i < REQUESTS / 2; i++) {
		uint64_t requests[2], conns[2];

		for (uint32_t t = 0; t < 2; t++) {
			s.unit = 0;
			requests[t] = request_begin(&s, PID, PID);
		}
		for (uint32_t t = 0; t < 2; t++) {
			s.unit = 1 + t;
			conns[t] = redis_connect(&s, PID, PID, connect_stack(&s, "recommend", 42));
		}
		for (uint32_t t = 0; t < 2; t++) {
			s.unit = 1 + t;
			redis_command(&s, conns[t], PID, PID);
			redis_close(&s, conns[t], PID, PID, 0);
		}
		for (uint32_t t = 0; t < 2; t++) {
			s.unit = 1 + t;
			request_end(&s, requests[t], PID, PID);
		}
		s.now_ns += 30 * MS;
	}
	assert_pools(found(&s, RULE_CONNECTION_PER_REQUEST), REQUESTS, 1, POOLING_SHARED, CAUSE_POOL_DROPPED_IT);
	assert_int_equal(only_site(&s)->attribution, ATTRIBUTION_TASK);
	stream_end(&s);
}

/* Opened and never closed, one of two requests at a time; which leak it is, is in the words and in the remedy. */
static void a_leak_says_which_pools_leak(void **state)
{
	static const struct {
		uint32_t places; /* 0: a new one each time */
		bool overlap;
		enum pooling_id pooling;
		const char *words, *remedy;
	} cases[] = {
		{ 0, false, POOLING_OWN, "Each was opened by a pool of its own: 90 different pools for 90 connections.", "one client" },
		{ 1, true, POOLING_SHARED, "The requests share their pool: 1 pool that did not get them back opened 90 of them.", "pool.release" },
		{ 3, false, POOLING_UNKNOWN, "They came from 3 pools (or from others, made after one of these was gone).", "one client" },
	};
	(void)state;

	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		struct stream s;

		stream_begin(&s);
		for (uint32_t i = 0; i < 45; i++) {
			uint64_t requests[2], conns[2];

			for (uint32_t t = 0; t < 2; t++) {
				requests[t] = request_begin(&s, PID, PID + t);
				s.pool = cases[c].places ? 1 + i % cases[c].places : 1 + 2 * i + t;
				conns[t] = redis_connect(&s, PID, PID + t, connect_stack(&s, "recommend", 42));
				if (!cases[c].overlap) {
					redis_command(&s, conns[t], PID, PID + t);
					request_end(&s, requests[t], PID, PID + t);
				}
			}
			for (uint32_t t = 0; cases[c].overlap && t < 2; t++) {
				redis_command(&s, conns[t], PID, PID + t);
				request_end(&s, requests[t], PID, PID + t);
			}
			s.now_ns += 400 * MS;
		}
		assert_pools(found(&s, RULE_CONNECTION_LEAK), 90, cases[c].places ? cases[c].places : 90, cases[c].pooling, CAUSE_UNCLOSED);
		assert_non_null(strstr(text_of(&s, only_site(&s)->explanation), cases[c].words));
		assert_non_null(strstr(text_of(&s, only_site(&s)->remedy), cases[c].remedy));
		stream_end(&s);
	}
}

static void few_connections_are_not_judged_by_their_pools(void **state)
{
	struct pool_set set = { 0 };
	(void)state;

	for (uint32_t i = 0; i < 9; i++)
		assert_int_equal(pool_set_add(&set, PID, 1 + i, false), 0);
	assert_int_equal(pool_set_judge(&set, 9, 9), POOLING_UNKNOWN);
	assert_int_equal(pool_set_add(&set, PID, 10, false), 0);
	assert_int_equal(pool_set_judge(&set, 10, 10), POOLING_OWN);
	assert_int_equal(pool_set_judge(&set, 10, 21), POOLING_UNKNOWN);
	pool_set_done(&set);
}

static void a_set_counts_each_once_by_process_and_place(void **state)
{
	struct pool_set set = { 0 }, other = { 0 };
	(void)state;

	for (int round = 0; round < 2; round++)
		for (uint32_t pid = 1; pid <= 10; pid++)
			for (uint32_t place = 1; place <= 30; place++)
				assert_int_equal(pool_set_add(&set, pid, place, round), 0);
	assert_int_equal(set.distinct, 300);
	assert_int_equal(set.connects, 600);
	assert_int_equal(set.shared, 300);
	for (uint32_t place = 21; place <= 40; place++)
		assert_int_equal(pool_set_add(&other, 10, place, false), 0);
	assert_int_equal(pool_set_merge(&set, &other), 0);
	assert_int_equal(set.distinct, 310);
	assert_int_equal(set.connects, 620);
	pool_set_done(&other);
	pool_set_done(&set);
}

/* Past that nothing is added, of old ones neither: the share of different ones stays true of those that were. */
static void a_full_set_stops_counting(void **state)
{
	struct pool_set set = { 0 }, all = { 0 };
	(void)state;

	for (uint32_t i = 0; i < POOLS_TOLD_MAX; i++) {
		assert_int_equal(pool_set_add(&set, PID, 1 + i, false), 0);
		assert_int_equal(pool_set_add(&set, PID, 1 + i, false), 0);
	}
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(pool_set_add(&set, PID, 1000 + i, true), 0);
	assert_int_equal(pool_set_add(&set, PID, 1, true), 0);
	assert_int_equal(set.distinct, POOLS_TOLD_MAX);
	assert_int_equal(set.connects, 2 * POOLS_TOLD_MAX);
	assert_int_equal(set.shared, 0);
	assert_int_equal(pool_set_merge(&all, &set), 0);
	assert_int_equal(pool_set_merge(&all, &set), 0);
	assert_int_equal(all.distinct, POOLS_TOLD_MAX);
	pool_set_done(&all);
	pool_set_done(&set);
}

static void a_pool_is_known_by_its_own_methods(void **state)
{
	static const struct { const char *function, *file; bool is; } cases[] = {
		{ "ConnectionPool.get_connection", LIB "/redis/connection.py", true },
		{ "get_connection", LIB "/redis/connection.py", true }, /* before 3.11 there are no qualified names */
		{ "BlockingConnectionPool.get_connection", LIB "/redis/asyncio/connection.py", true },
		{ "HTTPConnectionPool.urlopen", LIB "/urllib3/connectionpool.py", true },
		{ "QueuePool._do_get", LIB "/sqlalchemy/pool/impl.py", true },
		{ "BaseConnector.connect", LIB "/aiohttp/connector.py", true },
		{ "Connection.connect", LIB "/redis/connection.py", false },     /* the connection itself */
		{ "Redis.execute_command", LIB "/redis/client.py", false },      /* one of many on a pool */
		{ "Connection.connect", LIB "/pymysql/connections.py", false },
		{ "Shop.get_connection", "/srv/app/shop.py", false },
	};
	struct stream s;
	(void)state;

	stream_begin(&s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(client_pool_method(s.recording, python_frame(&s, cases[i].function, cases[i].file, 7)), cases[i].is);
	stream_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pool_for_each_is_a_client_thrown_away),
		cmocka_unit_test(pools_that_are_not_known_tell_nothing),
		cmocka_unit_test(a_pool_that_requests_share_drops_its_connections),
		cmocka_unit_test(the_same_place_alone_proves_nothing),
		cmocka_unit_test(connections_of_one_request_prove_no_sharing),
		cmocka_unit_test(what_lies_about_proves_no_sharing),
		cmocka_unit_test(a_pool_that_tasks_share_is_one_too),
		cmocka_unit_test(a_leak_says_which_pools_leak),
		cmocka_unit_test(few_connections_are_not_judged_by_their_pools),
		cmocka_unit_test(a_set_counts_each_once_by_process_and_place),
		cmocka_unit_test(a_full_set_stops_counting),
		cmocka_unit_test(a_pool_is_known_by_its_own_methods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
