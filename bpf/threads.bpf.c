/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * threads.bpf.c - an iterator over the threads of followed processes: where each entered the kernel. Nothing is stopped
 * for it; whether a thread ran meanwhile is told by its switch count.
 */
#include "threads.h"

SEC("iter/task")
int threads(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct thread_record out = {};
	u32 tgid;

	if (!task)
		return 0;
	tgid = task->tgid;
	if (!bpf_map_lookup_elem(&targets, &tgid) || task->flags & (PF_KTHREAD | PF_EXITING))
		return 0;
	thread_fill(&out, task, thread_regs(task));
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	return 0;
}
