/* SPDX-License-Identifier: BSD-2-Clause */
/* test_offcpu.c - waits become rows whose sums are the true ones, whatever part of them was walked. */
#include "stream.h"

#include <stdlib.h>

static uint32_t note_stack(struct stream *stream, const char *note, const char *function)
{
	struct frame leaf = {.kind = FRAME_NOTE, .function = strings_add(stream->recording->strings, note)};
	uint32_t frames[2] = {stacks_add_frame(stream->recording->stacks, &leaf), python_frame(stream, function, "/srv/app/a.py", 3)};

	return stacks_add(stream->recording->stacks, frames, 2, END_ROOT);
}

static void wait_full(struct stream *stream, uint32_t tid, uint32_t stack, struct event_offcpu offcpu)
{
	struct event event = {.kind = EVENT_OFFCPU, .pid = 7, .tid = tid, .stack = stack, .python_end = PYTHON_ROOT};

	if (!offcpu.weight)
		offcpu.weight = WEIGHT_ONE;
	event.offcpu = offcpu;
	feed(stream, &event);
}

static void begin(struct stream *stream)
{
	stream_begin(stream);
	stream->recording->collect = CONNPROF_SAMPLES | CONNPROF_OFFCPU;
}

static void finish(struct stream *stream)
{
	assert_int_equal(model_finish(stream->model, START_NS, START_NS + 1000 * MS), 0);
}

static const struct profile_row *row_of(const struct stream *stream, uint32_t stack, uint32_t tid, uint32_t wait)
{
	for (size_t i = 0; i < stream->recording->profile_count; i++) {
		const struct profile_row *row = &stream->recording->profile[i];

		if (row->stack == stack && row->tid == tid && row->wait == wait)
			return row;
	}
	fail_msg("no such row");
	return NULL;
}

static void waits_of_one_stack_thread_and_kind_make_one_row(void **state)
{
	struct stream s;
	uint32_t stack;
	(void)state;

	begin(&s);
	stack = note_stack(&s, "[waiting: sleep]", "nap");
	for (int i = 0; i < 10; i++) {
		wait_full(&s, 7, stack, (struct event_offcpu){.wait = WAIT_SLEEP, .ns = 3 * MS});
		wait_full(&s, 7, stack, (struct event_offcpu){.wait = WAIT_RUNQUEUE, .ns = MS});
		wait_full(&s, 8, stack, (struct event_offcpu){.wait = WAIT_SLEEP, .ns = 2 * MS});
	}
	finish(&s);
	assert_int_equal(s.recording->profile_count, 3);
	assert_int_equal(row_of(&s, stack, 7, WAIT_SLEEP)->off_ns, 30 * MS);
	assert_int_equal(row_of(&s, stack, 7, WAIT_SLEEP)->waits, 10);
	assert_int_equal(row_of(&s, stack, 7, WAIT_SLEEP)->samples, 0);
	assert_int_equal(row_of(&s, stack, 7, WAIT_RUNQUEUE)->off_ns, 10 * MS);
	assert_int_equal(s.recording->offcpu.ns[WAIT_SLEEP], 50 * MS);
	assert_int_equal(s.recording->offcpu.walked, 30);
	assert_int_equal(s.recording->samples, 0);
	stream_end(&s);
}

/* One in ten of a thread's waits is walked: 900 of 1 ms at one place, 100 of 5 ms at another. The truth: 900 and 500 ms. */
static void what_was_left_out_is_split_as_what_was_walked_and_the_sum_is_true(void **state)
{
	const uint64_t others = 810 * MS + 450 * MS;
	struct stream s;
	uint32_t often, rarely;
	uint64_t a, b;
	(void)state;

	begin(&s);
	often = note_stack(&s, "[waiting: lock]", "often");
	rarely = note_stack(&s, "[waiting: lock]", "rarely");
	for (int i = 0; i < 100; i++) {
		struct event_offcpu wait = {.wait = WAIT_LOCK, .ns = i % 10 ? MS : 5 * MS, .weight = 10 * WEIGHT_ONE,
					    .left_count = 9, .left_ns = others / 100};

		wait_full(&s, 7, i % 10 ? often : rarely, wait);
	}
	finish(&s);
	a = row_of(&s, often, 7, WAIT_LOCK)->off_ns;
	b = row_of(&s, rarely, 7, WAIT_LOCK)->off_ns;
	assert_in_range(a, 899 * MS, 901 * MS);
	assert_in_range(b, 499 * MS, 501 * MS);
	assert_in_range(a + b, 1400 * MS - 2, 1400 * MS);
	assert_int_equal(s.recording->offcpu.left, 900);
	assert_int_equal(s.recording->offcpu.unplaced_ns, 0);
	stream_end(&s);
}

