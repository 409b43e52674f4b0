/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * kernel.h - the few kernel types that are read, by hand. Fields are found by name in the running kernel's BTF (CO-RE), so
 * only names and types matter here, not order or offsets.
 */
#ifndef CONNPROF_BPF_KERNEL_H
#define CONNPROF_BPF_KERNEL_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

#include <bpf/bpf_core_read.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx;
	unsigned long r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax, ip, cs, flags, sp, ss;
};

struct thread_struct {
	unsigned long fsbase;
};

struct mm_struct;

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
	unsigned long long sum_sched_runtime; /* of the threads that have ended */
};

struct sched_entity {
	__u64 sum_exec_runtime;
	unsigned char sched_delayed; /* since 6.12: blocked, but still in the queue */
};

struct task_struct {
	unsigned int flags;
	int pid, tgid;
	void *stack;
	struct mm_struct *mm;
	struct signal_struct *signal;
	unsigned int on_rq;  /* as on_cpu */
	struct sched_entity se;
	struct thread_struct thread;
	unsigned long nvcsw, nivcsw;
	struct files_struct *files;
	unsigned int __state;
	unsigned in_iowait : 1;
	unsigned int on_cpu; /* has become smaller: only unsigned loads are fitted */
};

struct task_struct___before_5_14 {
	long state;
};

struct sock_common {
	unsigned short skc_family;
	__be32 skc_daddr, skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned char skc_state;
	struct {
		__u8 bytes[16];
	} skc_v6_daddr, skc_v6_rcv_saddr;
};

struct upid {
	int nr;
};

struct pid {
	struct upid numbers[1]; /* as the initial pid namespace has it, first */
};

struct sk_buff {
	struct sk_buff *next, *prev;
	struct sock *sk;
};

struct sk_buff_head {
	struct sk_buff *next, *prev;
};

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol, sk_type;
	unsigned char sk_shutdown;
	int sk_err;
	struct socket *sk_socket;
	struct pid *sk_peer_pid;
	struct sk_buff_head sk_receive_queue;
};

struct inet_connection_sock {
	struct {
		__u32 lrcvtime; /* jiffies: when data came last */
	} icsk_ack;
};

struct socket {
	struct file *file;
	struct sock *sk;
};

struct sockaddr_un {
	unsigned short sun_family;
	char sun_path[108];
};

struct unix_address {
	int len; /* sun_family included */
	struct sockaddr_un name[1];
};

struct unix_sock {
	struct sock sk;
	struct unix_address *addr;
	struct sock *peer;
};

struct inode {
	unsigned short i_mode;
	unsigned long i_ino;
};

struct socket_alloc {
	struct socket socket;
	struct inode vfs_inode;
};

typedef struct {
	long long counter;
} atomic64_t;

struct file_ref {
	atomic64_t refcnt; /* holders - 1 */
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct qstr d_name;
};

struct path {
	struct dentry *dentry;
};

struct file {
	void *private_data;
	struct inode *f_inode;
	struct file_ref f_ref;
	struct path f_path;
};

struct file___before_6_13 {
	atomic64_t f_count; /* holders */
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

/* Context of a perf_event program (linux/bpf_perf_event.h): an ABI, so no CO-RE. */
struct sample_context {
	struct {
		unsigned long r15, r14, r13, r12, bp, bx;
		unsigned long r11, r10, r9, r8, ax, cx, dx, si, di;
		unsigned long orig_ax, ip, cs, flags, sp, ss;
	} regs;
	__u64 sample_period, addr;
};

/* include/linux/sched.h */
#define PF_EXITING 0x00000004
#define PF_IO_WORKER 0x00000010
#define PF_KTHREAD 0x00200000

#define TASK_RUNNING 0
#define TASK_STOPPED 4
#define TASK_TRACED 8

/* include/net/tcp_states.h */
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_SYN_RECV 3
#define TCP_FIN_WAIT1 4
#define TCP_FIN_WAIT2 5
#define TCP_CLOSE 7
#define TCP_CLOSE_WAIT 8
#define TCP_LAST_ACK 9
#define TCP_LISTEN 10
#define TCP_CLOSING 11

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define MSG_PEEK 2
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SHUTDOWN_MASK 3

#endif
