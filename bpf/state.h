/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * state.h - what the programs share: settings, maps, scratch, counters. Defined once, in state.bpf.c.
 *
 * Compiled as plain C (tests/walk) the same names are ordinary functions over a memory image.
 *
 * Scratch: a stack record is too large for the BPF stack, so each kind of caller has a buffer of its own per CPU. A clock
 * tick may interrupt a connection program, never the other way round, so the kinds never share one; what can still meet
 * itself (a program preempted by its own kind) is caught by `busy` and counted.
 */
#ifndef CONNPROF_BPF_STATE_H
#define CONNPROF_BPF_STATE_H

#include <stdbool.h>

#include "events.h"
#include "waits.h"

enum scratch_kind { SCRATCH_SAMPLE = 0, SCRATCH_CONNECTION = 1, SCRATCH_IO = 2, SCRATCH_CALL = 3, SCRATCH_KINDS = 4 };

/* Stack memory is read in pieces of this size: one read costs about the same for 8 bytes and for 1,024. */
#define WINDOW_BYTES 1024
#define PYTHON_FRAME_BYTES 128

/* Rules found lately, by pc: a search through a large table costs a cache miss a step, and stacks are much alike. One array
 * for each kind of scratch, guarded by its busy flag. An entry holds while its generation of mappings does. */
#define MEMO_ENTRIES 1024
struct memo {
	struct {
		u64 pc;
		u32 generation;
		u32 reserved;
		struct unwind_row row;
	} entries[MEMO_ENTRIES];
};

/* The walker's state: between two steps everything lives here, so that a step can be verified on its own. */
struct walk {
	u64 pc, sp, bp;
	u64 bx;                          /* where exact_pc: of the innermost frame, or one that a signal broke into */
	u64 fsbase;
	u64 window_start;                /* 0: nothing read yet */
	struct mapping_row mapping;      /* the last one found */
	u64 python_frame, python_cframe;
	u64 python_thread;               /* its state */
	u64 python_caller;               /* the CFrame of the eval call below; frame_in_cframe only */
	u64 search_interp, search_state; /* the next to look at among the lists; 0: none */
	u64 task, task_frame;            /* asyncio's running task and its coroutine's own frame; 0: none */
	u64 outermost, outermost_generator; /* so far; 0: none */
	u32 first_mapping, mapping_count, generation;
	u32 reserved1;
	u32 search_left;                 /* steps through the lists */
	u32 call_ends;                   /* run ends put where each frame is a call */
	u32 slots;                       /* used so far */
	u32 python, native;              /* of those */
	u32 call_slots, call_python;     /* where the present eval call's began; frame_in_cframe only */
	u8 exact_pc;
	u8 native_end, python_end;
	u8 gil, holds_gil;               /* enum gil_wish, and the answer */
	u8 unmapped;                     /* code in no known mapping was met: what came after it was a guess */
	u8 python_torn;                  /* a call was left out: caught in the middle of a change */
	u8 marks;                        /* code objects get a mark: they do not live long here */
	u8 selves;                       /* frames whose first local variable is still to go along */
	u8 reserved[7];
	struct python_state state;
	u8 window[WINDOW_BYTES + 8];     /* + 8: a masked offset may read past the last aligned word */
	u8 frame[PYTHON_FRAME_BYTES + 8];
};

#define FRAME_BYTES_LEAST 80 /* of a Python frame: from 3.11 on holds all that is read of it but the first local variable, which it need not have */

static __always_inline u64 frame_u64(const struct walk *walk, u16 offset)
{
	return *(const u64 *)&walk->frame[offset & (PYTHON_FRAME_BYTES - 1)];
}

struct scratch {
	u32 busy;
	u32 reserved;
	struct walk walk;
	/* From here on as it goes to the ring: the record and its body, if it has one, lie right before head. */
	union {
		struct {
			struct record block_record;
			struct block_body block;
		};
		struct {
			u8 unused_before_conn[sizeof(struct block_body) - sizeof(struct conn_body)];
			struct record record;
			struct conn_body conn;
		};
		struct {
			u8 unused_before_waker[sizeof(struct block_body) - sizeof(struct waker_body)];
			struct record waker_record;
			struct waker_body waker;
		};
		struct {
			u8 unused_before_sample[sizeof(struct block_body)];
			struct record sample_record;
		};
		struct {
			u8 unused_before_call[sizeof(struct block_body) - sizeof(struct call_body)];
			struct record call_record;
			struct call_body call;
		};
	};
	struct stack_head head;
	struct slot slots[STACK_SLOTS];
	struct unix_name name_room; /* a name follows the stack wherever that ends */
};

