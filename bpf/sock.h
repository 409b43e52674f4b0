/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* sock.h - a kernel socket as a connection: its entry in the table, its endpoints and name, its records. */
#ifndef CONNPROF_BPF_SOCK_H
#define CONNPROF_BPF_SOCK_H

#include <bpf/bpf_endian.h>

#include "known.h"
#include "marks.h"
#include "task.h"

#define S_IFMT 0170000
#define S_IFSOCK 0140000

#define CONNECT_WAKES_NS 10000000ull /* at most one wake-up for connects in so long, on each CPU */

static __always_inline struct conn_cpu *conn_cpu(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&conn_cpus, &zero);
}

/* A number that names a connection for this run: the kernel uses a struct sock's address again within milliseconds. */
static __always_inline u64 conn_number(void)
{
	struct conn_cpu *own = conn_cpu();

	return own ? (++own->numbers << 12) | (bpf_get_smp_processor_id() & 0xfff) : 0;
}

/* Who connects may be gone the next moment (a script at its end, a child forked for one job), and its names with it: the reader is woken
 * for a connect at once, where they are not many. */
static __always_inline u64 connect_flags(u64 now)
{
	struct conn_cpu *own = conn_cpu();

	if (!own || now - own->woken_ns < CONNECT_WAKES_NS)
		return ring_flags();
	own->woken_ns = now;
	return BPF_RB_FORCE_WAKEUP;
}

static __always_inline u16 sock_family(const struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_family);
}

static __always_inline bool sock_is_tcp(const struct sock *sk)
{
	u16 family = sock_family(sk);

	return (family == AF_INET || family == AF_INET6) && BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP;
}

static __always_inline bool sock_is_unix_stream(const struct sock *sk)
{
	return sock_family(sk) == AF_UNIX && BPF_CORE_READ(sk, sk_type) == SOCK_STREAM;
}

/* The inode that /proc shows; 0: it has none (not accepted yet, or released). */
static __always_inline u64 sock_inode(const struct sock *sk)
{
	const struct socket_alloc *whole = (void *)BPF_CORE_READ(sk, sk_socket);

	return whole ? BPF_CORE_READ(whole, vfs_inode.i_ino) : 0;
}

static __always_inline const struct sock *unix_peer(const struct sock *sk)
{
	return BPF_CORE_READ((const struct unix_sock *)sk, peer);
}

static __always_inline const struct unix_address *unix_address(const struct sock *sk)
{
	return BPF_CORE_READ((const struct unix_sock *)sk, addr);
}

/* The name the other end was bound to. */
static __always_inline void unix_name_fill(struct unix_name *name, const struct sock *sk)
{
	const struct sock *peer = unix_peer(sk);
	const struct unix_address *address = peer ? unix_address(peer) : 0;
	u32 length;

	__builtin_memset(name, 0, sizeof(*name));
	if (!address)
		return;
	length = BPF_CORE_READ(address, len) - sizeof(((struct sockaddr_un *)0)->sun_family);
	asm volatile("" : "+r"(length)); /* one value for the check and for the call */
	if (length > sizeof(name->path)) /* none is 0: not asked for in one test with this, which older verifiers do not follow */
		return;
	if (!bpf_probe_read_kernel(name->path, length, &address->name[0].sun_path))
		name->length = length;
}

/*
 * Which process connected, of a socket whose connect() was not seen? Whoever was accepted has the listener's name, and the kernel
 * notes in it who called connect(); whoever connected has none as a rule (with one it cannot be told from the other). 0: this is
 * the accepted end, or it is not known.
 */
static __always_inline u32 unix_opener(const struct sock *sk)
{
	const struct sock *peer = unix_peer(sk);

	if (!peer || unix_address(sk) || !unix_address(peer))
		return 0;
	return BPF_CORE_READ(peer, sk_peer_pid, numbers[0].nr);
}

static __always_inline void unix_body_fill(struct conn_body *body, const struct sock *sk)
{
	const struct sock *peer = unix_peer(sk);
	u64 inode = sock_inode(sk);

	__builtin_memcpy(body->local.address, &inode, sizeof(inode));
	if (unix_address(sk))
		body->flags |= CONN_BOUND;
	else if (peer && !unix_address(peer))
		body->flags |= CONN_PAIR;
}

