/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * sends.bpf.c - the stack of a send, where another thread of this CPU could come between (Linux 7.0 and later): its own send would be
 * lost, were the stack walked by the program that tells of sends.
 *
 * Runs after `sent` (io.bpf.c), which has left word of it: whose it is. Where another thread's call came between the two, it is none
 * that a stack is taken of.
 */
#include "sends.h"

SEC("tp_btf/sock_send_length")
int send_stack(u64 *ctx)
{
	struct target *target = target_of(current_tgid());
	struct io_scratch *told;
	u32 zero = 0;

	told = target ? bpf_map_lookup_elem(&io_scratches, &zero) : 0;
	if (told && told->resp && (int)ctx[1] > 0 && told->sk == ctx[0] && told->tid == (u32)bpf_get_current_pid_tgid())
		send_walk(told, (int)ctx[1], target);
	return 0;
}
