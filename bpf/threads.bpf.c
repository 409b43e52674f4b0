/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * threads.bpf.c - an iterator over the threads of followed processes: where each entered the kernel. Nothing is stopped
 * for it; whether a thread ran meanwhile is told by its switch count.
 */
#include "task.h"

SEC("iter/task")
int threads(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct thread_record out = {};
	struct pt_regs *regs;
	u32 tgid;

	if (!task)
		return 0;
	tgid = task->tgid;
	if (!bpf_map_lookup_elem(&targets, &tgid) || task->flags & (PF_KTHREAD | PF_EXITING))
		return 0;
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		regs = (void *)bpf_task_pt_regs(task);
	else
		regs = (void *)(BPF_CORE_READ(task, stack) + THREAD_SIZE - bpf_core_type_size(struct pt_regs));
	out.pid = tgid;
	out.tid = task->pid;
	out.ip = BPF_CORE_READ(regs, ip);
	out.sp = BPF_CORE_READ(regs, sp);
	out.bp = BPF_CORE_READ(regs, bp);
	out.bx = BPF_CORE_READ(regs, bx);
	out.r12 = BPF_CORE_READ(regs, r12);
	out.r13 = BPF_CORE_READ(regs, r13);
	out.r14 = BPF_CORE_READ(regs, r14);
	out.r15 = BPF_CORE_READ(regs, r15);
	out.fsbase = task->thread.fsbase;
	out.switches = task->nvcsw + task->nivcsw;
	out.on_cpu = task->on_cpu;
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	return 0;
}
