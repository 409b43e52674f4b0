/* SPDX-License-Identifier: BSD-2-Clause */
/* wait_kind.c - one table of system calls; where a call may wait on any file, the file's mode says the rest. */
#include "source/wait_kind.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/text.h"
#include "model/endpoint.h"

/* include/linux/sched.h */
#define STATE_UNINTERRUPTIBLE 0x02u
#define STATE_STOPPED 0x04u
#define STATE_TRACED 0x08u
#define STATE_NOLOAD 0x400u
/* include/net/tcp_states.h; UNIX sockets have it too */
#define SOCK_STATE_LISTEN 10u
/* include/uapi/linux/futex.h */
#define FUTEX_COMMAND 0x7fu
/* struct _gil_runtime_state, CPython 3.7 to 3.15 on x86-64: 32 bytes of numbers, two pthread_cond_t of 48 and two
 * pthread_mutex_t of 40 bytes. A waiter's futex lies in one of these. */
#define GIL_BYTES 208u
/* Ports that a client gets by default (net.ipv4.ip_local_port_range). */
#define PORT_EPHEMERAL 32768u

enum means {
	BY_FILE,     /* what it is depends on the file */
	FILE_SYSTEM, /* metadata and write-back: disk, if not interruptible */
	FUTEX, POLL, POLL_LIST, SLEEP, CHILD, SPAWN, SIGNAL, LOCK, RECORD_LOCK, NAMED,
};

struct call {
	int16_t number;  /* arch/x86/entry/syscalls/syscall_64.tbl */
	uint8_t means;
	const char *name;
};

static const struct call calls[] = {
	{0, BY_FILE, "read"}, {1, BY_FILE, "write"}, {2, FILE_SYSTEM, "open"}, {3, FILE_SYSTEM, "close"},
	{4, FILE_SYSTEM, "stat"}, {6, FILE_SYSTEM, "lstat"}, {7, POLL_LIST, "poll"}, {9, NAMED, "mmap"}, {10, NAMED, "mprotect"},
	{11, NAMED, "munmap"}, {12, NAMED, "brk"}, {16, BY_FILE, "ioctl"}, {17, BY_FILE, "pread64"}, {18, BY_FILE, "pwrite64"},
	{19, BY_FILE, "readv"}, {20, BY_FILE, "writev"}, {23, POLL, "select"}, {26, FILE_SYSTEM, "msync"}, {28, NAMED, "madvise"},
	{34, SIGNAL, "pause"}, {35, SLEEP, "nanosleep"}, {40, BY_FILE, "sendfile"}, {42, BY_FILE, "connect"},
	{43, BY_FILE, "accept"}, {44, BY_FILE, "sendto"}, {45, BY_FILE, "recvfrom"}, {46, BY_FILE, "sendmsg"},
	{47, BY_FILE, "recvmsg"}, {48, BY_FILE, "shutdown"}, {56, SPAWN, "clone"}, {57, SPAWN, "fork"}, {58, SPAWN, "vfork"},
	{59, NAMED, "execve"}, {61, CHILD, "wait4"}, {65, LOCK, "semop"}, {72, RECORD_LOCK, "fcntl"}, {73, RECORD_LOCK, "flock"},
	{74, FILE_SYSTEM, "fsync"}, {75, FILE_SYSTEM, "fdatasync"}, {76, FILE_SYSTEM, "truncate"}, {77, FILE_SYSTEM, "ftruncate"},
	{78, FILE_SYSTEM, "getdents"}, {82, FILE_SYSTEM, "rename"}, {83, FILE_SYSTEM, "mkdir"}, {84, FILE_SYSTEM, "rmdir"},
	{87, FILE_SYSTEM, "unlink"}, {128, SIGNAL, "rt_sigtimedwait"}, {130, SIGNAL, "rt_sigsuspend"}, {162, FILE_SYSTEM, "sync"},
	{202, FUTEX, "futex"}, {208, NAMED, "io_getevents"}, {217, FILE_SYSTEM, "getdents64"}, {220, LOCK, "semtimedop"},
	{230, SLEEP, "clock_nanosleep"}, {232, POLL, "epoll"}, {247, CHILD, "waitid"}, {257, FILE_SYSTEM, "openat"},
	{262, FILE_SYSTEM, "newfstatat"}, {263, FILE_SYSTEM, "unlinkat"}, {264, FILE_SYSTEM, "renameat"}, {270, POLL, "select"},
	{271, POLL_LIST, "poll"}, {275, BY_FILE, "splice"}, {277, FILE_SYSTEM, "sync_file_range"}, {281, POLL, "epoll"},
	{285, FILE_SYSTEM, "fallocate"}, {288, BY_FILE, "accept4"}, {295, BY_FILE, "preadv"}, {296, BY_FILE, "pwritev"},
	{299, BY_FILE, "recvmmsg"}, {306, FILE_SYSTEM, "syncfs"}, {307, BY_FILE, "sendmmsg"}, {316, FILE_SYSTEM, "renameat2"},
	{327, BY_FILE, "preadv2"}, {328, BY_FILE, "pwritev2"}, {332, FILE_SYSTEM, "statx"}, {426, NAMED, "io_uring_enter"},
	{435, SPAWN, "clone3"}, {441, POLL, "epoll"}, {449, LOCK, "futex_waitv"}, {455, LOCK, "futex_wait"},
};

