/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * sends.bpf.c - by which code commands are sent to Redis: a stack for some of the sends.
 *
 * Runs after `sent` (io.bpf.c), which has told of the send itself, so the connection is known. Whether it is one to Redis is asked
 * of the first byte only: a RESP command begins with '*'.
 */
#include "calls.h"

enum { NR_write = 1, NR_writev = 20, NR_sendto = 44, NR_sendmsg = 46 };

static __always_inline bool sends_resp(const struct pt_regs *regs)
{
	u64 base = BPF_CORE_READ(regs, si), number = BPF_CORE_READ(regs, orig_ax);
	u8 first = 0;

	if (number == NR_sendmsg && bpf_probe_read_user(&base, 8, (void *)(base + 16))) /* struct msghdr: msg_iov */
		return false;
	if ((number == NR_sendmsg || number == NR_writev) && bpf_probe_read_user(&base, 8, (void *)base))
		return false;
	if (number != NR_write && number != NR_sendto && number != NR_writev && number != NR_sendmsg)
		return false;
	return !bpf_probe_read_user(&first, 1, (void *)base) && first == '*';
}

SEC("tp_btf/sock_send_length")
int send_stack(u64 *ctx)
{
	u64 key = ctx[0], begin;
	struct target *target = target_of(current_tgid());
	const struct connection *connection;
	struct call_body body = {};
	struct scratch *scratch;
	struct pt_regs *regs;

	if (!target || (int)ctx[1] <= 0)
		return 0;
	begin = bpf_ktime_get_ns();
	connection = bpf_map_lookup_elem(&connections, &key);
	regs = connection ? user_regs() : 0;
	if (!regs || !sends_resp(regs) || !call_admitted(CALL_SEND, &body.weight))
		return 0;
	scratch = call_scratch();
	if (!scratch)
		return 0;
	body.subject = connection->conn;
	body.bytes = (int)ctx[1];
	call_emit(scratch, RECORD_SEND, &body, target);
	scratch_give(scratch);
	tally(TALLY_CALL_NS, bpf_ktime_get_ns() - begin);
	return 0;
}
