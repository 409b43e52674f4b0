/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * workers.h - where requests are served: the tables of processes and of workers behind requests.c and whose.c, internal to them.
 *
 * A worker does one thing at a time: a thread (unit 0), or where a thread shares its time, one unit of work in it: an asyncio
 * task, a greenlet (event.h, `unit`). Units have no end that anybody tells, and their numbers are used again: a worker is
 * forgotten when the table is full and nothing is going on in it.
 */
#ifndef CONNPROF_MODEL_WORKERS_H
#define CONNPROF_MODEL_WORKERS_H

#include <stdbool.h>
#include <stdint.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#include "model/groups.h"
#include "model/requests.h"

#define WORKERS_MAX (1u << 16)  /* remembered at once; processes too */

struct waiting;

struct process {
	UT_hash_handle hh;
	uint32_t pid;
	uint32_t open, peak;
	uint64_t requests, opens;
	bool front;                  /* a web server: it passes its requests on */
	bool behind;                 /* requests were passed on to it */
	uint32_t repeat_threads;     /* threads that have served at least two requests */
	struct request *open_list;   /* requests not answered yet, through next_open, oldest first */
	struct request *unclaimed;   /* of those, the ones no unit has begun to answer, through next_unclaimed, oldest first */
	struct waiting *deeds;       /* that wait to be claimed, oldest first */
	uint32_t parent;             /* that forked it while at a request, */
	uint64_t inherited;          /* and that request's ordinal; 0: none */
};

struct worker_key {
	uint32_t pid, tid, unit, reserved;
};

struct worker {
	UT_hash_handle hh;
	struct worker_key key;
	struct request *current;
	uint32_t open;               /* requests begun or taken over here and not answered */
	bool serves;                 /* users' requests: what it pops is for its requests */
	bool loop;                   /* a thread that serves several requests at once: what runs in it says its unit */
	uint64_t requests, opens;
	struct waiting *deeds;       /* of this unit, among the process's, oldest first */
};

struct request {
	struct request *prev, *next;           /* all */
	struct request *prev_open, *next_open; /* of the process, while not answered */
	struct request *prev_unclaimed, *next_unclaimed; /* of the process, while not claimed */
	struct worker *worker;       /* NULL once it is gone */
	struct process *process;     /* NULL once it is gone */
	struct serving *serving;     /* NULL once the connection is gone */
	uint64_t ordinal, begin_ns, last_sent_ns, done_ns;
	uint32_t tid;                /* that began it */
	bool moved;                  /* another thread has sent of the answer */
	bool alone;                  /* its process had no other open meanwhile */
	struct off_marks marks, last_sent_marks; /* its thread's at begin_ns and last_sent_ns */
	bool answering, done, unclaimed, job;
	uint32_t protocol;           /* enum protocol_id */
	bool passed_on;              /* it counts where it was passed on to */
	struct pattern pattern;
	struct work work;
};

static inline bool request_lingers(const struct request *request, uint64_t time_ns)
{
	return !request->done || time_ns < request->done_ns + REQUEST_LINGER_NS;
}

struct workers {
	struct process *processes;
	struct worker *by_key;
	uint64_t refused;            /* not followed: a table was full */
	/* Is nothing going on in it that must not be forgotten? */
	bool (*idle)(void *context, struct worker *worker, uint64_t time_ns);
	void *context;
};

/* NULL: full, or no memory. */
struct process *process_of(struct workers *workers, uint32_t pid);
struct process *process_find(const struct workers *workers, uint32_t pid);
struct worker *worker_of(struct workers *workers, uint32_t pid, uint32_t tid, uint32_t unit, uint64_t time_ns);
struct worker *worker_find(const struct workers *workers, uint32_t pid, uint32_t tid, uint32_t unit);

void process_forget(struct workers *workers, struct process *process); /* and its workers */
void workers_done(struct workers *workers);

#endif
