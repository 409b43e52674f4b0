/* SPDX-License-Identifier: BSD-2-Clause */
/* still.h - the stack of a thread that is not running, read from outside: nothing is stopped for it. */
#ifndef CONNPROF_SOURCE_STILL_H
#define CONNPROF_SOURCE_STILL_H

#include "bpf/events.h"
#include "source/follow.h"
#include "source/frames.h"

struct still;

struct still_stack {
	uint32_t stack;      /* id; 0: none */
	uint32_t python_end; /* enum python_end */
	bool holds_gil;
};

/* frames: borrowed until still_free. NULL when out of memory. */
struct still *still_new(struct frames *frames);
void still_free(struct still *still);

/* By the registers it entered the kernel with. Whether it ran meanwhile is the caller's to find out. */
struct still_stack still_walk(struct still *still, struct followed *process, const struct thread_record *thread);

#endif
