/* SPDX-License-Identifier: BSD-2-Clause */
/* spent.c - intervals made disjoint, waits cut out of them, samples counted outside of them. */
#include "model/spent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

int spent_purpose(struct work *work, const struct purpose *purpose)
{
	int code = array_reserve(&work->purposes, &work->purpose_capacity, work->purpose_count + 1, sizeof(*work->purposes),
				 PURPOSES_MAX);

	if (!code)
		work->purposes[work->purpose_count++] = *purpose;
	return code;
}

/* Where a wait of this kind goes. SPENT_NETWORK also says: to the interval it lies in, if there is one. */
static enum spent_id spent_by(uint32_t wait)
{
	static const uint8_t places[WAIT_KIND_COUNT] = {
		[WAIT_NONE] = SPENT_ELSE, [WAIT_SOCKET] = SPENT_NETWORK, [WAIT_ACCEPT] = SPENT_NETWORK, [WAIT_POLL] = SPENT_NETWORK,
		[WAIT_PIPE] = SPENT_FILES, [WAIT_FILE] = SPENT_FILES, [WAIT_DISK] = SPENT_DISK, [WAIT_PAGE] = SPENT_DISK,
		[WAIT_LOCK] = SPENT_LOCKS, [WAIT_GIL] = SPENT_GIL, [WAIT_SLEEP] = SPENT_SLEEP, [WAIT_CHILD] = SPENT_ELSE,
		[WAIT_SIGNAL] = SPENT_ELSE, [WAIT_STOPPED] = SPENT_ELSE, [WAIT_KERNEL] = SPENT_ELSE,
		[WAIT_RUNQUEUE] = SPENT_RUNQUEUE, [WAIT_UNKNOWN] = SPENT_ELSE,
	};

	return wait < WAIT_KIND_COUNT ? (enum spent_id)places[wait] : SPENT_ELSE;
}

static int by_begin(const void *a, const void *b)
{
	const struct purpose *x = a, *y = b;

	return (x->begin_ns > y->begin_ns) - (x->begin_ns < y->begin_ns);
}

/* Sorted, inside the request, and none over another. */
static void make_disjoint(struct work *work)
{
	uint64_t covered = work->begin_ns;
	size_t count = 0;

	if (work->purpose_count)
		qsort(work->purposes, work->purpose_count, sizeof(*work->purposes), by_begin);
	for (size_t i = 0; i < work->purpose_count; i++) {
		struct purpose purpose = work->purposes[i];

		if (purpose.begin_ns < covered)
			purpose.begin_ns = covered;
		if (purpose.end_ns > work->end_ns)
			purpose.end_ns = work->end_ns;
		if (purpose.end_ns <= purpose.begin_ns)
			continue;
		if (purpose.end_ns - purpose.begin_ns != work->purposes[i].end_ns - work->purposes[i].begin_ns)
			purpose.off = (struct off_span){ OFF_UNKNOWN };
		covered = purpose.end_ns;
		work->purposes[count++] = purpose;
	}
	work->purpose_count = count;
}

static void count_command(struct spent *out, const struct purpose *purpose)
{
	size_t i = 0;

	while (i < out->count && out->commands[i].command != purpose->command)
		i++;
	if (i == SPENT_COMMANDS)
		return;
	if (i == out->count)
		out->commands[out->count++] = (struct spent_command){ .command = purpose->command };
	out->commands[i].count++;
	out->commands[i].ns += (double)(purpose->end_ns - purpose->begin_ns);
}

static void add(struct spent *out, const struct purpose *purpose, double ns)
{
	out->ns[purpose->spent] += ns;
	for (size_t i = 0; purpose->spent == SPENT_REDIS && i < out->count; i++)
		if (out->commands[i].command == purpose->command)
			out->commands[i].ns += ns;
}

