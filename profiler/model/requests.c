/* SPDX-License-Identifier: BSD-2-Clause */
/* requests.c - requests by connection and by worker. A request is freed once it is answered and its worker has moved on. */
#include "model/requests_parts.h"

#include <stdlib.h>
#include <string.h>

void requests_retire(struct requests *requests, struct request *request)
{
	if (!request->passed_on)
		groups_request(requests->groups, &request->pattern);
	if (request->worker && request->worker->current == request)
		request->worker->current = NULL;
	if (request->serving)
		request->serving->request = NULL;
	DL_DELETE(requests->all, request);
	requests->kept--;
	free(request);
}

/* May a worker be forgotten? Work after the response is over after a while. */
static bool idle(void *context, struct worker *worker, uint64_t time_ns)
{
	if (worker->current && !request_lingers(worker->current, time_ns))
		requests_retire(context, worker->current);
	return !worker->open && !worker->current && !worker->deeds;
}

struct requests *requests_new(struct connprof_recording *recording, struct groups *groups, struct tied *tied)
{
	struct requests *requests = calloc(1, sizeof(*requests));

	if (requests) {
		requests->recording = recording;
		requests->groups = groups;
		requests->tied = tied;
		requests->workers.idle = idle;
		requests->workers.context = requests;
	}
	return requests;
}

void requests_free(struct requests *requests)
{
	struct request *request, *next_request;

	if (!requests)
		return;
	for (struct process *process = requests->workers.processes; process; process = process->hh.next)
		deeds_free(process);
	workers_done(&requests->workers);
	DL_FOREACH_SAFE(requests->all, request, next_request) {
		tied_forget(requests->tied, &request->work);
		free(request);
	}
	sketch_done(&requests->latency);
	free(requests);
}

/* A unit begins to answer it, or it is answered: no other unit's deeds can be for it. */
static void claimed(struct request *request)
{
	if (!request->unclaimed)
		return;
	request->unclaimed = false;
	if (request->process)
		DL_DELETE2(request->process->unclaimed, request, prev_unclaimed, next_unclaimed);
}

/* For how long who served it was off the CPU; not known of what may share its thread with other requests. A mark may be missing: not
 * each return to a CPU is seen. */
static struct off_span off_meanwhile(const struct requests *requests, const struct request *request)
{
	struct off_span off = off_between(&request->marks, &request->last_sent_marks,
					  request->last_sent_ns - request->begin_ns);

	if (!request->answering || request->moved || !request->worker ||
	    ((request->worker->key.unit || request->worker->loop) && !request->alone))
		return (struct off_span){ OFF_UNKNOWN };
	if (off.known == OFF_UNKNOWN && requests->marked)
		off.known = OFF_UNMARKED;
	return off;
}

/* Its response is complete (or will never be). */
static void finish(struct requests *requests, struct request *request, uint64_t time_ns)
{
	struct process *process = request->process;

	if (request->done)
		return;
	request->done = true;
	request->done_ns = time_ns;
	if (requests->recent[request->ordinal % RECENT_REQUESTS].ordinal == request->ordinal)
		requests->recent[request->ordinal % RECENT_REQUESTS].done_ns = time_ns;
	requests->open--;
	if (request->worker)
		request->worker->open--;
	claimed(request);
	if (process) {
		process->open--;
		DL_DELETE2(process->open_list, request, prev_open, next_open);
		deeds_expire(&requests->deeds, process, request, time_ns);
	}
	tied_end(requests->tied, &request->work, request->answering ? request->last_sent_ns : time_ns, off_meanwhile(requests, request));
	if (request->answering && request->last_sent_ns >= request->begin_ns) {
		uint64_t latency = request->last_sent_ns - request->begin_ns;

		sketch_add(&requests->latency, latency);
		requests->over_500ms += latency > 500000000u;
		requests->over_1s += latency > 1000000000u;
	}
}

