/* SPDX-License-Identifier: BSD-2-Clause */
/* gilwait.c - for each process a ring of its last samples with the GIL, in the order of time. */
#include "model/gilwait.h"

#include <errno.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/array.h"
#include "model/chain.h"

#define RING 4096u                 /* samples: 20 s of two CPUs at 99 Hz */
#define PROCESSES_MAX 4096u
#define HOLDERS_MAX 65536u
#define NEAR_NS 15000000ull        /* a sample this near to a wait still tells of its time: 1.5 periods at 99 Hz */

struct held {
	uint64_t time_ns;
	uint32_t stack, tid;
};

struct process {
	UT_hash_handle hh;
	uint32_t pid;
	uint64_t seen;             /* samples in all; the last RING of them are kept */
	struct held ring[RING];
};

struct gilwait {
	struct connprof_recording *recording;
	struct process *processes;
};

struct gilwait *gilwait_new(struct connprof_recording *recording)
{
	struct gilwait *gilwait = calloc(1, sizeof(*gilwait));

	if (gilwait)
		gilwait->recording = recording;
	return gilwait;
}

void gilwait_free(struct gilwait *gilwait)
{
	struct process *process, *next;

	if (!gilwait)
		return;
	HASH_ITER(hh, gilwait->processes, process, next) {
		HASH_DEL(gilwait->processes, process);
		free(process);
	}
	free(gilwait);
}

static struct process *process_of(const struct gilwait *gilwait, uint32_t pid)
{
	struct process *process;

	HASH_FIND(hh, gilwait->processes, &pid, sizeof(pid), process);
	return process;
}

void gilwait_exit(struct gilwait *gilwait, uint32_t pid)
{
	struct process *process = process_of(gilwait, pid);

	if (!process)
		return;
	HASH_DEL(gilwait->processes, process);
	free(process);
}

int gilwait_sample(struct gilwait *gilwait, const struct event *event)
{
	struct process *process = event->sample.holds_gil ? process_of(gilwait, event->pid) : NULL;

	if (!event->sample.holds_gil)
		return 0;
	if (!process) {
		if (HASH_COUNT(gilwait->processes) >= PROCESSES_MAX)
			return 0;
		process = calloc(1, sizeof(*process));
		if (!process)
			return -ENOMEM;
		process->pid = event->pid;
		HASH_ADD(hh, gilwait->processes, pid, sizeof(process->pid), process);
		if (!process->hh.tbl) {
			free(process);
			return -ENOMEM;
		}
	}
	process->ring[process->seen++ % RING] =
		(struct held){.time_ns = event->time_ns, .stack = event->stack, .tid = event->tid};
	return 0;
}

/* The first of the kept samples at or after a time, as a number; .seen: none. */
static uint64_t first_at(const struct process *process, uint64_t time_ns)
{
	uint64_t low = process->seen > RING ? process->seen - RING : 0, high = process->seen;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (process->ring[middle % RING].time_ns < time_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* One sample that tells what the holder did in [begin, end]; NULL: none. The waiter's own are none. */
static const struct held *pick(const struct process *process, const struct event *event)
{
	uint64_t end = event->time_ns, begin = end - event->offcpu.ns;
	uint64_t from = first_at(process, begin), to = first_at(process, end + 1);

	if (from == to) { /* a wait between two samples: the nearer */
		from = first_at(process, begin > NEAR_NS ? begin - NEAR_NS : 0);
		to = first_at(process, end + NEAR_NS);
	}
	for (uint64_t tried = 0, count = to - from; tried < count; tried++) {
		/* Any of them: the time itself is chance enough. */
		const struct held *held = &process->ring[(from + (end / 1000 + tried) % count) % RING];

		if (held->tid != event->tid && (!event->offcpu.holder || held->tid == event->offcpu.holder))
			return held;
	}
	return NULL;
}

static int count_holder(struct connprof_recording *recording, const struct event *event)
{
	struct holder_row *row = NULL;
	int code;

	for (size_t i = 0; i < recording->holder_count && !row; i++)
		if (recording->holders[i].pid == event->pid && recording->holders[i].tid == event->offcpu.holder)
			row = &recording->holders[i];
	if (!row) {
		code = array_reserve(&recording->holders, &recording->holder_capacity, recording->holder_count + 1,
				     sizeof(*recording->holders), HOLDERS_MAX);
		if (code == -E2BIG) { /* the wait counts all the same, only not by its holder */
			recording_note(recording, "more threads held the GIL than are told apart: the list of holders is not complete");
			return 0;
		}
		if (code)
			return code;
		row = &recording->holders[recording->holder_count++];
		*row = (struct holder_row){.pid = event->pid, .tid = event->offcpu.holder};
	}
	row->waits++;
	row->ns += event->offcpu.ns;
	if (event->offcpu.ns > row->longest_ns)
		row->longest_ns = event->offcpu.ns;
	return 0;
}

int gilwait_wait(struct gilwait *gilwait, struct event *event)
{
	struct connprof_recording *recording = gilwait->recording;
	const struct process *process = process_of(gilwait, event->pid);
	const struct held *held = process && event->offcpu.ns ? pick(process, event) : NULL;
	uint32_t holder;

	if (!event->offcpu.ns || !event->stack)
		return 0;
	holder = held ? held->stack : chain_note(recording->stacks, recording->strings, "[holder not sampled]");
	event->stack = chain_make(recording->stacks, recording->strings, event->stack, holder);
	return count_holder(recording, event);
}
