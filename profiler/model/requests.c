/* SPDX-License-Identifier: BSD-2-Clause */
/* requests.c - requests by connection and by thread. A request is freed once it is answered and its thread has moved on. */
#include "model/requests.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#include "model/sketch.h"

struct process {
	UT_hash_handle hh;
	uint32_t pid;
	uint32_t open, peak;
	uint64_t requests, opens;
	uint32_t repeat_threads;     /* threads that have served at least two requests */
	struct request *open_list;   /* requests not answered yet, through next_open */
};

struct thread {
	UT_hash_handle hh;
	uint64_t key;                /* pid << 32 | tid */
	struct request *current;
	uint32_t open;
	uint64_t requests, opens;
};

struct request {
	struct request *prev, *next;           /* all */
	struct request *prev_open, *next_open; /* of the process, while not answered */
	struct thread *thread;       /* NULL once it is gone */
	struct process *process;     /* NULL once it is gone */
	struct serving *serving;     /* NULL once the connection is gone */
	uint64_t ordinal, begin_ns, last_sent_ns, done_ns;
	bool answering, done;
	struct pattern pattern;
	struct work work;
};

struct requests {
	struct connprof_recording *recording;
	struct groups *groups;
	struct tied *tied;
	struct process *processes;
	struct thread *threads;
	struct request *all;
	uint64_t observed, open, peak, kept;
	uint64_t gone_workers, interleaved, refused;
	uint64_t over_500ms, over_1s;
	struct sketch latency;
};

struct requests *requests_new(struct connprof_recording *recording, struct groups *groups, struct tied *tied)
{
	struct requests *requests = calloc(1, sizeof(*requests));

	if (requests) {
		requests->recording = recording;
		requests->groups = groups;
		requests->tied = tied;
	}
	return requests;
}

void requests_free(struct requests *requests)
{
	struct process *process, *next_process;
	struct thread *thread, *next_thread;
	struct request *request, *next_request;

	if (!requests)
		return;
	HASH_ITER(hh, requests->processes, process, next_process) {
		HASH_DELETE(hh, requests->processes, process);
		free(process);
	}
	HASH_ITER(hh, requests->threads, thread, next_thread) {
		HASH_DELETE(hh, requests->threads, thread);
		free(thread);
	}
	DL_FOREACH_SAFE(requests->all, request, next_request) {
		tied_forget(requests->tied, &request->work);
		free(request);
	}
	sketch_done(&requests->latency);
	free(requests);
}

static struct process *process_of(struct requests *requests, uint32_t pid)
{
	struct process *process;

	HASH_FIND(hh, requests->processes, &pid, sizeof(pid), process);
	if (process)
		return process;
	process = HASH_COUNT(requests->processes) < THREADS_MAX ? calloc(1, sizeof(*process)) : NULL;
	if (!process) {
		requests->refused++;
		return NULL;
	}
	process->pid = pid;
	HASH_ADD(hh, requests->processes, pid, sizeof(process->pid), process);
	if (process->hh.tbl)
		return process;
	free(process);
	return NULL;
}

static struct thread *thread_find(struct requests *requests, uint32_t pid, uint32_t tid)
{
	uint64_t key = (uint64_t)pid << 32 | tid;
	struct thread *thread;

	HASH_FIND(hh, requests->threads, &key, sizeof(key), thread);
	return thread;
}

/* Thread-per-request servers make threads without end, and their ends are not told: when the table is full, those with
 * nothing going on are forgotten, which at worst makes an old thread look new. */
static void forget_idle_threads(struct requests *requests)
{
	struct thread *thread, *next;

	HASH_ITER(hh, requests->threads, thread, next) {
		if (thread->open || thread->current)
			continue;
		HASH_DELETE(hh, requests->threads, thread);
		free(thread);
	}
}

static struct thread *thread_of(struct requests *requests, uint32_t pid, uint32_t tid)
{
	struct thread *thread = thread_find(requests, pid, tid);

