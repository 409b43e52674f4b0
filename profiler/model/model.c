/* SPDX-License-Identifier: BSD-2-Clause */
/* model.c - hands each event to the model it is for. */
#include "model/model.h"

#include <errno.h>
#include <stdlib.h>

#include "model/conns.h"
#include "model/gilwait.h"
#include "model/owner.h"
#include "model/processes.h"
#include "model/profile.h"
#include "model/requests.h"
#include "model/state.h"
#include "model/verdict.h"

struct model {
	struct connprof_recording *recording;
	struct processes *processes;
	struct profile *profile;
	struct gilwait *gilwait;
	struct tied *tied;
	struct logsites *logs;
	struct owner *owner;
	struct groups *groups;
	struct requests *requests;
	struct conns *conns;
	uint64_t start_ns, end_ns; /* as of the last refresh */
};

struct model *model_new(struct connprof_recording *recording)
{
	struct model *model = calloc(1, sizeof(*model));

	if (!model)
		return NULL;
	model->recording = recording;
	model->processes = processes_new(recording);
	model->profile = profile_new(recording);
	model->gilwait = gilwait_new(recording);
	model->tied = model->profile ? tied_new(recording, model->profile) : NULL;
	model->groups = groups_new();
	model->requests = model->groups && model->tied ? requests_new(recording, model->groups, model->tied) : NULL;
	model->logs = logsites_new(recording);
	model->owner = model->requests && model->logs ? owner_new(model->requests, model->tied, model->logs) : NULL;
	model->conns = model->owner ? conns_new(recording, model->groups, model->requests, model->owner) : NULL;
	if (!model->processes || !model->profile || !model->gilwait || !model->conns) {
		model_free(model);
		return NULL;
	}
	recording->model = model;
	return model;
}

void model_free(struct model *model)
{
	if (!model)
		return;
	if (model->recording->model == model)
		model->recording->model = NULL;
	conns_free(model->conns);
	requests_free(model->requests);
	owner_free(model->owner);
	logsites_free(model->logs);
	groups_free(model->groups);
	tied_free(model->tied);
	gilwait_free(model->gilwait);
	profile_free(model->profile);
	processes_free(model->processes);
	free(model);
}

/* On the CPU, or off it. */
static int thread_time(struct model *model, const struct event *event)
{
	struct event chained = *event;
	int code = 0;

	if (model->recording->collect & CONNPROF_GIL && event->kind == EVENT_SAMPLE)
		code = gilwait_sample(model->gilwait, event);
	else if (model->recording->collect & CONNPROF_GIL && event->offcpu.wait == WAIT_GIL)
		code = gilwait_wait(model->gilwait, &chained);
	return code ? code : owner_feed(model->owner, &chained);
}

int model_feed(struct model *model, const struct event *event)
{
	switch (event->kind) {
	case EVENT_SAMPLE:
	case EVENT_OFFCPU:
		return thread_time(model, event);
	case EVENT_LOG:
		return owner_log(model->owner, event);
	case EVENT_PROCESS:
		if (event->process.parent && event->process.parent != event->pid)
			requests_forked(model->requests, event->process.parent, event->pid);
		return processes_add(model->processes, event);
	case EVENT_EXIT:
		processes_exit(model->processes, event->pid);
		gilwait_exit(model->gilwait, event->pid);
		requests_exit(model->requests, event->pid, event->time_ns);
		return 0;
	case EVENT_LOST:
		if (event->lost.reason < DROP_COUNT)
			model->recording->drops[event->lost.reason] += event->lost.count;
		return 0;
	default:
		return event->kind < EVENT_KIND_COUNT ? conns_feed(model->conns, event) : 0;
	}
}

void model_parts(const struct model *model, struct model_parts *out)
{
	*out = (struct model_parts){
		.recording = model->recording, .groups = model->groups, .conns = model->conns, .requests = model->requests,
		.start_ns = model->start_ns, .end_ns = model->end_ns,
	};
}

int model_refresh(struct model *model, uint64_t start_ns, uint64_t end_ns)
{
	struct connprof_recording *recording = model->recording;
	struct model_parts parts;
	struct conns_totals totals;
	struct requests_totals served;
	int code;

	model->start_ns = start_ns;
	model->end_ns = end_ns;
	recording->seconds = end_ns > start_ns ? (double)(end_ns - start_ns) / 1e9 : 0;
	recording->stacks_refused = stacks_refused(recording->stacks);
	conns_totals(model->conns, &totals);
	recording->connections = totals.opened;
	recording->preexisting = totals.preexisting;
	recording->accepted = totals.accepted;
	recording->connections_refused = totals.refused;
	requests_totals(model->requests, &served);
	recording->requests_refused = served.refused;
	recording->deeds_refused = served.deeds_refused;
	requests_summary(model->requests, &recording->requests);
	code = tied_refresh(model->tied);
	profile_refresh(model->profile);
	code = code ? code : conns_over_time(model->conns, start_ns, end_ns);
	if (!code && recording->collect & CONNPROF_LOGS)
		code = logsites_fill(model->logs, recording);
	model_parts(model, &parts);
	return code ? code : verdict_make(recording, &parts, &verdict_default_rules, false);
}

int model_finish(struct model *model, uint64_t start_ns, uint64_t end_ns)
{
	int code;

	conns_window_ends(model->conns, end_ns);
	code = owner_window_ends(model->owner);
	requests_window_ends(model->requests, end_ns);
	code = code ? code : model_refresh(model, start_ns, end_ns);
	return code ? code : conns_open_ends(model->conns);
}
