/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * log.bpf.c - what the followed processes write to files, terminals, pipes and the system's log: how much, how many lines, how long
 * it took, and by which code.
 *
 * Attached only when asked for: the tracepoints of system calls cost each call of the host a little. Those of sendto() and
 * sendmsg(), by which targets speak to their peers too, only when one has been seen to write to a datagram socket of the host, as the
 * system's log is (io.bpf.c). No byte of what is written leaves the kernel: its newlines are counted here.
 */
#include "calls.h"
#include "syscalls.h"

#define S_IFIFO 0010000
#define S_IFCHR 0020000
#define S_IFREG 0100000
#define LINE_BYTES 1024 /* of a call that are looked at for newlines; further ones are as densely set */

/* arch/x86/entry/syscalls/syscall_64.tbl */
enum { NR_write = 1, NR_writev = 20, NR_sendto = 44, NR_sendmsg = 46 };

/* What is written to; 0: nothing a log could be. The system's log is a datagram socket of the host. */
static __always_inline u32 log_mode(struct file *file)
{
	u32 type = BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT;
	const struct sock *sk;

	if (type == S_IFREG || type == S_IFIFO || type == S_IFCHR)
		return type;
	sk = type == S_IFSOCK ? sock_of_file(file) : 0;
	return sk && sock_family(sk) == AF_UNIX && BPF_CORE_READ(sk, sk_type) == SOCK_DGRAM ? type : 0;
}

static __always_inline bool may_write_logs(u64 number)
{
	return number == NR_write || number == NR_writev || number == NR_sendto || number == NR_sendmsg;
}

static __always_inline void begins(u32 fd)
{
	u64 id = bpf_get_current_pid_tgid();
	struct log_call call = {};
	struct task_struct *task;
	struct file *file;
	u32 tid = (u32)id;

	if (!target_of(id >> 32))
		return;
	task = (void *)bpf_get_current_task();
	file = file_of_fd(task, fd);
	call.mode = file ? log_mode(file) : 0;
	if (!call.mode)
		return;
	call.fd = fd;
	call.inode = BPF_CORE_READ(file, f_inode, i_ino);
	call.switches = BPF_CORE_READ(task, nvcsw);
	call.begin_ns = bpf_ktime_get_ns();
	if (bpf_map_update_elem(&log_calls, &tid, &call, BPF_ANY))
		drop(DROP_LOG_CALLS_FULL);
}

SEC("tp")
int log_call_begins(struct call_enter *ctx)
{
	begins(ctx->arguments[0]);
	return 0;
}

/* Where tracefs cannot be had. */
SEC("tp_btf/sys_enter")
int log_any_call_begins(u64 *ctx)
{
	const struct pt_regs *regs = (void *)ctx[0];

	if (may_write_logs(ctx[1]))
		begins(regs->di);
	return 0;
}

/* Where the first piece of the data lies, and how long it is. */
static __always_inline bool first_piece(const struct pt_regs *regs, u64 *base, u64 *length)
{
	u64 array = REGISTER(regs, si), number = REGISTER(regs, orig_ax);

	if (number == NR_write || number == NR_sendto) {
		*base = array;
		*length = REGISTER(regs, dx);
		return true;
	}
	if (number == NR_sendmsg && bpf_probe_read_user(&array, 8, (void *)(array + 16))) /* struct msghdr: msg_iov */
		return false;
	return !bpf_probe_read_user(base, 8, (void *)array) && !bpf_probe_read_user(length, 8, (void *)(array + 8));
}

/* Newlines in a word: bytes that are 0 once '\n' is taken off, by Mycroft's exact form. */
static __always_inline u32 newlines(u64 word)
{
	u64 low = 0x7f7f7f7f7f7f7f7full, off = word ^ 0x0a0a0a0a0a0a0a0aull;
	u64 zeros = ~(((off & low) + low) | off | low);

	return (zeros >> 7) * 0x0101010101010101ull >> 56;
}

WALKER_GLOBAL int count_lines(u32 words)
{
	struct scratch *scratch = scratch_of(SCRATCH_CALL);
	u32 lines = 0;

	if (!scratch)
		return 0;
	for (u32 i = 0; i < LINE_BYTES / 8; i++) {
		if (i >= words)
			break;
		lines += newlines(((u64 *)scratch->slots)[i]);
	}
	return lines;
}

/* The scratch's slots are free until the stack is walked. */
static __always_inline u32 lines_of(struct scratch *scratch, const struct pt_regs *regs, u64 written)
{
	u64 base = 0, length = 0;
	u32 seen, lines;

	if (!first_piece(regs, &base, &length))
		return 0;
	if (length > written)
		length = written;
	seen = length < LINE_BYTES ? length : LINE_BYTES;
	asm volatile("" : "+r"(seen));
	if (seen == 0 || seen > LINE_BYTES)
		return 0;
	__builtin_memset((u8 *)scratch->slots + (seen & (LINE_BYTES - 1) & ~7u), 0, 8); /* what the last word has besides */
	if (bpf_probe_read_user(scratch->slots, seen, (void *)base))
		return 0;
	lines = count_lines((seen + 7) / 8);
	return written <= seen ? lines : (u32)(lines * written / seen);
}

static __always_inline void ends(s64 result)
{
	u64 id = bpf_get_current_pid_tgid(), now;
	struct call_body body = {};
	struct pt_regs *regs;
	struct task_struct *task;
	struct scratch *scratch;
	struct log_call *call;
	struct target *target;
	u32 tid = (u32)id;

	target = target_of(id >> 32);
	regs = target ? user_regs() : 0;
	call = regs ? bpf_map_lookup_elem(&log_calls, &tid) : 0;
	if (!call)
		return;
	now = bpf_ktime_get_ns();
	task = (void *)bpf_get_current_task();
	body.subject = call->inode;
	body.fd = call->fd;
	body.mode = call->mode;
	body.ns = now - call->begin_ns;
	body.blocked_ns = BPF_CORE_READ(task, nvcsw) != call->switches ? body.ns : 0;
	body.bytes = result > 0 ? result : 0;
	bpf_map_delete_elem(&log_calls, &tid);
	scratch = call_scratch();
	if (!scratch)
		return;
	body.lines = lines_of(scratch, regs, body.bytes);
	if (!body.lines && body.bytes && body.mode == S_IFSOCK)
		body.lines = 1; /* a datagram ends a line as a newline does */
	body.unit = target->python.units ? unit_walk(scratch, SCRATCH_CALL, target) : 0;
	call_admitted(CALL_LOG, &body.weight);
	call_emit(scratch, RECORD_LOG, &body, target);
	scratch_give(scratch);
	tally(TALLY_CALL_NS, bpf_ktime_get_ns() - now);
}

SEC("tp")
int log_call_ends(struct call_exit *ctx)
{
	ends(ctx->result);
	return 0;
}

SEC("tp_btf/sys_exit")
int log_any_call_ends(u64 *ctx)
{
	const struct pt_regs *regs = (void *)ctx[0];

	if (may_write_logs(regs->orig_ax))
		ends((s64)ctx[1]);
	return 0;
}
