/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * offcpu.bpf.c - a thread of a followed process leaves the CPU, may go on again, comes back.
 *
 *   sched_switch, prev   it leaves: `current` is still this thread, its registers and memory are at hand. Walked here, once
 *                        for all, if the budget allows; when and in which state goes into its entry.
 *   sched_waking         it may go on: from here on it only waits for a CPU
 *   sched_switch, next   it is back: its times go to the ring, or, where it was neither walked nor long off, into its sums. Should this
 *                        not have been seen, it is made good when the thread leaves next
 *
 * The scheduler runs all of it with interrupts off, and the clock tick is an interrupt: neither can come into the other, so
 * the two share one scratch.
 */
#include "budget.h"
#include "place.h"
#include "sock.h"
#include "threads.h"
#include "wait_facts.h"

/* ---- coming back ---- */

/* The part of a wait in which it could have run. */
static __always_inline u64 queued_ns(const struct back_body *back, u64 now)
{
	if (back->state == TASK_RUNNING)
		return now - back->out_ns;
	return back->waking_ns && back->waking_ns < now ? now - back->waking_ns : 0;
}

/* Into the thread's sums: told of with its next BACK. */
static __always_inline void leave_out(struct back_body *back, u64 now, u64 queued)
{
	u64 blocked = now - back->out_ns - queued;

	back->left_ns[LEFT_QUEUED] += queued;
	back->left_count[LEFT_QUEUED] += queued > 0;
	back->left_ns[LEFT_BLOCKED] += blocked;
	back->left_count[LEFT_BLOCKED] += blocked > 0;
}

static __always_inline int tell_back(const struct wait *wait, u32 tid, u64 now)
{
	struct {
		struct record record;
		struct back_body back;
	} out;

	out.record.type = RECORD_BACK;
	out.record.reserved = 0;
	out.record.size = sizeof(out);
	out.record.time_ns = now;
	out.record.pid = wait->pid;
	out.record.tid = tid;
	out.back = wait->back;
	return bpf_ringbuf_output(&ring, &out, sizeof(out), ring_flags());
}

static __always_inline void sums_clear(struct back_body *back)
{
	back->left_ns[LEFT_BLOCKED] = back->left_ns[LEFT_QUEUED] = 0;
	back->left_count[LEFT_BLOCKED] = back->left_count[LEFT_QUEUED] = 0;
}

static __always_inline void is_back(struct wait *wait, u32 tid, u64 now)
{
	struct back_body *back = &wait->back;
	u64 total = now - back->out_ns, queued;

	if (back->waking_ns && back->waking_ns < back->out_ns)
		back->waking_ns = back->out_ns;
	queued = queued_ns(back, now);
	wait->off_ns += total;
	wait->queued_ns += queued;
	wait->locked_ns += is_lock(back) ? total - queued : 0;
	if (total < settings.min_block_ns) {
		tally(TALLY_BRIEF, 1);
		tally(TALLY_BRIEF_NS, total);
	} else if (!back->seq && total < WAIT_LONG_NS) {
		leave_out(back, now, queued);
	} else {
		if (total >= WAIT_LONG_NS) /* each of them is told of */
			back->weight = WAIT_WEIGHT_ONE;
		if (!tell_back(wait, tid, now)) {
			sums_clear(back);
		} else {
			drop(DROP_RING_FULL_WAIT);
			leave_out(back, now, queued);
		}
	}
	back->out_ns = back->waking_ns = 0;
}

/* A new thread has no entry, and was never off; of others without one there was no room for it. */
static __always_inline void marks_fill(struct off_marks *marks, const struct wait *wait, const struct task_struct *task)
{
	*marks = (struct off_marks){};
	if (wait) {
		marks->off = (u32)(wait->off_ns >> 10);
		marks->queued = (u32)(wait->queued_ns >> 10);
		marks->locked = (u32)(wait->locked_ns >> 10);
	}
	if (wait || !(task->nvcsw | task->nivcsw))
		marks->off += !marks->off;
}

