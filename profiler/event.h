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
	EVENT_OFFCPU,       /* a thread was off the CPU, until time_ns; stack: where, innermost a note of what it waited for */
	EVENT_LOG,          /* a write to what may be a log; stack: by which code, if it was walked for */
	EVENT_SEND,         /* by which code the EVENT_IO before it on this connection was sent; for some */
	EVENT_KIND_COUNT,
};

struct event_sample {
	uint32_t holds_gil;     /* its thread held the GIL; 0 too where that was not asked for */
};

struct event_conn {
	uint64_t conn;          /* key of the connection, unique within the stream */
	uint32_t flags;         /* enum conn_flag */
	int32_t error;
	struct endpoint local, peer;
	uint32_t pool;          /* CONNECT: the pool that opens it, as a number for its place in the process's memory; 0: not known */
};

struct event_io {
	uint64_t conn;
	uint64_t bytes;
	uint32_t queued_us;     /* received from a client: it had lain unread for about so long, 0: not known */
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

/* Why a thread was off the CPU. A wait has two parts, each an event: until it could go on, and until a CPU was free. */
enum wait_kind {
	WAIT_NONE = 0,     /* it was not: on the CPU */
	WAIT_SOCKET,       /* for a peer: conn, if connections are followed */
	WAIT_ACCEPT,       /* for a connection to come in */
	WAIT_POLL,         /* epoll, poll, select on several descriptors: an event loop without work */
	WAIT_PIPE,
	WAIT_FILE,         /* a terminal, an eventfd, another file that is none on a disk */
	WAIT_DISK,
	WAIT_PAGE,         /* a page fault */
	WAIT_LOCK,         /* a futex that is not the GIL */
	WAIT_GIL,
	WAIT_SLEEP,
	WAIT_CHILD,
	WAIT_SIGNAL,
	WAIT_STOPPED,      /* by a signal or a debugger */
	WAIT_KERNEL,       /* inside a system call, for none of these */
	WAIT_RUNQUEUE,     /* it could run, and no CPU was free */
	WAIT_UNKNOWN,      /* not looked at: left out to keep the cost down, and no like of it was */
	WAIT_KIND_COUNT,
};

/*
 * One stretch off the CPU. Where many are short, only some are walked; each of those stands for `weight` of them, and
 * left_count, left_ns say what this thread's others since its last event of this class (run queue, or not) came to, so
 * that sums stay true. An event with ns 0 brings only those.
 */
struct event_offcpu {
	uint64_t ns;            /* [time_ns - ns, time_ns] */
	uint64_t conn;          /* WAIT_SOCKET: the connection; 0: not known */
	uint64_t left_ns;
	uint32_t left_count;
	uint32_t weight;        /* in WEIGHT_ONE */
	uint32_t wait;          /* enum wait_kind */
	uint32_t holder;        /* WAIT_GIL: the thread that held it when the wait began; 0: not known */
};
#define WEIGHT_ONE 256

/* LOG and SEND (of which only conn and weight). A walked one stands for `weight` of its like. */
struct event_call {
	uint64_t conn;          /* SEND */
	uint64_t bytes;
	uint64_t ns;            /* inside the call; blocked_ns: the same if it waited there, else 0 */
	uint64_t blocked_ns;
	uint32_t lines, weight;
	uint32_t place;         /* string id: what is written to, "stderr (pipe)", "/var/log/app.log", "syslog" */
	uint32_t mode;          /* S_IFREG, S_IFIFO, S_IFCHR, S_IFSOCK */
};

#define UNIT_UNKNOWN UINT32_MAX

struct event {
	uint32_t kind;          /* enum event_kind */
	uint32_t pid, tid;
	uint32_t thread;        /* string id: the thread's name, 0 if not known */
	uint32_t unit;          /* SAMPLE, OFFCPU, CONNECT, CLOSE, IO, LOG: the unit of work within the thread (an asyncio task, a greenlet): an
				 * opaque number, used again after its end; 0: none, or not known; UNIT_UNKNOWN: one, but not which */
	uint64_t time_ns;
	uint32_t stack;         /* stack id; 0: none */
	uint32_t python_end;    /* SAMPLE, CONNECT, CLOSE, OFFCPU: enum python_end */
	struct off_marks marks; /* CONNECT … GONE, IO: of thread tid */
	union {
		struct event_sample sample;
		struct event_conn conn;     /* CONNECT … GONE, PREEXISTING */
		struct event_io io;
		struct event_process process;
		struct event_lost lost;
		struct event_offcpu offcpu;
		struct event_call call;
	};
};

#endif
