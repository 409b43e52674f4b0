/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* task.h - the current task: its ids, its user registers, a stack record begun and sent. For the programs that call the walker. */
#ifndef CONNPROF_BPF_TASK_H
#define CONNPROF_BPF_TASK_H

#include "state.h"

#define THREAD_SIZE 16384 /* arch/x86/include/asm/page_64_types.h, without KASAN */

static __always_inline u32 current_tgid(void)
{
	return bpf_get_current_pid_tgid() >> 32;
}

/* The registers the current task entered the kernel with; NULL: it has none (kernel thread, io_uring worker), or no memory
 * any more (exiting). */
static __always_inline struct pt_regs *user_regs(void)
{
	struct task_struct *task;

	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs)) { /* before 5.15 */
		task = (void *)bpf_get_current_task();
		if (BPF_CORE_READ(task, flags) & (PF_KTHREAD | PF_IO_WORKER) || !BPF_CORE_READ(task, mm))
			return 0;
		return (void *)(BPF_CORE_READ(task, stack) + THREAD_SIZE - bpf_core_type_size(struct pt_regs));
	}
	task = bpf_get_current_task_btf();
	if (task->flags & (PF_KTHREAD | PF_IO_WORKER) || !task->mm)
		return 0;
	return (void *)bpf_task_pt_regs(task);
}

/* One of those: a plain load where the kernel vouches for the pointer, else a call. */
#define REGISTER(regs, name) \
	(bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs) ? (regs)->name : BPF_CORE_READ(regs, name))

/* Did the current task enter the kernel by a system call? Then its pc is a return address: it may be the first byte of the
 * next function. orig_ax is -1 after interrupts and faults (arch/x86/include/asm/idtentry.h). */
static __always_inline bool in_system_call(void)
{
	struct pt_regs *regs = user_regs();

	return regs && (s64)REGISTER(regs, orig_ax) >= 0;
}

static __always_inline bool current_exits(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return BPF_CORE_READ(task, flags) & PF_EXITING;
}

static __always_inline u64 current_fsbase(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return BPF_CORE_READ(task, thread.fsbase);
}

/* Takes this kind's scratch; NULL (counted) when it is in use on this CPU. */
static __always_inline struct scratch *scratch_take(u32 kind)
{
	struct scratch *scratch = scratch_of(kind);

	if (!scratch)
		return 0;
	if (scratch->busy) {
		drop(DROP_SCRATCH_BUSY);
		return 0;
	}
	scratch->busy = 1;
	return scratch;
}

static __always_inline void scratch_give(struct scratch *scratch)
{
	scratch->busy = 0;
}

static __always_inline void record_fill(struct record *record, u16 type, u32 size)
{
	u64 id = bpf_get_current_pid_tgid();

	record->type = type;
	record->reserved = 0;
	record->size = size;
	record->time_ns = bpf_ktime_get_ns();
	record->pid = id >> 32;
	record->tid = (u32)id;
}

_Static_assert(COPY_REGISTERS * sizeof(u64) == sizeof(struct pt_regs), "what goes along are the task's pt_regs");

/* Where a frame lies near enough to the innermost one, libunwind begins there, with all registers: a rule may need any. */
static __always_inline bool copy_from_innermost(struct scratch *scratch)
{
	return scratch->walk.unmapped || scratch->walk.sp - scratch->head.sp <= PAGE_BYTES;
}

/* Page by page, to where the stack's mapping or the room ends. */
static __always_inline void copy_pages(struct scratch *scratch, u64 used, u64 from)
{
#pragma unroll
	for (u32 i = 0; i < STACK_COPY_PAGES; i++) {
		u64 at = used + scratch->head.copy_bytes, size = PAGE_BYTES - (from & (PAGE_BYTES - 1));

		asm volatile("" : "+r"(at), "+r"(size)); /* one value for the check and for the call */
		if (at > sizeof(scratch->slots) - PAGE_BYTES || size > PAGE_BYTES ||
		    bpf_probe_read_user((u8 *)scratch->slots + at, size, (const void *)from))
			return;
		scratch->head.copy_bytes += size;
		from += size;
	}
}