static __always_inline void comes_back(const struct task_struct *task, u64 now, struct walk_budget *budget)
{
	u32 tid = task->pid;
	struct wait *wait = bpf_map_lookup_elem(&waits, &tid);

	if (wait && wait->back.out_ns)
		is_back(wait, tid, now);
	else if (wait)
		wait->back.waking_ns = 0; /* of a leaving that was not told of */
	marks_fill(&budget->marks, wait, task);
	*(volatile u32 *)&budget->running = tid;
}

/* ---- leaving ---- */

/* Walks the current thread's stack and tells of it. */
static __always_inline void walk_and_tell(u64 *ctx, struct task_struct *task, const struct pt_regs *regs, struct target *target,
					  struct wait *wait, struct walk_budget *budget)
{
	struct scratch *scratch = scratch_take(SCRATCH_SAMPLE);
	u64 seq = (budget->seq + 1) << 12 | (bpf_get_smp_processor_id() & 0xfff);
	u32 size;

	if (!scratch)
		return;
	budget->seq++;
	stack_walk_regs(scratch, SCRATCH_SAMPLE, target, regs);
	if (settings.kernel_frames)
		kernel_frames(ctx, scratch);
	if (stack_wants_copy(scratch))
		stack_copy(scratch);
	facts_fill(task, regs, &scratch->block.facts);
	poll_facts(task, &scratch->block.facts);
	gil_facts(&scratch->walk, &scratch->block.facts);
	scratch->block.facts.state = wait->back.state;
	scratch->block.facts.flags |= wait->back.flags | WAIT_WALKED;
	scratch->block.seq = seq;
	size = sizeof(struct record) + sizeof(struct block_body) + stack_bytes(scratch);
	asm volatile("" : "+r"(size));
	if (size <= sizeof(struct record) + sizeof(struct block_body) + sizeof(struct stack_head) + sizeof(scratch->slots)) {
		record_fill(&scratch->block_record, RECORD_BLOCK, size);
		if (bpf_ringbuf_output(&ring, &scratch->block_record, size, ring_flags()))
			drop(DROP_RING_FULL_WAIT);
		else
			wait->back.seq = seq;
	}
	scratch_give(scratch);
}

static __always_inline struct wait *wait_of(u32 tid, u32 pid)
{
	struct wait *wait = bpf_map_lookup_elem(&waits, &tid), fresh = {};

	if (wait)
		return wait;
	fresh.pid = pid;
	if (bpf_map_update_elem(&waits, &tid, &fresh, BPF_ANY))
		drop(DROP_WAITS_FULL);
	return bpf_map_lookup_elem(&waits, &tid);
}

static __always_inline u32 ran_of(const struct task_struct *task)
{
	return task->se.sum_exec_runtime >> 10;
}

/*
 * It leaves: for how long has it run? And was it seen to come back at all? Some kernels tell of no switch away from certain threads (all
 * of two threads of a virtual machine's own agent, on 6.18), and so of nobody's return from there: then it came back so long ago.
 */
static __always_inline void has_run(struct wait *wait, const struct task_struct *task, u64 now, struct walk_budget *budget)
{
	u32 before = wait->ran;
	u64 ran_ns = (u64)(ran_of(task) - before) << 10;

	wait->ran = ran_of(task);
	if (!before)
		return;
	budget->ran_ns += ran_ns;
	if (!wait->back.out_ns)
		return;
	if (ran_ns < now - wait->back.out_ns)
		is_back(wait, task->pid, now - ran_ns);
	else
		wait->back.waking_ns = 0;
}

