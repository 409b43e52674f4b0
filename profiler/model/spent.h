/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spent.h - where one request's time went: each moment of it in exactly one place.
 *
 * What a connection was needed for (being set up, a round trip to Redis or to another peer) is known as intervals from its
 * traffic. What the thread was kept by is known from its waits, if they are looked at. A moment goes to the run queue, the GIL, a
 * lock, … if the thread waited for that, else to the interval it lies in (the one begun first where several overlap), else to
 * whatever else the thread waited for.
 *
 * Where one thread served the request and nothing else meanwhile, its marks (struct off_marks) tell exactly how long it was on the run
 * queue, how long at locks (of which its waits tell the GIL), and how much of both lies in an interval; CPU time is what passed
 * outside of the intervals without the thread being off the CPU. Else these are estimates, from waits that may stand for others: where
 * only the marks are missing, CPU time is what the waits leave; else it is samples outside of all these times their period, a good
 * estimate over many requests, or long ones, only.
 */
#ifndef CONNPROF_MODEL_SPENT_H
#define CONNPROF_MODEL_SPENT_H

#include "event.h"
#include "model/recording.h"
#include "model/tied.h"

#define PURPOSES_MAX 4096u /* intervals kept of one request; further ones go to "everything else" (counted) */

/* One interval; end_ns > begin_ns. */
struct purpose {
	uint64_t begin_ns, end_ns;
	uint32_t spent;        /* enum spent_id: SETUP, REDIS or PEERS */
	uint32_t command;      /* REDIS: command_name(), COMMAND_PIPELINE; 0: not known */
	uint32_t stack;        /* REDIS: of the send, if it was walked for, else 0 */
	struct off_span off;   /* of the thread it was for, between its ends */
	double told_ns;        /* where that is not known, filled by spent_sum(): waits in it */
};

#define COMMAND_PIPELINE UINT32_MAX /* several commands at once */

/* 0, -ENOMEM, or -E2BIG past PURPOSES_MAX. */
int spent_purpose(struct work *work, const struct purpose *purpose);

struct spent_command {
	uint32_t command;
	uint64_t count;        /* round trips */
	double ns;
};

/* All nanoseconds. Unless marked, ns[SPENT_CPU] is not limited by what is left of the latency: on short requests it is right only
 * in sum. */
struct spent {
	double ns[SPENT_COUNT];  /* SPENT_ELSE is 0: what is left over, the reader's to compute */
	double locked_ns;        /* what ns[SPENT_GIL] and ns[SPENT_LOCKS] come to in all */
	uint64_t latency_ns, queued_ns; /* the latter comes before, and is not in the former */
	struct spent_command commands[SPENT_COMMANDS]; /* by command, the first count of them */
	size_t count;            /* further commands are in ns[SPENT_REDIS] only */
	bool marked;             /* CPU time, run queue and locked_ns are no estimates */
};

/* Is it one of those that marks tell of? */
bool spent_is_marked(enum spent_id place);

/* The sums of an ended work; sorts its purposes. period_ns: of a sample, 0 if none are taken. */
void spent_sum(struct work *work, uint64_t period_ns, struct spent *out);

#endif
