/* SPDX-License-Identifier: BSD-2-Clause */
/* test_tied.c - samples go to the request they lie in, with its latency, and what is slow can be cut out. */
#include "unit/model/stream.h"

#include <errno.h>

#include "model/cut.h"
#include "model/latency.h"
#include "model/tied.h"

enum { PID = 50 };

static void stream_tied(struct stream *s)
{
	stream_begin(s);
	s->recording->collect |= CONNPROF_REQUESTS;
}

static void sample(struct stream *s, uint32_t tid, uint32_t stack)
{
	struct event event = { .kind = EVENT_SAMPLE, .pid = PID, .tid = tid, .stack = stack, .python_end = PYTHON_ROOT };

	feed(s, &event);
}

static uint32_t code(struct stream *s, const char *function)
{
	return stack_of(s, function, "/srv/app/recommend.py", 10u, NULL);
}

/* Samples of a stack inside requests of that latency. */
static uint64_t samples_at(const struct stream *s, uint32_t stack, uint16_t latency)
{
	uint64_t samples = 0;

	for (size_t i = 0; i < s->recording->profile_count; i++)
		if (s->recording->profile[i].stack == stack && s->recording->profile[i].latency == latency)
			samples += s->recording->profile[i].samples;
	return samples;
}

static void buckets_are_narrow_and_go_both_ways(void **state)
{
	(void)state;
	assert_int_equal(latency_floor_ns(LATENCY_NONE), 0);
	assert_int_equal(latency_floor_ns(LATENCY_UNHELD), 0);
	assert_int_equal(latency_bucket(0), 1);
	assert_int_equal(latency_bucket(UINT64_MAX), LATENCY_BUCKETS - 1);
	for (unsigned i = 1; i < LATENCY_BUCKETS; i++) {
		uint64_t floor = latency_floor_ns((uint16_t)i);

		assert_int_equal(latency_bucket(floor), i);
		if (i > 1)
			assert_int_equal(latency_bucket(floor - 1), i - 1);
		if (i + 1 < LATENCY_BUCKETS)
			assert_true((latency_floor_ns((uint16_t)(i + 1)) - floor) * 128 <= floor);
	}
}

static void a_sample_carries_the_latency_of_its_request(void **state)
{
	struct stream s;
	uint32_t work, rest;
	uint64_t conn;
	(void)state;

	stream_tied(&s);
	work = code(&s, "work");
	rest = code(&s, "rest");
	sample(&s, PID, rest);
	s.now_ns += MS;
	conn = request_begin(&s, PID, PID);
	s.now_ns += 100 * MS;
	sample(&s, PID, work);
	sample(&s, PID, work);
	s.now_ns += 600 * MS;
	request_end(&s, conn, PID, PID);
	s.now_ns += MS;
	sample(&s, PID, rest); /* a tear-down handler, say: the answer is out already */
	stream_judge(&s, 10, NULL);
	assert_int_equal(samples_at(&s, work, latency_bucket(700 * MS)), 2);
	assert_int_equal(samples_at(&s, rest, LATENCY_NONE), 2);
	assert_int_equal(s.recording->samples, 4);
	assert_int_equal(s.recording->stack_ends[END_ROOT], 4);
	assert_int_equal(s.recording->latency_count, 1);
	assert_int_equal(s.recording->latencies[0].bucket, latency_bucket(700 * MS));
	assert_int_equal(s.recording->latencies[0].requests, 1);
	stream_end(&s);
}

