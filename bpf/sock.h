/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* sock.h - a kernel socket as a connection: its entry in the table, its endpoints. */
#ifndef CONNPROF_BPF_SOCK_H
#define CONNPROF_BPF_SOCK_H

#include <bpf/bpf_endian.h>

#include "task.h"

/* A number that names a connection for this run: the kernel uses a struct sock's address again within milliseconds. */
static __always_inline u64 conn_number(void)
{
	u32 zero = 0;
	u64 *next = bpf_map_lookup_elem(&conn_numbers, &zero);

	return next ? (++*next << 12) | (bpf_get_smp_processor_id() & 0xfff) : 0;
}

static __always_inline void conn_body_fill(struct conn_body *body, const struct connection *connection, const struct sock *sk)
{
	const struct sock_common *common = &sk->__sk_common;

	__builtin_memset(body, 0, sizeof(*body));
	body->conn = connection->conn;
	body->owner_pid = connection->owner_pid;
	body->flags = connection->flags;
	body->local.family = body->peer.family = BPF_CORE_READ(common, skc_family);
	body->local.port = BPF_CORE_READ(common, skc_num);
	body->peer.port = bpf_ntohs(BPF_CORE_READ(common, skc_dport));
	if (body->local.family == AF_INET) {
		bpf_core_read(body->local.address, 4, &common->skc_rcv_saddr);
		bpf_core_read(body->peer.address, 4, &common->skc_daddr);
	} else {
		bpf_core_read(body->local.address, 16, &common->skc_v6_rcv_saddr);
		bpf_core_read(body->peer.address, 16, &common->skc_v6_daddr);
	}
}

static __always_inline bool sock_is_tcp(const struct sock *sk)
{
	u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	return (family == AF_INET || family == AF_INET6) && BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP;
}

/* A record of a connection without a stack. */
static __always_inline void conn_emit(u16 type, const struct connection *connection, const struct sock *sk, u32 flags, s32 error)
{
	struct {
		struct record record;
		struct conn_body body;
	} out;

	record_fill(&out.record, type, sizeof(out));
	conn_body_fill(&out.body, connection, sk);
	out.body.flags |= flags;
	out.body.error = error;
	if (bpf_ringbuf_output(&ring, &out, sizeof(out), ring_flags()))
		drop(DROP_RING_FULL_CONNECTION);
}

#endif
