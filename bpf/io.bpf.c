/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * io.bpf.c - what the followed processes send and receive: how many bytes, and the first few of each call.
 *
 * sock_send_length and sock_recv_length (Linux 6.3) run inside the socket calls, in the caller's context, after the data
 * moved: no cost on any other system call. The buffer is found from the caller's registers. Older kernels have neither:
 * there sys_exit stands in, which costs every system call of the host a little.
 */
#include "sends.h"
#include "tls.h"

#define IOVECS_READ 4

/* arch/x86/entry/syscalls/syscall_64.tbl */
enum { NR_read = 0, NR_write = 1, NR_readv = 19, NR_writev = 20, NR_connect = 42, NR_sendto = 44, NR_recvfrom = 45, NR_sendmsg = 46, NR_recvmsg = 47 };

struct iovec {
	u64 base, length;
};

/* Where the data of a call lies: an array of pieces, or one piece. false: not a call we know how to read. */
static __always_inline bool pieces_of(const struct pt_regs *regs, struct iovec *one, u64 *array, u64 *count)
{
	u64 buffer = REGISTER(regs, si);

	*array = 0;
	switch (REGISTER(regs, orig_ax)) {
	case NR_read:
	case NR_write:
	case NR_sendto:
	case NR_recvfrom:
		one->base = buffer;
		one->length = REGISTER(regs, dx);
		return true;
	case NR_readv:
	case NR_writev:
		*array = buffer;
		*count = REGISTER(regs, dx);
		return true;
	case NR_sendmsg:
	case NR_recvmsg: /* struct msghdr: msg_iov at 16, msg_iovlen at 24 */
		return !bpf_probe_read_user(array, 8, (void *)(buffer + 16)) &&
		       !bpf_probe_read_user(count, 8, (void *)(buffer + 24)) && *array;
	default:
		return false;
	}
}

/* Copies the first bytes of the call; what lies past the bytes moved is never read. Returns how many. */
static __always_inline u32 peek(u8 *out, const struct pt_regs *regs, u64 moved)
{
	u64 array, count = 1, want = settings.payload_bytes;
	struct iovec piece;
	u32 have = 0;

	if (want > PAYLOAD_BYTES)
		want = PAYLOAD_BYTES;
	if (want > moved)
		want = moved;
	if (!pieces_of(regs, &piece, &array, &count)) {
		drop(DROP_PAYLOAD_NO_REGS);
		return 0;
	}
	for (u32 i = 0; i < IOVECS_READ && i < count && have < want; i++) {
		u64 length;

		if (array && bpf_probe_read_user(&piece, sizeof(piece), (void *)(array + i * sizeof(piece)))) {
			drop(DROP_PAYLOAD_FAULT);
			return have;
		}
		length = want - have;
		if (length > piece.length)
			length = piece.length;
		asm volatile("" : "+r"(length), "+r"(have)); /* one value for the check and for the call */
		if (length == 0)
			continue;
		if (length > PAYLOAD_BYTES || have >= PAYLOAD_BYTES)
			break;
		if (bpf_probe_read_user(out + have, length, (void *)piece.base)) {
			drop(DROP_PAYLOAD_FAULT);
			return have;
		}
		have += length;
	}
	return have;
}

/* The entry of a socket; a new one if its connect() was not seen: accepted, or older than the attach. What is read after the
 * connection has ended (CLOSE, data still waiting) has no entry any more, and a new one would never be removed. */
static __always_inline struct connection *connection_of(const struct sock *sk, u32 tgid)
{
	struct connection *connection = known_connection(sk), fresh = {};

	if (connection && connection->inode && connection->inode != sock_inode(sk)) { /* its end was missed */
		ended(connection, sk, 0);
		connection = 0;
	}
	if (connection || BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_CLOSE)
		return connection;
	fresh.owner_pid = tgid;
	if (sock_is_unix_stream(sk)) {
		u32 opener = unix_opener(sk);

		fresh.inode = sock_inode(sk);
		if (opener && target_of(opener)) { /* the listener had taken it before data_ready could look, or it is older */
			fresh.flags = CONN_OPENED;
			fresh.owner_pid = opener;
		}
	} else if (!sock_is_tcp(sk)) {
		return 0;
	}
	fresh.conn = conn_number();
	if (known_keep(sk, &fresh, BPF_NOEXIST))
		drop(DROP_CONNECTIONS_FULL);
	else
		conn_emit_seen(&fresh, sk);
	return known_connection(sk);
}

/* How long a client's data had lain there before it was read. */
static __always_inline u32 queued_us(const struct connection *connection, const struct sock *sk, u32 flags)
{
	u32 ticks;

	if (!bpf_core_field_exists(((struct inet_connection_sock *)0)->icsk_ack.lrcvtime) ||
	    !bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_jiffies64))
		return 0;
	if (flags & IO_SENT || connection->flags & CONN_OPENED || connection->inode)
		return 0;
	ticks = (u32)bpf_jiffies64() - BPF_CORE_READ((const struct inet_connection_sock *)sk, icsk_ack.lrcvtime);
	return ticks < 1u << 20 ? ticks * settings.tick_us : 0; /* more: no data has ever come, or the clock was set */
}