/* The worker is about to take another request up: what it did before is either over, or it does several things at once. */
static void move_on(struct requests *requests, struct worker *worker, uint64_t time_ns)
{
	struct request *before = worker->current;

	if (!before)
		return;
	/* A response whose framing did not show its end ends here; an event loop may be in the middle of several. */
	if (before->done || (before->answering && !worker->loop)) {
		finish(requests, before, time_ns);
		requests_retire(requests, before);
	} else {
		worker->current = NULL; /* the connection still holds it */
	}
}

/* One more that the worker has not answered. */
static void take_up(struct requests *requests, struct worker *worker, struct request *request)
{
	request->worker = worker;
	if (++worker->open == 1) {
		worker->current = request;
	} else {
		requests->interleaved++;
		worker->loop = true;
	}
}

/* Those that a front has begun to serve are seen where it passes them on to. */
static void disown(struct requests *requests, struct process *process, uint64_t time_ns)
{
	struct request *request, *next;

	DL_FOREACH_SAFE2(process->open_list, request, next, next_open) {
		request->passed_on = true;
		request->answering = false;
		requests->observed--;
		requests->by_protocol[request->protocol]--;
		tied_disown(requests->tied, &request->work);
		finish(requests, request, time_ns);
		requests_retire(requests, request);
	}
	process->peak = process->repeat_threads = 0;
	process->requests = 0;
	requests->peak = requests->open;
	requests->interleaved = 0;
}

/* A request was passed on to the process: those of the fronts do not count any more. */
static void seen_behind(struct requests *requests, struct process *process, uint64_t time_ns)
{
	if (process->behind || process->front)
		return;
	process->behind = true;
	if (requests->behind++)
		return;
	for (struct process *other = requests->workers.processes; other; other = other->hh.next)
		if (other->front)
			disown(requests, other, time_ns);
}

void requests_pass_on(struct requests *requests, const struct event *event)
{
	struct process *process = process_of(&requests->workers, event->pid);

	if (!process || process->front)
		return;
	process->front = true;
	if (process->behind) { /* a router between two others */
		process->behind = false;
		requests->behind--;
	}
	if (requests->behind)
		disown(requests, process, event->time_ns);
}

static void begin(struct requests *requests, struct serving *serving, const struct event *event, enum protocol_id protocol)
{
	struct workers *workers = &requests->workers;
	struct process *process = process_of(workers, event->pid);
	struct worker *thread = worker_of(workers, event->pid, event->tid, 0, event->time_ns), *worker = thread;
	struct request *request;

	if (process && protocol_passed_on(protocol))
		seen_behind(requests, process, event->time_ns);
	if (process && process->front && requests->behind)
		return;
	requests->observed++;
	requests->begun++;
	requests->by_protocol[protocol]++;
	if (event->unit && thread) {
		thread->open++; /* or making room for the other could forget it */
		worker = worker_of(workers, event->pid, event->tid, event->unit, event->time_ns);
		thread->open--;
	}
	if (!process || !thread || !worker || requests->kept >= REQUESTS_OPEN_MAX || !(request = calloc(1, sizeof(*request)))) {
		requests->refused++;
		return;
	}
	move_on(requests, worker, event->time_ns);
	request->ordinal = requests->begun;
	request->protocol = protocol;
	requests->recent[request->ordinal % RECENT_REQUESTS] = (struct recent){ .ordinal = request->ordinal };
	request->pattern.early = requests->observed <= WARM_UP_REQUESTS;
	request->begin_ns = request->last_sent_ns = event->time_ns;
	request->tid = event->tid;
	request->marks = event->marks;
	requests->marked |= event->marks.off != 0;
	tied_begin(requests->tied, &request->work, event->time_ns, event->kind == EVENT_IO ? event->io.queued_us * 1000ull : 0);
	request->process = process;
	request->alone = !process->open;
	if (process->open == 1)
		process->open_list->alone = false;
	request->serving = serving;
	serving->request = request;
	DL_APPEND(requests->all, request);
	DL_APPEND2(process->open_list, request, prev_open, next_open);
	if (!event->unit) {
		request->unclaimed = true;
		DL_APPEND2(process->unclaimed, request, prev_unclaimed, next_unclaimed);
	}
	requests->kept++;
	if (++requests->open > requests->peak)
		requests->peak = requests->open;
	if (++process->open > process->peak)
		process->peak = process->open;
	process->requests++;
	if (++thread->requests == 2)
		process->repeat_threads++;
	take_up(requests, worker, request);
}

