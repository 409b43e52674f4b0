/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * deeds.h - what units of work have done for requests that are not known yet; internal to requests.c and whose.c.
 *
 * In an event loop the head of a request is read by the loop itself, and a task then works on it. Whose work that was shows
 * when the task sends the response. So its deeds wait: until their unit begins to answer a request that had come by then, or until
 * no request is left that it could still be (then the deed is nobody's, or the only request's that was open at the time).
 */
#ifndef CONNPROF_MODEL_DEEDS_H
#define CONNPROF_MODEL_DEEDS_H

#include "model/workers.h"

#define DEEDS_MAX (1u << 17)       /* waiting at once; past it the oldest of the process are nobody's */
#define DEED_WAIT_NS 60000000000u  /* and so are those that have waited for a minute */

struct deeds {
	size_t count;
	uint64_t refused; /* told as nobody's for want of room or memory */
};

/* false: no memory, or no room. suspect: ordinal of the only request open then, 0: there are several. */
bool deeds_add(struct deeds *deeds, struct process *process, struct worker *worker, uint64_t time_ns, uint64_t suspect,
	       const struct deed *deed);
/* The worker begins to answer request: tells its deeds whose they were. */
void deeds_claim(struct deeds *deeds, struct worker *worker, struct request *request);
/* One of the process's requests has been finished or claimed: tells the deeds that no other is left to wait for. */
void deeds_expire(struct deeds *deeds, struct process *process, struct request *finished, uint64_t time_ns);
/* The process has ended: its deeds are told as they stand. */
void deeds_end(struct deeds *deeds, struct process *process);
/* Frees the process's deeds without a word. */
void deeds_free(struct process *process);

#endif