static const struct call *call_find(int64_t number)
{
	size_t low = 0, high = sizeof(calls) / sizeof(calls[0]);

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (calls[middle].number == number)
			return &calls[middle];
		if (calls[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static enum wait_kind say(char text[WAIT_TEXT], enum wait_kind kind, const char *what, const char *detail)
{
	snprintf(text, WAIT_TEXT, "[waiting: %s%s%s]", what, *detail ? " " : "", detail);
	return kind;
}

/* ---- files ---- */

/* An abstract name begins with a zero byte, shown as '@'. */
static void unix_text(const struct wait_facts *facts, char *out, size_t size)
{
	bool abstract = !facts->name[0] && facts->name[1];
	char name[sizeof(facts->name) + 1];

	text_clean(name, sizeof(name), facts->name + abstract, strnlen(facts->name + abstract, sizeof(facts->name) - abstract));
	snprintf(out, size, "%s%s", abstract ? "@" : "", *name ? name : "unix");
}

static enum wait_kind socket_kind(const struct wait_facts *facts, char text[WAIT_TEXT])
{
	bool inet = facts->peer.family == AF_INET || facts->peer.family == AF_INET6;
	struct endpoint peer = endpoint_plain(&facts->peer);
	char detail[ENDPOINT_TEXT] = "";

	if (facts->sock_state == SOCK_STATE_LISTEN || facts->number == 43 || facts->number == 288) {
		if (inet)
			snprintf(detail, sizeof(detail), ":%u", facts->local.port);
		return say(text, WAIT_ACCEPT, "accept", detail);
	}
	if (inet && facts->peer.port >= PORT_EPHEMERAL && facts->local.port < PORT_EPHEMERAL)
		snprintf(detail, sizeof(detail), "of a client of :%u", facts->local.port);
	else if (inet && facts->peer.port)
		endpoint_text(&peer, NULL, detail); /* strings are for names of UNIX sockets */
	else if (facts->peer.family == AF_UNIX)
		unix_text(facts, detail, sizeof(detail));
	return say(text, WAIT_SOCKET, "socket", detail);
}

/* The file's own name; of what has none, "[eventfd]" say, what it is. */
static void file_name(const struct wait_facts *facts, char *out, size_t size)
{
	char name[sizeof(facts->name) + 1] = "";
	size_t length = strnlen(facts->name, sizeof(facts->name));

	if (length > 2 && facts->name[0] == '[' && facts->name[length - 1] == ']')
		text_clean(name, sizeof(name), facts->name + 1, length - 2);
	else
		text_clean(name, sizeof(name), facts->name, length);
	snprintf(out, size, "%s", name);
}

static enum wait_kind file_kind(const struct wait_facts *facts, const char *call, char text[WAIT_TEXT])
{
	char name[64];

	file_name(facts, name, sizeof(name));
	if (S_ISSOCK(facts->mode))
		return socket_kind(facts, text);
	if (S_ISFIFO(facts->mode))
		return say(text, WAIT_PIPE, "pipe", name);
	if (S_ISREG(facts->mode) || S_ISDIR(facts->mode) || S_ISBLK(facts->mode) || facts->flags & WAIT_IOWAIT)
		return say(text, WAIT_DISK, "disk", name);
	return facts->mode ? say(text, WAIT_FILE, "file", name) : say(text, WAIT_KERNEL, "kernel", call);
}

/* ---- calls ---- */

static enum wait_kind futex_kind(const struct wait_facts *facts, char text[WAIT_TEXT])
{
	if ((facts->args[1] & FUTEX_COMMAND) == 1) /* FUTEX_WAKE does not wait */
		return say(text, WAIT_KERNEL, "kernel", "futex");
	if (facts->gil && facts->args[0] >= facts->gil && facts->args[0] - facts->gil < GIL_BYTES)
		return say(text, WAIT_GIL, "GIL", "");
	return say(text, WAIT_LOCK, "lock", "");
}

/* poll() on one file waits for that file: its facts were looked up. On none it sleeps. */
static enum wait_kind poll_kind(const struct wait_facts *facts, const struct call *call, char text[WAIT_TEXT])
{
	if (call->means == POLL_LIST && facts->mode)
		return file_kind(facts, call->name, text);
	if ((call->means == POLL_LIST && !facts->args[1]) || (!strcmp(call->name, "select") && !facts->args[0]))
		return say(text, WAIT_SLEEP, "sleep", "");
	return say(text, WAIT_POLL, call->name, "");
}

static enum wait_kind lock_kind(const struct wait_facts *facts, const struct call *call, char text[WAIT_TEXT])
{
	char name[64];

	if (call->means == LOCK)
		return say(text, WAIT_LOCK, "lock", "");
	file_name(facts, name, sizeof(name));
	return say(text, WAIT_LOCK, "lock of file", name);
}

static enum wait_kind call_kind(const struct wait_facts *facts, const struct call *call, char text[WAIT_TEXT])
{
	bool uninterruptible = facts->state & STATE_UNINTERRUPTIBLE && !(facts->state & STATE_NOLOAD);
	char name[64];

	switch (call->means) {
	case BY_FILE:
		return file_kind(facts, call->name, text);
	case FILE_SYSTEM:
		file_name(facts, name, sizeof(name));
		return uninterruptible || facts->flags & WAIT_IOWAIT ? say(text, WAIT_DISK, "disk", name)
								    : say(text, WAIT_KERNEL, "kernel", call->name);
	case FUTEX:
		return futex_kind(facts, text);
	case POLL:
	case POLL_LIST:
		return poll_kind(facts, call, text);
	case SLEEP:
		return say(text, WAIT_SLEEP, "sleep", "");
	case CHILD:
	case SPAWN: /* vfork, and posix_spawn's clone: until the child has its own image */
		return say(text, WAIT_CHILD, "child", "");
	case SIGNAL:
		return say(text, WAIT_SIGNAL, "signal", "");
	case LOCK:
	case RECORD_LOCK:
		return lock_kind(facts, call, text);
	}
	return say(text, WAIT_KERNEL, "kernel", call->name);
}

enum wait_kind wait_kind_of(const struct wait_facts *facts, char text[WAIT_TEXT])
{
	const struct call *call = call_find(facts->number);
	char number[32];

	if (!facts->state) {
		snprintf(text, WAIT_TEXT, "[run queue]");
		return WAIT_RUNQUEUE;
	}
	if (facts->state & (STATE_STOPPED | STATE_TRACED))
		return say(text, WAIT_STOPPED, "stopped", "");
	if (facts->number < 0)
		return say(text, WAIT_PAGE, "page fault", "");
	if (call)
		return call_kind(facts, call, text);
	snprintf(number, sizeof(number), "call %lld", (long long)facts->number);
	return say(text, WAIT_KERNEL, "kernel", number);
}