/* Addresses and ports of a socket that is IPv4's, else IPv6's; both ends are zero before, but for their families. */
static __always_inline void inet_ends_fill(struct endpoint *local, struct endpoint *peer, const struct sock *sk)
{
	const struct sock_common *common = &sk->__sk_common;

	local->port = BPF_CORE_READ(common, skc_num);
	peer->port = bpf_ntohs(BPF_CORE_READ(common, skc_dport));
	if (local->family == AF_INET) {
		bpf_core_read(local->address, 4, &common->skc_rcv_saddr);
		bpf_core_read(peer->address, 4, &common->skc_daddr);
	} else {
		bpf_core_read(local->address, 16, &common->skc_v6_rcv_saddr);
		bpf_core_read(peer->address, 16, &common->skc_v6_daddr);
	}
}

static __always_inline void conn_body_fill(struct conn_body *body, const struct connection *connection, const struct sock *sk)
{
	__builtin_memset(body, 0, sizeof(*body));
	body->conn = connection->conn;
	body->owner_pid = connection->owner_pid;
	body->flags = connection->flags;
	marks_now(&body->marks);
	body->local.family = body->peer.family = sock_family(sk);
	if (body->local.family == AF_UNIX) {
		unix_body_fill(body, sk);
		return;
	}
	inet_ends_fill(&body->local, &body->peer, sk);
}

/* A record of a connection without a stack. */
static __always_inline void conn_emit(u16 type, const struct connection *connection, const struct sock *sk, u32 flags, s32 error)
{
	struct {
		struct record record;
		struct conn_body body;
	} out;

	if (connection->flags & CONN_UNTOLD)
		return;
	record_fill(&out.record, type, sizeof(out));
	conn_body_fill(&out.body, connection, sk);
	out.body.flags |= flags;
	out.body.error = error;
	if (bpf_ringbuf_output(&ring, &out, sizeof(out), ring_flags()))
		drop(DROP_RING_FULL_CONNECTION);
}

/* The first record of one whose connect() was not seen. */
static __always_inline void conn_emit_seen(const struct connection *connection, const struct sock *sk)
{
	struct {
		struct record record;
		struct conn_body body;
		struct unix_name name;
	} out;

	if (!connection->inode) {
		conn_emit(RECORD_SEEN, connection, sk, 0, 0);
		return;
	}
	record_fill(&out.record, RECORD_SEEN, sizeof(out));
	conn_body_fill(&out.body, connection, sk);
	unix_name_fill(&out.name, sk);
	if (bpf_ringbuf_output(&ring, &out, sizeof(out), ring_flags()))
		drop(DROP_RING_FULL_CONNECTION);
}

/* CONNECT or CLOSE, by the current thread. dialled: the name it gives connect(), where the kernel keeps none; else NULL. False: it
 * could not be told. */
static __always_inline bool emit_with_stack(u16 type, struct target *target, const struct connection *connection,
					    const struct sock *sk, const struct unix_name *dialled)
{
	const u32 before = sizeof(struct record) + sizeof(struct conn_body);
	const u32 room = sizeof(struct stack_head) + sizeof(((struct scratch *)0)->slots);
	struct scratch *scratch = scratch_take(SCRATCH_CONNECTION);
	struct pt_regs *regs;
	bool told = false;
	u32 size;

	if (!scratch)
		return false;
	regs = user_regs();
	scratch->walk.selves = type == RECORD_CONNECT ? SELF_FRAMES_MAX : 0;
	if (regs)
		stack_walk_regs(scratch, SCRATCH_CONNECTION, target, regs);
	else
		stack_none(scratch);
	if (stack_wants_copy(scratch))
		stack_copy(scratch);
	conn_body_fill(&scratch->conn, connection, sk);
	if (current_exits())
		scratch->conn.flags |= CONN_EXITING;
	size = stack_bytes(scratch);
	asm volatile("" : "+r"(size));
	if (size <= room) {
		if (type == RECORD_CONNECT && connection->inode) {
			struct unix_name *name = (void *)((u8 *)&scratch->head + size);

			if (dialled)
				*name = *dialled;
			else
				unix_name_fill(name, sk);
			size += sizeof(*name);
		}
		size += before;
		record_fill(&scratch->record, type, size);
		told = !bpf_ringbuf_output(&ring, &scratch->record, size,
					   type == RECORD_CONNECT ? connect_flags(scratch->record.time_ns) : ring_flags());
		if (!told && type != RECORD_CONNECT)
			drop(DROP_RING_FULL_CONNECTION);
	}
	scratch_give(scratch);
	return told;
}

