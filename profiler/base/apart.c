/* SPDX-License-Identifier: BSD-2-Clause */
/* apart.c - a forked child that gives up everything it does not need before it looks at a byte. */
#include "base/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define MEMORY_BYTES (3ull << 30)  /* beyond what the parent has mapped: a browser's debug info takes 2 GB */
#define CPU_SECONDS 60
#define NOBODY 65534               /* the overflow uid and gid: owns nothing */

/* Under AddressSanitizer a process maps terabytes and asks for more system calls: the tests of this file build without it. */
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* ---- the child ---- */

static int limit(int resource, uint64_t value)
{
	const struct rlimit to = {value, value};

	return setrlimit(resource, &to) ? -errno : 0;
}

static uint64_t mapped_bytes(void)
{
	char text[32] = "";
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

	if (fd >= 0)
		close(fd);
	return n > 0 ? strtoull(text, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static int limit_all(void)
{
	if (limit(RLIMIT_CORE, 0) || limit(RLIMIT_FSIZE, 0) || limit(RLIMIT_CPU, CPU_SECONDS))
		return -1;
	return SANITIZED ? 0 : limit(RLIMIT_AS, mapped_bytes() + MEMORY_BYTES);
}

static int close_all_but(const int *keep, size_t count, int out)
{
	int low = 0;

	for (;;) { /* the gaps between the kept ones, lowest first */
		int next = out >= low ? out : -1;

		for (size_t i = 0; i < count; i++)
			if (keep[i] >= low && (next < 0 || keep[i] < next))
				next = keep[i];
		if (next != low && syscall(SYS_close_range, low, next < 0 ? ~0u : (unsigned)next - 1, 0))
			return -errno;
		if (next < 0)
			return 0;
		low = next + 1;
	}
}

static int give_up_rights(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};

	/* A container's root may not be allowed to become somebody else: then it goes on without any of root's capabilities. */
	if (geteuid() == 0 && (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY)) &&
	    errno != EPERM)
		return -errno;
	return syscall(SYS_capset, &head, none) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
}

#define ALLOW(name) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* Any other call fails with EPERM: a library that only wonders whether it can (open a file beside) goes on without. */
static int allow_only_reading(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(read), ALLOW(pread64), ALLOW(write), ALLOW(lseek), ALLOW(fstat), ALLOW(newfstatat),
		ALLOW(brk), ALLOW(munmap), ALLOW(mremap), ALLOW(madvise), ALLOW(mmap), ALLOW(futex), ALLOW(getrandom),
		ALLOW(exit), ALLOW(exit_group), ALLOW(rt_sigreturn),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	struct sock_fprog program = {.len = sizeof(filter) / sizeof(filter[0]), .filter = filter};

	return SANITIZED ? 0 : prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) ? -errno : 0;
}

/* What it shares with the parent and could write to: the kernel side's tables. */
static int drop_shared_memory(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long begin, end;
	char line[512], rights[5];
	int code = maps ? 0 : -errno;

	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %4s", &begin, &end, rights) == 3 && rights[1] == 'w' && rights[3] == 's' &&
		    munmap((void *)begin, end - begin))
			code = -errno;
	if (maps)
		fclose(maps);
	return code;
}

static int give_up(void)
{
	int code = drop_shared_memory();

	if (!code)
		code = limit_all();
	if (!code)
		code = give_up_rights();
	if (!code)
		code = prctl(PR_SET_PDEATHSIG, SIGKILL) ? -errno : 0; /* changing ids cleared it */
	return code ? code : allow_only_reading();
}

static _Noreturn void child(bool trusted, const int *keep, size_t keep_count, int out, pid_t parent, apart_work *work,
			    void *context)
{
	static const int reset[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	FILE *stream = fdopen(out, "w");

	for (size_t i = 0; i < sizeof(reset) / sizeof(reset[0]); i++)
		signal(reset[i], SIG_DFL);
	if (stream && !prctl(PR_SET_PDEATHSIG, SIGKILL) && getppid() == parent && !close_all_but(keep, keep_count, out) &&
	    (trusted || !give_up()))
		work(context, stream);
	if (stream)
		fflush(stream);
	_exit(0);
}

/* ---- the parent ---- */

static int start(struct apart *apart, bool trusted, const int *keep, size_t keep_count, apart_work *work, void *context)
{
	pid_t parent = getpid();
	int ends[2], code;

	if (keep_count > APART_KEEP_MAX)
		return -EINVAL;
	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	apart->pid = fork();
	if (apart->pid == 0)
		child(trusted, keep, keep_count, ends[1], parent, work, context);
	code = apart->pid < 0 ? -errno : 0;
	close(ends[1]);
	if (code) {
		close(ends[0]);
		return code;
	}
	apart->fd = ends[0];
	fcntl(apart->fd, F_SETFL, O_NONBLOCK);
	return 0;
}

int apart_start(struct apart *apart, const int *keep, size_t keep_count, apart_work *work, void *context)
{
	return start(apart, false, keep, keep_count, work, context);
}

int apart_start_trusted(struct apart *apart, apart_work *work, void *context)
{
	return start(apart, true, NULL, 0, work, context);
}

ssize_t apart_read(struct apart *apart, void *out, size_t size, uint64_t deadline_ns)
{
	struct pollfd wait = {.fd = apart->fd, .events = POLLIN};

	for (;;) {
		uint64_t now = clock_now_ns();
		ssize_t n = read(apart->fd, out, size);

		if (n >= 0)
			return n;
		if (errno != EAGAIN)
			return -errno;
		if (now >= deadline_ns)
			return -ETIMEDOUT;
		if (poll(&wait, 1, (int)((deadline_ns - now) / 1000000 + 1)) < 0)
			return -errno;
	}
}

void apart_end(struct apart *apart)
{
	close(apart->fd);
	kill(apart->pid, SIGKILL);
	while (waitpid(apart->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
