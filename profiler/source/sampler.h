/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sampler.h - one clock per CPU: a software cpu-clock event that runs the sample program each period.
 *
 * Per CPU and not per thread: a thread's own clock begins with a whole period, and with it ends what had passed of it, so threads
 * and processes that live for less than a period would never be seen (a thread or a process per request, a shell script). On a
 * CPU's clock each gets its share, however short. What others pay for it is one look-up a tick.
 */
#ifndef CONNPROF_SOURCE_SAMPLER_H
#define CONNPROF_SOURCE_SAMPLER_H

#include "connprof.h"

struct probe;
struct sampler;

/* Puts the clocks on. The probe is borrowed until sampler_free. 0, or a negative errno with the message in *error. */
int sampler_new(struct probe *probe, unsigned rate_hz, struct sampler **out, struct connprof_error *error);
void sampler_free(struct sampler *sampler);

#endif