/* The estimate alone would give thread 7 nine times what its others really took. */
static void a_threads_left_out_time_stays_with_it(void **state)
{
	struct stream s;
	uint32_t stack;
	(void)state;

	begin(&s);
	stack = note_stack(&s, "[waiting: pipe]", "reads");
	wait_full(&s, 7, stack, (struct event_offcpu){.wait = WAIT_PIPE, .ns = 9 * MS, .weight = 10 * WEIGHT_ONE,
						     .left_count = 9, .left_ns = 9 * MS});
	wait_full(&s, 8, stack, (struct event_offcpu){.wait = WAIT_PIPE, .ns = MS});
	wait_full(&s, 9, 0, (struct event_offcpu){.wait = WAIT_UNKNOWN, .left_count = 2, .left_ns = 4 * MS});
	finish(&s);
	assert_int_equal(row_of(&s, stack, 7, WAIT_PIPE)->off_ns, 18 * MS);
	assert_int_equal(row_of(&s, stack, 8, WAIT_PIPE)->off_ns, MS);
	assert_int_equal(row_of(&s, 0, 9, WAIT_UNKNOWN)->off_ns, 4 * MS);
	assert_int_equal(s.recording->offcpu.unplaced_ns, 4 * MS);
	assert_int_equal(s.recording->offcpu.left_ns, 13 * MS);
	stream_end(&s);
}

/* Time on the run queue that was left out is shared among run-queue rows only, and without estimates by what is known. */
static void the_run_queue_is_a_class_of_its_own(void **state)
{
	struct stream s;
	uint32_t one, two;
	(void)state;

	begin(&s);
	one = note_stack(&s, "[run queue]", "one");
	two = note_stack(&s, "[run queue]", "two");
	wait_full(&s, 7, one, (struct event_offcpu){.wait = WAIT_RUNQUEUE, .ns = 3 * MS, .left_count = 4, .left_ns = 8 * MS});
	wait_full(&s, 7, two, (struct event_offcpu){.wait = WAIT_RUNQUEUE, .ns = MS});
	wait_full(&s, 7, one, (struct event_offcpu){.wait = WAIT_SLEEP, .ns = 100 * MS});
	finish(&s);
	assert_int_equal(row_of(&s, one, 7, WAIT_RUNQUEUE)->off_ns, 9 * MS);
	assert_int_equal(row_of(&s, two, 7, WAIT_RUNQUEUE)->off_ns, 3 * MS);
	assert_int_equal(row_of(&s, one, 7, WAIT_SLEEP)->off_ns, 100 * MS);
	finish(&s); /* again: nothing is counted twice */
	assert_int_equal(row_of(&s, one, 7, WAIT_RUNQUEUE)->off_ns, 9 * MS);
	stream_end(&s);
}

/* ---- the GIL ---- */

static void sample(struct stream *stream, uint32_t tid, uint32_t stack, bool holds)
{
	struct event event = {.kind = EVENT_SAMPLE, .pid = 7, .tid = tid, .stack = stack, .sample.holds_gil = holds};

	feed(stream, &event);
}

static const char *name_at(const struct stream *stream, uint32_t stack, size_t from_root)
{
	size_t count = 0;
	const uint32_t *ids = stacks_get(stream->recording->stacks, stack, &count, NULL);

	assert_true(from_root < count);
	return text_of(stream, stacks_frame(stream->recording->stacks, ids[count - 1 - from_root])->function);
}

