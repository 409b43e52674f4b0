/* SPDX-License-Identifier: BSD-2-Clause */
/* identity.c - who a pid is now, and whether connprof may follow it. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "process/process.h"
#include "process/procfs.h"

#define FLAG_KERNEL_THREAD 0x00200000u /* PF_KTHREAD, include/linux/sched.h; in /proc/PID/stat field 9 */
#define STAT_BYTES 2048
#define FIELD_STATE 3                  /* proc(5): fields count from 1; the first after comm */
#define FIELD_PARENT 4
#define FIELD_FLAGS 9
#define FIELD_START 22

/* 812 (my (odd) name) S 1 812 … : comm may hold spaces and parentheses, so it ends at the last ')'. */
static int parse_stat(char *text, struct process_identity *out)
{
	char *open = strchr(text, '('), *close = strrchr(text, ')'), *at, *save = NULL;
	int field = FIELD_STATE;

	if (!open || !close || close < open)
		return -EPROTO;
	text_clean(out->comm, sizeof(out->comm), open + 1, (size_t)(close - open - 1));
	for (at = strtok_r(close + 1, " \n", &save); at && field <= FIELD_START; at = strtok_r(NULL, " \n", &save), field++) {
		if (field == FIELD_STATE)
			out->state = *at;
		else if (field == FIELD_PARENT)
			out->parent = (pid_t)strtol(at, NULL, 10);
		else if (field == FIELD_FLAGS)
			out->kernel_thread = strtoul(at, NULL, 10) & FLAG_KERNEL_THREAD;
		else if (field == FIELD_START)
			out->start_ticks = strtoull(at, NULL, 10);
	}
	return field > FIELD_START ? 0 : -EPROTO;
}

static void read_exe(struct process_identity *out)
{
	static const char deleted[] = " (deleted)";
	size_t suffix = sizeof(deleted) - 1;
	unsigned char ident[EI_NIDENT];
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)out->pid);
	n = readlink(path, out->exe, sizeof(out->exe) - 1);
	out->exe[n > 0 ? n : 0] = '\0';
	if (n > (ssize_t)suffix && !strcmp(out->exe + n - suffix, deleted))
		out->exe[n - suffix] = '\0';
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	if (read(fd, ident, sizeof(ident)) == (ssize_t)sizeof(ident) && !memcmp(ident, ELFMAG, SELFMAG))
		out->elf32 = ident[EI_CLASS] == ELFCLASS32;
	close(fd);
}

int process_identify(pid_t pid, struct process_identity *out)
{
	struct process_identity found = {.pid = pid};
	char stat[STAT_BYTES];
	ssize_t n;
	int code;

	if (pid <= 0)
		return -ESRCH;
	n = procfs_read(pid, "stat", stat, sizeof(stat));
	if (n < 0)
		return (int)n;
	code = parse_stat(stat, &found);
	if (code)
		return code;
	read_exe(&found);
	found.namespace_pid = process_thread_namespaced(pid, pid);
	*out = found;
	return 0;
}

bool process_same(const struct process_identity *identity)
{
	struct process_identity now = {0};
	char stat[STAT_BYTES];

	return procfs_read(identity->pid, "stat", stat, sizeof(stat)) > 0 && parse_stat(stat, &now) == 0 &&
	       now.start_ticks == identity->start_ticks;
}

