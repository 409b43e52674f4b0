/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * late.h - what debug info adds to native frames: file, line, and the functions the compiler put one into the other.
 *
 * Reading it can take seconds, so it is done once, when everything has been recorded, for the addresses that were seen; the files
 * it will be read from were opened while the target had them.
 */
#ifndef CONNPROF_SOURCE_LATE_H
#define CONNPROF_SOURCE_LATE_H

#include "model/recording.h"
#include "source/objects.h"

struct late;

/* recording (borrowed): its stacks are looked up and changed, its notes tell what could not be read. NULL when out of memory. */
struct late *late_new(struct connprof_recording *recording);
void late_free(struct late *late);
/* The frame of this id is code of object (borrowed until late_finish). Without memory it goes without file and line. */
void late_add(struct late *late, uint32_t frame, struct object *object);
/* The frame is the same code as a known one. */
void late_add_like(struct late *late, uint32_t frame, uint32_t like);
/* Once. Reads the debug info and puts the frames it describes in place of those that were recorded. 0 or -ENOMEM. */
int late_finish(struct late *late);
/* What late_finish put in the place of what, as stacks_replace takes it (borrowed until late_free). Returns the count, 0: nothing. */
size_t late_replaced(const struct late *late, const struct frame_replacement **by_frame, const uint32_t **ids);

#endif