static void a_wait_for_the_gil_shows_what_its_holder_did_meanwhile(void **state)
{
	struct stream s;
	uint32_t waits, holder, other, stack;
	(void)state;

	begin(&s);
	s.recording->collect |= CONNPROF_GIL;
	waits = note_stack(&s, "[waiting: GIL]", "victim");
	holder = stack_of(&s, "crunch", "/srv/app/a.py", 9u, "worker", "/srv/app/a.py", 2u, NULL);
	other = stack_of(&s, "elsewhere", "/srv/app/a.py", 1u, NULL);
	sample(&s, 9, other, false); /* does not hold it */
	s.now_ns += 20 * MS;
	sample(&s, 8, holder, true);
	s.now_ns += 10 * MS;
	wait_full(&s, 7, waits, (struct event_offcpu){.wait = WAIT_GIL, .ns = 25 * MS, .holder = 8});
	s.now_ns += 500 * MS; /* nobody was sampled near this one */
	wait_full(&s, 7, waits, (struct event_offcpu){.wait = WAIT_GIL, .ns = 4 * MS, .holder = 8});
	finish(&s);
	assert_int_equal(s.recording->profile_count, 4);
	stack = s.recording->profile[2].stack;
	assert_int_equal(s.recording->profile[2].off_ns, 25 * MS);
	assert_string_equal(name_at(&s, stack, 0), "victim");
	assert_string_equal(name_at(&s, stack, 1), "[waiting: GIL]");
	assert_string_equal(name_at(&s, stack, 2), "--");
	assert_string_equal(name_at(&s, stack, 3), "crunch");
	assert_string_equal(name_at(&s, stack, 4), "worker");
	assert_string_equal(name_at(&s, s.recording->profile[3].stack, 3), "[holder not sampled]");
	assert_int_equal(s.recording->holder_count, 1);
	assert_int_equal(s.recording->holders[0].tid, 8);
	assert_int_equal(s.recording->holders[0].waits, 2);
	assert_int_equal(s.recording->holders[0].ns, 29 * MS);
	assert_int_equal(s.recording->holders[0].longest_ns, 25 * MS);
	stream_end(&s);
}

/* Samples of a ring that has gone round many times are found by their time; the waiter's own and other threads' are none. */
static void the_sample_is_one_of_the_holder_in_the_wait(void **state)
{
	struct stream s;
	uint32_t waits, holder, wrong;
	(void)state;

	begin(&s);
	s.recording->collect |= CONNPROF_GIL;
	waits = note_stack(&s, "[waiting: GIL]", "victim");
	holder = stack_of(&s, "crunch", "/srv/app/a.py", 9u, NULL);
	wrong = stack_of(&s, "earlier", "/srv/app/a.py", 1u, NULL);
	for (int i = 0; i < 10000; i++) {
		s.now_ns += MS;
		sample(&s, i % 2 ? 8 : 9, wrong, true);
	}
	s.now_ns += 100 * MS;
	sample(&s, 7, wrong, true); /* its own, before it lost it */
	s.now_ns += MS;
	sample(&s, 9, wrong, true);
	s.now_ns += MS;
	sample(&s, 8, holder, true);
	s.now_ns += MS;
	wait_full(&s, 7, waits, (struct event_offcpu){.wait = WAIT_GIL, .ns = 10 * MS, .holder = 8});
	finish(&s);
	for (size_t i = 0; i < s.recording->profile_count; i++)
		if (s.recording->profile[i].wait == WAIT_GIL)
			assert_string_equal(name_at(&s, s.recording->profile[i].stack, 3), "crunch");
	stream_end(&s);
}

/* The samples of a process that has ended are not those of the next one with its number. */
static void a_reused_pid_inherits_no_holder(void **state)
{
	struct stream s;
	uint32_t waits, holder;
	(void)state;

	begin(&s);
	s.recording->collect |= CONNPROF_GIL;
	waits = note_stack(&s, "[waiting: GIL]", "victim");
	holder = stack_of(&s, "crunch", "/srv/app/a.py", 9u, NULL);
	sample(&s, 8, holder, true);
	process_ends(&s, 7);
	s.now_ns += 5 * MS;
	wait_full(&s, 7, waits, (struct event_offcpu){.wait = WAIT_GIL, .ns = 10 * MS, .holder = 8});
	finish(&s);
	for (size_t i = 0; i < s.recording->profile_count; i++)
		if (s.recording->profile[i].wait == WAIT_GIL)
			assert_string_equal(name_at(&s, s.recording->profile[i].stack, 3), "[holder not sampled]");
	stream_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_of_one_stack_thread_and_kind_make_one_row),
		cmocka_unit_test(what_was_left_out_is_split_as_what_was_walked_and_the_sum_is_true),
		cmocka_unit_test(a_threads_left_out_time_stays_with_it),
		cmocka_unit_test(the_run_queue_is_a_class_of_its_own),
		cmocka_unit_test(a_wait_for_the_gil_shows_what_its_holder_did_meanwhile),
		cmocka_unit_test(the_sample_is_one_of_the_holder_in_the_wait),
		cmocka_unit_test(a_reused_pid_inherits_no_holder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
