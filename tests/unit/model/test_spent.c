/* SPDX-License-Identifier: BSD-2-Clause */
/* test_spent.c - where a request's time went: by how long its thread was off the CPU, where that is known; else by waits, or by samples. */
#include "unit/model/spent.h"

/* Threads have marks. */
static void stream_marked(struct stream *s)
{
	stream_tied(s);
	s->marks.off = 1000;
}

static void judged(struct stream *s)
{
	stream_judge(s, 10, NULL);
	assert_sums(s);
}

/* Time passes: so much of it off the CPU, in units of 1,024 ns. */
static void passes(struct stream *s, uint32_t units, uint32_t off)
{
	s->now_ns += units * 1024ull;
	s->marks.off += off;
}

/* All of it off the CPU: so much in one way and so much in the other. */
static void passes_waiting(struct stream *s, uint32_t queued, uint32_t locked)
{
	passes(s, queued + locked, queued + locked);
	s->marks.queued += queued;
	s->marks.locked += locked;
}

#define UNITS(count) ((count) * 1024 / 1e6) /* in ms */

/* Where one thread serves a request, and how long it was off the CPU is known, one short request's CPU time is right. */
static void cpu_time_of_one_short_request_is_right(void **state)
{
	struct stream s;
	uint64_t conn, request;
	(void)state;

	stream_tied(&s);
	s.marks = (struct off_marks){ UINT32_MAX - 50, UINT32_MAX, UINT32_MAX }; /* they wrap */
	conn = redis_connect(&s, PID, PID, 0);
	request = request_begin(&s, PID, PID);
	passes(&s, 600, 0);
	ask(&s, conn, PID, "GET", 1);
	passes(&s, 400, 300);
	reply(&s, conn, PID, 1);
	passes(&s, 670, 70);      /* nobody knows what for */
	passes_waiting(&s, 0, 30);
	off(&s, PID, WAIT_LOCK, 30 * 1024);
	request_end(&s, request, PID, PID);
	judged(&s);
	for (unsigned band = 0; band < BAND_COUNT; band++) {
		assert_float_equal(ms(&s, SPENT_CPU, band), UNITS(600 + 600), 1e-6);
		assert_float_equal(ms(&s, SPENT_REDIS, band), UNITS(400), 1e-6);
		assert_float_equal(ms(&s, SPENT_LOCKS, band), UNITS(30), 1e-6);
		assert_float_equal(ms(&s, SPENT_ELSE, band), UNITS(70), 1e-6);
	}
	stream_end(&s);
}

/* Of an interval that ends in another thread's time the waits in it tell. */
static void what_is_not_known_of_an_interval_its_waits_tell(void **state)
{
	struct stream s;
	uint64_t conn, request;
	(void)state;

	stream_marked(&s);
	request = request_begin(&s, PID, PID);
	passes(&s, 500, 0);
	conn = s.next_conn++;
	conn_event(&s, EVENT_CONNECT, conn, PID, PID, 0, CONN_OPENED, 0);
	passes(&s, 2000, 1900);
	off(&s, PID, WAIT_SOCKET, 1900 * 1024);
	conn_event(&s, EVENT_ESTABLISHED, conn, PID, PID + 1, 0, CONN_OPENED, 0);
	passes(&s, 300, 0);
	passes_waiting(&s, 200, 0);
	off(&s, PID, WAIT_RUNQUEUE, 200 * 1024);
	request_end(&s, request, PID, PID);
	judged(&s);
	assert_float_equal(ms(&s, SPENT_CPU, BAND_MAX), UNITS(500 + 300), 1e-6);
	assert_float_equal(ms(&s, SPENT_SETUP, BAND_MAX), UNITS(2000), 1e-6);
	assert_float_equal(ms(&s, SPENT_RUNQUEUE, BAND_MAX), UNITS(200), 1e-6);
	stream_end(&s);
}

/* The slowest of two has no mark at its end, since its return to the CPU was not seen: then its waits tell. */
static void a_request_that_misses_a_mark_is_told_by_its_waits(void **state)
{
	struct stream s;
	uint64_t request;
	(void)state;

	stream_marked(&s);
	request = request_begin(&s, PID, PID);
	passes(&s, 100, 0);
	request_end(&s, request, PID, PID);
	request = request_begin(&s, PID, PID);
	passes(&s, 9000, 8800);
	off(&s, PID, WAIT_RUNQUEUE, 8800 * 1024);
	s.marks.off = 0;
	request_end(&s, request, PID, PID);
	judged(&s);
	assert_float_equal(ms(&s, SPENT_CPU, BAND_MAX), UNITS(200), 1e-6);
	assert_float_equal(ms(&s, SPENT_RUNQUEUE, BAND_MAX), UNITS(8800), 1e-6);
	stream_end(&s);
}

static void weighted(struct stream *s, uint32_t wait, uint64_t ns, uint32_t weight)
{
	struct event event = { .kind = EVENT_OFFCPU, .pid = PID, .tid = PID };

	event.offcpu = (struct event_offcpu){ .ns = ns, .weight = weight * WEIGHT_ONE, .wait = wait };
	feed(s, &event);
}