/* Eight requests at once, a thread each, all of them different: no sample lands in another one's latency. */
static void concurrent_requests_keep_their_own_samples(void **state)
{
	struct stream s;
	uint32_t stacks[8];
	uint64_t conns[8];
	char name[16];
	(void)state;

	stream_tied(&s);
	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "work%d", i);
		stacks[i] = code(&s, name);
		conns[i] = request_begin(&s, PID, (uint32_t)(PID + i));
	}
	for (int ms = 1; ms <= 800; ms++) {
		s.now_ns += MS;
		for (int i = 0; i < 8; i++) {
			if (ms <= 100 * (i + 1))
				sample(&s, (uint32_t)(PID + i), stacks[i]);
			if (ms == 100 * (i + 1))
				request_end(&s, conns[i], PID, (uint32_t)(PID + i));
		}
	}
	stream_judge(&s, 10, NULL);
	for (int i = 0; i < 8; i++)
		assert_int_equal(samples_at(&s, stacks[i], latency_bucket((uint64_t)(i + 1) * 100 * MS)), 100 * (i + 1));
	assert_int_equal(s.recording->latency_count, 8);
	stream_end(&s);
}

/* That a process serves one request only says nothing of what its other threads do. */
static void another_threads_time_is_not_the_requests(void **state)
{
	struct stream s;
	uint32_t metrics;
	uint64_t conn;
	(void)state;

	stream_tied(&s);
	metrics = code(&s, "metrics");
	conn = request_begin(&s, PID, PID);
	s.now_ns += 10 * MS;
	sample(&s, PID + 1, metrics);
	request_end(&s, conn, PID, PID);
	stream_judge(&s, 10, NULL);
	assert_int_equal(samples_at(&s, metrics, LATENCY_NONE), 1);
	stream_end(&s);
}

/* The caller gave up, the worker was killed, and one has not been answered yet: the slowest there are. */
static void requests_without_an_answer_are_as_slow_as_their_end(void **state)
{
	struct stream s;
	uint32_t given_up, killed, open;
	uint64_t conn;
	(void)state;

	stream_tied(&s);
	given_up = code(&s, "given_up");
	killed = code(&s, "killed");
	open = code(&s, "open");
	conn = request_begin(&s, PID, PID);
	sample(&s, PID, given_up);
	s.now_ns += 2000 * MS;
	conn_event(&s, EVENT_CLOSE, conn, PID, PID, 0, 0, 0);
	request_begin(&s, PID, PID);
	sample(&s, PID, killed);
	s.now_ns += 3000 * MS;
	process_ends(&s, PID);
	request_begin(&s, PID + 1, PID + 1);
	struct event event = { .kind = EVENT_SAMPLE, .pid = PID + 1, .tid = PID + 1, .stack = open };
	feed(&s, &event);
	stream_judge(&s, 10, NULL);
	assert_int_equal(samples_at(&s, given_up, latency_bucket(2000 * MS)), 1);
	assert_int_equal(samples_at(&s, killed, latency_bucket(3000 * MS)), 1);
	assert_int_equal(samples_at(&s, open, latency_bucket(5000 * MS)), 1);
	stream_end(&s);
}

/* Its end shows with the next head only; what came after its last byte is not its time. */
static void a_response_without_framing_ends_with_its_last_byte(void **state)
{
	const struct wire_facts head = { .protocol = PROTOCOL_HTTP, .flags = WIRE_SERVER, .requests = 1 };
	const struct wire_facts answer = { .protocol = PROTOCOL_HTTP, .flags = WIRE_SERVER, .responses = 1 };
	struct stream s;
	uint32_t work, idle;
	(void)state;

	stream_tied(&s);
	work = code(&s, "work");
	idle = code(&s, "idle");
	io(&s, 1, PID, PID, WIRE_RECEIVED, head);
	s.now_ns += 5 * MS;
	sample(&s, PID, work);
	s.now_ns += 5 * MS;
	io(&s, 1, PID, PID, WIRE_SENT, answer);
	s.now_ns += 500 * MS;
	sample(&s, PID, idle);
	io(&s, 1, PID, PID, WIRE_RECEIVED, head);
	stream_judge(&s, 10, NULL);
	assert_int_equal(samples_at(&s, work, latency_bucket(10 * MS)), 1);
	assert_int_equal(samples_at(&s, idle, LATENCY_NONE), 1);
	stream_end(&s);
}

