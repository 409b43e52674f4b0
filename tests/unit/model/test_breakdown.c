/* SPDX-License-Identifier: BSD-2-Clause */
/* test_breakdown.c - every moment of a request is booked once, on what it was spent on; the bands are those of their ranks. */
#include "unit/model/spent.h"

static void one_request_of_every_kind(void **state)
{
	struct stream s;
	uint64_t request, conn, other;
	(void)state;

	stream_tied(&s);
	s.queued_us = 25000;
	request = request_begin(&s, PID, PID);
	s.queued_us = 0;
	samples(&s, PID, 3);                                       /* 30 ms on the CPU */
	s.now_ns += MS;                                            /* nobody knows */
	conn = redis_connect(&s, PID, PID, 0);                     /* 1 ms: SYN and HELLO */
	ask(&s, conn, PID, "GET", 1);
	s.now_ns += 20 * MS;
	off(&s, PID, WAIT_SOCKET, 15 * MS);                        /* is in the interval already */
	off(&s, PID, WAIT_RUNQUEUE, 5 * MS);                       /* the answer lay there by then */
	reply(&s, conn, PID, 1);                                   /* 15 ms GET, 5 ms run queue */
	ask(&s, conn, PID, "MGET", 3);
	s.now_ns += 8 * MS;
	reply(&s, conn, PID, 1);
	s.now_ns += 2 * MS;
	reply(&s, conn, PID, 2);                                   /* 10 ms for a pipeline */
	s.now_ns += 7 * MS;
	off(&s, PID, WAIT_GIL, 7 * MS);
	s.now_ns += 40 * MS;
	off(&s, PID, WAIT_LOCK, 40 * MS);
	s.now_ns += 6 * MS;
	off(&s, PID, WAIT_DISK, 6 * MS);
	s.now_ns += 4 * MS;
	off(&s, PID, WAIT_PIPE, 4 * MS);
	s.now_ns += 11 * MS;
	off(&s, PID, WAIT_SLEEP, 11 * MS);
	other = s.next_conn++;                                     /* 9 ms for another service, its connection open before */
	io(&s, other, PID, PID, WIRE_SENT, (struct wire_facts){ .protocol = PROTOCOL_HTTP, .requests = 1 });
	s.now_ns += 9 * MS;
	io(&s, other, PID, PID, WIRE_RECEIVED,
	   (struct wire_facts){ .protocol = PROTOCOL_HTTP, .flags = WIRE_RESPONSE_DONE, .responses = 1 });
	s.now_ns += 3 * MS;
	off(&s, PID, WAIT_SOCKET, 3 * MS);                         /* its own client reads slowly */
	s.now_ns += 13 * MS;                                       /* nobody knows either */
	request_end(&s, request, PID, PID);
	stream_judge(&s, 10, NULL);
	assert_sums(&s);
	for (unsigned band = 0; band < BAND_COUNT; band++) {
		assert_int_equal(s.recording->spent.requests[band], 1);
		assert_float_equal(s.recording->spent.queued_ms[band], 25, 1e-6);
		assert_float_equal(ms(&s, SPENT_CPU, band), 30, 1e-6);
		assert_float_equal(ms(&s, SPENT_SETUP, band), 1, 1e-6);
		assert_float_equal(ms(&s, SPENT_REDIS, band), 25, 1e-6);
		assert_float_equal(part(&s, SPENT_REDIS, "GET")->ms[band], 15, 1e-6);
		assert_float_equal(part(&s, SPENT_REDIS, "pipeline")->ms[band], 10, 1e-6);
		assert_float_equal(part(&s, SPENT_REDIS, "GET")->count[band], 1, 1e-6);
		assert_float_equal(ms(&s, SPENT_RUNQUEUE, band), 5, 1e-6);
		assert_float_equal(ms(&s, SPENT_GIL, band), 7, 1e-6);
		assert_float_equal(ms(&s, SPENT_LOCKS, band), 40, 1e-6);
		assert_float_equal(ms(&s, SPENT_DISK, band), 6, 1e-6);
		assert_float_equal(ms(&s, SPENT_FILES, band), 4, 1e-6);
		assert_float_equal(ms(&s, SPENT_SLEEP, band), 11, 1e-6);
		assert_float_equal(ms(&s, SPENT_PEERS, band), 9, 1e-6);
		assert_float_equal(ms(&s, SPENT_NETWORK, band), 3, 1e-6);
		assert_float_equal(ms(&s, SPENT_ELSE, band), 14, 1e-6);
	}
	stream_end(&s);
}

