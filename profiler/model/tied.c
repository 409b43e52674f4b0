/* SPDX-License-Identifier: BSD-2-Clause */
/* tied.c - samples and waits held in an array a request, given to the profile with its latency when it ends. */
#include "model/tied.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "model/breakdown.h"
#include "model/latency.h"
#include "model/roundtrips.h"
#include "model/spent.h"

struct tied {
	struct connprof_recording *recording;
	struct profile *profile;
	struct breakdown *breakdown;
	struct roundtrips *trips;
	size_t held;                  /* over all requests */
	uint64_t *requests;           /* by latency bucket */
	int failed;                   /* the first thing that could not be kept: told by the next refresh */
};

_Static_assert(sizeof(struct held) * HELD_MAX == 32u << 20, "as tied.h has it");

struct tied *tied_new(struct connprof_recording *recording, struct profile *profile)
{
	struct tied *tied = calloc(1, sizeof(*tied));

	if (!tied)
		return NULL;
	tied->recording = recording;
	tied->profile = profile;
	tied->requests = calloc(LATENCY_BUCKETS, sizeof(*tied->requests));
	tied->breakdown = breakdown_new();
	tied->trips = roundtrips_new();
	if (tied->requests && tied->breakdown && tied->trips)
		return tied;
	tied_free(tied);
	return NULL;
}

void tied_free(struct tied *tied)
{
	if (!tied)
		return;
	roundtrips_free(tied->trips);
	breakdown_free(tied->breakdown);
	free(tied->requests);
	free(tied);
}

bool tied_asked(const struct tied *tied)
{
	return tied->recording->collect & CONNPROF_REQUESTS;
}

static bool hold(struct tied *tied, struct work *work, const struct held *held)
{
	if (tied->held >= HELD_MAX ||
	    array_reserve(&work->held, &work->capacity, work->count + 1, sizeof(*work->held), HELD_REQUEST_MAX)) {
		tied->recording->unheld++;
		return false;
	}
	work->held[work->count++] = *held;
	tied->held++;
	return true;
}

static int place(struct tied *tied, const struct held *held, uint16_t latency)
{
	struct profile_row row = {
		.stack = held->stack, .pid = held->pid, .tid = held->tid, .thread = held->thread, .latency = latency,
		.wait = held->wait.wait,
	};

	if (held->wait.wait != WAIT_NONE)
		return profile_wait(tied->profile, &row, &held->wait);
	row.samples = 1;
	return profile_add(tied->profile, &row);
}

struct held tied_take(struct tied *tied, const struct event *event)
{
	struct held held = {
		.stack = event->stack, .pid = event->pid, .tid = event->tid, .thread = event->thread, .time_ns = event->time_ns,
	};

	if (event->kind == EVENT_OFFCPU) {
		held.wait = event->offcpu;
		held.wait.wait = held.wait.wait == WAIT_NONE ? WAIT_UNKNOWN : held.wait.wait;
	}
	if (event->kind == EVENT_SAMPLE || event->offcpu.ns)
		profile_count(tied->profile, event);
	return held;
}

/* Does it begin inside? A wait that only tells of others left out lies nowhere. */
static bool inside(const struct work *work, const struct held *held)
{
	if (!work || (held->wait.wait != WAIT_NONE && !held->wait.ns))
		return false;
	return held->time_ns >= held->wait.ns && held->time_ns - held->wait.ns >= work->begin_ns;
}

int tied_put(struct tied *tied, struct work *work, const struct held *held)
{
	uint16_t latency = LATENCY_NONE;

	if (tied_asked(tied) && inside(work, held)) {
		if (!work->end_ns) {
			if (hold(tied, work, held))
				return 0;
			latency = LATENCY_UNHELD;
		} else if (held->time_ns <= work->end_ns) { /* it came late */
			latency = latency_bucket(work->end_ns - work->begin_ns);
		}
	}
	return place(tied, held, latency);
}

void tied_begin(struct tied *tied, struct work *work, uint64_t begin_ns, uint64_t queued_ns)
{
	(void)tied;
	*work = (struct work){ .begin_ns = begin_ns, .queued_ns = queued_ns };
}

void tied_forget(struct tied *tied, struct work *work)
{
	tied->held -= work->count;
	free(work->held);
	free(work->purposes);
	work->held = NULL;
	work->purposes = NULL;
	work->count = work->capacity = work->purpose_count = work->purpose_capacity = 0;
}

void tied_purpose(struct tied *tied, struct work *work, const struct purpose *purpose)
{
	if (tied_asked(tied) && !work->end_ns && purpose->end_ns > purpose->begin_ns && spent_purpose(work, purpose))
		tied->recording->purposes_refused++;
}

void tied_missed_trip(struct tied *tied)
{
	tied->recording->trips_untied++;
}

static uint64_t period_ns(const struct tied *tied)
{
	const struct connprof_recording *recording = tied->recording;

	return recording->rate_hz && recording->collect & CONNPROF_SAMPLES ? 1000000000u / recording->rate_hz : 0;
}

static void remember(struct tied *tied, int code)
{
	tied->failed = tied->failed ? tied->failed : code;
}

void tied_end(struct tied *tied, struct work *work, uint64_t end_ns, struct off_span off)
{
	struct spent spent;
	uint16_t latency;

	if (work->end_ns)
		return;
	work->end_ns = end_ns > work->begin_ns ? end_ns : work->begin_ns;
	work->off = off;
	latency = latency_bucket(work->end_ns - work->begin_ns);
	tied->requests[latency]++;
	for (size_t i = 0; i < work->count; i++) {
		const struct held *held = &work->held[i];

		remember(tied, place(tied, held, held->time_ns <= work->end_ns ? latency : LATENCY_NONE));
	}
	if (tied_asked(tied)) {
		spent_sum(work, period_ns(tied), &spent);
		remember(tied, breakdown_add(tied->breakdown, latency, &spent));
		remember(tied, roundtrips_request(tied->trips, work->purposes, work->purpose_count));
	}
	tied_forget(tied, work);
}

void tied_disown(struct tied *tied, struct work *work)
{
	if (work->end_ns)
		return;
	work->end_ns = work->begin_ns;
	for (size_t i = 0; i < work->count; i++)
		remember(tied, place(tied, &work->held[i], LATENCY_NONE));
	tied_forget(tied, work);
}

int tied_refresh(struct tied *tied)
{
	struct connprof_recording *recording = tied->recording;

	recording->latency_count = 0;
	for (unsigned i = 0; tied_asked(tied) && i < LATENCY_BUCKETS; i++) {
		if (!tied->requests[i])
			continue;
		if (array_reserve(&recording->latencies, &recording->latency_capacity, recording->latency_count + 1,
				  sizeof(*recording->latencies), LATENCY_BUCKETS))
			return -ENOMEM;
		recording->latencies[recording->latency_count++] =
			(struct latency_row){ .bucket = (uint16_t)i, .requests = tied->requests[i] };
	}
	if (tied_asked(tied))
		remember(tied, breakdown_fill(tied->breakdown, recording));
	if (recording->collect & CONNPROF_ROUND_TRIPS)
		remember(tied, roundtrips_fill(tied->trips, recording));
	return tied->failed;
}