/* An event loop: one thread reads eight heads, then eight tasks take turns; one more task is nobody's. */
static void tasks_of_one_thread_keep_their_own_samples(void **state)
{
	struct stream s;
	uint32_t stacks[8], background;
	uint64_t conns[8];
	char name[16];
	(void)state;

	stream_tied(&s);
	background = code(&s, "background");
	for (uint32_t i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "task%u", i);
		stacks[i] = code(&s, name);
		conns[i] = request_begin(&s, PID, PID);
	}
	for (uint32_t ms = 1; ms <= 800; ms++) {
		s.now_ns += MS;
		for (uint32_t i = 0; i < 8; i++) {
			s.unit = 100 + i;
			if (ms <= 100 * (i + 1))
				sample(&s, PID, stacks[i]);
			if (ms == 100 * (i + 1))
				request_end(&s, conns[i], PID, PID);
		}
		s.unit = 99;
		sample(&s, PID, background);
	}
	s.unit = 0;
	stream_judge(&s, 10, NULL);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(samples_at(&s, stacks[i], latency_bucket((uint64_t)(i + 1) * 100 * MS)), 100 * (i + 1));
	assert_int_equal(samples_at(&s, background, LATENCY_NONE), 800);
	assert_int_equal(s.recording->samples, 100 * 36 + 800);
	stream_end(&s);
}

/* A wait of some task, of which only that is known: it is not the request's that is the only one open just then. */
static void a_wait_of_an_unknown_task_lies_in_no_request(void **state)
{
	const struct event wait = { .kind = EVENT_OFFCPU, .pid = PID, .tid = PID,
				    .offcpu = { .ns = 20 * MS, .wait = WAIT_SLEEP, .weight = WEIGHT_ONE } };
	struct stream s;
	struct event event;
	uint32_t other, own;
	uint64_t conns[2];
	(void)state;

	stream_tied(&s);
	other = code(&s, "other");
	own = code(&s, "own");
	conns[0] = request_begin(&s, PID, PID);
	conns[1] = request_begin(&s, PID, PID); /* two at once: it is a loop */
	request_end(&s, conns[0], PID, PID);
	request_end(&s, conns[1], PID, PID);
	conns[0] = request_begin(&s, PID, PID);
	for (int known = 0; known < 2; known++) {
		s.now_ns += 30 * MS;
		event = wait;
		event.stack = known ? own : other;
		s.unit = known ? 0 : UNIT_UNKNOWN; /* the loop itself, on the way to it */
		feed(&s, &event);
	}
	s.unit = 0;
	request_end(&s, conns[0], PID, PID);
	stream_judge(&s, 10, NULL);
	for (size_t i = 0; i < s.recording->profile_count; i++) {
		const struct profile_row *row = &s.recording->profile[i];

		assert_true(row->stack == own || row->stack == other);
		assert_int_equal(row->latency != LATENCY_NONE, row->stack == own);
	}
	stream_end(&s);
}

/* At the end of the window a task may still owe its answer: its samples are not lost. */
static void what_no_answer_has_told_yet_lies_in_no_request(void **state)
{
	struct stream s;
	uint32_t work;
	(void)state;

	stream_tied(&s);
	work = code(&s, "work");
	request_begin(&s, PID, PID);
	request_begin(&s, PID, PID);
	s.unit = 7;
	s.now_ns += MS;
	sample(&s, PID, work);
	s.unit = 0;
	stream_judge(&s, 10, NULL);
	assert_int_equal(samples_at(&s, work, LATENCY_NONE), 1);
	stream_end(&s);
}

static void off(struct stream *s, uint32_t tid, uint32_t stack, uint64_t ns, uint64_t left_ns)
{
	struct event event = { .kind = EVENT_OFFCPU, .pid = PID, .tid = tid, .stack = stack };

	event.offcpu = (struct event_offcpu){ .ns = ns, .left_ns = left_ns, .weight = WEIGHT_ONE, .wait = WAIT_SOCKET };
	feed(s, &event);
}

