/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * io.bpf.c - what the followed processes send and receive: how many bytes, and the first few of each call.
 *
 * sock_send_length and sock_recv_length (Linux 6.3) run inside the socket calls, in the caller's context, after the data
 * moved: no cost on any other system call. The buffer is found from the caller's registers. Older kernels have neither:
 * there sys_exit stands in, which costs every system call of the host a little.
 */
#include "sock.h"

#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define IOVECS_READ 4

/* arch/x86/entry/syscalls/syscall_64.tbl */
enum { NR_read = 0, NR_write = 1, NR_readv = 19, NR_writev = 20, NR_sendto = 44, NR_recvfrom = 45, NR_sendmsg = 46, NR_recvmsg = 47 };

struct iovec {
	u64 base, length;
};

/* Where the data of a call lies: an array of pieces, or one piece. false: not a call we know how to read. */
static __always_inline bool pieces_of(const struct pt_regs *regs, struct iovec *one, u64 *array, u64 *count)
{
	u64 buffer = BPF_CORE_READ(regs, si);

	*array = 0;
	switch (BPF_CORE_READ(regs, orig_ax)) {
	case NR_read:
	case NR_write:
	case NR_sendto:
	case NR_recvfrom:
		one->base = buffer;
		one->length = BPF_CORE_READ(regs, dx);
		return true;
	case NR_readv:
	case NR_writev:
		*array = buffer;
		*count = BPF_CORE_READ(regs, dx);
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
	struct connection *connection, fresh = {};
	u64 key = (u64)sk;

	connection = bpf_map_lookup_elem(&connections, &key);
	if (connection || !sock_is_tcp(sk) || BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_CLOSE)
		return connection;
	fresh.conn = conn_number();
	fresh.owner_pid = tgid;
	if (bpf_map_update_elem(&connections, &key, &fresh, BPF_NOEXIST))
		drop(DROP_CONNECTIONS_FULL);
	else
		conn_emit(RECORD_SEEN, &fresh, sk, 0, 0);
	return bpf_map_lookup_elem(&connections, &key);
}

static __always_inline void emit(struct io_scratch *out, const struct connection *connection, s64 bytes, u32 flags)
{
	struct pt_regs *regs = settings.payload_bytes ? user_regs() : 0;
	u32 size = 0;

	out->body.conn = connection->conn;
	out->body.bytes = bytes;
	if (regs)
		size = peek(out->payload, regs, bytes);
	else if (settings.payload_bytes)
		drop(DROP_PAYLOAD_NO_REGS);
	asm volatile("" : "+r"(size));
	if (size > PAYLOAD_BYTES)
		return;
	out->body.payload_bytes = size;
	out->body.flags = flags | (size ? 0 : IO_NO_PAYLOAD);
	size += sizeof(out->record) + sizeof(out->body);
	record_fill(&out->record, RECORD_IO, size);
	if (bpf_ringbuf_output(&ring, &out->record, size, ring_flags()))
		drop(DROP_RING_FULL_IO);
}

static __always_inline void moved(const struct sock *sk, s64 bytes, u32 tgid, u32 flags)
{
	u64 begin = bpf_ktime_get_ns();
	struct connection *connection;
	struct io_scratch *scratch;
	u32 zero = 0;

	connection = connection_of(sk, tgid);
	scratch = bpf_map_lookup_elem(&io_scratches, &zero);
	if (!connection || !scratch)
		return;
	if (scratch->busy) {
		drop(DROP_SCRATCH_BUSY);
		return;
	}
	scratch->busy = 1;
	emit(scratch, connection, bytes, flags);
	scratch->busy = 0;
	tally(TALLY_IO, 1);
	tally(TALLY_IO_NS, bpf_ktime_get_ns() - begin);
}

static __always_inline int sock_moved(u64 *ctx, u32 flags)
{
	int bytes = (int)ctx[1];
	u32 tgid = current_tgid();

	if (bytes > 0 && !((int)ctx[2] & MSG_PEEK) && target_of(tgid))
		moved((void *)ctx[0], bytes, tgid, flags);
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

/* The socket behind a file descriptor of the current task; NULL: none, or not a TCP socket. */
static __always_inline const struct sock *sock_of_fd(u32 fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **slots, *file = 0;
	struct socket *socket;

	if (fd >= BPF_CORE_READ(table, max_fds))
		return 0;
	slots = BPF_CORE_READ(table, fd);
	if (bpf_probe_read_kernel(&file, sizeof(file), slots + fd) || !file ||
	    (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	if (BPF_CORE_READ(socket, file) != file)
		return 0;
	return BPF_CORE_READ(socket, sk);
}


/* Before Linux 6.3: every system call's end. MSG_PEEK cannot be told here for recvmsg; its bytes are then seen twice. */
SEC("tp_btf/sys_exit")
int call_ended(u64 *ctx)
{
	const struct pt_regs *regs = (void *)ctx[0];
	s64 bytes = (s64)ctx[1];
	const struct sock *sk;
	u64 number;

	if (bytes <= 0 || !target_of(current_tgid()))
		return 0;
	number = regs->orig_ax;
	if (number != NR_read && number != NR_write && number != NR_readv && number != NR_writev &&
	    (number < NR_sendto || number > NR_recvmsg))
		return 0;
	if (number == NR_recvfrom && (regs->r10 & MSG_PEEK))
		return 0;
	sk = sock_of_fd(regs->di);
	if (sk)
		moved(sk, bytes, current_tgid(),
		      number == NR_write || number == NR_writev || number == NR_sendto || number == NR_sendmsg ? IO_SENT : 0);
	return 0;
}
