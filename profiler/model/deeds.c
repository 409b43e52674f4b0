/* SPDX-License-Identifier: BSD-2-Clause */
/* deeds.c - each waiting deed is in two lists, its process's and its worker's, both in order of time. */
#include "model/deeds.h"

#include <stdlib.h>

struct waiting {
	struct waiting *prev, *next;         /* of the process */
	struct waiting *prev_own, *next_own; /* of the worker */
	struct process *process;
	struct worker *worker;
	uint64_t time_ns, suspect;
	struct deed deed;
};

static void tell(struct deeds *deeds, struct waiting *waiting, struct request *request, enum tie tie)
{
	struct deed deed = waiting->deed;

	DL_DELETE(waiting->process->deeds, waiting);
	DL_DELETE2(waiting->worker->deeds, waiting, prev_own, next_own);
	free(waiting);
	deeds->count--;
	deed.told(&deed, request, request ? tie : TIE_NONE);
}

/* Nobody claims it any more: work that went on after the response its unit has sent, or perhaps the only request's. */
static void give_up(struct deeds *deeds, struct waiting *waiting, struct request *suspect)
{
	struct request *last = waiting->worker->current;

	if (suspect && waiting->suspect == suspect->ordinal)
		tell(deeds, waiting, suspect, TIE_PROCESS);
	else if (last && last->done && request_lingers(last, waiting->time_ns))
		tell(deeds, waiting, last, TIE_TASK);
	else
		tell(deeds, waiting, NULL, TIE_NONE);
}

bool deeds_add(struct deeds *deeds, struct process *process, struct worker *worker, uint64_t time_ns, uint64_t suspect,
	       const struct deed *deed)
{
	struct waiting *waiting;

	if (deeds->count >= DEEDS_MAX && process->deeds) {
		give_up(deeds, process->deeds, NULL);
		deeds->refused++;
	}
	waiting = deeds->count < DEEDS_MAX ? calloc(1, sizeof(*waiting)) : NULL;
	if (!waiting) {
		deeds->refused++;
		return false;
	}
	waiting->process = process;
	waiting->worker = worker;
	waiting->time_ns = time_ns;
	waiting->suspect = suspect;
	waiting->deed = *deed;
	DL_APPEND(process->deeds, waiting);
	DL_APPEND2(worker->deeds, waiting, prev_own, next_own);
	deeds->count++;
	return true;
}

void deeds_claim(struct deeds *deeds, struct worker *worker, struct request *request)
{
	struct waiting *waiting;

	while ((waiting = worker->deeds)) {
		if (waiting->time_ns >= request->begin_ns)
			tell(deeds, waiting, request, TIE_TASK);
		else
			give_up(deeds, waiting, NULL);
	}
}

void deeds_expire(struct deeds *deeds, struct process *process, struct request *finished, uint64_t time_ns)
{
	uint64_t claimable = process->unclaimed ? process->unclaimed->begin_ns : UINT64_MAX;

	while (process->deeds && (process->deeds->time_ns < claimable || process->deeds->time_ns + DEED_WAIT_NS < time_ns))
		give_up(deeds, process->deeds, finished);
}

void deeds_end(struct deeds *deeds, struct process *process)
{
	while (process->deeds)
		give_up(deeds, process->deeds, NULL);
}

void deeds_free(struct process *process)
{
	struct waiting *waiting, *next;

	DL_FOREACH_SAFE(process->deeds, waiting, next)
		free(waiting);
	process->deeds = NULL;
}