/* Returns how long the walk took; 0: there was none. */
static __always_inline u64 leaves(u64 *ctx, struct task_struct *task, u32 state, bool preempted, u64 now, struct walk_budget *budget)
{
	struct target *target = target_of(task->tgid);
	struct pt_regs *regs;
	struct wait *wait;
	u32 weight = WAIT_WEIGHT_ONE;
	u64 left = now;

	if (!target || task->flags & PF_EXITING)
		return 0;
	regs = user_regs();
	wait = wait_of(task->pid, task->tgid);
	if (!regs || !wait)
		return 0;
	tally(TALLY_SWITCHES, 1);
	has_run(wait, task, now, budget);
	wait->back.out_ns = 0; /* not known to the waker while it is half written */
	wait->back.seq = 0;
	wait->back.state = preempted ? TASK_RUNNING : state;
	wait->back.flags = preempted ? WAIT_PREEMPTED : 0;
	wait->back.number = REGISTER(regs, orig_ax);
	wait->back.arg = REGISTER(regs, di);
	/* Who is put off the CPU may be anywhere. */
	wait->back.place = wait->back.state == TASK_RUNNING ? 0 : place_of(target, regs, task->pid, &wait->back);
	if (admitted(budget, wait->back.place ? wait->back.place : place_with(0, task->pid), now, &weight)) {
		walk_and_tell(ctx, task, regs, target, wait, budget);
		left = bpf_ktime_get_ns(); /* the walk is our time, not the target's */
		budget->walks_ns += left - now;
	}
	wait->back.weight = weight;
	*(volatile u64 *)&wait->back.out_ns = left;
	return left - now;
}

SEC("tp_btf/sched_switch")
int switched(u64 *ctx)
{
	struct task_struct *prev = (void *)ctx[1], *next = (void *)ctx[2];
	bool preempted = (bool)ctx[0];
	struct walk_budget *budget;
	u64 now, walk_ns = 0;
	u32 state;

	if (!active || (!may_be_followed(prev->tgid) && !may_be_followed(next->tgid)))
		return 0;
	budget = budget_of();
	if (!budget)
		return 0;
	if (settings.switch_tells_state)
		state = (u32)ctx[3];
	else if (bpf_core_field_exists(prev->__state))
		state = BPF_CORE_READ(prev, __state);
	else
		state = (u32)BPF_CORE_READ((struct task_struct___before_5_14 *)prev, state);
	now = bpf_ktime_get_ns();
	budget->running = 0;
	if (may_be_followed(next->tgid))
		comes_back(next, now, budget);
	if (may_be_followed(prev->tgid))
		walk_ns = leaves(ctx, prev, state, preempted, now, budget);
	if (walk_ns)
		tally(TALLY_WAIT_NS, walk_ns);
	if (budget->switches++ % TIMED_RUNS == 0)
		tally(TALLY_WAIT_NS, TIMED_RUNS * (bpf_ktime_get_ns() - now - walk_ns));
	return 0;
}

/* The thread that is running, or was interrupted: as far as user space can tell which. */
static __always_inline void tell_waker(u64 *ctx, u64 seq, u32 waiter)
{
	struct scratch *scratch = scratch_take(SCRATCH_SAMPLE);
	struct target *target = target_of(current_tgid());
	struct pt_regs *regs = target ? user_regs() : 0;
	u32 size;

	if (!scratch)
		return;
	if (regs)
		stack_walk_regs(scratch, SCRATCH_SAMPLE, target, regs);
	else
		stack_none(scratch);
	kernel_frames(ctx, scratch);
	scratch->waker.seq = seq;
	scratch->waker.waiter = waiter;
	scratch->waker.reserved = 0;
	bpf_get_current_comm(scratch->waker.comm, sizeof(scratch->waker.comm));
	size = sizeof(struct record) + sizeof(struct waker_body) + stack_bytes(scratch);
	asm volatile("" : "+r"(size));
	if (size <= sizeof(struct record) + sizeof(struct waker_body) + sizeof(struct stack_head) + sizeof(scratch->slots)) {
		record_fill(&scratch->waker_record, RECORD_WAKER, size);
		if (bpf_ringbuf_output(&ring, &scratch->waker_record, size, ring_flags()))
			drop(DROP_RING_FULL_WAIT);
	}
	scratch_give(scratch);
}