/* Waiting for the next request is not part of the one before, nor of the one it ends with. */
static void a_wait_belongs_to_the_request_it_begins_and_ends_in(void **state)
{
	struct stream s;
	uint32_t inside, between;
	uint64_t conn;
	(void)state;

	stream_tied(&s);
	s.recording->collect |= CONNPROF_OFFCPU;
	inside = code(&s, "inside");
	between = code(&s, "between");
	conn = request_begin(&s, PID, PID);
	s.now_ns += 300 * MS;
	off(&s, PID, inside, 250 * MS, 0);
	s.now_ns += 10 * MS;
	request_answer(&s, conn, PID, PID);
	s.now_ns += 500 * MS;
	off(&s, PID, between, 500 * MS, 0);
	request_begin(&s, PID, PID);
	s.now_ns += MS;
	off(&s, PID, between, 400 * MS, 0);
	off(&s, PID, between, 0, 70 * MS); /* of others that were left out */
	stream_judge(&s, 10, NULL);
	for (size_t i = 0; i < s.recording->profile_count; i++) {
		const struct profile_row *row = &s.recording->profile[i];

		assert_int_equal(row->latency, row->stack == inside ? latency_bucket(310 * MS) : LATENCY_NONE);
		assert_int_equal(row->wait, WAIT_SOCKET);
	}
	assert_in_range(s.recording->offcpu.ns[WAIT_SOCKET], 1220 * MS - 3, 1220 * MS); /* shared out in whole nanoseconds */
	assert_int_equal(s.recording->offcpu.walked, 3);
	stream_end(&s);
}

/* Batches of different CPUs may come a little out of order. */
static void a_late_sample_still_finds_its_request(void **state)
{
	struct stream s;
	uint32_t work;
	uint64_t conn;
	(void)state;

	stream_tied(&s);
	work = code(&s, "work");
	conn = request_begin(&s, PID, PID);
	s.now_ns += 20 * MS;
	request_answer(&s, conn, PID, PID);
	s.now_ns -= 5 * MS;
	sample(&s, PID, work);
	stream_judge(&s, 10, NULL);
	assert_int_equal(samples_at(&s, work, latency_bucket(20 * MS)), 1);
	stream_end(&s);
}

static void memory_is_bounded_and_what_is_left_out_counted(void **state)
{
	struct stream s;
	uint32_t work;
	uint64_t conn;
	(void)state;

	stream_tied(&s);
	work = code(&s, "work");
	conn = request_begin(&s, PID, PID);
	for (unsigned i = 0; i < HELD_REQUEST_MAX + 7; i++)
		sample(&s, PID, work);
	s.now_ns += 900 * MS;
	request_end(&s, conn, PID, PID);
	stream_judge(&s, 10, NULL);
	assert_int_equal(samples_at(&s, work, latency_bucket(900 * MS)), HELD_REQUEST_MAX);
	assert_int_equal(samples_at(&s, work, LATENCY_UNHELD), 7);
	assert_int_equal(s.recording->unheld, 7);
	assert_int_equal(s.recording->samples, HELD_REQUEST_MAX + 7);
	stream_end(&s);
}

static void without_being_asked_nothing_is_held(void **state)
{
	struct stream s;
	uint32_t work;
	uint64_t conn;
	uint16_t from;
	(void)state;

	stream_begin(&s);
	work = code(&s, "work");
	conn = request_begin(&s, PID, PID);
	sample(&s, PID, work);
	assert_int_equal(samples_at(&s, work, LATENCY_NONE), 1); /* at once */
	s.now_ns += 100 * MS;
	request_end(&s, conn, PID, PID);
	stream_judge(&s, 10, NULL);
	assert_int_equal(s.recording->latency_count, 0);
	assert_int_equal(cut_from(s.recording, 500 * MS, 0, &from), -ENODATA);
	stream_end(&s);
}

