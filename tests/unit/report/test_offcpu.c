/* SPDX-License-Identifier: BSD-2-Clause */
/* test_offcpu.c - time off the CPU in every profile format: one unit, and nothing lost between writing and reading. */
#include "sample.h"

static uint32_t waiting(struct connprof_recording *r, const char *note)
{
	struct frame f = {.kind = FRAME_NOTE, .function = text(r, note)};

	return stack(r, END_ROOT, 2, stacks_add_frame(r->stacks, &f), python(r, "serve", "/srv/app/wsgi.py", 10));
}

static void wait_row(struct connprof_recording *r, uint32_t stack_id, uint32_t wait, uint64_t ns)
{
	row(r, stack_id, WORKER, WORKER, "MainThread", 0);
	r->profile[r->profile_count - 1].wait = wait;
	r->profile[r->profile_count - 1].waits = 2;
	r->profile[r->profile_count - 1].off_ns = ns;
	r->stack_ends[END_ROOT] += 2;
	r->offcpu.ns[wait] += ns;
	r->offcpu.walked += 2;
	r->offcpu.walked_ns += ns;
}

/* 10 ticks at 100 Hz: 0.1 s on the CPU; 2 s for a socket, 3 ms on the run queue. */
static struct connprof_recording *wall_recording(void)
{
	struct connprof_recording *r = empty_recording();

	r->collect |= CONNPROF_OFFCPU;
	r->rate_hz = 100;
	row(r, stack(r, END_ROOT, 1, python(r, "serve", "/srv/app/wsgi.py", 10)), WORKER, WORKER, "MainThread", 10);
	wait_row(r, waiting(r, "[waiting: socket 127.0.0.1:6379]"), WAIT_SOCKET, 2000000000);
	wait_row(r, waiting(r, "[run queue]"), WAIT_RUNQUEUE, 3000400);
	assert_int_equal(array_reserve(&r->holders, &r->holder_capacity, 2, sizeof(*r->holders), 10), 0);
	r->holders[r->holder_count++] = (struct holder_row){.pid = WORKER, .tid = 817, .waits = 9, .ns = 4000000, .longest_ns = 900000};
	r->holders[r->holder_count++] = (struct holder_row){.pid = WORKER, .waits = 1, .ns = 5000000, .longest_ns = 5000000};
	r->offcpu.left = 7;
	r->offcpu.left_ns = 1234;
	return r;
}

static char *folded(const struct connprof_recording *r, enum connprof_mode mode)
{
	struct connprof_report_options options = {.format = "folded", .mode = mode};

	return render(r, CONNPROF_VIEW_PROFILE, &options, NULL);
}

static void test_counts_are_microseconds_on_and_off_the_cpu(void **state)
{
	struct connprof_recording *r = wall_recording();
	char *all = folded(r, CONNPROF_MODE_ALL), *on = folded(r, CONNPROF_MODE_CPU), *off = folded(r, CONNPROF_MODE_OFFCPU);

	(void)state;
	assert_string_equal(on, "serve (app/wsgi.py:10) 100000\n");
	assert_string_equal(off, "serve (app/wsgi.py:10);[run queue] 3000\n"
				 "serve (app/wsgi.py:10);[waiting: socket 127.0.0.1:6379] 2000000\n");
	assert_has(all, on);
	assert_has(all, off);
	assert_int_equal(strlen(all), strlen(on) + strlen(off));
	free(all);
	free(on);
	free(off);
	connprof_recording_free(r);
}

static void test_one_kind_of_wait_alone(void **state)
{
	struct connprof_recording *r = wall_recording();
	struct connprof_report_options options = {.format = "folded", .wait = "run-queue"};
	char *out = render(r, CONNPROF_VIEW_PROFILE, &options, NULL);

	(void)state;
	assert_string_equal(out, "serve (app/wsgi.py:10);[run queue] 3000\n");
	free(out);
	options.wait = "run";
	out = render(r, CONNPROF_VIEW_PROFILE, &options, NULL);
	assert_string_equal(out, "");
	free(out);
	connprof_recording_free(r);
}

static void test_the_recording_reads_back_the_same(void **state)
{
	struct connprof_recording *r = wall_recording(), *back = NULL;
	struct connprof_report_options options = {.format = "pprof"};
	struct connprof_error error = {0};
	char path[32], *bytes, *again, *a, *b;
	size_t size, again_size;

	(void)state;
	bytes = render(r, CONNPROF_VIEW_PROFILE, &options, &size);
	temporary(path, bytes, size);
	if (pprof_load(path, &back, &error))
		fail_msg("%s", error.text);
	unlink(path);
	assert_int_equal(back->profile_count, 3);
	assert_int_equal(back->profile[1].wait, WAIT_SOCKET);
	assert_int_equal(back->profile[1].waits, 2);
	assert_int_equal(back->profile[1].off_ns, 2000000000);
	assert_int_equal(back->samples, 10);
	assert_memory_equal(&back->offcpu, &r->offcpu, sizeof(r->offcpu));
	assert_int_equal(back->holder_count, 2);
	assert_memory_equal(back->holders, r->holders, 2 * sizeof(*r->holders));
	a = folded(r, CONNPROF_MODE_ALL);
	b = folded(back, CONNPROF_MODE_ALL);
	assert_string_equal(a, b);
	again = render(back, CONNPROF_VIEW_PROFILE, &options, &again_size);
	assert_int_equal(again_size, size);
	assert_memory_equal(again, bytes, size);
	free(bytes);
	free(again);
	free(a);
	free(b);
	connprof_recording_free(r);
	connprof_recording_free(back);
}