/* A connection of this process begins: into the table, and told. */
static __always_inline void conn_begins(struct connection *connection, struct target *target, const struct sock *sk)
{
	struct connection *kept;

	if (known_keep(sk, connection, BPF_ANY))
		drop(DROP_CONNECTIONS_FULL); /* its connect is still told, its end is not */
	if (emit_with_stack(RECORD_CONNECT, target, connection, sk, 0))
		return;
	drop(DROP_CONNECTS);
	connection->flags |= CONN_UNTOLD;
	kept = known_connection(sk);
	if (kept)
		kept->flags |= CONN_UNTOLD;
}

/* The first shutdown or close on this side. */
static __always_inline void closed_here(struct connection *connection, const struct sock *sk)
{
	struct target *target = target_of(current_tgid());
	u64 begin = bpf_ktime_get_ns();

	if (connection->close_seen || connection->flags & CONN_UNTOLD)
		return;
	connection->close_seen = 1;
	if (target && connection->flags & CONN_OPENED) {
		emit_with_stack(RECORD_CLOSE, target, connection, sk, 0);
		tally(TALLY_CONNECT_NS, bpf_ktime_get_ns() - begin);
	} else { /* not opened here; or by a process that exits, which is no target any more when its files are closed */
		conn_emit(RECORD_CLOSE, connection, sk, current_exits() ? CONN_EXITING : 0, 0);
	}
}

static __always_inline void ended(const struct connection *connection, const struct sock *sk, s32 error)
{
	conn_emit(RECORD_GONE, connection, sk, error ? CONN_RESET : 0, error);
	known_forget(sk);
}

/* A UNIX connection of this process begins; it is established at once. */
static __always_inline void unix_opened(const struct sock *sk, u32 tgid, struct target *target)
{
	struct connection connection = {};
	u64 begin = bpf_ktime_get_ns();
	const struct connection *dead = known_connection(sk);

	connection.inode = sock_inode(sk);
	if (dead && dead->inode == connection.inode)
		return; /* two threads connect at once, and the other has told this one too */
	if (dead)
		ended(dead, sk, 0);
	connection.conn = conn_number();
	connection.owner_pid = tgid;
	connection.flags = CONN_OPENED;
	conn_begins(&connection, target, sk);
	conn_emit(RECORD_ESTABLISHED, &connection, sk, 0, 0);
	tally(TALLY_CONNECTS, 1);
	tally(TALLY_CONNECT_NS, bpf_ktime_get_ns() - begin);
}

/* Whose work within the thread, where the process has such units; replies on connections opened here are not asked for. */
static __always_inline u64 unit_now(const struct target *target, const struct connection *connection, u32 flags)
{
	struct scratch *scratch;
	u64 unit;

	if (!target->python.units || (connection->flags & CONN_OPENED && !(flags & IO_SENT)))
		return 0;
	scratch = scratch_of(SCRATCH_IO);
	if (!scratch || scratch->busy) /* then it is not known: no loss, but a weaker tie */
		return 0;
	scratch->busy = 1;
	unit = unit_walk(scratch, SCRATCH_IO, target);
	scratch->busy = 0;
	return unit;
}

/* The file behind a descriptor of a task; NULL: none. */
static __always_inline struct file *file_of_fd(struct task_struct *task, u32 fd)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **slots, *file = 0;

	if (fd >= BPF_CORE_READ(table, max_fds))
		return 0;
	slots = BPF_CORE_READ(table, fd);
	return bpf_probe_read_kernel(&file, sizeof(file), slots + fd) ? 0 : file;
}

static __always_inline bool file_is_socket(struct file *file)
{
	return (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) == S_IFSOCK;
}

/* The file behind a descriptor of the current task; NULL: none, or not a socket's. */
static __always_inline struct file *socket_file(u32 fd)
{
	struct file *file = file_of_fd((void *)bpf_get_current_task(), fd);

	return file && file_is_socket(file) ? file : 0;
}

static __always_inline const struct sock *sock_of_file(struct file *file)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);

	return BPF_CORE_READ(socket, file) == file ? BPF_CORE_READ(socket, sk) : 0;
}

#endif
