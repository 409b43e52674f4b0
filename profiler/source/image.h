/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * image.h - the code a process has mapped: its executable mappings, the objects behind them, their run in the kernel's mapping
 * table, and the frames resolved by pc so far. A forked child shares its parent's until one of them maps something else.
 */
#ifndef CONNPROF_SOURCE_IMAGE_H
#define CONNPROF_SOURCE_IMAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "process/process.h"
#include "source/objects.h"
#include "source/tables.h"

struct image;

/* Reads what is executable of maps and uploads it. generation: a number no other image has had. One reference. 0, -ENOMEM or
 * -ENOSPC (no room in the table). */
int image_new(struct objects *objects, struct tables *tables, pid_t pid, const struct process_maps *maps,
	      uint32_t generation, struct image **out);
struct image *image_share(struct image *image);
/* Gives a reference back; the last one retires the run. NULL is fine. */
void image_drop(struct image *image);

/* Is the same code mapped there? */
bool image_same(const struct image *image, const struct process_maps *maps);
/* Fills target's mapping fields. */
void image_describe(const struct image *image, struct target *target);

/* The process it was read from: a fork's parent. */
pid_t image_pid(const struct image *image);

/* The object and ELF address behind a pc; NULL: none. *known: pc lies in a mapping, with an object or without. */
struct object *image_object(const struct image *image, uint64_t pc, uint64_t *address, bool *known);

/* Frame ids by key (decode's own): 0 = not yet known. */
uint32_t image_cached_frame(const struct image *image, uint64_t key);
void image_forget_frames(struct image *image);
void image_cache_frame(struct image *image, uint64_t key, uint32_t frame);

#endif