static void received(struct requests *requests, struct serving *serving, const struct event *event)
{
	struct request *before = serving->request;
	struct worker *thread;

	for (uint32_t i = 0; i < event->io.facts.requests; i++) {
		if (before && (before->done || before->answering)) {
			finish(requests, before, event->time_ns);
			requests_retire(requests, before);
			before = NULL;
		}
		if (before || serving->request) {
			serving->queued++;
			continue;
		}
		begin(requests, serving, event, event->io.facts.protocol);
		if ((thread = worker_find(&requests->workers, event->pid, event->tid, 0)))
			thread->serves = true;
	}
}

/* The answer goes out from elsewhere than where the head was read: another thread has taken the request over, or the task that
 * worked on it shows. */
static void take_over(struct requests *requests, struct request *request, const struct event *event)
{
	struct worker *before = request->worker, *worker;
	bool same_thread = before && before->key.pid == event->pid && before->key.tid == event->tid;

	if (same_thread && (before->key.unit == event->unit || !event->unit)) /* a loop sends the rest of what a task began */
		return;
	worker = worker_of(&requests->workers, event->pid, event->tid, event->unit, event->time_ns);
	if (!worker)
		return;
	if (before) {
		before->loop |= same_thread && !before->key.unit;
		if (before->current == request)
			before->current = NULL;
		before->open--;
	}
	if (event->unit && request->process) {
		claimed(request);
		deeds_claim(&requests->deeds, worker, request);
		deeds_expire(&requests->deeds, request->process, request, event->time_ns);
	}
	move_on(requests, worker, event->time_ns);
	take_up(requests, worker, request);
}

/* So far: there may be more. */
static void answered(struct request *request, const struct event *event)
{
	request->last_sent_ns = event->time_ns;
	request->last_sent_marks = event->marks;
	request->moved |= event->tid != request->tid;
}

static void sent(struct requests *requests, struct serving *serving, const struct event *event)
{
	struct request *request = serving->request;

	if (!request || request->done)
		return;
	take_over(requests, request, event);
	request->answering |= event->io.facts.responses > 0;
	answered(request, event);
	if (!(event->io.facts.flags & WIRE_RESPONSE_DONE))
		return;
	request->answering = true;
	finish(requests, request, event->time_ns);
	if (!request->worker || request->worker->current != request)
		requests_retire(requests, request);
	if (serving->queued) {
		serving->queued--;
		if (serving->request)
			requests_retire(requests, serving->request);
		begin(requests, serving, event, event->io.facts.protocol);
	}
}

void requests_job(struct requests *requests, struct serving *serving, const struct event *event)
{
	const struct worker *thread = worker_find(&requests->workers, event->pid, event->tid, 0);

	if (serving->request || (thread && (thread->serves || thread->open)))
		return;
	begin(requests, serving, event, PROTOCOL_JOB);
	if (!serving->request)
		return;
	serving->request->job = serving->request->answering = true;
}

void requests_io(struct requests *requests, struct serving *serving, const struct event *event)
{
	if (event->io.direction == WIRE_RECEIVED)
		received(requests, serving, event);
	else
		sent(requests, serving, event);
	if (event->io.facts.flags & WIRE_UPGRADED)
		requests_end(requests, serving, event);
}

void requests_end(struct requests *requests, struct serving *serving, const struct event *event)
{
	serving->queued = 0;
	if (!serving->request)
		return;
	if (serving->request->job)
		answered(serving->request, event);
	finish(requests, serving->request, event->time_ns);
	requests_retire(requests, serving->request);
}

