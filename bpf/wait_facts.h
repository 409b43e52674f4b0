/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* wait_facts.h - what a thread that leaves the CPU waits for: its system call, the file behind that, the interpreter's lock. */
#ifndef CONNPROF_BPF_WAIT_FACTS_H
#define CONNPROF_BPF_WAIT_FACTS_H

#include "sock.h"
#include "waits.h"

/* arch/x86/entry/syscalls/syscall_64.tbl */
enum {
	NR_read = 0, NR_write = 1, NR_poll = 7, NR_ioctl = 16, NR_pread64 = 17, NR_pwrite64 = 18, NR_readv = 19, NR_writev = 20,
	NR_sendfile = 40, NR_connect = 42, NR_accept = 43, NR_recvmsg = 47, NR_shutdown = 48, NR_semop = 65, NR_fcntl = 72, NR_flock = 73,
	NR_ftruncate = 77, NR_futex = 202, NR_getdents64 = 217, NR_semtimedop = 220, NR_ppoll = 271, NR_splice = 275, NR_sync_file_range = 277, NR_fallocate = 285,
	NR_accept4 = 288, NR_preadv = 295, NR_pwritev = 296, NR_recvmmsg = 299, NR_syncfs = 306, NR_sendmmsg = 307,
	NR_preadv2 = 327, NR_pwritev2 = 328, NR_futex_waitv = 449, NR_futex_wait = 455,
};

/* Does this call's first argument name the file it may wait on? */
static __always_inline bool takes_fd(s64 number)
{
	switch (number) {
	case NR_read: case NR_write: case NR_ioctl: case NR_pread64: case NR_pwrite64: case NR_readv: case NR_writev:
	case NR_sendfile: case NR_getdents64: case NR_splice: case NR_sync_file_range: case NR_fallocate: case NR_accept4:
	case NR_preadv: case NR_pwritev: case NR_recvmmsg: case NR_syncfs: case NR_sendmmsg: case NR_preadv2: case NR_pwritev2:
		return true;
	}
	return (number >= NR_connect && number <= NR_shutdown) || (number >= NR_fcntl && number <= NR_ftruncate);
}

/* The name that the other end was bound to, as far as there is room. */
static __always_inline void unix_facts(const struct sock *sk, struct wait_facts *facts)
{
	const struct sock *peer = unix_peer(sk);
	const struct unix_address *address = peer ? unix_address(peer) : 0;
	u32 length;

	if (!address)
		return;
	length = BPF_CORE_READ(address, len) - sizeof(((struct sockaddr_un *)0)->sun_family);
	if (length > sizeof(facts->name) - 1)
		length = sizeof(facts->name) - 1;
	asm volatile("" : "+r"(length)); /* one value for the check and for the call */
	if (length && length < sizeof(facts->name))
		bpf_probe_read_kernel(facts->name, length, &address->name[0].sun_path);
}

static __always_inline void file_facts(struct file *file, struct wait_facts *facts)
{
	const struct sock *sk;
	struct connection *connection;

	facts->mode = BPF_CORE_READ(file, f_inode, i_mode);
	if (!file_is_socket(file)) {
		bpf_probe_read_kernel_str(facts->name, sizeof(facts->name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
		return;
	}
	sk = sock_of_file(file);
	if (!sk)
		return;
	facts->sock_type = BPF_CORE_READ(sk, sk_type);
	facts->sock_protocol = BPF_CORE_READ(sk, sk_protocol);
	facts->sock_state = BPF_CORE_READ(sk, __sk_common.skc_state);
	facts->local.family = facts->peer.family = sock_family(sk);
	if (facts->local.family == AF_INET || facts->local.family == AF_INET6)
		inet_ends_fill(&facts->local, &facts->peer, sk);
	else if (facts->local.family == AF_UNIX)
		unix_facts(sk, facts);
	connection = known_connection(sk);
	if (connection)
		facts->conn = connection->conn;
}

static __always_inline void facts_fill(struct task_struct *task, const struct pt_regs *regs, struct wait_facts *facts)
{
	struct file *file;

	__builtin_memset(facts, 0, sizeof(*facts));
	facts->number = BPF_CORE_READ(regs, orig_ax);
	facts->args[0] = BPF_CORE_READ(regs, di);
	facts->args[1] = BPF_CORE_READ(regs, si);
	facts->args[2] = BPF_CORE_READ(regs, dx);
	if (BPF_CORE_READ_BITFIELD_PROBED(task, in_iowait))
		facts->flags = WAIT_IOWAIT;
	if (!takes_fd(facts->number))
		return;
	file = file_of_fd(task, facts->args[0]);
	if (file)
		file_facts(file, facts);
}

/* poll() on one descriptor is how clients wait with a timeout: it waits for that file. Only of the current task. */
static __always_inline void poll_facts(struct task_struct *task, struct wait_facts *facts)
{
	struct file *file;
	s32 fd;

	if ((facts->number != NR_poll && facts->number != NR_ppoll) || facts->args[1] != 1 ||
	    bpf_probe_read_user(&fd, sizeof(fd), (const void *)facts->args[0]))
		return;
	file = fd < 0 ? 0 : file_of_fd(task, fd);
	if (file)
		file_facts(file, facts);
}

/* Where this thread's interpreter keeps its lock, and who holds it. */
static __always_inline void gil_facts(const struct walk *walk, struct wait_facts *facts)
{
	u64 interpreter = 0, gil = 0, holder = 0;

	facts->tstate = walk->python_thread;
	if (facts->number != NR_futex || !walk->python_thread)
		return;
	if (walk->state.gil) {
		gil = walk->state.gil;
		read_user(&holder, sizeof(holder), walk->state.gil_holder);
	} else if (walk->state.interp_gil &&
		   !read_user(&interpreter, sizeof(interpreter), walk->python_thread + walk->state.layout.tstate_interp) &&
		   !read_user(&gil, sizeof(gil), interpreter + walk->state.interp_gil)) {
		read_user(&holder, sizeof(holder), gil + walk->state.gil_last_holder);
	}
	facts->gil = gil;
	facts->gil_holder = holder;
}

/* Does it wait for a lock? As source/wait_kind.c tells by the same. */
static __always_inline bool is_lock(const struct back_body *back)
{
	if (back->state & (TASK_STOPPED | TASK_TRACED))
		return false;
	switch (back->number) {
	case NR_futex: case NR_fcntl: case NR_flock: case NR_semop: case NR_semtimedop: case NR_futex_waitv: case NR_futex_wait:
		return true;
	}
	return false;
}

#endif
