/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * events.h - the one contract between the kernel side and user space.
 *
 * Ring records, map keys and values, the unwind row, and the reasons for which
 * something can end or be lost. Compiled by clang for BPF and by the C compiler
 * for user space; sizes are asserted by both. No pointers, no enums, no bools in
 * any structure here: fixed widths and explicit padding only.
 *
 * A record on the ring is a `struct record` head followed by what its type says:
 *
 *   SAMPLE CONNECT CLOSE   record | [conn_body] | stack_head | task name | slot[python] | slot[native] | kernel | registers | copy
 *   other connection ones  record | conn_body   (SAMPLE has no conn_body)
 *   CONNECT, SEEN of AF_UNIX  end in a unix_name: the peer's
 *   IO                     record | io_body | payload bytes
 *   FORK EXEC EXIT         record | life_body
 *   LOG SEND               record | call_body | [stack, as above]
 */
#ifndef CONNPROF_BPF_EVENTS_H
#define CONNPROF_BPF_EVENTS_H

#ifdef __bpf__
#include "kernel.h"
typedef __u8 u8; typedef __u16 u16; typedef __u32 u32; typedef __u64 u64;
typedef __s8 s8; typedef __s16 s16; typedef __s32 s32; typedef __s64 s64;
#else
#include <stdint.h>
typedef uint8_t u8; typedef uint16_t u16; typedef uint32_t u32; typedef uint64_t u64;
typedef int8_t s8; typedef int16_t s16; typedef int32_t s32; typedef int64_t s64;
#endif

/* ---- sizes ---------------------------------------------------------------- */

#define STACK_SLOTS 1824          /* slots one stack may fill: Python and native frames together */
#define PYTHON_SLOTS_MAX 1296     /* of those, Python frames, run ends and marks: 1,000 frames, the default recursion limit, in every version */
#define PYTHON_CALL_ENDS_MAX 256  /* run ends where each frame is a call: there are two native frames a call at least, and not all
				   * native frames are kept */
#define SELF_FRAMES_MAX 32        /* of the innermost Python frames of a connect(), the first local variable goes along */
#define NATIVE_SLOTS_MAX 512      /* of those, native frames */
#define KERNEL_FRAMES_MAX 64
#define COPY_BELOW 128            /* the red zone, which a leaf function may use (psABI 3.2.2) */
#define PAGE_BYTES 4096
#define STACK_COPY_PAGES 4        /* of raw stack go with one that rows could not finish: the first in part */
#define PAYLOAD_BYTES 256         /* most payload bytes peeked per call */
#define TASK_NAME_BYTES 128       /* of the object that is an asyncio task's name, its head included */
#define MAPPING_ROWS_MAX 4096     /* executable mappings of one process */
#define TARGETS_MAX 4096          /* processes followed at once */

/* ---- unwind rows ---------------------------------------------------------- */

/* How the canonical frame address (CFA) is found at a pc. The return address is
 * always at CFA - 8 (x86-64 psABI). */
enum cfa_kind {
	CFA_NONE = 0,       /* no rule here: a gap between functions, or JIT code; use the frame pointer */
	CFA_RSP = 1,        /* CFA = rsp + offset */
	CFA_RBP = 2,        /* CFA = rbp + offset */
	CFA_PLT = 3,        /* CFA = rsp + 8 + ((pc & 15) >= 11) * 8: the expression binutils emits for .plt */
	CFA_SIGNAL = 4,     /* a signal trampoline: registers lie in the rt_sigframe at rsp */
	CFA_ROOT = 5,       /* return address undefined: the outermost frame (_start, clone) */
	CFA_EXPRESSION = 6, /* a rule rows cannot express: left to libunwind */
	CFA_RSP_FAR = 7,    /* CFA = rsp + 8 * offset: a frame of 32 KiB and more (arrays on the stack) */
	CFA_RSP_DEREF = 8,  /* CFA = *(rsp + offset) + 8: the caller's rsp kept on the stack (hand-written assembler: libcrypto) */
	CFA_RBP_DEREF = 9,  /* CFA = *(rbp + offset) + 8: the same */
	CFA_REALIGNED = 10, /* CFA = *(rbp + offset), and the caller's rbp lies at rbp: a function that aligns its stack (gcc) */
	CFA_RSP_LEAF = 11,  /* CFA = rsp + offset in a frame that has called nothing; one that has goes by the frame pointer (Go) */
	CFA_RBX = 12,       /* CFA = rbx + offset in a frame that has called nothing: all its registers are known (OpenBLAS's kernels) */
	CFA_KINDS = 13,
};

