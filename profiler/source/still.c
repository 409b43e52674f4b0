/* SPDX-License-Identifier: BSD-2-Clause */
/* still.c - libunwind over a copy of the thread's stack, the interpreter's chain beside it. */
#include "source/still.h"

#include <stdlib.h>

#include "process/process.h"
#include "unwind/unwind.h"

#define STILL_STACK_BYTES (256u << 10)

struct still {
	struct frames *frames;
	uint8_t bytes[STILL_STACK_BYTES];
	struct slot python[PYTHON_SLOTS_MAX];
	struct unwind_frame found[NATIVE_SLOTS_MAX];
	struct slot native[NATIVE_SLOTS_MAX];
};

struct still *still_new(struct frames *frames)
{
	struct still *still = calloc(1, sizeof(*still));

	if (still)
		still->frames = frames;
	return still;
}

void still_free(struct still *still)
{
	free(still);
}

struct still_stack still_walk(struct still *still, struct followed *process, const struct thread_record *thread)
{
	struct unwind_registers registers = {.pc = thread->ip, .sp = thread->sp, .bp = thread->bp, .rbx = thread->bx,
					     .r12 = thread->r12, .r13 = thread->r13, .r14 = thread->r14, .r15 = thread->r15};
	struct unwind_stack stack = {.pid = thread->pid, .address = thread->sp, .bytes = still->bytes};
	struct raw_stack raw = {.python = still->python, .native = still->native, .sp = thread->sp, .end = END_FAULT};
	struct still_stack out = {0};
	struct unwind_remote *remote = NULL;
	enum stack_end end = END_FAULT;
	enum python_end python_end = PYTHON_NONE;
	struct runtime *runtime;
	const struct runtime_ops *ops = followed_runtime(process, &runtime);
	ssize_t got = process_read_some(thread->pid, thread->sp, still->bytes, sizeof(still->bytes));
	int count = 0;

	stack.size = got > 0 ? got : 0;
	if (ops && (count = ops->walk(runtime, thread->tid, thread->fsbase, still->python, PYTHON_SLOTS_MAX, &python_end,
				      &out.holds_gil)) > 0)
		raw.python_count = count;
	out.python_end = raw.python_end = python_end;
	if (!unwind_remote_new(thread->pid, &remote)) {
		count = unwind_remote_walk(remote, &registers, &stack, still->found, NATIVE_SLOTS_MAX, &end);
		for (int i = 0; i < count; i++)
			still->native[i] = (struct slot){still->found[i].pc |
							 (i == 0 || still->found[i].exact_pc ? SLOT_EXACT_PC : 0),
							 still->found[i].cfa};
		raw.native_count = count > 0 ? count : 0;
		raw.end = end;
	}
	unwind_remote_free(remote);
	out.stack = frames_stack(still->frames, process, &raw, NULL);
	return out;
}