int process_cpu_ns(pid_t pid, uint64_t *ns)
{
	struct timespec used;
	clockid_t clock;
	int code = clock_getcpuclockid(pid, &clock);

	if (code)
		return code == ENOENT ? -ESRCH : -code;
	if (clock_gettime(clock, &used))
		return errno == EINVAL ? -ESRCH : -errno; /* EINVAL: it went in between */
	*ns = (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
	return 0;
}

uint64_t process_peak_bytes(pid_t pid)
{
	char status[PROCFS_STATUS_BYTES];
	const char *peak = procfs_read(pid, "status", status, sizeof(status)) > 0 ? procfs_field(status, "VmHWM") : NULL;

	return peak ? strtoull(peak, NULL, 10) * 1024 : 0;
}

/* Whether the kernel lets us read pid's memory (PTRACE_MODE_ATTACH): asked by opening, nothing is attached. */
static int check_permission(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return procfs_error(errno);
	close(fd);
	return 0;
}

/* The kernel side sees the ids of the initial pid namespace; ours must be the same ones. */
bool process_ids_are_the_kernels(void)
{
	static const char initial[] = "pid:[4026531836]"; /* PROC_PID_INIT_INO, include/linux/proc_ns.h */
	char link[64];
	ssize_t n = readlink("/proc/self/ns/pid", link, sizeof(link) - 1);

	return n <= 0 || ((size_t)n == sizeof(initial) - 1 && !memcmp(link, initial, sizeof(initial) - 1));
}

/* /proc has entries for thread ids too: the process they belong to, or pid itself. */
static pid_t thread_group(pid_t pid)
{
	char status[PROCFS_STATUS_BYTES];
	const char *value = procfs_read(pid, "status", status, sizeof(status)) > 0 ? procfs_field(status, "Tgid") : NULL;
	long group = value ? strtol(value, NULL, 10) : 0;

	return group > 0 ? (pid_t)group : pid;
}

static int refuse(struct connprof_error *error, pid_t pid, int code, const char *why)
{
	return error_set(error, code, CONNPROF_CANNOT_OBSERVE, "cannot attach to %d: %s", (int)pid, why);
}

static int refuse_access(struct connprof_error *error, pid_t pid, int code)
{
	if (code == -ESRCH)
		return error_set(error, code, CONNPROF_CANNOT_OBSERVE,
				 "cannot attach to %d: no such process (check the PID with: ps -p %d)", (int)pid, (int)pid);
	if (code == -EPERM || code == -EACCES)
		return refuse(error, pid, -EPERM, "Operation not permitted (run as root, or: setcap "
			      "cap_bpf,cap_perfmon,cap_sys_ptrace+ep connprof)");
	return error_set(error, code, CONNPROF_CANNOT_OBSERVE, "cannot attach to %d: %s (see: connprof doctor)", (int)pid,
			 strerror(-code));
}

int process_check_target(pid_t pid, struct process_identity *out, struct connprof_error *error)
{
	struct process_identity found;
	pid_t group;
	int code = process_identify(pid, &found);

	if (code)
		return refuse_access(error, pid, code);
	if (pid == getpid())
		return refuse(error, pid, -EINVAL, "it is connprof itself (give the PID of the service)");
	if (!process_ids_are_the_kernels())
		return refuse(error, pid, -ENOTSUP, "connprof runs in a container with process ids of its own, the kernel's are others "
			      "(run it on the host, or in a container started with --pid=host)");
	group = thread_group(pid);
	if (group != pid)
		return error_set(error, -ESRCH, CONNPROF_CANNOT_OBSERVE,
				 "cannot attach to %d: it is a thread of process %d (use: -p %d)", (int)pid, (int)group, (int)group);
	if (found.kernel_thread)
		return refuse(error, pid, -EINVAL, "it is a kernel thread and has no user stacks (give the PID of a program)");
	if (found.state == 'Z' || found.state == 'X')
		return error_set(error, -ESRCH, CONNPROF_CANNOT_OBSERVE,
				 "cannot attach to %d: it has exited and is a zombie (its parent is %d; see: ps -p %d)", (int)pid,
				 (int)found.parent, (int)pid);
	code = check_permission(pid);
	if (code)
		return refuse_access(error, pid, code);
	if (found.elf32)
		return refuse(error, pid, -ENOEXEC, "it is a 32-bit program, connprof reads 64-bit ones only (run a 64-bit build of it)");
	*out = found;
	return 0;
}