/* A hundred sleeps of a millisecond, of which one in ten is told: with its marks or without, the rest is CPU time. */
static void waits_that_stand_for_others_leave_the_rest_to_the_cpu(void **state)
{
	(void)state;

	for (int marked = 0; marked < 2; marked++) {
		struct stream s;
		uint64_t request;

		stream_marked(&s);
		request = request_begin(&s, PID, PID);
		passes(&s, 25000, 0);
		for (int i = 0; i < 100; i++) {
			passes(&s, 1000, 1000);
			if (i % 10 == 5)
				weighted(&s, WAIT_SLEEP, 1000 * 1024, 10);
		}
		s.marks.off = marked ? s.marks.off : 0;
		request_end(&s, request, PID, PID);
		judged(&s);
		assert_float_equal(ms(&s, SPENT_CPU, BAND_MAX), UNITS(25000), 1e-6);
		assert_float_equal(ms(&s, SPENT_SLEEP, BAND_MAX), UNITS(100000), 1e-6);
		stream_end(&s);
	}
}

/* In one request a wait that stands for others may come to too much: what was seen on the wire does not give way to it. */
static void what_was_seen_does_not_give_way_to_guesses(void **state)
{
	struct stream s;
	uint64_t conn, request;
	(void)state;

	stream_marked(&s);
	conn = redis_connect(&s, PID, PID, 0);
	request = request_begin(&s, PID, PID);
	passes(&s, 2000, 0);
	ask(&s, conn, PID, "GET", 1);
	passes(&s, 6000, 6000);
	reply(&s, conn, PID, 1);
	passes(&s, 2000, 2000);
	weighted(&s, WAIT_SLEEP, 500 * 1024, 8);
	request_end(&s, request, PID, PID);
	judged(&s);
	assert_float_equal(ms(&s, SPENT_CPU, BAND_MAX), UNITS(2000), 1e-6);
	assert_float_equal(ms(&s, SPENT_REDIS, BAND_MAX), UNITS(6000), 1e-6);
	assert_float_equal(part(&s, SPENT_REDIS, "GET")->ms[BAND_MAX], UNITS(6000), 1e-6);
	assert_float_equal(ms(&s, SPENT_SLEEP, BAND_MAX), UNITS(2000), 1e-6);
	stream_end(&s);
}

/* Marks tell of one request how long it was on the run queue and at locks, whatever its walked waits stand for: each took 8 times too
 * much from the round trip. */
static void run_queue_and_locks_of_one_request_are_right(void **state)
{
	struct stream s;
	uint64_t conn, request;
	(void)state;

	stream_marked(&s);
	conn = redis_connect(&s, PID, PID, 0);
	request = request_begin(&s, PID, PID);
	passes(&s, 2000, 0);
	ask(&s, conn, PID, "GET", 1);
	passes_waiting(&s, 0, 300);
	weighted(&s, WAIT_GIL, 300 * 1024, 8);
	passes(&s, 1000, 1000);
	passes_waiting(&s, 200, 0);
	weighted(&s, WAIT_RUNQUEUE, 200 * 1024, 8);
	reply(&s, conn, PID, 1);
	passes_waiting(&s, 50, 100);
	weighted(&s, WAIT_LOCK, 100 * 1024, 8);
	passes(&s, 500, 0);
	request_end(&s, request, PID, PID);
	judged(&s);
	assert_float_equal(ms(&s, SPENT_CPU, BAND_MAX), UNITS(2500), 1e-6);
	assert_float_equal(ms(&s, SPENT_REDIS, BAND_MAX), UNITS(1000), 1e-6);
	assert_float_equal(part(&s, SPENT_REDIS, "GET")->ms[BAND_MAX], UNITS(1000), 1e-6);
	assert_float_equal(ms(&s, SPENT_RUNQUEUE, BAND_MAX), UNITS(250), 1e-6);
	assert_float_equal(ms(&s, SPENT_GIL, BAND_MAX), UNITS(300), 1e-6);
	assert_float_equal(ms(&s, SPENT_LOCKS, BAND_MAX), UNITS(100), 1e-6);
	assert_float_equal(ms(&s, SPENT_ELSE, BAND_MAX), 0, 1e-6);
	stream_end(&s);
}

/* In the slowest no lock was walked: whether it was the GIL those of the other requests tell. */
static void whether_it_was_the_gil_other_requests_tell(void **state)
{
	struct stream s;
	(void)state;

	stream_marked(&s);
	for (uint32_t i = 1; i <= 2; i++) {
		uint64_t request = request_begin(&s, PID, PID);

		passes_waiting(&s, 0, i * 1000);
		if (i == 1) {
			weighted(&s, WAIT_GIL, 30 * 1024, 1);
			weighted(&s, WAIT_LOCK, 10 * 1024, 1);
		}
		request_end(&s, request, PID, PID);
	}
	judged(&s);
	assert_float_equal(ms(&s, SPENT_GIL, BAND_MAX), UNITS(1500), 1e-6);
	assert_float_equal(ms(&s, SPENT_LOCKS, BAND_MAX), UNITS(500), 1e-6);
	stream_end(&s);
}

