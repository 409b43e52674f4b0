/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * requests.h - the requests the target serves, and whose work is being done where.
 *
 * A request begins when its head is received on an accepted connection and belongs to the worker that received it: the thread, or
 * in it the unit of work (event.h) where a thread shares its time between several. Its latency ends with the last byte of its
 * response; its ownership of the worker a little later: when the worker receives another head, the connection ends, or
 * REQUEST_LINGER_NS have passed (what runs after the response, such as a tear-down handler, is still its work).
 *
 * A thread that begins a second request before it has answered the first is an event loop: what it reads is for whichever task
 * takes it up. Whose work a task was doing shows when it sends the response: until then its deeds wait (deeds.h). Where no task
 * ever sends one (uvloop writes them all itself), nothing on such a thread can be tied to one of several open requests.
 */
#ifndef CONNPROF_MODEL_REQUESTS_H
#define CONNPROF_MODEL_REQUESTS_H

#include "event.h"
#include "model/groups.h"
#include "model/recording.h"
#include "model/tied.h"

#define REQUEST_LINGER_NS 1000000000u
#define WARM_UP_REQUESTS 10     /* the first so many requests are warm-up (docs/verdicts.md) */
#define REQUESTS_OPEN_MAX (1u << 17)

struct request;
struct requests;

/* An accepted connection's place in this: embedded in struct conn. All zero at first. */
struct serving {
	struct request *request; /* being served, or just answered; owned by struct requests */
	uint32_t queued;         /* heads received ahead (pipelined) */
};

struct requests_totals {
	uint64_t observed;
	uint64_t peak;          /* most at the same time, over all processes */
	uint64_t workers;       /* places in which requests are served again and again: see below */
	uint64_t interleaved;   /* requests begun on a thread that had another open */
	uint64_t refused;       /* not followed: a table was full */
	uint64_t workers_refused; /* times that a worker or process was not followed, for the same reason */
	uint64_t deeds_refused; /* of tasks: too much to keep until their requests were known */
};

struct requests *requests_new(struct connprof_recording *recording, struct groups *groups, struct tied *tied); /* all borrowed */
void requests_free(struct requests *requests);

/* I/O on an accepted connection on which requests are served (protocol_serves). */
void requests_io(struct requests *requests, struct serving *serving, const struct event *event);
/* A blocking pop on this connection has brought a job: the thread's next request, if it serves no others. It ends with the
 * next pop there (requests_end). */
void requests_job(struct requests *requests, struct serving *serving, const struct event *event);
/* The accepted connection is closed, gone, or upgraded; the job is done. */
void requests_end(struct requests *requests, struct serving *serving, const struct event *event);
/* The process asks as a web server that passes its requests on (protocol_passed_on). Where they are passed on to a followed process, they
 * are counted there. */
void requests_pass_on(struct requests *requests, const struct event *event);
void requests_exit(struct requests *requests, uint32_t pid, uint64_t time_ns);

/* A process was forked by one that is at a single request: what the child does is for that one. */
void requests_forked(struct requests *requests, uint32_t parent, uint32_t child);

/* Something done for a request: the caller is told whose it was, once, at once or later (NULL, TIE_NONE: nobody's that is known;
 * then or at the latest when its process ends). request is borrowed for the call. */
struct deed {
	void (*told)(const struct deed *deed, struct request *request, enum tie tie);
	void *context;
	uint64_t subject;
	uint64_t time_ns;     /* when; filled by requests_whose */
	uint32_t what;
};
void requests_whose(struct requests *requests, const struct event *event, const struct deed *deed);

/* The request whose work the event's pid, tid and unit are doing, as far as can be said at once; else NULL and TIE_NONE. Borrowed
 * until the next event. */
struct request *requests_current(struct requests *requests, const struct event *event, enum tie *tie);
uint64_t request_ordinal(const struct request *request); /* from 1, in order of arrival */
struct pattern *request_pattern(struct request *request);
/* Was the request with this ordinal open or lingering at that time? False of one that is long gone. */
bool requests_was_open(const struct requests *requests, uint64_t ordinal, uint64_t time_ns);
struct work *request_work(struct request *request);

/* How many so far. */
uint64_t requests_begun(const struct requests *requests);
/* Still in warm-up? True for ever of a target that serves no requests: what is judged there does not ask. */
bool requests_early(const struct requests *requests);

/* Marks an opening: is it this thread's first, this process's first or for the first request it is at, and is nobody being
 * served just then? */
void requests_opening(struct requests *requests, const struct event *event, bool *first_of_thread, bool *first_of_process,
		      bool *aside);

/* workers: summed over processes that have served at least two requests: their peak of simultaneous requests, or if larger
 * the number of their threads that have served at least two. A pool may grow to that size with a connection each. */
void requests_totals(const struct requests *requests, struct requests_totals *out);
void requests_summary(const struct requests *requests, struct requests_summary *out);
/* Longest latency seen, ns. */
uint64_t requests_latency_max(const struct requests *requests);

/* Nothing is fed any more: what lies inside requests that are still open goes to the profile. */
void requests_window_ends(struct requests *requests, uint64_t end_ns);

/* Calls visit for each request not yet over. */
void requests_each_open(const struct requests *requests, void (*visit)(const struct pattern *pattern, void *context),
			void *context);

#endif
