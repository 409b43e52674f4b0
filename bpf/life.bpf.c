/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * life.bpf.c - processes come and go: a child is followed from its first instruction with its parent's tables, a new
 * image loses them until user space has read it, the last thread ends the following. All of it holds from the moment a
 * process is a target, also before anything counts: nothing may slip through while the tool attaches.
 */
#include "task.h"

static __always_inline struct target *target_always(u32 tgid)
{
	return may_be_followed(tgid) ? bpf_map_lookup_elem(&targets, &tgid) : 0;
}

static __always_inline void emit(u16 type, u32 child, u64 cpu_ns)
{
	struct {
		struct record record;
		struct life_body body;
	} out = {};

	record_fill(&out.record, type, sizeof(out));
	out.body.child_pid = child;
	out.body.cpu_ns = cpu_ns;
	bpf_get_current_comm(out.body.comm, sizeof(out.body.comm));
	if (bpf_ringbuf_output(&ring, &out, sizeof(out), ring_flags()))
		drop(DROP_RING_FULL_LIFE);
}

SEC("tp_btf/sched_process_fork")
int process_fork(u64 *ctx)
{
	struct task_struct *child = (void *)ctx[1];
	struct target *parent = target_always(current_tgid());
	u32 pid = child->tgid;

	if (!parent || !settings.follow_children || (u32)child->pid != pid)
		return 0;
	followed[pid & (FOLLOWED_BYTES - 1)] = 1;
	if (bpf_map_update_elem(&targets, &pid, parent, BPF_ANY)) {
		drop(DROP_TARGETS_FULL);
		return 0;
	}
	emit(RECORD_FORK, pid, 0);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int process_exec(u64 *ctx)
{
	struct target *target = target_always(current_tgid());

	if (!target)
		return 0;
	target->mapping_count = 0;
	target->python.enabled = 0;
	target->generation = 0;
	emit(RECORD_EXEC, 0, 0);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int process_exit(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	u32 tgid = task->tgid;

	if (!target_always(tgid) || task->signal->live.counter)
		return 0;
	emit(RECORD_EXIT, 0, task->signal->sum_sched_runtime + task->se.sum_exec_runtime);
	bpf_map_delete_elem(&targets, &tgid);
	return 0;
}
