/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model.h - events in, recording out. A pure function of the event stream: the same events give the same recording.
 *
 * model_new attaches to an empty recording (whose strings and stacks the events' ids refer to); each event is fed in time
 * order; model_finish closes the window and fills what is only known at the end (sites, quantiles). model_refresh does
 * the same for a live table, and may be called at any moment.
 */
#ifndef CONNPROF_MODEL_MODEL_H
#define CONNPROF_MODEL_MODEL_H

#include "event.h"
#include "model/recording.h"

struct model;

/* Sets recording->model. NULL when out of memory. */
struct model *model_new(struct connprof_recording *recording);
/* 0, or -ENOMEM (the event is then not in the recording). */
int model_feed(struct model *model, const struct event *event);
/* end_ns: CLOCK_MONOTONIC end of the window; start_ns: its beginning. */
int model_refresh(struct model *model, uint64_t start_ns, uint64_t end_ns);
int model_finish(struct model *model, uint64_t start_ns, uint64_t end_ns);
void model_free(struct model *model);

#endif