/* One unwind row: from .pc up to the next row's pc, the rule holds. Sorted by pc. 8 bytes. */
struct unwind_row {
	u32 pc;         /* ELF virtual address within the object */
	u8 cfa;         /* enum cfa_kind */
	s8 rbp_slot;    /* caller's rbp is saved at CFA + 8 * rbp_slot; 0: rbp is unchanged */
	s16 cfa_offset; /* bytes, for the rules that have an offset; words of 8 bytes for CFA_RSP_FAR */
};

/* One executable mapping of a process. Sorted by start within its process. */
struct mapping_row {
	u64 start, end; /* target addresses */
	u64 bias;       /* target address - bias = ELF virtual address */
	u32 first_row;  /* into the rows array */
	u32 row_count;  /* 0: no rows (frame pointer only) */
};

/* ---- how a stack ended ---------------------------------------------------- */

enum stack_end {
	END_ROOT = 0,          /* outermost frame reached: complete */
	END_FRAME_POINTER = 1, /* a frame-pointer chain ended in rbp == 0: complete */
	END_NO_USER = 2,       /* no user registers: a kernel thread, or the process is exiting */
	END_UNMAPPED = 3,      /* pc in no known mapping (just mapped, or a wild jump), and no usable frame pointer */
	END_NO_RULE = 4,       /* mapping known, no rule at pc, no usable frame pointer */
	END_EXPRESSION = 5,    /* rule that rows cannot express: stack copied for libunwind */
	END_FAULT = 6,         /* stack memory could not be read (paged out, or bad) */
	END_TOO_DEEP = 7,      /* NATIVE_SLOTS_MAX reached: the root side is cut */
	END_NO_PROGRESS = 8,   /* the CFA did not move up: a broken chain */
	END_BUSY = 9,          /* walker scratch in use on this CPU: not walked */
	END_GREENLET = 10,     /* where the greenlet that runs was started, or at a switch under way: complete (found by user space) */
	END_NOT_WALKED = 11,   /* a wait that was too many to walk, at a place that was not walked either */
	END_COPY_ENDS = 12,    /* further up than the piece of stack that went along */
	STACK_END_COUNT = 13,
};

/* How the interpreter part ended. */
enum python_end {
	PYTHON_NONE = 0,       /* not an interpreter thread */
	PYTHON_ROOT = 1,       /* outermost frame reached: complete */
	PYTHON_NO_STATE = 2,   /* interpreter process, but no thread state for this thread */
	PYTHON_FAULT = 3,      /* interpreter memory could not be read */
	PYTHON_TOO_DEEP = 4,   /* PYTHON_SLOTS_MAX reached */
	PYTHON_BROKEN = 5,     /* chain inconsistent: caught in the middle of a change */
	PYTHON_TOO_MANY = 6,   /* the thread's state, or another of its states, may be among those that were not searched */
	PYTHON_END_COUNT = 7,
};

/* ---- lost and left out: one counter each, always printed when not zero ----- */

enum drop_reason {
	DROP_RING_FULL_SAMPLE = 0,
	DROP_RING_FULL_CONNECTION = 1,
	DROP_RING_FULL_IO = 2,
	DROP_RING_FULL_LIFE = 3,
	DROP_SCRATCH_BUSY = 4,      /* two events on one CPU wanted the same scratch */
	DROP_CONNECTIONS_FULL = 5,  /* connection table full */
	DROP_TARGETS_FULL = 6,      /* a new child could not be followed */
	DROP_PAYLOAD_FAULT = 7,     /* payload could not be read: counted without it */
	DROP_PAYLOAD_NO_REGS = 8,   /* io_uring or kernel work: no user registers, counted without payload */
	DROP_NO_MEMORY = 9,         /* arrived, but there was no memory to keep it (counted by user space) */
	DROP_RING_FULL_WAIT = 10,   /* a stack of a wait, or a wait: its time is shared out like that of those not walked */
	DROP_WAITS_FULL = 11,       /* too many threads: what this one waits for is not seen */
	DROP_CALLS = 12,            /* a log write, or the stack of a send to Redis */
	DROP_LOG_CALLS_FULL = 13,   /* too many threads write at once */
	DROP_CONNECTS = 14,         /* connections of which nothing is told, for their connect() could not be: exact */
	DROP_LOG_SOCKETS = 15,      /* writes to the system's log before it was known that this is written to */
	DROP_CHANGES = 16,          /* a followed connection's changes of state, noticed at its end */
	DROP_COUNT = 17,
};