/* The tail is slow for a reason of its own, and the median does not know it. */
static void bands_are_those_of_their_ranks(void **state)
{
	struct stream s;
	uint64_t conn;
	(void)state;

	stream_tied(&s);
	conn = redis_connect(&s, PID, PID, 0);
	for (int i = 0; i < 1000; i++) {
		uint64_t request = request_begin(&s, PID, PID);
		bool slow = i % 50 == 7, slowest = i == 501;

		s.now_ns += MS;
		ask(&s, conn, PID, slow || slowest ? "KEYS" : "GET", 1);
		s.now_ns += slowest ? 900 * MS : slow ? 300 * MS : 2 * MS;
		reply(&s, conn, PID, 1);
		s.now_ns += MS;
		request_end(&s, request, PID, PID);
	}
	stream_judge(&s, 60, NULL);
	assert_sums(&s);
	assert_int_equal(s.recording->spent.requests[BAND_MEAN], 1000);
	assert_int_equal(s.recording->spent.requests[BAND_P50], 100);
	assert_int_equal(s.recording->spent.requests[BAND_P99], 10);
	assert_int_equal(s.recording->spent.requests[BAND_MAX], 1);
	assert_float_equal(s.recording->spent.latency_ms[BAND_P50], 4, 1e-6);
	assert_float_equal(part(&s, SPENT_REDIS, "GET")->ms[BAND_P50], 2, 1e-6);
	assert_float_equal(part(&s, SPENT_REDIS, "KEYS")->ms[BAND_P50], 0, 1e-6);
	assert_float_equal(part(&s, SPENT_REDIS, "KEYS")->ms[BAND_P99], 300, 1e-6);
	assert_float_equal(part(&s, SPENT_REDIS, "GET")->ms[BAND_P99], 0, 1e-6);
	assert_float_equal(ms(&s, SPENT_REDIS, BAND_MAX), 900, 1e-6);
	assert_float_equal(s.recording->spent.latency_ms[BAND_MAX], 902, 1e-6);
	assert_float_equal(part(&s, SPENT_REDIS, "KEYS")->ms[BAND_MEAN], (20 * 300 + 900) / 1000.0, 1e-6);
	stream_end(&s);
}

/* Two questions at once, on two connections: the time they share is there once. */
static void overlapping_intervals_count_once(void **state)
{
	struct stream s;
	uint64_t a, b, request;
	(void)state;

	stream_tied(&s);
	a = redis_connect(&s, PID, PID, 0);
	b = redis_connect(&s, PID, PID, 0);
	request = request_begin(&s, PID, PID);
	ask(&s, a, PID, "GET", 1);
	s.now_ns += 10 * MS;
	ask(&s, b, PID, "HGETALL", 1);
	s.now_ns += 10 * MS;
	reply(&s, a, PID, 1);
	s.now_ns += 10 * MS;
	reply(&s, b, PID, 1);
	request_end(&s, request, PID, PID);
	stream_judge(&s, 10, NULL);
	assert_sums(&s);
	assert_float_equal(s.recording->spent.latency_ms[BAND_MAX], 30, 1e-6);
	assert_float_equal(ms(&s, SPENT_REDIS, BAND_MAX), 30, 1e-6);
	stream_end(&s);
}

/* The connection is refused, or its peer never answers: the time until it was given up was set-up, or Redis. */
static void what_never_ends_well_counts_until_it_ends(void **state)
{
	struct stream s;
	uint64_t conn, request;
	(void)state;

	stream_tied(&s);
	request = request_begin(&s, PID, PID);
	conn = s.next_conn++;
	conn_event(&s, EVENT_CONNECT, conn, PID, PID, 0, CONN_OPENED, 0);
	s.now_ns += 1000 * MS; /* the SYN had to be sent again */
	conn_event(&s, EVENT_GONE, conn, PID, PID, 0, CONN_OPENED | CONN_RESET, 111);
	conn = redis_connect(&s, PID, PID, 0);
	ask(&s, conn, PID, "DEBUG", 1);
	s.now_ns += 500 * MS;
	redis_close(&s, conn, PID, PID, 0);
	s.now_ns -= MS / 20;
	request_end(&s, request, PID, PID);
	stream_judge(&s, 10, NULL);
	assert_sums(&s);
	assert_float_equal(ms(&s, SPENT_SETUP, BAND_MAX), 1001, 1e-6);
	assert_float_equal(ms(&s, SPENT_REDIS, BAND_MAX), 500, 1e-6);
	stream_end(&s);
}

