/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * event.h - one decoded event: what the stages right of `source` see, live or replayed.
 *
 * Everything that needs the target's memory, its files or the wire's bytes has been resolved before: stacks are ids in a
 * struct stacks, payload has become wire facts. Times are CLOCK_MONOTONIC; events of one CPU are in order, events of
 * different CPUs nearly so (session sorts each batch by time).
 */
#ifndef CONNPROF_EVENT_H
#define CONNPROF_EVENT_H

#include <stdint.h>

#include "bpf/events.h"
#include "protocol/protocol.h"

enum event_kind {
	EVENT_SAMPLE = 1,
	EVENT_CONNECT,      /* connect() began; stack: who */
	EVENT_ESTABLISHED,
	EVENT_PEER_CLOSED,
	EVENT_CLOSE,        /* first local shutdown or close; stack: who (0 when not known) */
	EVENT_GONE,         /* the socket is no more; conn.error if it failed or was reset */
	EVENT_IO,
	EVENT_PREEXISTING,  /* at the attach: a connection that was open already (by /proc), conn.* filled */
	EVENT_PROCESS,      /* a process is followed from here: at the attach, by fork, or with a new image by exec */
	EVENT_EXIT,
	EVENT_LOST,         /* events that did not arrive */
	EVENT_KIND_COUNT,
};

struct event_conn {
	uint64_t conn;          /* key of the connection, unique within the stream */
	uint32_t flags;         /* enum conn_flag */
	int32_t error;
	struct endpoint local, peer;
};

struct event_io {
	uint64_t conn;
	uint64_t bytes;
	uint8_t direction;      /* enum wire_direction */
	struct wire_facts facts;
};

struct event_process {
	uint32_t parent;        /* 0: at the attach; itself: exec */
	uint32_t comm, exe;     /* string ids */
};

struct event_lost {
	uint32_t reason;        /* enum drop_reason */
	uint64_t count;         /* since the last EVENT_LOST of this reason */
};

struct event {
	uint32_t kind;          /* enum event_kind */
	uint32_t pid, tid;
	uint32_t thread;        /* string id: the thread's name, 0 if not known */
	uint64_t time_ns;
	uint32_t stack;         /* stack id; 0: none */
	uint32_t python_end;    /* SAMPLE, CONNECT, CLOSE: enum python_end */
	union {
		struct event_conn conn;     /* CONNECT … GONE, PREEXISTING */
		struct event_io io;
		struct event_process process;
		struct event_lost lost;
	};
};

#endif
