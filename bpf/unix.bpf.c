/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * unix.bpf.c - UNIX stream sockets: connect(), and shutdown() or close() with the stack of who does it.
 *
 * They have no state tracepoint. But connect() tells the listener that somebody waits, in the connecting thread:
 * sk_data_ready (Linux 6.3), which costs no other system call anything. (Before, io.bpf.c's sys_exit sees it.) What fails,
 * and who closes, only the system calls' own tracepoints tell, and these slow down every system call of the host a little:
 * user space attaches them when the first UNIX connection has been seen, and not before.
 */
#include "sock.h"
#include "syscalls.h"

#define QUEUE_READ 4

/* arch/x86/entry/syscalls/syscall_64.tbl */
enum { NR_close = 3, NR_connect = 42, NR_shutdown = 48 };

/* Is sk a connection to listener? What connect() makes for the listener's side shares its address. */
static __always_inline bool leads_to(const struct sock *sk, const struct sock *listener)
{
	const struct sock *peer = unix_peer(sk);

	return peer && unix_address(peer) == unix_address(listener);
}

/* io_uring connects without a descriptor in any register: of those that wait at the listener, the latest not known yet. */
static __always_inline const struct sock *waiting(const struct sock *listener)
{
	const struct sk_buff *buffer = BPF_CORE_READ(listener, sk_receive_queue.prev);

	for (u32 i = 0; i < QUEUE_READ && buffer && (void *)buffer != (void *)&listener->sk_receive_queue; i++) {
		const struct sock *accepted = BPF_CORE_READ(buffer, sk), *sk = accepted ? unix_peer(accepted) : 0;
		const struct connection *connection = sk ? known_connection(sk) : 0;

		if (sk && (!connection || connection->inode != sock_inode(sk)))
			return sk;
		buffer = BPF_CORE_READ(buffer, prev);
	}
	return 0;
}

SEC("tp_btf/sk_data_ready")
int data_ready(u64 *ctx)
{
	const struct sock *listener = (void *)ctx[0], *sk = 0;
	struct target *target;
	struct pt_regs *regs;
	struct file *file;

	if (listener->__sk_common.skc_family != AF_UNIX || listener->__sk_common.skc_state != TCP_LISTEN)
		return 0;
	target = target_of(current_tgid());
	if (!target || !sock_is_unix_stream(listener))
		return 0;
	regs = user_regs();
	if (regs && BPF_CORE_READ(regs, orig_ax) == NR_connect) {
		file = socket_file(BPF_CORE_READ(regs, di));
		sk = file ? sock_of_file(file) : 0;
	}
	if (!sk || sock_family(sk) != AF_UNIX || !leads_to(sk, listener))
		sk = waiting(listener);
	if (sk)
		unix_opened(sk, current_tgid(), target);
	else /* its listener was quicker: its first byte tells of it (io.bpf.c) */
		tally(TALLY_UNIX_UNSEEN, 1);
	return 0;
}

/* ---- the system calls ---- */

/* Does this descriptor alone keep the file? */
static __always_inline bool held_once(struct file *file)
{
	if (bpf_core_field_exists(file->f_ref))
		return BPF_CORE_READ(file, f_ref.refcnt.counter) == 0;
	return BPF_CORE_READ((struct file___before_6_13 *)file, f_count.counter) == 1;
}

/* close() and shutdown() of a known UNIX connection. A close that leaves other holders ends nothing. */
static __always_inline void closing(u64 number, u32 fd, u32 how)
{
	struct connection *connection;
	const struct sock *sk;
	struct file *file;

	if (!target_of(current_tgid()) || (number == NR_shutdown && !(how & SHUTDOWN_MASK))) /* SHUT_RD is 0 */
		return;
	file = socket_file(fd);
	sk = file ? sock_of_file(file) : 0;
	if (!sk || sock_family(sk) != AF_UNIX || (number == NR_close && !held_once(file)))
		return;
	connection = known_connection(sk);
	if (!connection || connection->inode != sock_inode(sk))
		return;
	closed_here(connection, sk);
	if (number == NR_close)
		ended(connection, sk, 0);
}

/* A connect() that did not succeed: the address is the caller's word, the kernel has none. */
static __always_inline void refused(s64 result)
{
	struct target *target = target_of(current_tgid());
	struct pt_regs *regs = target ? user_regs() : 0;
	struct connection connection = {};
	struct unix_name name = {};
	const struct sock *sk;
	struct file *file;
	u32 length;
	u64 address;

	file = regs ? socket_file(BPF_CORE_READ(regs, di)) : 0;
	sk = file ? sock_of_file(file) : 0;
	if (!sk || !sock_is_unix_stream(sk) || BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_CLOSE)
		return;
	address = BPF_CORE_READ(regs, si);
	length = BPF_CORE_READ(regs, dx) - sizeof(((struct sockaddr_un *)0)->sun_family);
	asm volatile("" : "+r"(length));
	if (length <= sizeof(name.path) && !bpf_probe_read_user(name.path, length, (void *)(address + 2)))
		name.length = length;
	connection.conn = conn_number();
	connection.owner_pid = current_tgid();
	connection.flags = CONN_OPENED;
	connection.inode = sock_inode(sk);
	if (!emit_with_stack(RECORD_CONNECT, target, &connection, sk, &name)) {
		drop(DROP_CONNECTS);
		return;
	}
	conn_emit(RECORD_GONE, &connection, sk, CONN_RESET, (s32)-result);
}

/* Two, since the kernel refuses a program that reads more arguments than the call has. */
SEC("tp")
int unix_close_begins(struct call_enter *ctx)
{
	closing(NR_close, ctx->arguments[0], 0);
	return 0;
}

SEC("tp")
int unix_shutdown_begins(struct call_enter *ctx)
{
	closing(NR_shutdown, ctx->arguments[0], ctx->arguments[1]);
	return 0;
}

SEC("tp")
int unix_connect_ends(struct call_exit *ctx)
{
	if (ctx->result < 0)
		refused(ctx->result);
	return 0;
}

/* The same where tracefs cannot be had: it costs more. */
SEC("tp_btf/sys_enter")
int unix_any_call_begins(u64 *ctx)
{
	const struct pt_regs *regs = (void *)ctx[0];
	u64 number = ctx[1];

	if (number == NR_close || number == NR_shutdown)
		closing(number, regs->di, regs->si);
	return 0;
}

SEC("tp_btf/sys_exit")
int unix_any_connect_ends(u64 *ctx)
{
	const struct pt_regs *regs = (void *)ctx[0];
	s64 result = (s64)ctx[1];

	if (result < 0 && regs->orig_ax == NR_connect)
		refused(result);
	return 0;
}