#define RIGHT_BEFORE_HEAD(member) \
	_Static_assert(__builtin_offsetof(struct scratch, member) + sizeof(((struct scratch *)0)->member) == \
		       __builtin_offsetof(struct scratch, head), #member " lies right before head")
RIGHT_BEFORE_HEAD(block);
RIGHT_BEFORE_HEAD(conn);
RIGHT_BEFORE_HEAD(waker);
RIGHT_BEFORE_HEAD(sample_record);
RIGHT_BEFORE_HEAD(call);

_Static_assert(sizeof(struct scratch) <= 32768, "a per-CPU map value is at most 32 KiB");

/* A classic tracepoint's record (include/trace/events/sock.h), behind the head that every event has. */
struct state_event {
	u64 head;
	u64 sk;
	s32 old, new;
};

/* What one send or receive says, before it goes to the ring; and after it, for sends.h. Twice the payload: an offset and a
 * length, each bounded alone, stay inside. */
struct io_scratch {
	u32 busy;
	u32 calls;               /* so far */
	u64 sk;                  /* whose this is */
	u32 tid;                 /* and who called */
	u32 resp;                /* it begins like a command to Redis */
	struct record record;
	struct io_body body;
	u8 payload[2 * PAYLOAD_BYTES];
};

/* How many stacks of one kind of call may still be walked, calls.h. */
enum { CALL_LOG = 0, CALL_SEND = 1, CALL_KINDS = 2 };
struct call_budget {
	u64 begin_ns;            /* of this window */
	u32 seen, walked;        /* in it */
	u32 chance;              /* in 65,536 */
	u32 left;                /* since the last one walked */
};

/* A write under way. */
struct log_call {
	u64 begin_ns;
	u64 inode;
	u64 switches;            /* voluntary ones of the thread so far */
	u32 fd, mode;
};

/* Of each CPU. */
struct conn_cpu {
	u64 numbers;             /* given to connections, so far */
	u64 woken_ns;            /* when the reader was woken for one, last */
};

struct connection {
	u64 conn;
	u32 owner_pid;
	u32 flags;               /* enum conn_flag */
	u32 close_seen;
	u32 peer_closed;         /* told already */
	u64 inode;               /* AF_UNIX: tells this socket from a later one at its address; 0: TCP */
	u32 tls;                 /* what the TLS library is given and gives for it is read */
	u32 established;         /* TCP: told already */
};

/* A thread's latest call into a TLS library. */
enum tls_kind { TLS_READ = 0, TLS_WRITE = 1, TLS_HANDSHAKE = 2 };
enum tls_waiting { TLS_TIED = 0, TLS_WAITS = 1, TLS_UNSURE = 2 };

struct tls_call {
	u64 ssl, buffer;
	u64 moved_at;            /* where the call puts how much it moved; 0: it returns that */
	u32 kind;                /* enum tls_kind */
	u32 inside;              /* it has not returned */
	u32 waiting;             /* enum tls_waiting: is the connection of this ssl to be learnt from the next send? */
	u32 reserved;
};

struct tls_key {
	u64 ssl;
	u32 tgid;
	u32 reserved;
};

struct tls_conn {
	u64 sk, conn;
};

#ifdef __bpf__

#ifdef STATE_DEFINE
#define SHARED
#else
#define SHARED extern
#endif

SHARED const volatile struct settings settings;
SHARED volatile u32 tls_read; /* is a TLS library watched? */
SHARED volatile u32 active; /* 0 until everything is attached: nothing counts before */
SHARED volatile u32 hasten; /* 1: the reader is woken for each sample, because what it names does not live long */

SHARED volatile u32 log_sockets; /* enum log_sockets */

/* Not 0 for each process that is a target or has been one, by the low bits of its id: what most programs ask first, since most of
 * what happens on a machine is others' doing. A byte each, so that setting one needs no lock. */
#define FOLLOWED_BYTES 65536
SHARED volatile u8 followed[FOLLOWED_BYTES];

/* How many entries of `connections` have such an address: known.h. */
#define KNOWN_BITS 13
SHARED volatile u32 known[1 << KNOWN_BITS];

SHARED struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} ring SEC(".maps");

SHARED struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TARGETS_MAX);
	__type(key, u32);
	__type(value, struct target);
} targets SEC(".maps");

/* Both filled by user space through mmap; sized before load. */
SHARED struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct unwind_row);
} rows SEC(".maps");

SHARED struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct mapping_row);
} mappings SEC(".maps");

SHARED struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCH_KINDS);
	__type(key, u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

SHARED struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct io_scratch);
} io_scratches SEC(".maps");

SHARED struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCH_KINDS);
	__type(key, u32);
	__type(value, struct memo);
} memos SEC(".maps");

