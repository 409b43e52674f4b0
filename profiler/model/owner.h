/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner.h - whose time it was: takes samples, waits and the intervals of connections to the request they lie in, at once or,
 * where a task's request shows only when it answers, once it is known (deeds.h).
 *
 * Only what the thread or its task itself ties is a request's: that it is the only one of its process says nothing of the other threads' time.
 */
#ifndef CONNPROF_MODEL_OWNER_H
#define CONNPROF_MODEL_OWNER_H

#include "event.h"
#include "model/logsites.h"
#include "model/requests.h"
#include "model/spent.h"
#include "model/tied.h"

struct owner;

/* All borrowed. NULL when out of memory. */
struct owner *owner_new(struct requests *requests, struct tied *tied, struct logsites *logs);
void owner_free(struct owner *owner);

/* An EVENT_SAMPLE or EVENT_OFFCPU. 0, -ENOMEM or -E2BIG, also of something that came before. */
int owner_feed(struct owner *owner, const struct event *event);
/* An EVENT_LOG: counted, and again if it lies in a request. 0 or -ENOMEM. */
int owner_log(struct owner *owner, const struct event *event);
/* An interval, and an event with who asked (pid, tid, unit) and the time it ended. */
void owner_purpose(struct owner *owner, const struct event *asker, const struct purpose *purpose);
/* Nothing is fed any more: what is not known by now lies in no request. 0, -ENOMEM or -E2BIG. */
int owner_window_ends(struct owner *owner);

#endif