static __always_inline void emit(struct io_scratch *out, struct connection *connection, const struct sock *sk, s64 bytes,
				 u64 unit, u32 flags)
{
	struct pt_regs *regs = settings.payload_bytes ? user_regs() : 0;
	u32 size = 0;

	out->body.conn = connection->conn;
	out->body.bytes = bytes;
	out->body.unit = unit;
	out->body.queued_us = queued_us(connection, sk, flags);
	if (regs)
		size = peek(out->payload, regs, bytes);
	else if (settings.payload_bytes)
		drop(DROP_PAYLOAD_NO_REGS);
	if (tls_read && tls_carries(connection, sk, flags, out->payload, size)) {
		flags |= IO_SEALED;
		size = 0;
	}
	asm volatile("" : "+r"(size));
	if (size > PAYLOAD_BYTES)
		return;
	out->sk = (u64)sk;
	out->tid = (u32)bpf_get_current_pid_tgid();
	out->resp = size && out->payload[0] == '*';
	out->body.payload_bytes = size;
	out->body.flags = flags | (size || flags & IO_SEALED ? 0 : IO_NO_PAYLOAD);
	size += sizeof(out->record) + sizeof(out->body);
	record_fill(&out->record, RECORD_IO, size);
	marks_now(&out->body.marks);
	if (bpf_ringbuf_output(&ring, &out->record, size, ring_flags()))
		drop(DROP_RING_FULL_IO);
}

static __always_inline void moved(const struct sock *sk, s64 bytes, struct target *target, u32 tgid, u32 flags)
{
	struct connection *connection;
	struct io_scratch *scratch;
	u32 zero = 0;
	u64 begin;

	scratch = bpf_map_lookup_elem(&io_scratches, &zero);
	begin = scratch && scratch->calls % TIMED_RUNS == 0 ? bpf_ktime_get_ns() : 0;
	connection = connection_of(sk, tgid);
	if (!connection || !scratch || connection->flags & CONN_UNTOLD)
		return;
	if (scratch->busy) {
		drop(DROP_SCRATCH_BUSY);
		return;
	}
	scratch->busy = 1;
	emit(scratch, connection, sk, bytes, unit_now(target, connection, flags), flags);
	scratch->busy = 0;
	scratch->calls++;
	if (begin)
		tally(TALLY_IO_NS, TIMED_RUNS * (bpf_ktime_get_ns() - begin));
	if (flags & IO_SENT && settings.sends == SENDS_IN_PLACE && scratch->resp)
		send_walk(scratch, bytes, target);
}

/*
 * A UNIX socket has no state to follow. But whoever holds its other end notices: a call that moves nothing, on a socket whose
 * other end has been released. So the end of a connection is seen however it came about (close, exit, the last holder of a
 * passed descriptor), with no hook of its own; when and by whom it was closed, unix.bpf.c knows better.
 */
static __always_inline void unix_ended(const struct sock *sk)
{
	const struct sock *peer = unix_peer(sk);
	struct connection *connection;

	if (!peer || BPF_CORE_READ(peer, __sk_common.skc_state) != TCP_CLOSE)
		return;
	connection = known_connection(peer);
	if (connection && connection->inode) /* its socket has no inode any more: it cannot be a later one's */
		ended(connection, peer, 0);
	connection = known_connection(sk);
	if (!connection || connection->peer_closed)
		return;
	connection->peer_closed = 1;
	conn_emit(RECORD_PEER_CLOSED, connection, sk, 0, 0);
	if (!(connection->flags & CONN_OPENED)) /* accepted: nothing comes on it any more, its own close says nothing new */
		ended(connection, sk, 0);
}

/* Until user space has attached what tells of it, it is lost. */
static __always_inline void log_socket_seen(void)
{
	if (log_sockets == LOG_SOCKETS_HOOKED)
		return;
	log_sockets = LOG_SOCKETS_SEEN;
	drop(DROP_LOG_SOCKETS);
}

static __always_inline int sock_moved(u64 *ctx, u32 flags)
{
	const struct sock *sk = (void *)ctx[0];
	int bytes = (int)ctx[1];
	struct target *target;
	u32 tgid;

	if (bytes <= 0) {
		if (active && sk->__sk_common.skc_family == AF_UNIX)
			unix_ended(sk);
		return 0;
	}
	tgid = current_tgid();
	target = target_of(tgid);
	if (target && flags & IO_SENT && log_sockets && sk->__sk_common.skc_family == AF_UNIX && sk->sk_type == SOCK_DGRAM)
		log_socket_seen();
	if (target && !((int)ctx[2] & MSG_PEEK))
		moved(sk, bytes, target, tgid, flags);
	return 0;
}

SEC("tp_btf/sock_send_length")
int sent(u64 *ctx)
{
	return sock_moved(ctx, IO_SENT);
}

SEC("tp_btf/sock_recv_length")
int received(u64 *ctx)
{
	return sock_moved(ctx, 0);
}

/* Before Linux 6.3: every system call's end. MSG_PEEK cannot be told here for recvmsg; its bytes are then seen twice. The
 * end of a UNIX connection is seen where the other end is a followed process's too. */
SEC("tp_btf/sys_exit")
int call_ended(u64 *ctx)
{
	const struct pt_regs *regs = (void *)ctx[0];
	struct target *target = target_of(current_tgid());
	s64 bytes = (s64)ctx[1];
	const struct sock *sk;
	struct file *file;
	u64 number;

	if (!target)
		return 0;
	number = regs->orig_ax;
	if (number != NR_read && number != NR_write && number != NR_readv && number != NR_writev && number != NR_connect &&
	    (number < NR_sendto || number > NR_recvmsg))
		return 0;
	if (number == NR_recvfrom && (regs->r10 & MSG_PEEK))
		return 0;
	file = socket_file(regs->di);
	sk = file ? sock_of_file(file) : 0;
	if (!sk)
		return 0;
	if (number == NR_connect) {
		if (bytes == 0 && sock_is_unix_stream(sk))
			unix_opened(sk, current_tgid(), target);
	} else if (bytes > 0) {
		moved(sk, bytes, target, current_tgid(),
		      number == NR_write || number == NR_writev || number == NR_sendto || number == NR_sendmsg ? IO_SENT : 0);
	} else if (sock_family(sk) == AF_UNIX) {
		unix_ended(sk);
	}
	return 0;
}
