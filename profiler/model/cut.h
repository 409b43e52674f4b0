/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cut.h - the part of a recording that lies inside its slow requests (or inside the others), as a recording of its own that
 * any report takes.
 */
#ifndef CONNPROF_MODEL_CUT_H
#define CONNPROF_MODEL_CUT_H

#include "model/recording.h"

/* From which latency bucket on a request is slow: slower_than_ns, or if that is 0 the slowest so many percent of all (at
 * least one request, equally slow ones all). 0, or -ENODATA: the recording knows no requests. */
int cut_from(const struct connprof_recording *recording, uint64_t slower_than_ns, double slowest_percent, uint16_t *from);

/* Rows inside requests from that bucket on; normal: inside the others. What lies in no request is in neither. *out borrows all
 * of the recording but its profile: free with cut_done, before the recording. 0 or -ENOMEM. */
int cut_make(const struct connprof_recording *recording, uint16_t from, bool normal, struct connprof_recording *out);
void cut_done(struct connprof_recording *out);

#endif
