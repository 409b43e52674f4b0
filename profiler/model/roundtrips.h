/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * roundtrips.h - call sites that send Redis commands one by one, each waiting for the answer to the one before.
 *
 * How many such round trips a request made with each command is known exactly; by which code, only of those whose stack was walked
 * for. A request's trips with a command are shared out over its walked ones of that command, so that few stacks are enough.
 */
#ifndef CONNPROF_MODEL_ROUNDTRIPS_H
#define CONNPROF_MODEL_ROUNDTRIPS_H

#include "model/recording.h"
#include "model/spent.h"

#define TRIPS_TELLING 5            /* round trips a request from which on a pipeline would tell */
#define TRIP_GROUPS_MAX (1u << 12) /* stacks and commands told apart */

struct roundtrips;

struct roundtrips *roundtrips_new(void);
void roundtrips_free(struct roundtrips *trips);

/* The intervals of a request that has ended. 0 or -ENOMEM. */
int roundtrips_request(struct roundtrips *trips, const struct purpose *purposes, size_t count);

/* The recording's trip rows as of now, by call site and command, the most time first. 0 or -ENOMEM. */
int roundtrips_fill(const struct roundtrips *trips, struct connprof_recording *recording);

/* Is it worth telling: so many in a request that a pipeline would help? */
bool roundtrips_tell(const struct trip_row *row);
/* For check --rule round-trips: each such row as a site that breaks that rule, behind the recording's sites. 0 or -ENOMEM. */
int roundtrips_judge(struct connprof_recording *recording);

#endif
