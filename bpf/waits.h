/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * waits.h - the contract of offcpu.bpf.c with user space: what is told of a thread that leaves the CPU and comes back.
 *
 *   BLOCK   record | block_body | stack_head | slot[python] | slot[native] | kernel | copy      it leaves, and was walked
 *   BACK    record | back_body                                                                  it is back; record.time_ns: when
 *
 *   WAKER   record | waker_body | stack_head | slot[python] | slot[native] | kernel             somebody let it go on; pid and
 *                                                                                               tid are the waker's
 *
 * A BLOCK without a BACK is still off the CPU, or was back sooner than settings.min_block_ns. record.pid and tid are those of
 * the thread in the first two, whoever ran when it came back.
 */
#ifndef CONNPROF_BPF_WAITS_H
#define CONNPROF_BPF_WAITS_H

#include "events.h"

#define WAITS_MAX 16384            /* threads off the CPU at once that are known */
#define WAIT_LONG_NS 10000000ull   /* a wait at least this long is told of even where it was not walked */
#define WALK_WINDOW_NS 1000000000ull /* the budget of walks is for this long, on each CPU */
#define WALKS_LEAST 50               /* are allowed in it, however little the targets run */
#define WALK_RARE_NS 1000000000ull   /* a place that was not walked at for so long is walked at now */
#define PLACES_WALKED 16384          /* of which it is known when; a power of two */
#define WAIT_WEIGHT_ONE 256

/* What a thread was doing when it left the CPU: what its saved registers, and the kernel's file behind them, tell. */
struct wait_facts {
	s64 number;        /* of its system call; -1: none (a page fault, or it was preempted) */
	u64 args[3];
	u64 conn;          /* of sockets that are followed: as in conn_body; 0: not */
	u64 tstate;        /* its interpreter's thread state; 0: none, or it was not walked */
	u64 gil, gil_holder; /* the interpreter's lock and the thread state that holds it, for a futex; 0: not known */
	u32 state;         /* TASK_*: 0: it could have gone on */
	u32 flags;         /* enum wait_flag */
	u32 mode;          /* st_mode of the file it waits on; 0: none */
	u16 sock_type, sock_protocol; /* SOCK_*, IPPROTO_* */
	u32 sock_state;    /* TCP_* */
	u32 reserved;
	struct endpoint local, peer;
	char name[32];     /* the last part of that file's path; not trusted to be text */
};

enum wait_flag {
	WAIT_PREEMPTED = 1,  /* it was put off the CPU, not blocked */
	WAIT_IOWAIT = 2,     /* the kernel counts it as waiting for a disk */
	WAIT_WALKED = 4,
	WAIT_AT_START = 8,   /* off the CPU already when the recording began */
};

struct block_body {
	u64 seq;           /* unique in a run */
	struct wait_facts facts;
};

/* Who woke a thread: current, which an interrupt may have come into; that its kernel frames tell. Its own stack is walked
 * only if it is a followed process's. */
struct waker_body {
	u64 seq;           /* of the wait's BLOCK */
	u32 waiter;        /* tid */
	u32 reserved;
	char comm[16];     /* not trusted to be text */
};

/* Time on the run queue, and time before that. */
enum { LEFT_BLOCKED = 0, LEFT_QUEUED = 1, LEFT_CLASSES = 2 };

struct back_body {
	u64 seq;           /* of its BLOCK; 0: not walked */
	u64 out_ns;        /* when it left the CPU */
	u64 waking_ns;     /* when it could go on; 0: at once (preempted), or it was not seen */
	u64 place;         /* where it left, for those that were not walked: waits with the same one show the same; 0: not known */
	s64 number;
	u64 arg;
	u64 left_ns[LEFT_CLASSES];   /* of this thread, since its last BACK: not told of one by one */
	u32 left_count[LEFT_CLASSES];
	u32 weight;        /* waits of its like that it stands for, in WAIT_WEIGHT_ONE */
	u32 state, flags;
	u32 reserved;
};

/* Kept for each thread of the targets; key: u32 tid. */
struct wait {
	struct back_body back;  /* out_ns 0: on the CPU */
	u32 pid;
	u32 ran;                /* for how long it had run in all when it left, in 1,024 ns; wraps in 73 minutes on the CPU. 0: not seen */
	/* Since it is followed, in all: off the CPU, and as the parts of struct off_marks. */
	u64 off_ns, queued_ns, locked_ns;
};

/* What the iterator tells of a thread that is off the CPU: its registers, and its entry. */
struct wait_thread {
	struct thread_record thread;
	struct wait_facts facts;
	struct back_body back;
};

EVENTS_ASSERT("wait_facts", sizeof(struct wait_facts) == 168);
EVENTS_ASSERT("block_body", sizeof(struct block_body) == 176);
EVENTS_ASSERT("waker_body", sizeof(struct waker_body) == 32);
EVENTS_ASSERT("back_body", sizeof(struct back_body) == 88);
EVENTS_ASSERT("wait", sizeof(struct wait) == 120);
EVENTS_ASSERT("wait_thread", sizeof(struct wait_thread) == 352);

#endif
