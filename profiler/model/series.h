/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * series.h - connections over time: how many were opened in each window, and how many were open at its end, for each peer.
 *
 * How long a recording will be is not known, so windows begin narrow; each time they are full, every two become one that is twice as
 * wide. Memory and work are the same for a second and for a week.
 */
#ifndef CONNPROF_MODEL_SERIES_H
#define CONNPROF_MODEL_SERIES_H

#include "model/recording.h"

#define SERIES_NONE UINT32_MAX

struct series;

struct series *series_new(void); /* NULL when out of memory */
void series_free(struct series *series);

/* A connection to that peer was begun. Returns what series_closed wants to know of it. */
uint32_t series_opened(struct series *series, const struct endpoint *peer, uint64_t time_ns);
/* It was closed, or has failed. SERIES_NONE: nothing is done. */
void series_closed(struct series *series, uint32_t row, uint64_t time_ns);

/* The recording's series as of end_ns. 0 or -ENOMEM. */
int series_fill(struct series *series, struct connprof_recording *recording, uint64_t start_ns, uint64_t end_ns);

#endif
