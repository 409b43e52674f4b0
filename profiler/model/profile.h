/* SPDX-License-Identifier: BSD-2-Clause */
/* profile.h - samples and waits into the recording's profile rows: one row for each (stack, process, thread, latency, wait). */
#ifndef CONNPROF_MODEL_PROFILE_H
#define CONNPROF_MODEL_PROFILE_H

#include "event.h"
#include "model/recording.h"

#define PROFILE_ROWS_MAX (2u << 20)

struct profile;

/* The recording is borrowed for the profile's life. NULL when out of memory. */
struct profile *profile_new(struct connprof_recording *recording);
void profile_free(struct profile *profile);

/* Counts one EVENT_SAMPLE or EVENT_OFFCPU in the recording's totals. */
void profile_count(struct profile *profile, const struct event *event);
/* Adds a row's samples to the row of the same key. 0, or -ENOMEM / -E2BIG when there is no room for another row. */
int profile_add(struct profile *profile, const struct profile_row *row);
/* The same for one wait, whose kind and thread the row names. */
int profile_wait(struct profile *profile, const struct profile_row *row, const struct event_offcpu *wait);
/* Brings the times of the rows with waits up to date. */
void profile_refresh(struct profile *profile);

#endif
