/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gilwait.h - who holds the GIL while others wait for it. The kernel side tells the holder's thread at the moment a wait
 * begins; what that thread did meanwhile, the samples that lie in the wait say.
 */
#ifndef CONNPROF_MODEL_GILWAIT_H
#define CONNPROF_MODEL_GILWAIT_H

#include "event.h"
#include "model/recording.h"

struct gilwait;

/* recording: borrowed. NULL when out of memory. */
struct gilwait *gilwait_new(struct connprof_recording *recording);
void gilwait_free(struct gilwait *gilwait);

/* An EVENT_SAMPLE, of a thread that may hold the GIL. 0 or -ENOMEM. */
int gilwait_sample(struct gilwait *gilwait, const struct event *event);

/* An EVENT_OFFCPU for the GIL: counts it by holder, and gives its stack the holder's behind "--": of the samples in the wait
 * one by chance, else one shortly before or after it. 0 or -ENOMEM. */
int gilwait_wait(struct gilwait *gilwait, struct event *event);

/* An EVENT_EXIT: the process's samples are forgotten; its number may soon be another's. */
void gilwait_exit(struct gilwait *gilwait, uint32_t pid);

#endif
