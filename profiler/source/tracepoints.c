/* SPDX-License-Identifier: BSD-2-Clause */
/* tracepoints.c - tracefs where it is mounted, else a mount of our own; perf_event_open(2). */
#include "source/tracepoints.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A mount that hangs nowhere (Linux 5.2): its root as a descriptor, or a negative errno. */
static int mount_for_us(void)
{
	int fs = (int)syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC), root, error;

	if (fs < 0)
		return -errno;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		root = -1;
	else
		root = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	error = errno;
	close(fs);
	return root < 0 ? -error : root;
}

/* The root of tracefs, or a negative errno. */
static int open_tracefs(void)
{
	static const char *const places[] = {"/sys/kernel/tracing/events", "/sys/kernel/debug/tracing/events"};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int fd = open(places[i], O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0)
			return fd;
	}
	return mount_for_us();
}

static int read_number(int root, const char *name)
{
	char path[128], text[16] = "";
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "%s/id", name);
	fd = openat(root, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		snprintf(path, sizeof(path), "events/%s/id", name);
		fd = openat(root, path, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 && atoi(text) > 0 ? atoi(text) : -EPROTO;
}

int tracepoint_number(const char *name)
{
	int root = open_tracefs(), number;

	if (root < 0)
		return root;
	number = read_number(root, name);
	close(root);
	return number;
}

int tracepoint_open(const char *name)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr), .sample_period = 1};
	int number = tracepoint_number(name), fd;

	if (number < 0)
		return number;
	attr.config = (unsigned)number;
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