/* ---- cutting ---- */

/* 99 requests of 10 ms with a sample each, and one of 700 ms with 50 of other code. */
static void tail(struct stream *s, uint32_t *quick, uint32_t *slow)
{
	stream_tied(s);
	*quick = code(s, "quick");
	*slow = code(s, "slow");
	for (int i = 0; i < 100; i++) {
		uint64_t conn = request_begin(s, PID, PID);

		for (int k = 0; k < (i == 40 ? 50 : 1); k++)
			sample(s, PID, i == 40 ? *slow : *quick);
		s->now_ns += i == 40 ? 700 * MS : 10 * MS;
		request_end(s, conn, PID, PID);
		s->now_ns += MS;
		sample(s, PID, *slow); /* between requests: in no part */
	}
	stream_judge(s, 10, NULL);
}

static void the_slow_part_and_the_normal_one(void **state)
{
	struct connprof_recording part;
	struct stream s;
	uint32_t quick, slow;
	uint16_t from = 0;
	(void)state;

	tail(&s, &quick, &slow);
	assert_int_equal(cut_from(s.recording, 500 * MS, 0, &from), 0);
	assert_int_equal(cut_make(s.recording, from, false, &part), 0);
	assert_int_equal(part.profile_count, 1);
	assert_int_equal(part.profile[0].stack, slow);
	assert_int_equal(part.samples, 50);
	assert_int_equal(part.stack_ends[END_ROOT], 50);
	assert_int_equal(part.cut.requests, 1);
	cut_done(&part);
	assert_int_equal(cut_make(s.recording, from, true, &part), 0);
	assert_int_equal(part.profile_count, 1);
	assert_int_equal(part.profile[0].stack, quick);
	assert_int_equal(part.samples, 99);
	assert_int_equal(part.cut.requests, 99);
	cut_done(&part);
	assert_int_equal(s.recording->samples, 249); /* the whole is as it was */
	stream_end(&s);
}

static void the_slowest_share_is_told_by_requests(void **state)
{
	struct stream s;
	uint32_t quick, slow;
	uint16_t from = 0;
	(void)state;

	tail(&s, &quick, &slow);
	assert_int_equal(cut_from(s.recording, 0, 1, &from), 0);
	assert_int_equal(from, latency_bucket(700 * MS));
	assert_int_equal(cut_from(s.recording, 0, 0.001, &from), 0); /* never none */
	assert_int_equal(from, latency_bucket(700 * MS));
	assert_int_equal(cut_from(s.recording, 0, 2, &from), 0);
	assert_int_equal(from, latency_bucket(10 * MS));
	assert_int_equal(cut_from(s.recording, 0, 100, &from), 0);
	assert_int_equal(from, latency_bucket(10 * MS));
	stream_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_are_narrow_and_go_both_ways),
		cmocka_unit_test(a_sample_carries_the_latency_of_its_request),
		cmocka_unit_test(concurrent_requests_keep_their_own_samples),
		cmocka_unit_test(another_threads_time_is_not_the_requests),
		cmocka_unit_test(requests_without_an_answer_are_as_slow_as_their_end),
		cmocka_unit_test(a_response_without_framing_ends_with_its_last_byte),
		cmocka_unit_test(tasks_of_one_thread_keep_their_own_samples),
		cmocka_unit_test(a_wait_of_an_unknown_task_lies_in_no_request),
		cmocka_unit_test(what_no_answer_has_told_yet_lies_in_no_request),
		cmocka_unit_test(a_wait_belongs_to_the_request_it_begins_and_ends_in),
		cmocka_unit_test(a_late_sample_still_finds_its_request),
		cmocka_unit_test(memory_is_bounded_and_what_is_left_out_counted),
		cmocka_unit_test(without_being_asked_nothing_is_held),
		cmocka_unit_test(the_slow_part_and_the_normal_one),
		cmocka_unit_test(the_slowest_share_is_told_by_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
