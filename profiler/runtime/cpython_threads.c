/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpython_threads.c - the interpreter's thread states, and where a thread's own block points to its state.
 *
 * A thread state's thread_id is pthread_self(), which with glibc and musl on x86-64 is the thread pointer (fsbase): the
 * address of the thread's control block, whose first word is that address again (System V ABI, TLS variant II). The
 * state pointer is kept in the block as thread-specific data (up to 3.14), or below it in a thread-local variable (3.15);
 * which word it is, is found by looking: the word that holds the own state pointer in most threads. So no libc's and no
 * linker's layout is written down here, and a wrong word does no harm: its reader checks the thread id in what it finds.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "runtime/cpython.h"

#define BLOCK_BYTES 0x900         /* of a thread block that are searched: glibc's whole struct pthread */
#define BLOCK_WORDS (BLOCK_BYTES / 8)
#define BLOCK_DATA 0x310          /* thread-specific data lies behind glibc's own fields: breaks ties of a lone thread */
#define BELOW_BYTES 0x1000        /* below it: thread-local variables of what was loaded at the start */
#define BELOW_WORDS (BELOW_BYTES / 8)
#define NEIGHBOURS 8              /* words: variables of one object's thread-local section */
#define SAMPLE_THREADS 64         /* threads that vote */
#define INTERPRETERS_MAX 256

static uint64_t word_at(const uint8_t *bytes, size_t offset)
{
	uint64_t word;

	memcpy(&word, bytes + offset, sizeof(word));
	return word;
}

static int add_thread(const struct runtime *runtime, uint64_t interp, uint64_t state, struct cpython_threads *threads,
		      uint64_t *next)
{
	const struct cpython_version *v = &runtime->version;
	struct cpython_thread thread = {.state = state, .interp = interp};
	uint8_t bytes[CPYTHON_TSTATE_BYTES] = {0};
	uint64_t self = 0;
	ssize_t n = process_read_some(runtime->pid, state, bytes, sizeof(bytes)); /* old ones are smaller than that */
	int code;

	if (n < v->layout.tstate_thread_id + 8)
		return n < 0 ? (int)n : -EFAULT;
	thread.fsbase = word_at(bytes, v->layout.tstate_thread_id);
	thread.interp_agrees = word_at(bytes, v->layout.tstate_interp) == interp;
	if (v->tstate_native_id != CPYTHON_NO_FIELD)
		thread.native_id = (uint32_t)word_at(bytes, v->tstate_native_id);
	thread.block_agrees = thread.fsbase && process_read(runtime->pid, thread.fsbase, &self, sizeof(self)) == 0 &&
			      self == thread.fsbase;
	code = array_reserve(&threads->items, &threads->capacity, threads->count + 1, sizeof(*threads->items),
			     CPYTHON_THREADS_MAX);
	if (code)
		return code;
	threads->items[threads->count++] = thread;
	*next = word_at(bytes, v->layout.tstate_next);
	return 0;
}

static int load_lists(const struct runtime *runtime, struct cpython_threads *threads)
{
	const struct cpython_version *v = &runtime->version;
	uint64_t interp, state, seen;
	int code = process_read(runtime->pid, runtime->root + v->interpreters_head, &interp, sizeof(interp));

	if (code)
		return code;
	for (; interp; threads->interps++) {
		if (threads->interps == INTERPRETERS_MAX)
			return -EFAULT;
		seen = 0;
		code = process_read(runtime->pid, interp + v->interp_threads_head, &state, sizeof(state));
		for (size_t steps = 0, turn = 1; !code && state && state != seen; steps++) {
			if (steps == turn) { /* in a circle this place will be met again */
				seen = state;
				turn *= 2;
			}
			code = add_thread(runtime, interp, state, threads, &state);
		}
		if (!code && state)
			code = -EFAULT;
		if (!code)
			code = process_read(runtime->pid, interp + v->interp_next, &interp, sizeof(interp));
		if (code)
			return code;
	}
	return 0;
}

int cpython_threads_load(const struct runtime *runtime, struct cpython_threads *out)
{
	struct cpython_threads threads = {0};
	int code = load_lists(runtime, &threads);

	if (code) {
		cpython_threads_done(&threads);
		return code == -E2BIG ? -EFAULT : code; /* endless: not a list */
	}
	*out = threads;
	return 0;
}

void cpython_threads_done(struct cpython_threads *threads)
{
	free(threads->items);
	memset(threads, 0, sizeof(*threads));
}

/* ---- calibration ---- */

struct votes {
	uint16_t state[BLOCK_WORDS];      /* threads whose word is their state pointer */
	uint16_t below[BELOW_WORDS];      /* the same below the block */
	uint16_t tid[BLOCK_BYTES / 4];    /* threads whose u32 is the id of a living thread, and not the last voter's */
	uint32_t last_tid[BLOCK_BYTES / 4];
	unsigned voters;
};