/* On short requests the CPU time is right in sum only: one sample stands for more than one of them lasts. */
static void cpu_time_of_short_requests_is_right_in_sum(void **state)
{
	struct stream s;
	(void)state;

	stream_tied(&s);
	for (int i = 0; i < 1000; i++) {
		uint64_t request = request_begin(&s, PID, PID);

		s.now_ns += MS / 2;
		if (i % 10 == 0) {
			struct event event = { .kind = EVENT_SAMPLE, .pid = PID, .tid = PID };

			feed(&s, &event);
		}
		s.now_ns += MS / 2;
		request_end(&s, request, PID, PID);
	}
	stream_judge(&s, 10, NULL);
	assert_sums(&s);
	assert_float_equal(ms(&s, SPENT_CPU, BAND_MEAN), 1, 1e-6);
	assert_float_equal(ms(&s, SPENT_CPU, BAND_P50), 1, 1e-6);
	stream_end(&s);
}

/* A wait walked for four of its like counts for four. */
static void a_weighted_wait_counts_for_its_like(void **state)
{
	struct stream s;
	struct event event = { .kind = EVENT_OFFCPU, .pid = PID, .tid = PID };
	uint64_t request;
	(void)state;

	stream_tied(&s);
	request = request_begin(&s, PID, PID);
	s.now_ns += 10 * MS;
	event.offcpu = (struct event_offcpu){ .ns = 2 * MS, .weight = 4 * WEIGHT_ONE, .wait = WAIT_LOCK };
	feed(&s, &event);
	s.now_ns += 10 * MS;
	request_end(&s, request, PID, PID);
	stream_judge(&s, 10, NULL);
	assert_sums(&s);
	assert_float_equal(ms(&s, SPENT_LOCKS, BAND_MAX), 8, 1e-6);
	stream_end(&s);
}

/* Waits that count for too many of their like push the other parts back, a round trip's command with it. Another's waits count for
 * more than all of its round trip: nothing is left of its command, and the other's is still no more than both. */
static void commands_are_no_more_than_their_part(void **state)
{
	static const char *const commands[] = { "GET", "MGET" };
	struct stream s;
	struct event event = { .kind = EVENT_OFFCPU, .pid = PID, .tid = PID };
	uint64_t conn, request;
	(void)state;

	stream_tied(&s);
	conn = redis_connect(&s, PID, PID, 0);
	request = request_begin(&s, PID, PID);
	for (unsigned i = 0; i < 2; i++) {
		ask(&s, conn, PID, commands[i], 1);
		s.now_ns += 10 * MS;
		event.offcpu = (struct event_offcpu){ .ns = 2 * MS, .weight = 8 * i * WEIGHT_ONE, .wait = WAIT_LOCK };
		if (i)
			feed(&s, &event);
		reply(&s, conn, PID, 1);
	}
	s.now_ns += 20 * MS;
	event.offcpu.weight = 40 * WEIGHT_ONE;
	feed(&s, &event);
	request_end(&s, request, PID, PID);
	stream_judge(&s, 10, NULL);
	assert_sums(&s);
	assert_true(ms(&s, SPENT_REDIS, BAND_MAX) > 0);
	assert_float_equal(part(&s, SPENT_REDIS, "GET")->ms[BAND_MAX], ms(&s, SPENT_REDIS, BAND_MAX), 1e-6);
	assert_float_equal(part(&s, SPENT_REDIS, "MGET")->ms[BAND_MAX], 0, 1e-6);
	stream_end(&s);
}

/* Eight threads at once: whose round trip it was is told by who asked. */
static void concurrent_requests_have_their_own_round_trips(void **state)
{
	struct stream s;
	uint64_t conns[8], requests[8];
	(void)state;

	stream_tied(&s);
	for (uint32_t i = 0; i < 8; i++) {
		conns[i] = redis_connect(&s, PID, PID + i, 0);
		requests[i] = request_begin(&s, PID, PID + i);
	}
	for (uint32_t i = 0; i < 8; i++)
		ask(&s, conns[i], PID + i, "GET", 1);
	for (uint32_t i = 0; i < 8; i++) {
		s.now_ns += 100 * MS;
		reply(&s, conns[i], PID + i, 1);
	}
	for (uint32_t i = 0; i < 8; i++)
		request_end(&s, requests[i], PID, PID + i);
	stream_judge(&s, 10, NULL);
	assert_sums(&s);
	assert_float_equal(ms(&s, SPENT_REDIS, BAND_MEAN), 450, 4);
	assert_float_equal(part(&s, SPENT_REDIS, "GET")->count[BAND_MEAN], 1, 1e-6);
	stream_end(&s);
}