/* All of the task's registers, for a walk from the innermost frame. False: not wanted, or no room. */
static __always_inline bool copy_registers(struct scratch *scratch, const struct pt_regs *regs, u64 used)
{
	struct stack_head *head = &scratch->head;

	if (!regs)
		return false;
	head->copy_sp = head->sp;
	head->copy_bp = REGISTER(regs, bp);
	head->copy_pc = REGISTER(regs, ip) | (in_system_call() ? 0 : SLOT_EXACT_PC);
	asm volatile("" : "+r"(used)); /* checked right before its use: older verifiers forget it over anything else */
	if (used > sizeof(scratch->slots) - PAGE_BYTES - sizeof(*regs) ||
	    bpf_probe_read_kernel((u8 *)scratch->slots + used, sizeof(*regs), regs))
		return false;
	head->copy_registers = COPY_REGISTERS;
	return true;
}

/* A stack that rows could not finish, or only by guessing, takes a piece of raw stack along for libunwind. */
static __always_inline void stack_copy(struct scratch *scratch)
{
	u64 used = scratch->walk.slots * sizeof(struct slot) + scratch->head.kernel * sizeof(u64); /* 64 bits: what 5.10 follows */
	struct pt_regs *regs = copy_from_innermost(scratch) ? user_regs() : 0;
	struct stack_head *head = &scratch->head;

	if (!copy_registers(scratch, regs, used)) {
		head->copy_sp = scratch->walk.sp;
		head->copy_bp = scratch->walk.bp;
		head->copy_pc = scratch->walk.pc | (scratch->walk.exact_pc ? SLOT_EXACT_PC : 0);
	}
	used += head->copy_registers * sizeof(u64);
	copy_pages(scratch, used, head->copy_sp - COPY_BELOW);
	if (!head->copy_bytes)
		head->copy_registers = 0;
}

static __always_inline bool stack_wants_copy(const struct scratch *scratch)
{
	const struct walk *walk = &scratch->walk;

	return scratch->head.native_end == END_EXPRESSION || (walk->unmapped && scratch->head.native) ||
	       (scratch->head.native_end == END_NO_RULE && scratch->head.native == 1 && walk->mapping.row_count);
}

static __always_inline void stack_none(struct scratch *scratch)
{
	__builtin_memset(&scratch->head, 0, sizeof(scratch->head));
	scratch->head.native_end = END_NO_USER;
	scratch->walk.slots = 0;
	scratch->walk.unmapped = 0;
	scratch->walk.holds_gil = 0;
}

/* Sets the walker on its way: registers in, head and slots out. */
static __always_inline void stack_walk(struct scratch *scratch, u32 kind, const struct target *target, u64 pc, u64 sp, u64 bp,
				       u64 bx)
{
	struct walk *walk = &scratch->walk;

	__builtin_memset(&scratch->head, 0, sizeof(scratch->head));
	walk->pc = pc;
	walk->sp = sp;
	walk->bp = bp;
	walk->bx = bx;
	walk->exact_pc = !in_system_call();
	walk->gil = settings.gil;
	walk->marks = hasten;
	walk->fsbase = current_fsbase();
	walk->first_mapping = target->first_mapping;
	walk->mapping_count = target->mapping_count;
	walk->generation = target->generation;
	walk->state = target->python;
	walk_stack(kind);
}

/* From the registers the current task entered the kernel with (user_regs). */
static __always_inline void stack_walk_regs(struct scratch *scratch, u32 kind, const struct target *target,
					    const struct pt_regs *regs)
{
	stack_walk(scratch, kind, target, REGISTER(regs, ip), REGISTER(regs, sp), REGISTER(regs, bp), REGISTER(regs, bx));
}

/* The current thread's unit of work; the scratch (of that kind) is the caller's. */
static __always_inline u64 unit_walk(struct scratch *scratch, u32 kind, const struct target *target)
{
	scratch->walk.fsbase = current_fsbase();
	scratch->walk.state = target->python;
	walk_unit(kind);
	return scratch->head.unit;
}

/* What is below the system call or interrupt; ctx: the program's own. Before stack_copy, which goes behind them. */
static __always_inline void kernel_frames(void *ctx, struct scratch *scratch)
{
	u32 used = scratch->walk.slots;
	long bytes;

	asm volatile("" : "+r"(used));
	if (used > STACK_SLOTS - KERNEL_FRAMES_MAX / 2)
		return;
	bytes = bpf_get_stack(ctx, &scratch->slots[used], KERNEL_FRAMES_MAX * sizeof(u64), 0);
	if (bytes > 0)
		scratch->head.kernel = bytes / sizeof(u64);
}

static __always_inline u32 stack_bytes(const struct scratch *scratch)
{
	return sizeof(scratch->head) + scratch->walk.slots * sizeof(struct slot) +
	       (scratch->head.kernel + scratch->head.copy_registers) * sizeof(u64) + scratch->head.copy_bytes;
}

#endif