/* Counters that are no loss, per CPU like the drops. */
enum tally {
	TALLY_SAMPLES = 0,      /* clock ticks in a followed process */
	TALLY_SAMPLE_NS = 1,    /* time spent in the sampler for them */
	TALLY_CONNECTS = 2,
	TALLY_CONNECT_NS = 3,
	TALLY_IO_NS = 4,
	TALLY_WITHOUT_GIL = 5,  /* of the ticks: left out because their thread did not hold the GIL, as asked */
	TALLY_SWITCHES = 6,     /* threads of followed processes that left the CPU */
	TALLY_WAIT_NS = 7,      /* time spent on them, and when they came back */
	TALLY_BRIEF = 8,        /* waits shorter than asked for, and their time */
	TALLY_BRIEF_NS = 9,
	TALLY_CALL_NS = 10,     /* time spent on log writes and stacks of sends */
	TALLY_UNIX_UNSEEN = 11, /* UNIX connections opened whose socket was not found then; some are told by their first byte */
	TALLY_COUNT = 12,
};

/* ---- records -------------------------------------------------------------- */

enum record_type {
	RECORD_SAMPLE = 1,
	RECORD_CONNECT = 2,      /* CLOSE -> SYN_SENT, or a UNIX connect(), in the connecting thread; with its stack */
	RECORD_ESTABLISHED = 3,
	RECORD_PEER_CLOSED = 4,  /* FIN received while open here */
	RECORD_CLOSE = 5,        /* first local shutdown or close; with the closer's stack */
	RECORD_GONE = 6,         /* socket reached CLOSE; its key will not be seen again */
	RECORD_IO = 7,
	RECORD_FORK = 8,         /* a new process (not a thread) */
	RECORD_EXEC = 9,
	RECORD_EXIT = 10,        /* the last thread of a process */
	RECORD_SEEN = 11,        /* first I/O on a connection whose connect() was not seen: accepted, or open before the attach */
	RECORD_BLOCK = 12,       /* a thread leaves the CPU: waits.h */
	RECORD_BACK = 13,        /* and comes back */
	RECORD_LOG = 14,         /* a write to what may be a log */
	RECORD_SEND = 15,        /* by which code a RECORD_IO was sent; for some of those to Redis */
	RECORD_WAKER = 16,       /* between the two: who let it go on */
};

struct record {
	u16 type;      /* enum record_type */
	u16 reserved;
	u32 size;      /* whole record, bytes */
	u64 time_ns;   /* CLOCK_MONOTONIC */
	u32 pid;       /* process (tgid), initial pid namespace */
	u32 tid;
};

/* A slot is one frame or a mark.
 * native:      a = pc, b = CFA of the frame (the caller's rsp). SLOT_EXACT_PC in a when pc is not a return address
 *              (innermost frame, or interrupted by a signal).
 * Python:      a = code object, b = instruction (>= 3.11: address of the instruction; before: f_lasti), above it in the 16 high bits
 *              the code's mark, or 0.
 * Python, end: a = 0, b = anchor: the stack address of this eval call's entry record (0: this version has none).
 * Python, task: a = SLOT_TASK, b = the asyncio task whose coroutine's own frame is the slot before.
 * Python, self: a = SLOT_SELF, b = the first local variable of the frame that is the slot before: a method's self. */
struct slot {
	u64 a, b;
};
#define SLOT_EXACT_PC (1ULL << 63)
#define SLOT_TASK 1ULL
#define SLOT_SELF 2ULL
#define SLOT_MARK_SHIFT 48

#define NO_HASH (~0ULL) /* a str object whose hash nobody has asked for yet */

/* What tells a code object from another that lies in its place by the time it is named: its name, by the hash that the str object keeps,
 * and where it keeps none, as of modules' code, by its length; and its first line. Never 0, which is no mark. */
