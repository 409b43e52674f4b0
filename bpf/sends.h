/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* sends.h - by which code commands are sent to Redis: a stack for some of the sends that begin like one, with '*'. */
#ifndef CONNPROF_BPF_SENDS_H
#define CONNPROF_BPF_SENDS_H

#include "calls.h"

/* After the send has been told of, which `told` is left from. */
static __always_inline void send_walk(const struct io_scratch *told, s32 bytes, struct target *target)
{
	struct call_body body = {};
	struct scratch *scratch;
	u64 begin;

	if (!call_admitted(CALL_SEND, &body.weight))
		return;
	begin = bpf_ktime_get_ns();
	body.subject = told->body.conn;
	scratch = call_scratch();
	if (!scratch)
		return;
	body.bytes = bytes;
	call_emit(scratch, RECORD_SEND, &body, target);
	scratch_give(scratch);
	tally(TALLY_CALL_NS, bpf_ktime_get_ns() - begin);
}

#endif
