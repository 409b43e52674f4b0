/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tied.h - what happens inside a request, tied to it: held until it ends, because only then its latency is known.
 *
 * A sample or a wait belongs to a request when it lies between the request's head and the last byte of its response, in the
 * thread (or unit of work) that serves it. What lies between requests belongs to none: also what a thread still does
 * after it has answered. A request that ends without an answer is as slow as its end; one that is open at the end of the
 * window is as slow as it has become by then.
 */
#ifndef CONNPROF_MODEL_TIED_H
#define CONNPROF_MODEL_TIED_H

#include "event.h"
#include "model/profile.h"
#include "model/recording.h"

#define HELD_MAX (1u << 19)         /* samples and waits held at once, for all requests: 32 MB */
#define HELD_REQUEST_MAX (1u << 17) /* of those, for one request */

struct tied;
struct purpose;

#define OFF_UNIT_NS 1024.0
#define OFF_WRAPS_NS (1024ull << 32)

enum off_known {
	OFF_UNKNOWN = 0,
	OFF_UNMARKED,  /* not told, but its waits say it about */
	OFF_KNOWN,
};

/* How long a thread was off the CPU between two moments, in OFF_UNIT_NS, as struct off_marks has it. */
struct off_span {
	uint32_t known;               /* enum off_known; else the others are 0 */
	uint32_t off, queued, locked;
};

/* ns: what passed between them. Marks that cannot be, of two threads with one number or a forged stream, are none. */
static inline struct off_span off_between(const struct off_marks *begin, const struct off_marks *end, uint64_t ns)
{
	struct off_span span = { OFF_KNOWN, end->off - begin->off, end->queued - begin->queued, end->locked - begin->locked };
	double rounded = 2 * OFF_UNIT_NS;

	if (!begin->off || !end->off || OFF_UNIT_NS * span.off > (double)ns + rounded ||
	    OFF_UNIT_NS * ((double)span.queued + span.locked) > OFF_UNIT_NS * span.off + rounded)
		return (struct off_span){ OFF_UNKNOWN };
	return span;
}

struct held {
	uint32_t stack, pid, tid, thread;
	uint64_t time_ns;
	struct event_offcpu wait; /* wait WAIT_NONE: a sample */
};

/* One request's part: embedded in struct request. All zero: not begun. */
struct work {
	uint64_t begin_ns, end_ns; /* end_ns 0: still going on */
	uint64_t queued_ns;        /* its head lay unread for so long before */
	struct off_span off;       /* of who served it, meanwhile */
	struct held *held;         /* owned */
	size_t count, capacity;
	struct purpose *purposes;  /* owned: spent.h */
	size_t purpose_count, purpose_capacity;
};

/* Both borrowed. Without CONNPROF_REQUESTS in the recording's collect nothing is held, and samples are only counted. NULL when
 * out of memory. */
struct tied *tied_new(struct connprof_recording *recording, struct profile *profile);
void tied_free(struct tied *tied);

/* Are requests asked for? A replayed stream says so only after the model was made. */
bool tied_asked(const struct tied *tied);
/* Counts an EVENT_SAMPLE or EVENT_OFFCPU in the recording's totals. */
struct held tied_take(struct tied *tied, const struct event *event);
/* Holds it for the request (NULL: none) it lies in, or gives it to the profile. 0, -ENOMEM or -E2BIG. */
int tied_put(struct tied *tied, struct work *work, const struct held *held);

void tied_begin(struct tied *tied, struct work *work, uint64_t begin_ns, uint64_t queued_ns);
/* What a connection was needed for, for the request's sake; of any length. */
void tied_purpose(struct tied *tied, struct work *work, const struct purpose *purpose);
/* A round trip to Redis that may have been for one of the requests open then, but nobody knows for which. */
void tied_missed_trip(struct tied *tied);
/* The request has ended: what was held goes to the profile. off: of who served it, between its begin and end. Later calls do nothing. */
void tied_end(struct tied *tied, struct work *work, uint64_t end_ns, struct off_span off);
/* It is no request after all: what was held goes to the profile as nobody's. Later calls do nothing. */
void tied_disown(struct tied *tied, struct work *work);
/* Frees what is held without counting it. */
void tied_forget(struct tied *tied, struct work *work);

/* Fills the recording's latencies and breakdown as of now; 0 or -ENOMEM, also when something before could not be kept. */
int tied_refresh(struct tied *tied);

#endif
