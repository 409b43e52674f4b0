/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * sends.bpf.c - by which code commands are sent to Redis: a stack for some of the sends.
 *
 * Runs after `sent` (io.bpf.c), which has told of the send itself and left word of it: whose it is, and whether it begins like one
 * to Redis, with '*'. Where another thread's call came between the two on this CPU, it is none that a stack is taken of.
 */
#include "calls.h"

SEC("tp_btf/sock_send_length")
int send_stack(u64 *ctx)
{
	struct target *target = target_of(current_tgid());
	struct call_body body = {};
	struct io_scratch *told;
	struct scratch *scratch;
	u32 zero = 0;
	u64 begin;

	told = target ? bpf_map_lookup_elem(&io_scratches, &zero) : 0;
	if (!told || (int)ctx[1] <= 0 || told->sk != ctx[0] || told->tid != (u32)bpf_get_current_pid_tgid() || !told->resp ||
	    !call_admitted(CALL_SEND, &body.weight))
		return 0;
	begin = bpf_ktime_get_ns();
	body.subject = told->body.conn;
	scratch = call_scratch();
	if (!scratch)
		return 0;
	body.bytes = (int)ctx[1];
	call_emit(scratch, RECORD_SEND, &body, target);
	scratch_give(scratch);
	tally(TALLY_CALL_NS, bpf_ktime_get_ns() - begin);
	return 0;
}
