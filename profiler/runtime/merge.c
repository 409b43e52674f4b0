/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * merge.c - native and Python frames of one thread into one order, innermost first.
 *
 * Python slots come as runs, one per eval call: frames, then an end slot with the call's anchor, an address on the C
 * stack. Native frame i covers [CFA of i - 1, CFA of i), the innermost from sp on, so the frame that holds the anchor
 * is the eval call. Both lists go outward, so one pass with a cursor in each suffices: runs between two anchored ones
 * (a gap) are placed by order. Versions without anchors are one gap: every Python frame is a run of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "runtime/runtime.h"

#define SWITCH_CALLS_MAX 2 /* frames inside of the greenlet module's: memcpy, free */
#define SWITCH_STRAY_MAX 16 /* outside of them, half copied: a cut further away has another reason */

struct run {
	size_t first, count; /* frames in input->python */
	uint64_t anchor;     /* 0: not known */
	bool closed;         /* has its end slot; otherwise the chain was cut here */
	size_t next;         /* where the next run starts */
};

struct merger {
	const struct merge_input *in;
	struct merge_item *out;
	size_t count;
	size_t native;       /* next native frame to put */
	bool native_is_eval; /* and runs were put inside it already */
	uint64_t highest;    /* CFA of any native frame: no anchor lies above */
	size_t misses;
};

/* A mark goes with the frame before it. */
static bool is_mark(const struct merge_input *in, size_t at)
{
	return at < in->python_count && (in->python[at].a == SLOT_TASK || in->python[at].a == SLOT_SELF);
}

static bool run_at(const struct merge_input *in, size_t at, struct run *out)
{
	struct run run = {.first = at, .next = at};

	if (at >= in->python_count)
		return false;
	while (run.next < in->python_count && in->python[run.next].a) {
		run.count++;
		run.next++;
		if (in->anchor == ANCHOR_NONE && !is_mark(in, run.next))
			break;
	}
	run.closed = in->anchor == ANCHOR_NONE;
	if (run.next < in->python_count && !in->python[run.next].a) {
		run.anchor = in->python[run.next].b;
		run.closed = true;
		run.next++;
	}
	*out = run;
	return true;
}

/* The native frame, from index `from` outward, whose extent holds address; native_count: none. */
static size_t frame_holding(const struct merger *m, size_t from, uint64_t address)
{
	const struct merge_input *in = m->in;

	if (!address || in->anchor == ANCHOR_NONE || address >= m->highest)
		return in->native_count;
	for (size_t i = from; i < in->native_count; i++) {
		uint64_t low = i ? in->native[i - 1].b : in->sp;

		if (low && low <= address && address < in->native[i].b)
			return i;
	}
	return in->native_count;
}

static uint64_t code_address(const struct merge_input *in, size_t native)
{
	uint64_t pc = in->native[native].a;

	/* A return address belongs to the instruction before it. */
	return pc & SLOT_EXACT_PC ? pc & ~SLOT_EXACT_PC : pc - 1;
}

static bool is_eval(const struct merger *m, size_t native)
{
	return m->in->is_eval && m->in->is_eval(m->in->context, code_address(m->in, native));
}

static void put_run(struct merger *m, const struct run *run)
{
	for (size_t i = 0; i < run->count; i++)
		m->out[m->count++] = (struct merge_item){.slot = &m->in->python[run->first + i], .python = true};
}

static void put_native(struct merger *m, bool eval)
{
	m->out[m->count++] = (struct merge_item){.slot = &m->in->native[m->native++], .eval = eval || m->native_is_eval};
	m->native_is_eval = false;
}

/* Runs [at, end) of the Python slots have no native frame of their own; the native frames up to `limit` lie between
 * their neighbours. Puts both. */
static void put_gap(struct merger *m, size_t at, size_t end, size_t limit)
{
	size_t runs = 0, evals = 0, skip;
	bool closed = true;
	struct run run;

	for (size_t p = at; p < end && run_at(m->in, p, &run); p = run.next) {
		runs += run.count != 0;
		closed = run.closed;
	}
	if (runs && m->native_is_eval && m->native < limit)
		put_native(m, true);
	for (size_t i = m->native; runs && i < limit; i++)
		evals += is_eval(m, i);
	/* A cut chain lacks its outer frames, a whole one at most the innermost (a call that has not pushed its frame yet). */
	skip = closed && evals > runs ? evals - runs : 0;
	for (size_t p = at; p < end && run_at(m->in, p, &run); p = run.next) {
		bool found = false;

		if (!run.count)
			continue;
		while (m->native < limit && evals) {
			if (!is_eval(m, m->native)) {
				put_native(m, false);
				continue;
			}
			evals--;
			if (!skip) {
				found = true;
				break;
			}
			skip--;
			put_native(m, false);
		}
		while (!found && m->native < limit)
			put_native(m, false);
		m->misses += !found || m->in->anchor != ANCHOR_NONE;
		put_run(m, &run);
		if (found)
			put_native(m, true);
	}
}