/* The first purpose that ends after a moment. */
static size_t first_after(const struct work *work, uint64_t ns)
{
	size_t low = 0, high = work->purpose_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (work->purposes[middle].end_ns <= ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* How much of a stretch lies in a purpose that it meets. */
static double shared_ns(const struct purpose *purpose, uint64_t begin_ns, uint64_t end_ns)
{
	uint64_t from = purpose->begin_ns > begin_ns ? purpose->begin_ns : begin_ns;
	uint64_t to = purpose->end_ns < end_ns ? purpose->end_ns : end_ns;

	return (double)(to - from);
}

/* How much of a stretch lies in purposes; weight times that is taken away from them (0: nothing), or only from those without marks. */
static double overlap(const struct work *work, uint64_t begin_ns, uint64_t end_ns, double weight, bool unmarked_only, struct spent *out)
{
	double sum = 0;

	for (size_t i = first_after(work, begin_ns); i < work->purpose_count && work->purposes[i].begin_ns < end_ns; i++) {
		const struct purpose *purpose = &work->purposes[i];
		double inside = shared_ns(purpose, begin_ns, end_ns);

		sum += inside;
		if (weight > 0 && !(unmarked_only && purpose->off.known == OFF_KNOWN))
			add(out, purpose, -weight * inside);
	}
	return sum;
}

static void sum_sample(const struct work *work, const struct held *held, uint64_t period_ns, struct spent *out)
{
	if (overlap(work, held->time_ns, held->time_ns + 1, 0, false, out) == 0)
		out->ns[SPENT_CPU] += (double)period_ns;
}

static double weight_of(const struct held *held)
{
	return held->wait.weight > WEIGHT_ONE ? (double)held->wait.weight / WEIGHT_ONE : 1;
}

bool spent_is_marked(enum spent_id place)
{
	return place == SPENT_RUNQUEUE || place == SPENT_GIL || place == SPENT_LOCKS;
}

/* A wait that was walked for several counts for them: of one request that is a guess, over many it is right. */
static void sum_wait(const struct work *work, const struct held *held, struct spent *out)
{
	uint64_t begin_ns = held->time_ns - held->wait.ns;
	double ns = (double)held->wait.ns, weight = weight_of(held);
	enum spent_id place = spent_by(held->wait.wait);
	bool marked = out->marked && spent_is_marked(place);

	if (place == SPENT_ELSE)
		return;
	if (place == SPENT_NETWORK) { /* what an interval says is more than that */
		out->ns[place] += weight * (ns - overlap(work, begin_ns, held->time_ns, 0, false, out));
	} else {
		out->ns[place] += weight * ns;
		overlap(work, begin_ns, held->time_ns, weight, marked, out);
	}
}

/* What the marks tell: of the run queue all, of locks and the GIL what they come to together. */
static void sum_marks(const struct work *work, struct spent *out)
{
	for (size_t i = 0; i < work->purpose_count; i++) {
		const struct purpose *purpose = &work->purposes[i];
		double most = (double)(purpose->end_ns - purpose->begin_ns);
		double inside = OFF_UNIT_NS * ((double)purpose->off.queued + purpose->off.locked);

		add(out, purpose, -(inside < most ? inside : most));
	}
	out->ns[SPENT_RUNQUEUE] = OFF_UNIT_NS * work->off.queued;
	out->locked_ns = OFF_UNIT_NS * work->off.locked;
}

/* How much of a wait lies in no interval. Those of which it is not known how long the thread was off the CPU are told of their part. */
static double outside(struct work *work, const struct held *held)
{
	uint64_t begin_ns = held->time_ns - held->wait.ns;
	double left = (double)held->wait.ns;

	for (size_t i = first_after(work, begin_ns); i < work->purpose_count && work->purposes[i].begin_ns < held->time_ns; i++) {
		struct purpose *purpose = &work->purposes[i];
		double inside = shared_ns(purpose, begin_ns, held->time_ns);

		left -= inside;
		if (purpose->off.known != OFF_KNOWN)
			purpose->told_ns += inside;
	}
	return left;
}

/* An interval without marks and without a wait that is told was a wait. */
static double off_inside(const struct purpose *purpose)
{
	if (purpose->off.known == OFF_KNOWN)
		return OFF_UNIT_NS * purpose->off.off;
	return purpose->told_ns > 0 ? purpose->told_ns : (double)(purpose->end_ns - purpose->begin_ns);
}

/* What is neither in an interval nor off the CPU. By waits it is about right: of those not walked nothing but their like is known. */
static double on_cpu(struct work *work, uint64_t latency_ns)
{
	double rest = (double)latency_ns, off = OFF_UNIT_NS * work->off.off, told = 0;

	for (size_t i = 0; i < work->count; i++)
		if (work->held[i].wait.wait != WAIT_NONE && work->held[i].time_ns <= work->end_ns)
			told += weight_of(&work->held[i]) * outside(work, &work->held[i]);
	for (size_t i = 0; i < work->purpose_count; i++) {
		rest -= (double)(work->purposes[i].end_ns - work->purposes[i].begin_ns);
		off -= off_inside(&work->purposes[i]);
	}
	if (work->off.known == OFF_UNMARKED)
		off = told;
	off = off > 0 ? off : 0;
	return rest > off ? rest - off : 0;
}

void spent_sum(struct work *work, uint64_t period_ns, struct spent *out)
{
	memset(out, 0, sizeof(*out));
	out->latency_ns = work->end_ns - work->begin_ns;
	out->queued_ns = work->queued_ns;
	out->marked = work->off.known == OFF_KNOWN && out->latency_ns < OFF_WRAPS_NS;
	make_disjoint(work);
	for (size_t i = 0; i < work->purpose_count; i++) {
		const struct purpose *purpose = &work->purposes[i];

		if (purpose->spent == SPENT_REDIS)
			count_command(out, purpose);
		out->ns[purpose->spent] += (double)(purpose->end_ns - purpose->begin_ns);
	}
	for (size_t i = 0; i < work->count; i++) {
		const struct held *held = &work->held[i];

		if (held->time_ns > work->end_ns)
			continue;
		if (held->wait.wait == WAIT_NONE)
			sum_sample(work, held, period_ns, out);
		else
			sum_wait(work, held, out);
	}
	out->locked_ns = out->ns[SPENT_GIL] + out->ns[SPENT_LOCKS];
	if (out->marked)
		sum_marks(work, out);
	if (out->marked || work->off.known == OFF_UNMARKED)
		out->ns[SPENT_CPU] = on_cpu(work, out->latency_ns);
}
