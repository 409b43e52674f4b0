/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * talk.h - what the target waits for on one of its own connections: to be set up, or for the answer to what it sent. From the
 * events of that connection alone.
 */
#ifndef CONNPROF_MODEL_TALK_H
#define CONNPROF_MODEL_TALK_H

#include "event.h"
#include "model/spent.h"

/* All zero: nothing is waited for. */
struct talk {
	uint64_t begin_ns;       /* 0: nothing */
	uint64_t last_ns;        /* of the answer, as far as it has come; 0: nothing of it */
	uint64_t answers;        /* still to come */
	uint32_t pid, tid, unit; /* who asked */
	struct off_marks marks;  /* its thread's then, */
	struct off_marks last_marks; /* and at last_ns */
	uint32_t spent, command, stack; /* as in struct purpose */
	bool connecting;
};

/* Takes one event of the connection. True: an interval has ended, *purpose is it, and *asker has pid, tid and unit of who asked, and the
 * time it ended. */
bool talk_feed(struct talk *talk, const struct event *event, struct purpose *purpose, struct event *asker);

#endif