static uint64_t highest_of(const struct merge_input *input)
{
	uint64_t highest = 0;

	for (size_t i = 0; i < input->native_count; i++)
		if (input->native[i].b > highest)
			highest = input->native[i].b;
	return highest;
}

size_t merge_stacks(const struct merge_input *input, struct merge_item *out, size_t *misses)
{
	struct merger m = {.in = input, .out = out, .highest = highest_of(input)};
	size_t at = 0, gap = 0;
	struct run run;

	while (run_at(input, at, &run)) {
		size_t holder = frame_holding(&m, m.native, run.anchor);

		at = run.next;
		if (holder == input->native_count)
			continue;
		put_gap(&m, gap, run.first, holder);
		while (m.native < holder)
			put_native(&m, false);
		put_run(&m, &run);
		m.native_is_eval = true;
		gap = at;
	}
	put_gap(&m, gap, at, input->native_count);
	while (m.native < input->native_count)
		put_native(&m, false);
	*misses = m.misses;
	return m.count;
}

/* The first native frame outside of all Python runs; native_count: there is none, or it cannot be told. */
static size_t outside(const struct merger *m)
{
	const struct merge_input *in = m->in;
	size_t edge = 0, evals = 0, at = 0;
	struct run run;

	if (in->anchor == ANCHOR_NONE) {
		size_t frames = 0;

		for (size_t i = 0; i < in->python_count; i++)
			frames += !is_mark(in, i);
		for (; evals < frames && edge < in->native_count; edge++)
			evals += is_eval(m, edge);
		return edge;
	}
	while (run_at(in, at, &run)) {
		size_t holder = frame_holding(m, 0, run.anchor);

		at = run.next;
		if (holder < in->native_count)
			edge = holder + 1;
		else if (run.count)
			edge = in->native_count; /* unless one further out is found */
	}
	return edge;
}

size_t merge_greenlet(const struct merge_input *input, bool (*is_module)(const void *context, uint64_t pc))
{
	struct merger m = {.in = input, .highest = highest_of(input)};

	for (size_t i = outside(&m); i < input->native_count; i++)
		if (is_module(input->context, code_address(input, i)))
			return i + 1;
	return 0;
}

size_t merge_switch(const struct merge_input *input, bool (*is_module)(const void *context, uint64_t pc))
{
	struct merger m = {.in = input};
	size_t at = 0, end;

	while (at < input->native_count && at < SWITCH_CALLS_MAX && !is_module(input->context, code_address(input, at)) && !is_eval(&m, at))
		at++;
	for (end = at; end < input->native_count && is_module(input->context, code_address(input, end)); end++)
		;
	return end > at && input->native_count - end <= SWITCH_STRAY_MAX ? end : 0;
}

static int by_anchor(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	if (x->anchor != y->anchor)
		return x->anchor < y->anchor ? -1 : 1;
	return (x->first > y->first) - (x->first < y->first);
}

bool merge_order_runs(const struct merge_input *input, struct slot *out)
{
	struct run runs[PYTHON_SLOTS_MAX];
	size_t count = 0, at = 0, put = 0;
	bool ordered = true;

	if (input->anchor == ANCHOR_NONE || input->python_count > PYTHON_SLOTS_MAX)
		return false;
	while (run_at(input, at, &runs[count])) {
		if (!runs[count].closed)
			runs[count].anchor = UINT64_MAX; /* cut: the last one, and it stays so */
		/* A thread state's own record ends a chain and has no frames (3.15). One with frames: the chain was caught with
		 * a record less than frames (3.10, at a return), and where its calls lie is not known. */
		if (runs[count].anchor < input->sp && !runs[count].count)
			runs[count].anchor = UINT64_MAX;
		if (!runs[count].anchor || runs[count].anchor < input->sp)
			return false;
		ordered &= !count || runs[count].anchor >= runs[count - 1].anchor;
		at = runs[count++].next;
	}
	if (ordered)
		return false;
	qsort(runs, count, sizeof(*runs), by_anchor);
	for (size_t i = 0; i < count; i++) {
		size_t slots = runs[i].next - runs[i].first;

		memcpy(out + put, input->python + runs[i].first, slots * sizeof(*out));
		put += slots;
	}
	return true;
}