static void test_speedscope_weights_are_nanoseconds_of_both(void **state)
{
	struct connprof_recording *r = wall_recording();
	char *out = render_as(r, CONNPROF_VIEW_PROFILE, "speedscope");

	(void)state;
	assert_has(out, "\"unit\":\"nanoseconds\",\"startValue\":0,\"endValue\":2103000400");
	assert_has(out, "\"weights\":[100000000,2000000000,3000400]");
	free(out);
	connprof_recording_free(r);
}

static void test_the_picture_counts_time(void **state)
{
	struct connprof_recording *r = wall_recording();
	struct connprof_report_options options = {.format = "svg", .mode = CONNPROF_MODE_OFFCPU};
	char *out = render(r, CONNPROF_VIEW_PROFILE, &options, NULL);

	(void)state;
	assert_has(out, "time off the CPU");
	assert_has(out, "[waiting: socket 127.0.0.1:6379] (2,000,000 us");
	free(out);
	options.mode = CONNPROF_MODE_ALL;
	out = render(r, CONNPROF_VIEW_PROFILE, &options, NULL);
	assert_has(out, "time on and off the CPU");
	free(out);
	r->profile_count = 1;
	options.mode = CONNPROF_MODE_OFFCPU;
	out = render(r, CONNPROF_VIEW_PROFILE, &options, NULL);
	assert_has(out, "no waits");
	free(out);
	connprof_recording_free(r);
}

static void assert_empty_because(const struct connprof_recording *r, struct connprof_report_options options, const char *why)
{
	char *out;

	options.format = "svg";
	out = render(r, CONNPROF_VIEW_PROFILE, &options, NULL);
	assert_has(out, why);
	free(out);
}

/* That threads waited, but not for this or not for so long, is another answer than that they never waited. */
static void test_an_empty_picture_says_what_there_is_none_of(void **state)
{
	struct connprof_recording *r = wall_recording();

	(void)state;
	assert_empty_because(r, (struct connprof_report_options){.wait = "disk"}, "no waits of this kind: nothing that was followed waited so");
	r->profile_count = 1;
	assert_empty_because(r, (struct connprof_report_options){.mode = CONNPROF_MODE_OFFCPU}, "nothing that was followed was off the CPU");
	r->offcpu.min_block_ns = 1000000;
	r->offcpu.brief = 4;
	assert_empty_because(r, (struct connprof_report_options){.mode = CONNPROF_MODE_OFFCPU}, "no waits as long as --min-block asks for");
	connprof_recording_free(r);
}

static void assert_not_recorded(const struct connprof_recording *r, struct connprof_report_options options, const char *what)
{
	struct connprof_error error = {0};
	FILE *nowhere = fopen("/dev/null", "w");

	options.format = "folded";
	assert_int_equal(connprof_report_write(r, CONNPROF_VIEW_PROFILE, &options, nowhere, &error), -ENODATA);
	assert_int_equal(error.status, CONNPROF_CANNOT_OBSERVE);
	assert_has(error.text, what);
	fclose(nowhere);
}

/* Nothing would be drawn, as if nothing had happened. */
static void test_what_was_not_recorded_is_refused(void **state)
{
	struct connprof_recording *r = wall_recording();

	(void)state;
	r->collect &= ~(unsigned)CONNPROF_OFFCPU;
	assert_not_recorded(r, (struct connprof_report_options){.mode = CONNPROF_MODE_OFFCPU}, "holds no time off the CPU (record it with --mode");
	assert_not_recorded(r, (struct connprof_report_options){.wait = "lock"}, "holds no time off the CPU");
	r->collect = CONNPROF_OFFCPU;
	assert_not_recorded(r, (struct connprof_report_options){.mode = CONNPROF_MODE_CPU}, "holds no samples of time on the CPU (record it with --mode");
	connprof_recording_free(r);
}

static void test_the_summary_says_where_the_time_went_and_what_was_left_out(void **state)
{
	struct connprof_recording *r = wall_recording();
	char *out = NULL;
	size_t size;
	FILE *stream = open_memstream(&out, &size);

	(void)state;
	assert_int_equal(connprof_report_summary(r, stream, NULL), 0);
	fclose(stream);
	assert_has(out, "2.003 s off the CPU in all threads: socket 2.000 s, run queue 0.003 s\n");
	assert_has(out, "GIL held by a thread not known of 815 when 1 waits began: 0.005 s, the longest 5.0 ms\n"
			"GIL held by thread 817 of 815 when 9 waits began: 0.004 s, the longest 0.9 ms\n");
	assert_has(out, "4 waits walked (2.003 s); 7 more (0.000 s) were too many to walk");
	free(out);
	connprof_recording_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts_are_microseconds_on_and_off_the_cpu),
		cmocka_unit_test(test_one_kind_of_wait_alone),
		cmocka_unit_test(test_the_recording_reads_back_the_same),
		cmocka_unit_test(test_speedscope_weights_are_nanoseconds_of_both),
		cmocka_unit_test(test_the_picture_counts_time),
		cmocka_unit_test(test_an_empty_picture_says_what_there_is_none_of),
		cmocka_unit_test(test_what_was_not_recorded_is_refused),
		cmocka_unit_test(test_the_summary_says_where_the_time_went_and_what_was_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