/* It has left its queue, but the switch is not told of yet: the answer may come as fast as that. */
static __always_inline bool is_leaving(const struct task_struct *task)
{
	return !task->on_rq || (bpf_core_field_exists(task->se.sched_delayed) && task->se.sched_delayed);
}

SEC("tp_btf/sched_waking")
int waking(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	u32 tid = task->pid;
	struct wait *wait;
	bool out;
	u64 now;

	if (!active || !may_be_followed(task->tgid))
		return 0;
	wait = bpf_map_lookup_elem(&waits, &tid);
	if (!wait || wait->back.waking_ns)
		return 0;
	out = wait->back.out_ns;
	if (out ? wait->back.state == TASK_RUNNING : !is_leaving(task))
		return 0;
	now = bpf_ktime_get_ns();
	wait->back.waking_ns = now;
	if (settings.wakers && out && wait->back.seq) {
		tell_waker(ctx, wait->back.seq, tid);
		tally(TALLY_WAIT_NS, bpf_ktime_get_ns() - now);
	}
	return 0;
}

/* Of every thread, not only the last of a process. */
SEC("tp_btf/sched_process_exit")
int thread_exit(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	u32 tid = task->pid;
	struct wait *wait = may_be_followed(task->tgid) ? bpf_map_lookup_elem(&waits, &tid) : 0;

	if (!wait)
		return 0;
	wait->back.out_ns = wait->back.seq = 0;
	if (active && (wait->back.left_count[LEFT_BLOCKED] || wait->back.left_count[LEFT_QUEUED]) &&
	    tell_back(wait, tid, bpf_ktime_get_ns()))
		drop(DROP_RING_FULL_WAIT);
	bpf_map_delete_elem(&waits, &tid);
	return 0;
}

/* ---- those that are off the CPU all along ---- */

/*
 * Each thread of the targets that is not running: at the start it gets an entry, as if it had left just now; at the end its
 * entry says since when. A thread that has one keeps it.
 */
SEC("iter/task")
int threads_off(struct bpf_iter__task *ctx)
{
	struct { /* the first part of struct wait_thread */
		struct thread_record thread;
		struct wait_facts facts;
	} out = {};
	struct task_struct *task = ctx->task;
	struct pt_regs *regs;
	struct wait *wait, fresh = {};
	u32 tid, tgid;

	if (!task)
		return 0;
	tgid = task->tgid;
	tid = task->pid;
	if (!bpf_map_lookup_elem(&targets, &tgid) || task->flags & (PF_KTHREAD | PF_EXITING))
		return 0;
	regs = thread_regs(task);
	thread_fill(&out.thread, task, regs);
	facts_fill(task, regs, &out.facts);
	if (bpf_core_field_exists(task->__state))
		out.facts.state = BPF_CORE_READ(task, __state);
	else
		out.facts.state = (u32)BPF_CORE_READ((struct task_struct___before_5_14 *)task, state);
	wait = bpf_map_lookup_elem(&waits, &tid);
	if (!wait && active && !out.thread.on_cpu) {
		fresh.pid = tgid;
		fresh.back.out_ns = bpf_ktime_get_ns();
		fresh.ran = ran_of(task);
		fresh.back.seq = tid; /* those of the switches are above 4096 << 10 */
		fresh.back.state = out.facts.state;
		fresh.back.flags = WAIT_AT_START;
		fresh.back.weight = WAIT_WEIGHT_ONE;
		fresh.back.number = out.facts.number;
		bpf_map_update_elem(&waits, &tid, &fresh, BPF_NOEXIST);
		wait = bpf_map_lookup_elem(&waits, &tid);
		if (wait && task->on_cpu) /* it has come back meanwhile */
			wait->back.out_ns = 0;
	}
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	if (wait)
		bpf_seq_write(ctx->meta->seq, &wait->back, sizeof(wait->back));
	else
		bpf_seq_write(ctx->meta->seq, &fresh.back, sizeof(fresh.back));
	return 0;
}