static inline u16 code_mark(u64 name_length, u64 name_hash, u32 first_line)
{
	u64 name = name_hash == NO_HASH ? name_length : name_hash;
	u64 mixed = (name ^ first_line * 0x9e3779b97f4a7c15ULL) * 0xff51afd7ed558ccdULL;

	return (u16)(mixed >> 48 | 1);
}

struct stack_head {
	u16 python;      /* slots, first */
	u16 native;      /* slots, next; innermost first */
	u16 kernel;      /* u64 addresses, next; innermost first */
	u8 native_end;   /* enum stack_end */
	u8 python_end;   /* enum python_end */
	u32 copy_bytes;  /* raw stack bytes that follow, from COPY_BELOW under copy_sp up: for libunwind to finish what rows could not */
	u8 holds_gil;    /* the thread held its interpreter's lock; 0 too where that was not asked for or is not known */
	u8 task_slots;   /* before the Python ones: the first TASK_NAME_BYTES of the running asyncio task's name object, or 0 */
	u8 copy_registers; /* words of registers right before the copy: COPY_REGISTERS, or 0 */
	u8 reserved;
	u64 sp;          /* of the innermost frame: its extent is [sp, slot.b) */
	u64 unit;        /* the thread's unit of work (enum unit_kind); 0: not known, or none of its own */
	/* Where libunwind begins: with copy_registers at the innermost frame, else at the one the rows could not express. */
	u64 copy_sp, copy_bp, copy_pc;
};

#define COPY_REGISTERS 21 /* the words of a struct pt_regs, as x86-64 orders them: r15 first, see profiler/source/frames.c */

struct endpoint {
	u8 address[16]; /* IPv4 in the first 4 bytes; network order. AF_UNIX, in a record: the socket's inode, a u64 */
	u16 port;       /* host order */
	u16 family;     /* AF_INET, AF_INET6, AF_UNIX */
	u32 name;       /* AF_UNIX, in user space: string id of the path or "@abstract"; 0: none, or not known */
};

/* A UNIX socket's name as bind() had it. */
struct unix_name {
	u32 length;     /* 0: it has none */
	char path[108]; /* first byte 0: abstract; else a NUL may end it */
};

enum conn_flag {
	CONN_OPENED = 1,     /* its connect() was seen; otherwise accepted, or open before the attach. SEEN of AF_UNIX: a followed
			      * process called connect(), unseen */
	CONN_EXITING = 2,    /* closed because the process exits */
	CONN_RESET = 4,      /* ended by an error (sk_err in error) */
	CONN_BOUND = 8,      /* AF_UNIX: this end has a name, as accepted ones have */
	CONN_PAIR = 16,      /* AF_UNIX: neither end has one: a socketpair() */
	CONN_UNTOLD = 32,    /* in the kernel's table only: its connect() could not be told, so nothing of it is */
};

/* How long a thread was off the CPU so far, in 1,024 ns; wraps in 73 minutes. Two of them tell how long it was between two moments. */
struct off_marks {
	u32 off;         /* never 0, but where it is not known: then the others say nothing */
	u32 queued;      /* of that, it could have gone on and waited for a CPU */
	u32 locked;      /* and it waited for a lock or the GIL */
};

struct conn_body {
	u64 conn;        /* unique for this run, never reused */
	u32 owner_pid;   /* process that opened or first used it */
	u32 flags;       /* enum conn_flag */
	struct endpoint local, peer;
	s32 error;       /* errno of a failed connect or a reset, else 0 */
	struct off_marks marks; /* of the thread that runs */
};

enum io_flag {
	IO_SENT = 1,     /* else received */
	IO_NO_PAYLOAD = 2, /* moved by io_uring, sendfile or the like: nothing to peek at */
	IO_SEALED = 4,     /* ciphertext of a connection whose plaintext comes in records of its own */
	IO_PLAIN = 8,      /* such a record: what one call of the TLS library carried; bytes are the plaintext's */
};

struct io_body {
	u64 conn;
	u64 bytes;           /* moved by the call */
	u64 unit;            /* as in stack_head; 0 for what is received on a connection opened here, too */
	u32 payload_bytes;   /* peeked bytes that follow */
	u32 flags;           /* enum io_flag */
	u32 queued_us;       /* received over TCP from a client: how long its last piece had lain unread, to within a tick of the kernel's */
	struct off_marks marks; /* as in conn_body */
};

