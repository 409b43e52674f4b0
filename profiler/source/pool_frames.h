/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool_frames.h - which of a connecting stack's frames is a method of the pool that opens the connection (model/clients.h),
 * remembered by frame; and a number for that pool's place, so that no address of a target leaves the process.
 */
#ifndef CONNPROF_SOURCE_POOL_FRAMES_H
#define CONNPROF_SOURCE_POOL_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "model/recording.h"

struct pool_frames;

struct pool_frames *pool_frames_new(const struct connprof_recording *recording); /* borrowed; NULL when out of memory */
void pool_frames_free(struct pool_frames *frames);
bool pool_frames_has(struct pool_frames *frames, uint32_t frame);
/* 0: out of memory, or too many. */
uint32_t pool_frames_place(struct pool_frames *frames, uint64_t address);

#endif
