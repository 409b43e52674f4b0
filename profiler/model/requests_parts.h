/* SPDX-License-Identifier: BSD-2-Clause */
/* requests_parts.h - what requests.c (where requests begin and end) and whose.c (whose work is being done) share. */
#ifndef CONNPROF_MODEL_REQUESTS_PARTS_H
#define CONNPROF_MODEL_REQUESTS_PARTS_H

#include "model/deeds.h"
#include "model/requests.h"
#include "model/sketch.h"
#include "model/workers.h"

#define RECENT_REQUESTS 4096 /* whose end is remembered, also of those that are freed */

struct requests {
	struct connprof_recording *recording;
	struct groups *groups;
	struct tied *tied;
	struct workers workers;
	struct deeds deeds;
	struct request *all;
	uint64_t observed, open, peak, kept;
	uint64_t gone_workers, interleaved, refused;
	uint64_t begun;                    /* all, also such as were passed on and counted elsewhere */
	uint64_t by_protocol[PROTOCOL_COUNT];
	uint64_t behind;                   /* processes that requests were passed on to, fronts aside */
	bool marked;                       /* events tell for how long threads were off the CPU */
	uint64_t over_500ms, over_1s;
	struct sketch latency;
	struct recent {
		uint64_t ordinal, done_ns; /* 0: still open */
	} recent[RECENT_REQUESTS];         /* by ordinal */
};

/* The request is over in every way: what it touched is counted, and it is freed. */
void requests_retire(struct requests *requests, struct request *request);

/* The request that its parent was at when it forked the process; NULL: none, or it is over. */
struct request *request_inherited(const struct requests *requests, const struct process *process);

#endif