/* key: address of the struct sock, which the kernel uses again within milliseconds: an entry ends with the CLOSE state. */
SHARED struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, u64);
	__type(value, struct connection);
} connections SEC(".maps");

SHARED struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct conn_cpu);
} conn_cpus SEC(".maps");

/* Threads that have called into a TLS library, and the connection each SSL object speaks on. The one longest unused gives way. */
SHARED struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u32);
	__type(value, struct tls_call);
} tls_calls SEC(".maps");

SHARED struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct tls_key);
	__type(value, struct tls_conn);
} tls_conns SEC(".maps");

/* Threads that left the CPU, or did: entries stay until the thread ends. */
SHARED struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WAITS_MAX);
	__type(key, u32);
	__type(value, struct wait);
} waits SEC(".maps");

/* Of this CPU: the change of a TCP state that state_changed told last, or is telling. */
struct change {
	u64 sk;
	u64 state;
};

SHARED struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct change);
} last_changes SEC(".maps");

SHARED struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DROP_COUNT);
	__type(key, u32);
	__type(value, u64);
} drops SEC(".maps");

SHARED struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TALLY_COUNT);
	__type(key, u32);
	__type(value, u64);
} tallies SEC(".maps");

SHARED struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CALL_KINDS);
	__type(key, u32);
	__type(value, struct call_budget);
} call_budgets SEC(".maps");

/* key: thread. */
SHARED struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u32);
	__type(value, struct log_call);
} log_calls SEC(".maps");

static __always_inline struct scratch *scratch_of(u32 kind)
{
	return bpf_map_lookup_elem(&scratches, &kind);
}

static __always_inline struct memo *memo_of(u32 kind)
{
	return bpf_map_lookup_elem(&memos, &kind);
}

static __always_inline const struct unwind_row *row_at(u32 index)
{
	return bpf_map_lookup_elem(&rows, &index);
}

static __always_inline const struct mapping_row *mapping_at(u32 index)
{
	return bpf_map_lookup_elem(&mappings, &index);
}

static __always_inline long read_user(void *out, u32 size, u64 address)
{
	return bpf_probe_read_user(out, size, (const void *)address);
}

static __always_inline void tally(u32 which, u64 amount)
{
	u64 *count = bpf_map_lookup_elem(&tallies, &which);

	if (count)
		*count += amount;
}

#define TIMED_RUNS 16 /* of what runs most each 16th run's time is taken, for all of them: asking the clock is a good part of it */

static __always_inline void drop(u32 reason)
{
	u64 *count = bpf_map_lookup_elem(&drops, &reason);

	if (count)
		*count += 1;
}

/* Wake the reader only when much waits: a wake-up costs more than a stack walk. */
static __always_inline u64 ring_flags(void)
{
	return bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > settings.ring_watermark ? BPF_RB_FORCE_WAKEUP
										      : BPF_RB_NO_WAKEUP;
}

/* May this process be a target? No is certain. */
static __always_inline bool may_be_followed(u32 tgid)
{
	return followed[tgid & (FOLLOWED_BYTES - 1)];
}

static __always_inline struct target *target_of(u32 tgid)
{
	return active && may_be_followed(tgid) ? bpf_map_lookup_elem(&targets, &tgid) : 0;
}

#define WALKER_GLOBAL __attribute__((noinline))

#else /* plain C: tests/walk provides these over a memory image */

struct scratch *scratch_of(u32 kind);
struct memo *memo_of(u32 kind);
const struct unwind_row *row_at(u32 index);
const struct mapping_row *mapping_at(u32 index);
long read_user(void *out, u32 size, u64 address);

#define WALKER_GLOBAL
#undef __always_inline
#define __always_inline inline __attribute__((unused))
#endif

/* ---- the walker's parts: global functions, so that the verifier sees each once ---- */

/* cpython.bpf.c: the next state of this thread in the interpreters' lists goes to walk->python_thread; 1: there is none. */
int python_find(u32 kind);
/* One interpreter frame per call; 1 when the chain has ended (walk->python_end says how). */
int python_begin(u32 kind);
int python_step(u32 kind);
/* native.bpf.c: one native frame per call; 1 when the stack has ended (walk->native_end says how). */
int native_step(u32 kind);
int mapping_find(u32 kind, u64 pc);
u32 row_find(u32 kind, u64 pc);
/* walk.bpf.c: both, from the registers in scratch->walk. Fills scratch->head and slots. 1: left out, for want of the GIL. */
int walk_stack(u32 kind);
/* The interpreter's part only, for the unit of work in scratch->head.unit. */
int walk_unit(u32 kind);

#endif