static uint64_t workers_of(const struct process *process)
{
	if (process->requests < 2)
		return 0;
	return process->peak > process->repeat_threads ? process->peak : process->repeat_threads;
}

/* Ends what the process was serving, also where it had taken a request over from another one. */
static void end_requests_of(struct requests *requests, uint32_t pid, uint64_t time_ns)
{
	struct request *request, *next;

	DL_FOREACH_SAFE(requests->all, request, next) {
		if ((!request->process || request->process->pid != pid) &&
		    (!request->worker || request->worker->key.pid != pid))
			continue;
		finish(requests, request, time_ns);
		requests_retire(requests, request);
	}
}

void requests_exit(struct requests *requests, uint32_t pid, uint64_t time_ns)
{
	struct process *process = process_find(&requests->workers, pid);

	end_requests_of(requests, pid, time_ns);
	if (!process)
		return;
	deeds_end(&requests->deeds, process);
	requests->gone_workers += workers_of(process);
	process_forget(&requests->workers, process);
}

uint64_t request_ordinal(const struct request *request)
{
	return request->ordinal;
}

bool requests_was_open(const struct requests *requests, uint64_t ordinal, uint64_t time_ns)
{
	const struct recent *recent = &requests->recent[ordinal % RECENT_REQUESTS];

	return ordinal && recent->ordinal == ordinal && (!recent->done_ns || time_ns < recent->done_ns + REQUEST_LINGER_NS);
}

struct pattern *request_pattern(struct request *request)
{
	return &request->pattern;
}

struct work *request_work(struct request *request)
{
	return &request->work;
}

void requests_window_ends(struct requests *requests, uint64_t end_ns)
{
	for (struct request *request = requests->all; request; request = request->next)
		tied_end(requests->tied, &request->work, end_ns, (struct off_span){ OFF_UNKNOWN });
}

uint64_t requests_begun(const struct requests *requests)
{
	return requests->begun;
}

bool requests_early(const struct requests *requests)
{
	return requests->observed <= WARM_UP_REQUESTS;
}

/* A process that is at its first request, or was forked for the one that its parent is at. */
static bool is_made_for_one(const struct requests *requests, const struct process *process)
{
	return process->requests ? process->requests == 1 && process->open : request_inherited(requests, process) != NULL;
}

void requests_opening(struct requests *requests, const struct event *event, bool *first_of_thread, bool *first_of_process,
		      bool *aside)
{
	struct process *process = process_of(&requests->workers, event->pid);
	struct worker *thread = worker_of(&requests->workers, event->pid, event->tid, 0, event->time_ns);

	*first_of_process = process && (!process->opens++ || is_made_for_one(requests, process));
	*first_of_thread = thread && !thread->opens++;
	*aside = !requests->open;
}

void requests_totals(const struct requests *requests, struct requests_totals *out)
{
	out->observed = requests->observed;
	out->peak = requests->peak;
	out->workers = requests->gone_workers;
	out->interleaved = requests->interleaved;
	out->refused = requests->refused;
	out->workers_refused = requests->workers.refused;
	out->deeds_refused = requests->deeds.refused;
	for (const struct process *process = requests->workers.processes; process; process = process->hh.next)
		out->workers += workers_of(process);
}

void requests_summary(const struct requests *requests, struct requests_summary *out)
{
	out->observed = requests->observed;
	out->protocol = PROTOCOL_UNKNOWN;
	for (uint32_t i = 0; i < PROTOCOL_COUNT; i++)
		if (requests->by_protocol[i] > requests->by_protocol[out->protocol])
			out->protocol = i;
	out->latency_ms = sketch_quantiles(&requests->latency);
	out->over_500ms = requests->over_500ms;
	out->over_1s = requests->over_1s;
}

uint64_t requests_latency_max(const struct requests *requests)
{
	return requests->latency.max_ns;
}

void requests_each_open(const struct requests *requests, void (*visit)(const struct pattern *pattern, void *context),
			void *context)
{
	for (const struct request *request = requests->all; request; request = request->next)
		visit(&request->pattern, context);
}
