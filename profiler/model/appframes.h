/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * appframes.h - which frames are the application's own: not the standard library, not an installed package, not a system
 * library.
 *
 * A Python frame is the application's unless its file lies in lib/pythonX.Y, site-packages or dist-packages, is frozen, or is a
 * console script's launcher. A native frame is only when it lies in the target's own executable and that is not an
 * interpreter. The user's patterns (--library before --app) come before this guess.
 */
#ifndef CONNPROF_MODEL_APPFRAMES_H
#define CONNPROF_MODEL_APPFRAMES_H

#include "connprof.h"
#include "model/recording.h"

struct appframes;

/* Recording and rules are borrowed. NULL when out of memory. */
struct appframes *appframes_new(const struct connprof_recording *recording, const struct connprof_rules *rules);
void appframes_free(struct appframes *appframes);

bool appframes_own(struct appframes *appframes, uint32_t frame);

/* Position of a stack's innermost own frame, counted from the innermost frame; -1: it has none. */
int appframes_innermost(struct appframes *appframes, const uint32_t *frames, size_t count);

#endif
