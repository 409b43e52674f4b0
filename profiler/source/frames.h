/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frames.h - a raw stack as the kernel brought it, made into a stack of resolved frames: order by address (runtime/merge.c),
 * names by runtime, symbol table, perf map or kallsyms. Done soon after the event, while the target still has what names need.
 */
#ifndef CONNPROF_SOURCE_FRAMES_H
#define CONNPROF_SOURCE_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/recording.h"
#include "source/follow.h"
#include "unwind/unwind.h"

struct frames;

/* recording: strings and stacks go there; merge_misses are counted there. NULL when out of memory. */
struct frames *frames_new(struct connprof_recording *recording);
void frames_free(struct frames *frames);

struct raw_stack {
	const struct slot *python, *native;
	size_t python_count, native_count;
	const uint64_t *kernel;
	size_t kernel_count;
	const void *task_name;               /* head of the running asyncio task's name object; NULL: none, or read it now */
	size_t task_name_bytes;
	uint64_t sp, unit;
	uint8_t end, python_end;
	bool holds_gil;                      /* where that was asked for */
	const struct stack_head *head;       /* where there is a copy: what libunwind goes on from; else NULL */
	const uint64_t *registers;           /* of the innermost frame, COPY_REGISTERS of them, or NULL */
	const uint8_t *copy;
};

/* A record's stack: 0, or -EINVAL when it does not fit into size bytes. Points into the record. */
int raw_stack_read(const struct stack_head *head, size_t size, struct raw_stack *out);

/* Does it go through code that was in no known mapping? Then the process should be looked at before frames_stack. */
bool raw_stack_unmapped(const struct raw_stack *raw);

/* The stack's id in recording->stacks; 0: none (empty, or no memory). process may be NULL: then addresses only. *pool, where it
 * is asked for: the pool that opens the connection, as in struct event_conn. */
uint32_t frames_stack(struct frames *frames, struct followed *process, const struct raw_stack *raw, uint32_t *pool);

/* When all has been recorded: adds to native frames what debug info tells (late.h). 0 or -ENOMEM. */
int frames_finish(struct frames *frames);
/* late_replaced. */
size_t frames_replaced(const struct frames *frames, const struct frame_replacement **by_frame, const uint32_t **ids);

#endif