/* LOG and SEND; a stack follows where weight is not 0. */
struct call_body {
	u64 subject;     /* SEND: the connection; LOG: the inode */
	u64 unit;        /* LOG, as in stack_head */
	u64 bytes;       /* written; 0: the call failed */
	u64 ns;          /* LOG: inside the call */
	u64 blocked_ns;  /* LOG: the same if the thread left the CPU of itself meanwhile, else 0 */
	u32 lines;       /* LOG: newlines in it, past the first 1,024 bytes an estimate; a datagram is one line at least */
	u32 weight;      /* how many calls this stack stands for; 0: it was not walked for */
	u32 fd;          /* LOG */
	u32 mode;        /* LOG: S_IFREG, S_IFIFO, S_IFCHR or S_IFSOCK */
};

struct life_body {
	u32 child_pid;   /* FORK */
	u32 reserved;
	u64 cpu_ns;      /* EXIT: CPU time of the whole process */
	char comm[16];   /* FORK: the parent's, and so the child's; EXEC: the new one. Not trusted to be text. */
};

/* What the thread iterator writes for each thread of a followed process: its saved user registers. */
struct thread_record {
	u32 pid, tid;
	u64 ip, sp, bp, bx, r12, r13, r14, r15;
	u64 fsbase;
	u64 switches;    /* context switches so far: unchanged between two reads = it did not run */
	u32 on_cpu;      /* running now: the registers are those of its last kernel entry */
	u32 reserved;
};

/* What is asked about the interpreter's lock. */
enum gil_wish {
	GIL_IGNORED = 0,
	GIL_NOTED = 1,      /* say who holds it */
	GIL_ONLY = 2,       /* and leave out samples of threads that do not */
};

/* Do the targets write to datagram sockets of the host, and is that hooked? Only user space can attach what tells of it. */
enum log_sockets {
	LOG_SOCKETS_IGNORED = 0,
	LOG_SOCKETS_WANTED = 1, /* say when */
	LOG_SOCKETS_SEEN = 2,
	LOG_SOCKETS_HOOKED = 3,
};

/* Where the stacks of sends are walked. */
enum sends_walked {
	SENDS_NOT = 0,
	SENDS_IN_PLACE = 1, /* by the program that tells of the send: nothing else runs it meanwhile */
	SENDS_APART = 2,    /* by one of their own, where another thread could come between */
};

/* Set before load, constant then. */
struct settings {
	u32 follow_children;
	u32 kernel_frames;
	u32 payload_bytes;       /* 0: count only */
	u32 ring_watermark;      /* bytes waiting before the reader is woken */
	u32 gil;                 /* enum gil_wish */
	u32 walks;               /* of waits, per CPU and WALK_WINDOW_NS */
	u32 walk_share;          /* they may take one part in so many of the targets' own time on that CPU; 0: not looked at */
	u32 switch_tells_state;  /* sched_switch brings the state as its fourth argument (Linux 5.18) */
	u32 wakers;              /* tell of who wakes a thread whose wait was walked */
	u32 tick_us;             /* of the kernel's clock (CONFIG_HZ) */
	u32 sends;               /* enum sends_walked */
	u64 min_block_ns;        /* shorter waits are only counted */
};

/* ---- map values ----------------------------------------------------------- */

/* How this CPython keeps its frames: offsets in bytes, from its version's table or its own
 * published ones. See profiler/runtime/cpython_versions.c for the sources. */
enum python_anchor {
	ANCHOR_NONE = 0,    /* <= 3.9: no entry record; one frame per eval call */
	ANCHOR_CFRAME = 1,  /* 3.10, 3.11: CFrame on the C stack */
	ANCHOR_SHIM = 2,    /* >= 3.12: entry frame with owner >= 3 on the C stack */
};

/* What tells the units of work of one thread apart, once user space has seen which kind this process has: its address is
 * the unit's name as long as it lives. */
enum unit_kind {
	UNIT_THREAD = 0,    /* nothing: each thread does one thing at a time */
	UNIT_COROUTINE = 1, /* the outermost frame that belongs to a coroutine or generator: an asyncio task */
	UNIT_GREENLET = 2,  /* the outermost frame of all: each greenlet has a chain of its own */
};

