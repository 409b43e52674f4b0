/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * tls.bpf.c - what a TLS library was given to send and gave out as received, at the entry and the return instructions of its
 * functions (user space knows where: source/tls.c). No return probes: these would write to the target's stack.
 */
#include "tls.h"

static __always_inline bool calls(const struct pt_regs *regs, u32 kind, u64 moved_at)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct tls_call *before, call = {.ssl = BPF_CORE_READ(regs, di), .buffer = BPF_CORE_READ(regs, si), .moved_at = moved_at,
					 .kind = kind, .inside = kind != TLS_HANDSHAKE};

	if (!target_of(current_tgid()))
		return false;
	before = bpf_map_lookup_elem(&tls_calls, &tid);
	if (before && before->inside && before->ssl == call.ssl && kind == TLS_HANDSHAKE)
		return false; /* the library's own, inside of a read or write */
	if (!tls_connection(call.ssl))
		call.waiting = before && before->waiting && before->ssl != call.ssl ? TLS_UNSURE : TLS_WAITS;
	else if (before)
		call.waiting = before->waiting ? TLS_UNSURE : TLS_TIED;
	bpf_map_update_elem(&tls_calls, &tid, &call, BPF_ANY);
	return true;
}

SEC("uprobe")
int tls_read_begins(struct pt_regs *ctx)
{
	calls(ctx, TLS_READ, 0);
	return 0;
}

SEC("uprobe")
int tls_read_ex_begins(struct pt_regs *ctx)
{
	calls(ctx, TLS_READ, BPF_CORE_READ(ctx, cx));
	return 0;
}

SEC("uprobe")
int tls_write_begins(struct pt_regs *ctx)
{
	calls(ctx, TLS_WRITE, 0);
	return 0;
}

SEC("uprobe")
int tls_write_ex_begins(struct pt_regs *ctx)
{
	calls(ctx, TLS_WRITE, BPF_CORE_READ(ctx, cx));
	return 0;
}

/* SSL_write_ex2(ssl, buffer, size, flags, *written), OpenSSL 3.3 and later. */
SEC("uprobe")
int tls_write_ex2_begins(struct pt_regs *ctx)
{
	calls(ctx, TLS_WRITE, BPF_CORE_READ(ctx, r8));
	return 0;
}

SEC("uprobe")
int tls_handshake_begins(struct pt_regs *ctx)
{
	calls(ctx, TLS_HANDSHAKE, 0);
	return 0;
}

SEC("uprobe")
int tls_freed(struct pt_regs *ctx)
{
	struct tls_key key = {.ssl = BPF_CORE_READ(ctx, di), .tgid = current_tgid()};
	u32 tid = (u32)bpf_get_current_pid_tgid();
	const struct tls_call *call = bpf_map_lookup_elem(&tls_calls, &tid);

	bpf_map_delete_elem(&tls_conns, &key);
	if (call && call->ssl == key.ssl) /* it waits for nothing any more: the next record is another's */
		bpf_map_delete_elem(&tls_calls, &tid);
	return 0;
}

/* How much a call moved, by what it returned; 0: nothing. */
static __always_inline u64 moved_by(const struct tls_call *call, s32 result)
{
	u64 moved = 0;

	if (result <= 0)
		return 0;
	if (!call->moved_at)
		return result;
	return bpf_probe_read_user(&moved, sizeof(moved), (void *)call->moved_at) ? 0 : moved;
}

struct plain_record {
	struct record record;
	struct io_body body;
	u8 payload[PAYLOAD_BYTES];
};

static __always_inline void emit(const struct tls_call *call, const struct target *target, const struct connection *connection,
				 u64 moved)
{
	u32 flags = IO_PLAIN | (call->kind == TLS_WRITE ? IO_SENT : 0);
	u64 unit = unit_now(target, connection, flags);
	struct plain_record *out = bpf_ringbuf_reserve(&ring, sizeof(*out), 0);
	u32 size = moved > settings.payload_bytes ? settings.payload_bytes : (u32)moved;

	if (!out) {
		drop(DROP_RING_FULL_IO);
		return;
	}
	record_fill(&out->record, RECORD_IO, sizeof(*out));
	marks_now(&out->body.marks);
	out->body.conn = connection->conn;
	out->body.bytes = moved;
	out->body.flags = flags;
	out->body.unit = unit;
	out->body.queued_us = 0; /* told with the ciphertext */
	asm volatile("" : "+r"(size));
	if (size > PAYLOAD_BYTES)
		size = PAYLOAD_BYTES;
	if (bpf_probe_read_user(out->payload, size, (void *)call->buffer)) {
		drop(DROP_PAYLOAD_FAULT);
		size = 0;
	}
	out->body.payload_bytes = size;
	bpf_ringbuf_submit(out, ring_flags());
}

/* At each return instruction of the read and write functions. */
SEC("uprobe")
int tls_returns(struct pt_regs *ctx)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct tls_call *call = bpf_map_lookup_elem(&tls_calls, &tid);
	struct target *target = target_of(current_tgid());
	const struct connection *connection;
	u64 moved;

	if (!call || !call->inside || !target)
		return 0;
	call->inside = 0;
	moved = moved_by(call, (s32)BPF_CORE_READ(ctx, ax));
	connection = moved ? tls_connection(call->ssl) : 0;
	if (connection)
		emit(call, target, connection, moved);
	return 0;
}
