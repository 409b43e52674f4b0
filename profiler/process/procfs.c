/* SPDX-License-Identifier: BSD-2-Clause */
/* procfs.c - reading small files of /proc/PID. */
#include "process/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int procfs_error(int error)
{
	return error == ENOENT ? -ESRCH : -error;
}

ssize_t procfs_read(pid_t pid, const char *name, char *out, size_t size)
{
	char path[96];
	size_t length = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return procfs_error(errno);
	while (length < size - 1) {
		ssize_t n = read(fd, out + length, size - 1 - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int code = procfs_error(errno);

			close(fd);
			return code;
		}
		if (n == 0)
			break;
		length += (size_t)n;
	}
	close(fd);
	out[length] = '\0';
	return (ssize_t)length;
}

/* Name: comes first, with the target's own text: the kernel escapes newlines in it, so it cannot forge a line. */
const char *procfs_field(const char *status, const char *name)
{
	size_t length = strlen(name);

	for (const char *line = status; line; line = strchr(line, '\n')) {
		if (*line == '\n')
			line++;
		if (!strncmp(line, name, length) && line[length] == ':')
			return line + length + 1;
	}
	return NULL;
}