/* A task of an event loop, or a greenlet, shares its thread; but if its request was the only one there it shared it with none. */
static void a_task_has_its_cpu_time_if_its_request_was_alone(void **state)
{
	(void)state;

	for (int shared = 0; shared < 2; shared++) {
		struct stream s;
		uint64_t request, other = 0;

		stream_marked(&s);
		for (int i = 0; i < 2; i++) { /* the first shows that this is a loop */
			request = request_begin(&s, PID, PID);
			passes(&s, 500, 0);
			if (shared)
				other = request_begin(&s, PID, PID);
			s.unit = 7;
			passes(&s, 300, 200);
			request_end(&s, request, PID, PID);
			s.unit = 0;
			if (shared) {
				passes(&s, 100, 0);
				request_end(&s, other, PID, PID);
			}
		}
		judged(&s);
		assert_int_equal(s.recording->spent.requests[BAND_MEAN], shared ? 4 : 2);
		assert_float_equal(ms(&s, SPENT_CPU, BAND_MEAN), shared ? 0 : UNITS(600), 1e-6);
		stream_end(&s);
	}
}

/* Marks that cannot be two of one thread: it was off for longer than passed, or queued for longer than off. Waits tell. */
static void marks_that_cannot_be_are_none(void **state)
{
	static const struct off_marks strange[] = { { 9000, 0, 0 }, { 1500, 700, 0 }, { 1500, 0, 700 }, { 900, 0, 0 } };
	(void)state;

	for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		struct stream s;
		uint64_t request;

		stream_marked(&s);
		request = request_begin(&s, PID, PID);
		passes(&s, 2000, 0);
		off(&s, PID, WAIT_SLEEP, 500 * 1024);
		s.marks = strange[i];
		request_end(&s, request, PID, PID);
		judged(&s);
		assert_float_equal(ms(&s, SPENT_CPU, BAND_MAX), UNITS(1500), 1e-6);
		assert_float_equal(ms(&s, SPENT_SLEEP, BAND_MAX), UNITS(500), 1e-6);
		assert_float_equal(ms(&s, SPENT_RUNQUEUE, BAND_MAX), 0, 1e-6);
		stream_end(&s);
	}
}

/* A job ends with the next pop, which has the mark. */
static void a_job_has_its_cpu_time(void **state)
{
	const struct wire_facts pop = { .protocol = PROTOCOL_REDIS, .flags = WIRE_CONFIRMED | WIRE_BLOCKING, .requests = 1 };
	struct wire_facts job = { .protocol = PROTOCOL_REDIS, .flags = WIRE_CONFIRMED | WIRE_JOB, .responses = 1 };
	struct stream s;
	uint64_t conn;
	(void)state;

	stream_marked(&s);
	conn = redis_connect(&s, PID, PID, 0);
	for (int i = 0; i < 20; i++) {
		io(&s, conn, PID, PID, WIRE_SENT, pop);
		passes(&s, 500, 500);
		io(&s, conn, PID, PID, WIRE_RECEIVED, job);
		passes(&s, 3000, 1000);
	}
	io(&s, conn, PID, PID, WIRE_SENT, pop);
	judged(&s);
	assert_int_equal(s.recording->spent.requests[BAND_MEAN], 20);
	assert_float_equal(ms(&s, SPENT_CPU, BAND_MEAN), UNITS(2000), 1e-6);
	stream_end(&s);
}

/* What one thread reads and another answers: how long each was off the CPU says nothing. Samples do. */
static void cpu_time_of_what_another_thread_answers_is_from_samples(void **state)
{
	struct stream s;
	uint64_t request;
	(void)state;

	stream_marked(&s);
	request = request_begin(&s, PID, PID);
	samples(&s, PID, 2);
	s.marks.off = 90000;
	request_end(&s, request, PID, PID + 1);
	judged(&s);
	assert_float_equal(ms(&s, SPENT_CPU, BAND_MAX), 20, 1e-6);
	stream_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpu_time_of_one_short_request_is_right),
		cmocka_unit_test(what_is_not_known_of_an_interval_its_waits_tell),
		cmocka_unit_test(a_request_that_misses_a_mark_is_told_by_its_waits),
		cmocka_unit_test(waits_that_stand_for_others_leave_the_rest_to_the_cpu),
		cmocka_unit_test(what_was_seen_does_not_give_way_to_guesses),
		cmocka_unit_test(run_queue_and_locks_of_one_request_are_right),
		cmocka_unit_test(whether_it_was_the_gil_other_requests_tell),
		cmocka_unit_test(a_task_has_its_cpu_time_if_its_request_was_alone),
		cmocka_unit_test(marks_that_cannot_be_are_none),
		cmocka_unit_test(a_job_has_its_cpu_time),
		cmocka_unit_test(cpu_time_of_what_another_thread_answers_is_from_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
