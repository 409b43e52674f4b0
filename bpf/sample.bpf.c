/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * sample.bpf.c - the clock tick of a CPU: if a thread of a followed process is running on it, record where. For anybody else
 * it ends at once.
 *
 * Runs in an hrtimer interrupt (software cpu-clock), so everything here is bounded and lock-free.
 */
#include "task.h"

static __always_inline void emit(struct scratch *scratch)
{
	u32 size = sizeof(struct record) + stack_bytes(scratch);

	asm volatile("" : "+r"(size));
	if (size > sizeof(struct record) + sizeof(struct stack_head) + sizeof(scratch->slots))
		return;
	record_fill(&scratch->sample_record, RECORD_SAMPLE, size);
	if (bpf_ringbuf_output(&ring, &scratch->sample_record, size, hasten ? BPF_RB_FORCE_WAKEUP : ring_flags()))
		drop(DROP_RING_FULL_SAMPLE);
}

SEC("perf_event")
int sample(struct sample_context *ctx)
{
	struct target *target = target_of(current_tgid());
	struct scratch *scratch;
	struct pt_regs *regs;
	u64 begin;

	if (!target) /* most ticks of a machine end here */
		return 0;
	begin = bpf_ktime_get_ns();
	tally(TALLY_SAMPLES, 1);
	scratch = scratch_take(SCRATCH_SAMPLE);
	if (!scratch)
		return 0;
	if (ctx->regs.cs & 3)
		stack_walk(scratch, SCRATCH_SAMPLE, target, ctx->regs.ip, ctx->regs.sp, ctx->regs.bp, ctx->regs.bx);
	else if ((regs = user_regs()))
		stack_walk_regs(scratch, SCRATCH_SAMPLE, target, regs);
	else
		stack_none(scratch);
	if (settings.gil == GIL_ONLY && !scratch->walk.holds_gil) {
		tally(TALLY_WITHOUT_GIL, 1);
		goto out;
	}
	if (settings.kernel_frames && !(ctx->regs.cs & 3))
		kernel_frames(ctx, scratch);
	if (stack_wants_copy(scratch))
		stack_copy(scratch);
	emit(scratch);
out:
	scratch_give(scratch);
	tally(TALLY_SAMPLE_NS, bpf_ktime_get_ns() - begin);
	return 0;
}