	if (thread)
		return thread;
	if (HASH_COUNT(requests->threads) >= THREADS_MAX)
		forget_idle_threads(requests);
	thread = HASH_COUNT(requests->threads) < THREADS_MAX ? calloc(1, sizeof(*thread)) : NULL;
	if (!thread) {
		requests->refused++;
		return NULL;
	}
	thread->key = (uint64_t)pid << 32 | tid;
	HASH_ADD(hh, requests->threads, key, sizeof(thread->key), thread);
	if (thread->hh.tbl)
		return thread;
	free(thread);
	return NULL;
}

/* The request is over in every way: what it touched is counted. */
static void retire(struct requests *requests, struct request *request)
{
	groups_request(requests->groups, &request->pattern);
	if (request->thread && request->thread->current == request)
		request->thread->current = NULL;
	if (request->serving)
		request->serving->request = NULL;
	DL_DELETE(requests->all, request);
	requests->kept--;
	free(request);
}

/* Its response is complete (or will never be). */
static void finish(struct requests *requests, struct request *request, uint64_t time_ns)
{
	if (request->done)
		return;
	request->done = true;
	request->done_ns = time_ns;
	requests->open--;
	if (request->thread)
		request->thread->open--;
	if (request->process) {
		request->process->open--;
		DL_DELETE2(request->process->open_list, request, prev_open, next_open);
	}
	tied_end(requests->tied, &request->work, request->answering ? request->last_sent_ns : time_ns);
	if (request->answering && request->last_sent_ns >= request->begin_ns) {
		uint64_t latency = request->last_sent_ns - request->begin_ns;

		sketch_add(&requests->latency, latency);
		requests->over_500ms += latency > 500000000u;
		requests->over_1s += latency > 1000000000u;
	}
}

/* The thread is about to receive another head: what it did before is either over, or it does several things at once. */
static void move_on(struct requests *requests, struct thread *thread, uint64_t time_ns)
{
	struct request *before = thread->current;

	if (!before)
		return;
	if (before->done || before->answering) { /* a response whose framing did not show its end ends here */
		finish(requests, before, time_ns);
		retire(requests, before);
	} else {
		thread->current = NULL; /* an event loop; the connection still holds it */
	}
}

static void begin(struct requests *requests, struct serving *serving, const struct event *event)
{
	struct process *process = process_of(requests, event->pid);
	struct thread *thread = thread_of(requests, event->pid, event->tid);
	struct request *request;

	requests->observed++;
	if (!process || !thread || requests->kept >= REQUESTS_OPEN_MAX || !(request = calloc(1, sizeof(*request)))) {
		requests->refused++;
		return;
	}
	move_on(requests, thread, event->time_ns);
	request->ordinal = requests->observed;
	request->pattern.early = requests->observed <= WARM_UP_REQUESTS;
	request->begin_ns = request->last_sent_ns = event->time_ns;
	tied_begin(requests->tied, &request->work, event->time_ns);
	request->thread = thread;
	request->process = process;
	request->serving = serving;
	serving->request = request;
	DL_APPEND(requests->all, request);
	DL_APPEND2(process->open_list, request, prev_open, next_open);
	requests->kept++;
	if (++requests->open > requests->peak)
		requests->peak = requests->open;
	if (++process->open > process->peak)
		process->peak = process->open;
	process->requests++;
	if (++thread->requests == 2)
		process->repeat_threads++;
	if (++thread->open == 1)
		thread->current = request;
	else
		requests->interleaved++;
}

static void received(struct requests *requests, struct serving *serving, const struct event *event)
{
	struct request *before = serving->request;

	for (uint32_t i = 0; i < event->io.facts.requests; i++) {
		if (before && (before->done || before->answering)) {
			finish(requests, before, event->time_ns);
			retire(requests, before);
			before = NULL;
		}
		if (before || serving->request)
			serving->queued++;
		else
			begin(requests, serving, event);
	}
}

/* The answer goes out from another thread than the one that read the head: it has taken the request over. */
static void take_over(struct requests *requests, struct request *request, const struct event *event)
{
	struct thread *thread = thread_of(requests, event->pid, event->tid);

	if (!thread || thread == request->thread)
		return;
	if (request->thread) {
		if (request->thread->current == request)
			request->thread->current = NULL;
		request->thread->open--;
	}
	move_on(requests, thread, event->time_ns);
	request->thread = thread;
	if (++thread->open == 1)
		thread->current = request;
}

