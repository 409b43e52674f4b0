/* SPDX-License-Identifier: BSD-2-Clause */
/* whose.c - for which request something is done: by the thread, the unit of work, or the process that does it. */
#include "model/requests_parts.h"

/* The request that the worker is at; one that was answered long ago is let go. */
static struct request *current_of(struct requests *requests, struct worker *worker, uint64_t time_ns)
{
	if (worker && worker->current && !request_lingers(worker->current, time_ns))
		requests_retire(requests, worker->current);
	return worker ? worker->current : NULL;
}

void requests_forked(struct requests *requests, uint32_t parent, uint32_t child)
{
	const struct process *before = process_find(&requests->workers, parent);
	struct process *after = before && before->open == 1 ? process_of(&requests->workers, child) : NULL;

	if (!after)
		return;
	after->parent = parent;
	after->inherited = before->open_list->ordinal;
}

struct request *request_inherited(const struct requests *requests, const struct process *process)
{
	const struct process *parent = process->inherited ? process_find(&requests->workers, process->parent) : NULL;
	struct request *request = parent ? parent->open_list : NULL;

	while (request && request->ordinal != process->inherited)
		request = request->next_open;
	return request;
}

struct request *requests_current(struct requests *requests, const struct event *event, enum tie *tie)
{
	struct worker *thread = worker_find(&requests->workers, event->pid, event->tid, 0);
	struct worker *unit = event->unit ? worker_find(&requests->workers, event->pid, event->tid, event->unit) : NULL;
	struct process *process = process_find(&requests->workers, event->pid);
	struct request *current = current_of(requests, unit, event->time_ns);

	*tie = TIE_TASK;
	if (current && (!current->done || !process || !process->unclaimed))
		return current;
	*tie = TIE_THREAD;
	current = current_of(requests, thread, event->time_ns);
	if (current && (!event->unit || !thread->loop))
		return current;
	*tie = TIE_NONE;
	if ((thread && thread->open && !(event->unit && thread->loop)) || !process)
		return NULL;
	current = process->open == 1 ? process->open_list : process->open ? NULL : request_inherited(requests, process);
	*tie = current ? TIE_PROCESS : TIE_NONE;
	return current;
}

/* What a task of an event loop does waits while there are requests that it may turn out to be answering. */
static bool wait(struct requests *requests, const struct event *event, const struct deed *deed)
{
	struct workers *workers = &requests->workers;
	struct worker *thread = event->unit ? worker_find(workers, event->pid, event->tid, 0) : NULL, *worker;
	struct process *process = process_find(workers, event->pid);
	uint64_t suspect;

	if (!thread || !thread->loop || !process || !process->unclaimed)
		return false;
	worker = worker_of(workers, event->pid, event->tid, event->unit, event->time_ns);
	if (!worker || (worker->current && !worker->current->done))
		return false;
	suspect = process->open == 1 ? process->open_list->ordinal : 0;
	return deeds_add(&requests->deeds, process, worker, event->time_ns, suspect, deed);
}

void requests_whose(struct requests *requests, const struct event *event, const struct deed *deed)
{
	struct deed timed = *deed;
	struct request *request;
	enum tie tie;

	timed.time_ns = event->time_ns;
	if (wait(requests, event, &timed))
		return;
	request = requests_current(requests, event, &tie);
	timed.told(&timed, request, tie);
}