/* The same with tasks of one thread, whose requests show only when they answer. */
static void concurrent_tasks_have_their_own_round_trips(void **state)
{
	struct stream s;
	uint64_t conns[8], requests[8];
	(void)state;

	stream_tied(&s);
	for (uint32_t i = 0; i < 8; i++) {
		conns[i] = redis_connect(&s, PID, PID, 0);
		requests[i] = request_begin(&s, PID, PID);
	}
	for (uint32_t i = 0; i < 8; i++) {
		s.unit = 20 + i;
		ask(&s, conns[i], PID, i % 2 ? "GET" : "HGETALL", 1);
	}
	for (uint32_t i = 0; i < 8; i++) {
		s.unit = 20 + i;
		s.now_ns += 100 * MS;
		reply(&s, conns[i], PID, 1);
		request_end(&s, requests[i], PID, PID);
	}
	s.unit = 0;
	stream_judge(&s, 10, NULL);
	assert_sums(&s);
	assert_float_equal(s.recording->spent.latency_ms[BAND_MEAN], 450, 5);
	assert_float_equal(ms(&s, SPENT_REDIS, BAND_MEAN), 450, 5);
	assert_float_equal(part(&s, SPENT_REDIS, "GET")->count[BAND_MEAN], 0.5, 1e-6);
	assert_float_equal(part(&s, SPENT_REDIS, "GET")->ms[BAND_MAX], 800, 1);
	assert_float_equal(part(&s, SPENT_REDIS, "HGETALL")->ms[BAND_MAX], 0, 1e-6);
	stream_end(&s);
}

static void intervals_are_bounded_and_counted(void **state)
{
	struct stream s;
	uint64_t conn, request;
	(void)state;

	stream_tied(&s);
	conn = redis_connect(&s, PID, PID, 0);
	request = request_begin(&s, PID, PID);
	for (unsigned i = 0; i < PURPOSES_MAX + 5; i++) {
		ask(&s, conn, PID, "GET", 1);
		s.now_ns += MS / 100;
		reply(&s, conn, PID, 1);
	}
	request_end(&s, request, PID, PID);
	stream_judge(&s, 10, NULL);
	assert_sums(&s);
	assert_int_equal(s.recording->purposes_refused, 5);
	assert_float_equal(ms(&s, SPENT_ELSE, BAND_MAX), 5 * 0.01, 0.1);
	stream_end(&s);
}

/* asyncio.wait_for before CPython 3.12, and so redis-py's client with a timeout: the command is sent by a task that answers nobody. */
static void round_trips_of_sub_tasks_are_nobodys_and_counted(void **state)
{
	enum { HANDLER = 50, SUB_TASK = 60, AT_ONCE = 3 };
	struct stream s;
	uint64_t requests[AT_ONCE], conn;
	(void)state;

	stream_tied(&s);
	conn = redis_connect(&s, PID, PID, 0);
	for (int round = 0; round < 2; round++) { /* the first one shows that the thread is a loop */
		for (int i = 0; i < AT_ONCE; i++)
			requests[i] = request_begin(&s, PID, PID);
		s.unit = round ? SUB_TASK : HANDLER;
		ask(&s, conn, PID, "GET", 1);
		s.now_ns += 10 * MS;
		s.unit = 0;
		reply(&s, conn, PID, 1);
		for (int i = 0; i < AT_ONCE; i++) {
			s.unit = HANDLER + (uint32_t)i;
			request_end(&s, requests[i], PID, PID);
		}
		s.unit = 0;
	}
	s.unit = SUB_TASK; /* a task of the program's own, while nobody is served */
	ask(&s, conn, PID, "GET", 1);
	s.unit = 0;
	reply(&s, conn, PID, 1);
	stream_judge(&s, 10, NULL);
	assert_sums(&s);
	assert_int_equal(s.recording->trips_untied, 1);
	stream_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_request_of_every_kind),
		cmocka_unit_test(bands_are_those_of_their_ranks),
		cmocka_unit_test(overlapping_intervals_count_once),
		cmocka_unit_test(what_never_ends_well_counts_until_it_ends),
		cmocka_unit_test(cpu_time_of_short_requests_is_right_in_sum),
		cmocka_unit_test(a_weighted_wait_counts_for_its_like),
		cmocka_unit_test(commands_are_no_more_than_their_part),
		cmocka_unit_test(concurrent_requests_have_their_own_round_trips),
		cmocka_unit_test(concurrent_tasks_have_their_own_round_trips),
		cmocka_unit_test(round_trips_of_sub_tasks_are_nobodys_and_counted),
		cmocka_unit_test(intervals_are_bounded_and_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