struct python_layout {
	u16 tstate_interp, tstate_next, tstate_thread_id;
	u16 tstate_frame;          /* to the top frame, or to the CFrame if frame_in_cframe */
	u16 tstate_cframe;         /* to the CFrame; ANCHOR_CFRAME only */
	u16 cframe_frame;          /* CFrame -> top frame */
	u16 cframe_previous;
	u16 frame_code, frame_previous, frame_instr;
	u16 frame_owner;           /* 0xffff: none */
	u16 frame_is_entry;        /* 3.11; 0xffff: every frame is an entry (3.10 and before) */
	u16 frame_generator;       /* what marks a generator's or coroutine's frame: the owner byte, or a pointer that is not null */
	u16 frame_self;            /* the first local variable: a method's self */
	u16 code_name, code_first_line; /* of the code object, for its mark */
	u8 frame_in_cframe;        /* top frame is reached through the CFrame */
	u8 instr_is_pointer;       /* frame_instr holds an address, else a 32-bit index */
	u8 anchor;                 /* enum python_anchor */
	u8 owner_shim;             /* owner >= this: an entry frame, not Python code */
	u8 code_tag_mask;          /* low bits of frame_code that are a tag (3.14) */
	u8 owner_generator;        /* the owner byte of a generator's frame; 0: frame_generator is a pointer (3.10 and before) */
	u8 reserved[2];
};

struct python_state {
	u64 tstate_at_fsbase;   /* fsbase + this holds the thread's own state pointer; 0: walk the list */
	u64 interpreters_head;  /* address of the pointer to the first interpreter */
	u32 interp_threads_head;/* offset in the interpreter state */
	u32 enabled;            /* 0: not an interpreter (yet) */
	/* The thread state that holds the GIL: <= 3.11 in one place, later in each interpreter's GIL. */
	u64 gil_holder;         /* address of the pointer to it; 0: by interpreter */
	u64 gil;                /* address of the GIL itself; 0: by interpreter */
	u32 interp_gil;         /* interpreter state to the pointer to its GIL; 0 too: not known */
	u16 gil_last_holder, gil_locked; /* in that GIL: a pointer, and an int that is 1 while it is held */
	/* Only where there are several interpreters: a thread may be in more than one, and is looked for in the lists of all. */
	u32 interpreters;       /* how many there were at the last look */
	u32 interp_next;        /* interpreter state to the next one */
	/* asyncio's running task (>= 3.14). */
	u32 tstate_task;        /* thread state to the pointer to it; 0: not known */
	u16 task_coro, task_name; /* in a task: pointers to its coroutine and to its name, a str or an int */
	u16 coro_frame;         /* coroutine to the frame inside it */
	u16 reserved[3];
	struct python_layout layout;
	u32 units;              /* enum unit_kind */
};

/* One followed process; key: u32 tgid. */
struct target {
	u32 first_mapping, mapping_count; /* into the mappings array */
	u32 generation;                   /* of these mappings: unique in a run; 0: none are known (a new image) */
	u32 reserved;
	struct python_state python;
};

#define EVENTS_ASSERT(name, cond) _Static_assert(cond, name)
EVENTS_ASSERT("unwind_row", sizeof(struct unwind_row) == 8);
EVENTS_ASSERT("mapping_row", sizeof(struct mapping_row) == 32);
EVENTS_ASSERT("record", sizeof(struct record) == 24);
EVENTS_ASSERT("stack_head", sizeof(struct stack_head) == 56);
EVENTS_ASSERT("endpoint", sizeof(struct endpoint) == 24);
EVENTS_ASSERT("unix_name", sizeof(struct unix_name) == 112);
EVENTS_ASSERT("conn_body", sizeof(struct conn_body) == 80);
EVENTS_ASSERT("thread_record", sizeof(struct thread_record) == 96);
EVENTS_ASSERT("io_body", sizeof(struct io_body) == 48);
EVENTS_ASSERT("call_body", sizeof(struct call_body) == 56);
EVENTS_ASSERT("life_body", sizeof(struct life_body) == 32);
EVENTS_ASSERT("python_layout", sizeof(struct python_layout) == 40);
EVENTS_ASSERT("python_state", sizeof(struct python_state) == 120);
EVENTS_ASSERT("target", sizeof(struct target) == 136);

#endif
