/* SPDX-License-Identifier: BSD-2-Clause */
/* decode_waits.c - records of threads that leave the CPU and come back; and those that are off it when counting begins or ends. */
#include <stdlib.h>

#include "base/clock.h"
#include "source/decode_parts.h"
#include "source/probe.h"
#include "source/waker.h"

#define WAITING_WALKS_NS 300000000ull /* for the stacks of threads that do not run, at the start and at the end */

void block_record(struct decode *decode, const struct record *record)
{
	const struct block_body *body = (const void *)(record + 1);
	const size_t before = sizeof(*record) + sizeof(*body);
	struct raw_stack raw;

	if (record->size < before || raw_stack_read((const void *)(body + 1), record->size - before, &raw)) {
		decode->malformed++;
		return;
	}
	waits_block(decode->waits, record->tid, body->seq, &body->facts,
		    &(struct wait_stack){stack_of(decode, record, &raw), raw.python_end, unit_of(decode, &raw), record->pid});
}

static void wait_ended(struct decode *decode, uint32_t pid, uint32_t tid, const struct back_body *back, uint64_t now_ns)
{
	struct event made[WAITS_EVENTS];
	size_t count = waits_back(decode->waits, tid, back, now_ns, made);

	for (size_t i = 0; i < count; i++) {
		struct event *event = event_add(decode, EVENT_OFFCPU, NULL);

		if (!event)
			return;
		*event = made[i];
		event->pid = pid;
		event->tid = tid;
		event->thread = thread_names_get(decode->threads, pid, tid);
	}
}

void back_record(struct decode *decode, const struct record *record)
{
	if (record->size < sizeof(*record) + sizeof(struct back_body))
		decode->malformed++;
	else
		wait_ended(decode, record->pid, record->tid, (const void *)(record + 1), record->time_ns);
}

/* ---- wakers ---- */

void waker_record(struct decode *decode, const struct record *record)
{
	const struct waker_body *body = (const void *)(record + 1);
	const size_t before = sizeof(*record) + sizeof(*body);
	struct connprof_recording *recording = decode->recording;
	struct raw_stack raw;
	uint32_t waker;

	if (record->size < before || raw_stack_read((const void *)(body + 1), record->size - before, &raw)) {
		decode->malformed++;
		return;
	}
	waker = waker_stack(recording->stacks, recording->strings, stack_of(decode, record, &raw), body->comm,
			    sizeof(body->comm));
	waits_waker(decode->waits, body->waiter, body->seq, waker);
}

/* ---- threads that are off the CPU all along ---- */

/* Reads a thread's stack from outside, while the time for all of them lasts. */
static struct still_stack walk_still(struct decode *decode, const struct thread_record *thread, uint64_t until_ns)
{
	struct followed *process = follow_find(decode->follow, thread->pid);

	if (!decode->still)
		decode->still = still_new(decode->frames);
	if (!process || !decode->still || clock_now_ns() >= until_ns)
		return (struct still_stack){0};
	return still_walk(decode->still, process, thread);
}

static void walk_waiting(struct decode *decode, const struct wait_thread *threads, size_t count)
{
	uint64_t until = clock_now_ns() + WAITING_WALKS_NS;

	for (size_t i = 0; i < count; i++) {
		struct still_stack still;

		if (!threads[i].back.out_ns || !(threads[i].back.flags & WAIT_AT_START))
			continue;
		still = walk_still(decode, &threads[i].thread, until);
		waits_block(decode->waits, threads[i].thread.tid, threads[i].back.seq, &threads[i].facts,
			    &(struct wait_stack){.stack = still.stack, .python_end = still.python_end});
	}
}

static void end_waiting(struct decode *decode, const struct wait_thread *threads, size_t count, uint64_t now_ns)
{
	uint64_t until = clock_now_ns() + WAITING_WALKS_NS;

	for (size_t i = 0; i < count; i++) {
		struct wait_thread found = threads[i];

		if (found.thread.on_cpu)
			found.back.out_ns = 0;
		if (found.back.out_ns && !waits_known(decode->waits, found.thread.tid, &found.back)) {
			struct still_stack still = walk_still(decode, &found.thread, until);

			found.back.seq = found.thread.tid;
			waits_block(decode->waits, found.thread.tid, found.back.seq, &found.facts,
				    &(struct wait_stack){.stack = still.stack, .python_end = still.python_end});
		}
		wait_ended(decode, found.thread.pid, found.thread.tid, &found.back, now_ns);
	}
}

static int by_tid(const void *a, const void *b)
{
	const struct wait_thread *x = a, *y = b;

	return (x->thread.tid > y->thread.tid) - (x->thread.tid < y->thread.tid);
}

/* A second look tells which of them ran while their stacks were read: those have none. */
static void look_again(struct decode *decode, struct probe *probe, const struct wait_thread *before, size_t count)
{
	struct wait_thread *after = NULL;
	int later = probe_waiting(probe, &after);

	if (later > 0)
		qsort(after, later, sizeof(*after), by_tid);
	for (size_t i = 0; i < count; i++) {
		const struct wait_thread *now = later > 0 ? bsearch(&before[i], after, later, sizeof(*after), by_tid) : NULL;

		if (before[i].back.flags & WAIT_AT_START &&
		    (!now || now->thread.switches != before[i].thread.switches || now->thread.on_cpu))
			waits_block(decode->waits, before[i].thread.tid, before[i].back.seq, &before[i].facts,
				    &(struct wait_stack){0});
	}
	free(after);
}

int decode_waits_begin(struct decode *decode, struct probe *probe)
{
	struct wait_thread *threads = NULL;
	int count = probe_waiting(probe, &threads);

	if (count > 0) {
		walk_waiting(decode, threads, count);
		look_again(decode, probe, threads, count);
	}
	free(threads);
	return count;
}

int decode_waits_end(struct decode *decode, struct probe *probe, uint64_t now_ns)
{
	struct wait_thread *threads = NULL;
	int count = probe_waiting(probe, &threads);

	if (count > 0)
		end_waiting(decode, threads, count, now_ns);
	free(threads);
	return count;
}
