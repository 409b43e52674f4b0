/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * waits.h - a thread's leaving the CPU (BLOCK) and its return (BACK) put together into events.
 *
 * The stack is resolved when the thread leaves, while the target still has what names need. A wait that was not walked but is
 * told of all the same gets the stack that this thread had last at the same place: same instruction, same stack pointer,
 * same system call. Where there is none, a blocked one shows what its call says, and one that was put off the CPU counts to
 * those left out.
 */
#ifndef CONNPROF_SOURCE_WAITS_H
#define CONNPROF_SOURCE_WAITS_H

#include "bpf/waits.h"
#include "event.h"
#include "model/recording.h"

#define WAITS_EVENTS 4 /* one wait makes at most so many */

struct waits;

/* recording: borrowed until waits_free. NULL when out of memory. */
struct waits *waits_new(struct connprof_recording *recording);
void waits_free(struct waits *waits);

/* Where a thread was. */
struct wait_stack {
	uint32_t stack;      /* id; 0: not known */
	uint32_t python_end; /* enum python_end */
	uint32_t unit;       /* as in events */
	uint32_t pid;        /* whose thread; asked for only with facts of an interpreter's lock */
};

/* A thread leaves, or was found to have left. */
void waits_block(struct waits *waits, uint32_t tid, uint64_t seq, const struct wait_facts *facts, const struct wait_stack *where);

/* Who let it go on, as a stack: shown behind what it waited for (model/chain.h). */
void waits_waker(struct waits *waits, uint32_t tid, uint64_t seq, uint32_t waker);

/* It is back, at now_ns. Fills kind, time_ns, stack, python_end, unit and offcpu of the events; returns how many. */
size_t waits_back(struct waits *waits, uint32_t tid, const struct back_body *back, uint64_t now_ns,
		  struct event out[WAITS_EVENTS]);

/* Is the stack of this wait known? */
bool waits_known(const struct waits *waits, uint32_t tid, const struct back_body *back);

#endif
