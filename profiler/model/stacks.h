/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stacks.h - frames and stacks, each once: value to id and back.
 *
 * A stack is a list of frame ids, innermost first, and how it ended. Id 0 is "no stack" and "no frame".
 */
#ifndef CONNPROF_MODEL_STACKS_H
#define CONNPROF_MODEL_STACKS_H

#include <stddef.h>
#include <stdint.h>

#include "frame.h"

#define STACKS_COUNT_MAX (2u << 20)
#define STACK_FRAMES_MAX 4096 /* frames in one stack; deeper ones lose their root side */

struct stacks;

struct stacks *stacks_new(void);
void stacks_free(struct stacks *stacks);

/* Ids; 0 when out of memory or past the limit (stacks_refused counts those). */
uint32_t stacks_add_frame(struct stacks *stacks, const struct frame *frame);
uint32_t stacks_add(struct stacks *stacks, const uint32_t *frames, size_t count, uint8_t end /* enum stack_end */);

/* Borrowed until the next stacks_add*; NULL for id 0 or an unknown one. */
const struct frame *stacks_frame(const struct stacks *stacks, uint32_t id);
/* Frame ids of a stack, innermost first; *count and *end (may be NULL) are filled; NULL and 0 for id 0. */
const uint32_t *stacks_get(const struct stacks *stacks, uint32_t id, size_t *count, uint8_t *end);

/* Puts other frames in the place of some, in every stack. by_frame: for each of the first frame_count ids (id 1 first) where in ids
 * what stands for it begins, and how many: 0, the frame stays. Ids of stacks stay what they are. 0, -ENOMEM or -E2BIG (nothing changed). */
struct frame_replacement {
	uint32_t first, count;
};
int stacks_replace(struct stacks *stacks, const struct frame_replacement *by_frame, size_t frame_count, const uint32_t *ids);

size_t stacks_count(const struct stacks *stacks);       /* ids run from 1 to this */
size_t stacks_frame_count(const struct stacks *stacks); /* likewise */
uint64_t stacks_refused(const struct stacks *stacks);

#endif
