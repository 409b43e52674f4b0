/* SPDX-License-Identifier: BSD-2-Clause */
/* profile.h - samples into the recording's profile rows: one row for each (stack, process, thread, latency). */
#ifndef CONNPROF_MODEL_PROFILE_H
#define CONNPROF_MODEL_PROFILE_H

#include "event.h"
#include "model/recording.h"

#define PROFILE_ROWS_MAX (2u << 20)

struct profile;

/* The recording is borrowed for the profile's life. NULL when out of memory. */
struct profile *profile_new(struct connprof_recording *recording);
void profile_free(struct profile *profile);

/* Counts one EVENT_SAMPLE in the recording's totals. */
void profile_count(struct profile *profile, const struct event *event);
/* Adds a row's samples to the row of the same key. 0, or -ENOMEM / -E2BIG when there is no room for another row. */
int profile_add(struct profile *profile, const struct profile_row *row);

#endif
