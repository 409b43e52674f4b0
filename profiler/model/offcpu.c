/* SPDX-License-Identifier: BSD-2-Clause */
/* offcpu.c - per row what is known and what is estimated, per thread what is to be shared out. */
#include "model/offcpu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/array.h"
#include "model/profile.h"

enum { BLOCKED, QUEUED, CLASSES };

/* What one class of one thread's waits came to. */
struct sums {
	double own, estimated;  /* ns; over its rows */
	uint64_t left_ns;
	uint32_t rest_row;      /* + 1: where time goes that no walked wait tells anything about; 0: none */
};

struct thread {
	UT_hash_handle hh;
	uint32_t tid;
	struct sums of[CLASSES];
};

struct share {
	struct thread *thread;  /* NULL: not an off-CPU row */
	double estimated;
	uint64_t own;
};

struct offcpu {
	struct thread *threads;
	struct share *shares;   /* by row */
	size_t count, capacity; /* all initialised */
};

struct offcpu *offcpu_new(void)
{
	return calloc(1, sizeof(struct offcpu));
}

void offcpu_free(struct offcpu *offcpu)
{
	struct thread *thread, *next;

	if (!offcpu)
		return;
	HASH_ITER(hh, offcpu->threads, thread, next) {
		HASH_DEL(offcpu->threads, thread);
		free(thread);
	}
	free(offcpu->shares);
	free(offcpu);
}

static struct thread *thread_of(struct offcpu *offcpu, uint32_t tid)
{
	struct thread *thread;

	HASH_FIND(hh, offcpu->threads, &tid, sizeof(tid), thread);
	if (thread || !(thread = calloc(1, sizeof(*thread))))
		return thread;
	thread->tid = tid;
	HASH_ADD(hh, offcpu->threads, tid, sizeof(thread->tid), thread);
	if (thread->hh.tbl)
		return thread;
	free(thread);
	return NULL;
}

static int shares_reserve(struct offcpu *offcpu, size_t row)
{
	int code = array_reserve(&offcpu->shares, &offcpu->capacity, row + 1, sizeof(*offcpu->shares), PROFILE_ROWS_MAX);

	if (code)
		return code;
	if (row >= offcpu->count)
		memset(offcpu->shares + offcpu->count, 0, (row + 1 - offcpu->count) * sizeof(*offcpu->shares));
	offcpu->count = row >= offcpu->count ? row + 1 : offcpu->count;
	return 0;
}

static int class_of(uint32_t wait)
{
	return wait == WAIT_RUNQUEUE ? QUEUED : BLOCKED;
}

int offcpu_add(struct offcpu *offcpu, struct connprof_recording *recording, const struct event_offcpu *wait, size_t row)
{
	struct thread *thread = thread_of(offcpu, recording->profile[row].tid);
	int code = thread ? shares_reserve(offcpu, row) : -ENOMEM;
	struct sums *sums;
	struct share *share;
	double estimated;

	if (code)
		return code;
	sums = &thread->of[class_of(wait->wait)];
	share = &offcpu->shares[row];
	estimated = wait->weight > WEIGHT_ONE ? (double)wait->ns * (wait->weight - WEIGHT_ONE) / WEIGHT_ONE : 0;
	share->thread = thread;
	share->own += wait->ns;
	share->estimated += estimated;
	sums->own += (double)wait->ns;
	sums->estimated += estimated;
	sums->left_ns += wait->left_ns;
	if (!wait->ns)
		sums->rest_row = (uint32_t)row + 1;
	recording->offcpu.left += wait->left_count;
	recording->offcpu.left_ns += wait->left_ns;
	if (wait->ns) {
		recording->profile[row].waits++;
		recording->offcpu.walked++;
		recording->offcpu.walked_ns += wait->ns;
	}
	return 0;
}

/* What of the left-out time falls on this row: in proportion to the estimates; where there are none, to what is known. */
static uint64_t share_of_left(const struct share *share, const struct sums *sums, bool rest)
{
	if (sums->estimated > 0)
		return (uint64_t)((double)sums->left_ns * (share->estimated / sums->estimated));
	if (sums->own > 0)
		return (uint64_t)((double)sums->left_ns * ((double)share->own / sums->own));
	return rest ? sums->left_ns : 0;
}

void offcpu_refresh(const struct offcpu *offcpu, struct connprof_recording *recording)
{
	struct offcpu_row *all = &recording->offcpu;

	memset(all->ns, 0, sizeof(all->ns));
	all->unplaced_ns = 0;
	for (size_t i = 0; i < offcpu->count && i < recording->profile_count; i++) {
		const struct share *share = &offcpu->shares[i];
		struct profile_row *row = &recording->profile[i];
		const struct sums *sums;
		bool rest;

		if (!share->thread || row->wait >= WAIT_KIND_COUNT)
			continue;
		sums = &share->thread->of[class_of(row->wait)];
		rest = sums->rest_row == i + 1;
		row->off_ns = share->own + share_of_left(share, sums, rest);
		all->ns[row->wait] += row->off_ns;
		if (rest && !share->own)
			all->unplaced_ns += row->off_ns;
	}
}