static int by_tid(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Sorted ids of the living threads, as the target sees them: count or a negative errno; *out owned. */
static int living_threads(const struct runtime *runtime, uint32_t **out)
{
	pid_t *tids;
	uint32_t *living;
	int count = process_threads(runtime->pid, &tids);

	if (count < 0)
		return count;
	living = calloc((size_t)count, sizeof(*living));
	for (int i = 0; living && i < count; i++)
		living[i] = (uint32_t)(runtime->namespaced ? process_thread_namespaced(runtime->pid, tids[i]) : tids[i]);
	free(tids);
	if (!living)
		return -ENOMEM;
	qsort(living, (size_t)count, sizeof(*living), by_tid);
	*out = living;
	return count;
}

static void vote(const struct runtime *runtime, const struct cpython_thread *thread, const uint32_t *living, size_t count,
		 struct votes *votes)
{
	uint8_t block[BLOCK_BYTES];
	ssize_t n = process_read_some(runtime->pid, thread->fsbase, block, sizeof(block));

	if (n < 8)
		return;
	votes->voters++;
	for (size_t at = 0; at + 8 <= (size_t)n; at += 8)
		votes->state[at / 8] += word_at(block, at) == thread->state;
	for (size_t at = 0; at + 4 <= (size_t)n; at += 4) {
		uint32_t value;

		memcpy(&value, block + at, sizeof(value));
		if (value && value != votes->last_tid[at / 4] && bsearch(&value, living, count, sizeof(value), by_tid))
			votes->tid[at / 4]++;
		votes->last_tid[at / 4] = value;
	}
}

/* The words below a thread block; what is not readable there (the main thread's may begin a mapping) stays 0. */
static void vote_below(const struct runtime *runtime, const struct cpython_thread *thread, struct votes *votes)
{
	uint8_t bytes[BELOW_BYTES] = {0};
	uint64_t start = thread->fsbase - BELOW_BYTES;
	uint64_t page = (thread->fsbase - 1) & ~(uint64_t)(PAGE_BYTES - 1);
	size_t cut = (size_t)(page - start);

	if (thread->fsbase < BELOW_BYTES)
		return;
	process_read(runtime->pid, start, bytes, cut);
	process_read(runtime->pid, page, bytes + cut, BELOW_BYTES - cut);
	for (size_t i = 0; i < BELOW_WORDS; i++)
		votes->below[i] += word_at(bytes, i * 8) == thread->state;
}

/* The offset with most votes, of a majority and no second like it; 0: none. */
static uint64_t elect_state(const struct votes *votes, size_t from)
{
	size_t best = 0, equals = 0;

	for (size_t i = from / 8; i < BLOCK_WORDS; i++) {
		if (votes->state[i] > votes->state[best] || (!best && votes->state[i])) {
			best = i;
			equals = 1;
		} else if (votes->state[i] && votes->state[i] == votes->state[best]) {
			equals++;
		}
	}
	return best && equals == 1 && votes->state[best] * 2u > votes->voters ? best * 8 : 0;
}

/* Below the block, a thread that holds the GIL has its state in two variables side by side, and its stack, farther below,
 * may hold it too. Of words with equal votes the nearest to the block is in the right section, and the lowest of that
 * section is the one that is kept without the GIL: compilers place the variables declared last lowest. 0: none. */
static uint64_t elect_below(const struct votes *votes)
{
	size_t best = BELOW_WORDS, neighbour;

	for (size_t i = BELOW_WORDS; i-- > 0;)
		if (votes->below[i] && (best == BELOW_WORDS || votes->below[i] > votes->below[best]))
			best = i;
	if (best == BELOW_WORDS || votes->below[best] * 2u <= votes->voters)
		return 0;
	neighbour = best;
	for (size_t i = best; i-- > 0 && best - i < NEIGHBOURS;)
		if (votes->below[i] == votes->below[best])
			neighbour = i;
	return (uint64_t)neighbour * 8 - BELOW_BYTES; /* negative: added to fsbase it wraps */
}

static uint32_t elect_tid(const struct votes *votes)
{
	size_t best = 0;

	for (size_t i = 1; i < BLOCK_BYTES / 4; i++)
		if (votes->tid[i] > votes->tid[best])
			best = i;
	return best && votes->tid[best] * 2u > votes->voters ? (uint32_t)best * 4 : 0;
}

void cpython_threads_calibrate(struct runtime *runtime, const struct cpython_threads *threads)
{
	struct votes *votes = calloc(1, sizeof(*votes));
	uint32_t *living = NULL;
	int count = living_threads(runtime, &living);

	if (!votes || count < 0) {
		free(votes);
		return;
	}
	for (size_t i = 0; i < threads->count && votes->voters < SAMPLE_THREADS; i++)
		if (threads->items[i].block_agrees) {
			vote(runtime, &threads->items[i], living, (size_t)count, votes);
			vote_below(runtime, &threads->items[i], votes);
		}
	runtime->state.tstate_at_fsbase = elect_state(votes, BLOCK_DATA);
	if (!runtime->state.tstate_at_fsbase)
		runtime->state.tstate_at_fsbase = elect_state(votes, 8);
	if (!runtime->state.tstate_at_fsbase)
		runtime->state.tstate_at_fsbase = elect_below(votes);
	runtime->tid_at_fsbase = elect_tid(votes);
	free(living);
	free(votes);
}

/* ---- one thread ---- */

static uint64_t state_by_block(const struct runtime *runtime, uint64_t fsbase)
{
	uint64_t state, thread_id;

	if (!runtime->state.tstate_at_fsbase || !fsbase ||
	    process_read(runtime->pid, fsbase + runtime->state.tstate_at_fsbase, &state, sizeof(state)) || !state ||
	    process_read(runtime->pid, state + runtime->version.layout.tstate_thread_id, &thread_id, sizeof(thread_id)) ||
	    thread_id != fsbase)
		return 0;
	return state;
}

static bool block_has_tid(const struct runtime *runtime, const struct cpython_thread *thread, uint32_t tid)
{
	uint32_t found;

	return runtime->tid_at_fsbase && thread->block_agrees &&
	       process_read(runtime->pid, thread->fsbase + runtime->tid_at_fsbase, &found, sizeof(found)) == 0 && found == tid;
}

static uint64_t thread_state(const struct runtime *runtime, pid_t tid, uint64_t fsbase)
{
	uint64_t state = state_by_block(runtime, fsbase), by_native_id = 0;
	struct cpython_threads threads;
	uint32_t inner = (uint32_t)tid;

	if (state || cpython_threads_load(runtime, &threads))
		return state;
	if (!fsbase && runtime->namespaced)
		inner = (uint32_t)process_thread_namespaced(runtime->pid, tid);
	for (size_t i = 0; i < threads.count && !state; i++) {
		const struct cpython_thread *thread = &threads.items[i];

		if (fsbase ? thread->fsbase == fsbase : block_has_tid(runtime, thread, inner))
			state = thread->state;
		else if (!fsbase && thread->native_id == inner) /* may be its parent's, after a fork */
			by_native_id = thread->state;
	}
	cpython_threads_done(&threads);
	return state ? state : by_native_id;
}

size_t cpython_thread_states(const struct runtime *runtime, pid_t tid, uint64_t fsbase, uint64_t states[CPYTHON_STATES_MAX])
{
	uint64_t state = thread_state(runtime, tid, fsbase);
	struct cpython_threads threads;
	size_t count = 0;

	if (state && runtime->state.interpreters > 1 && !cpython_threads_load(runtime, &threads)) {
		for (size_t i = 0; i < threads.count && !fsbase; i++)
			if (threads.items[i].state == state)
				fsbase = threads.items[i].fsbase;
		for (size_t i = 0; i < threads.count && count < CPYTHON_STATES_MAX; i++)
			if (threads.items[i].fsbase == fsbase)
				states[count++] = threads.items[i].state;
		cpython_threads_done(&threads);
	}
	if (!count && state)
		states[count++] = state;
	return count;
}

uint32_t cpython_interpreters(const struct runtime *runtime)
{
	uint64_t interp = 0;
	uint32_t count = 0;

	if (process_read(runtime->pid, runtime->root + runtime->version.interpreters_head, &interp, sizeof(interp)))
		return 0;
	for (; interp && count < INTERPRETERS_MAX; count++)
		if (process_read(runtime->pid, interp + runtime->version.interp_next, &interp, sizeof(interp)))
			return 0;
	return count;
}

bool cpython_holds_gil(const struct runtime *runtime, uint64_t state)
{
	const struct python_state *s = &runtime->state;
	uint64_t interp, gil, holder;
	int32_t locked;

	if (s->gil_holder)
		return process_read(runtime->pid, s->gil_holder, &holder, sizeof(holder)) == 0 && holder == state;
	return s->interp_gil && process_read(runtime->pid, state + s->layout.tstate_interp, &interp, sizeof(interp)) == 0 &&
	       process_read(runtime->pid, interp + s->interp_gil, &gil, sizeof(gil)) == 0 &&
	       process_read(runtime->pid, gil + s->gil_last_holder, &holder, sizeof(holder)) == 0 &&
	       process_read(runtime->pid, gil + s->gil_locked, &locked, sizeof(locked)) == 0 && locked == 1 && holder == state;
}