static void sent(struct requests *requests, struct serving *serving, const struct event *event)
{
	struct request *request = serving->request;

	if (!request || request->done)
		return;
	take_over(requests, request, event);
	request->answering |= event->io.facts.responses > 0;
	request->last_sent_ns = event->time_ns;
	if (!(event->io.facts.flags & WIRE_RESPONSE_DONE))
		return;
	request->answering = true;
	finish(requests, request, event->time_ns);
	if (!request->thread || request->thread->current != request)
		retire(requests, request);
	if (serving->queued) {
		serving->queued--;
		if (serving->request)
			retire(requests, serving->request);
		begin(requests, serving, event);
	}
}

void requests_io(struct requests *requests, struct serving *serving, const struct event *event)
{
	if (event->io.direction == WIRE_RECEIVED)
		received(requests, serving, event);
	else
		sent(requests, serving, event);
	if (event->io.facts.flags & WIRE_UPGRADED)
		requests_end(requests, serving, event->time_ns);
}

void requests_end(struct requests *requests, struct serving *serving, uint64_t time_ns)
{
	serving->queued = 0;
	if (!serving->request)
		return;
	finish(requests, serving->request, time_ns);
	retire(requests, serving->request);
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
		    (!request->thread || request->thread->key >> 32 != pid))
			continue;
		finish(requests, request, time_ns);
		retire(requests, request);
	}
}

void requests_exit(struct requests *requests, uint32_t pid, uint64_t time_ns)
{
	struct process *process;
	struct thread *thread, *next_thread;

	end_requests_of(requests, pid, time_ns);
	HASH_ITER(hh, requests->threads, thread, next_thread)
		if (thread->key >> 32 == pid) {
			HASH_DELETE(hh, requests->threads, thread);
			free(thread);
		}
	HASH_FIND(hh, requests->processes, &pid, sizeof(pid), process);
	if (!process)
		return;
	requests->gone_workers += workers_of(process);
	HASH_DELETE(hh, requests->processes, process);
	free(process);
}

struct request *requests_current(struct requests *requests, uint32_t pid, uint32_t tid, uint64_t time_ns, enum tie *tie)
{
	struct thread *thread = thread_find(requests, pid, tid);
	struct process *process;

	*tie = TIE_THREAD;
	if (thread && thread->current) {
		struct request *request = thread->current;

		if (!request->done || time_ns < request->done_ns + REQUEST_LINGER_NS)
			return request;
		retire(requests, request);
	}
	*tie = TIE_NONE;
	if (thread && thread->open)
		return NULL;
	HASH_FIND(hh, requests->processes, &pid, sizeof(pid), process);
	if (!process || process->open != 1)
		return NULL;
	*tie = TIE_PROCESS;
	return process->open_list;
}

uint64_t request_ordinal(const struct request *request)
{
	return request->ordinal;
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
		tied_end(requests->tied, &request->work, end_ns);
}

bool requests_early(const struct requests *requests)
{
	return requests->observed <= WARM_UP_REQUESTS;
}

void requests_opening(struct requests *requests, uint32_t pid, uint32_t tid, bool *first_of_thread, bool *first_of_process)
{
	struct process *process = process_of(requests, pid);
	struct thread *thread = thread_of(requests, pid, tid);

	*first_of_process = process && !process->opens++;
	*first_of_thread = thread && !thread->opens++;
}

void requests_totals(const struct requests *requests, struct requests_totals *out)
{
	out->observed = requests->observed;
	out->peak = requests->peak;
	out->workers = requests->gone_workers;
	out->interleaved = requests->interleaved;
	out->refused = requests->refused;
	for (const struct process *process = requests->processes; process; process = process->hh.next)
		out->workers += workers_of(process);
}

void requests_summary(const struct requests *requests, struct requests_summary *out)
{
	out->observed = requests->observed;
	out->protocol = requests->observed ? PROTOCOL_HTTP : PROTOCOL_UNKNOWN;
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
