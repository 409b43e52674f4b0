/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* threads.h - a thread's record, for the iterators over threads. */
#ifndef CONNPROF_BPF_THREADS_H
#define CONNPROF_BPF_THREADS_H

#include "task.h"

/* The registers a thread entered the kernel with. */
static __always_inline struct pt_regs *thread_regs(struct task_struct *task)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return (void *)bpf_task_pt_regs(task);
	return (void *)(BPF_CORE_READ(task, stack) + THREAD_SIZE - bpf_core_type_size(struct pt_regs));
}

static __always_inline void thread_fill(struct thread_record *out, struct task_struct *task, const struct pt_regs *regs)
{
	out->pid = task->tgid;
	out->tid = task->pid;
	out->ip = BPF_CORE_READ(regs, ip);
	out->sp = BPF_CORE_READ(regs, sp);
	out->bp = BPF_CORE_READ(regs, bp);
	out->bx = BPF_CORE_READ(regs, bx);
	out->r12 = BPF_CORE_READ(regs, r12);
	out->r13 = BPF_CORE_READ(regs, r13);
	out->r14 = BPF_CORE_READ(regs, r14);
	out->r15 = BPF_CORE_READ(regs, r15);
	out->fsbase = task->thread.fsbase;
	out->switches = task->nvcsw + task->nivcsw;
	out->on_cpu = task->on_cpu;
}

#endif
