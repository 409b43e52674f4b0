/* SPDX-License-Identifier: BSD-2-Clause */
/* files.c - opening the target's files: found without effect (O_PATH) first, opened only if regular. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/process.h"
#include "process/procfs.h"

/* Opens for reading what an O_PATH descriptor found, which it closes. Opening a device or a FIFO can act or block, so
 * the kind is checked before. */
static int open_regular(int found, struct stat *out)
{
	char path[64];
	struct stat st;
	int fd, code = 0;

	if (fstat(found, &st))
		code = -errno;
	else if (!S_ISREG(st.st_mode))
		code = -EINVAL;
	if (code) {
		close(found);
		return code;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", found);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	code = fd < 0 ? -errno : fd;
	close(found);
	if (code >= 0 && out)
		*out = st;
	return code;
}

static int find_in_root(pid_t pid, const char *path)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	char root_path[64];
	int root, fd;

	snprintf(root_path, sizeof(root_path), "/proc/%d/root", (int)pid);
	root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return procfs_error(errno);
	fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	if (fd < 0)
		fd = -errno;
	close(root);
	return fd;
}

int process_open_path(pid_t pid, const char *path, uint64_t limit, struct stat *out)
{
	int fd = find_in_root(pid, path);
	struct stat st;

	if (fd < 0)
		return fd;
	fd = open_regular(fd, &st);
	if (fd >= 0 && (uint64_t)st.st_size > limit) {
		close(fd);
		return -EFBIG;
	}
	if (fd >= 0 && out)
		*out = st;
	return fd;
}

int process_open_map(pid_t pid, const struct process_map *map, struct stat *out)
{
	char path[96];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)pid, map->start, map->end);
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd >= 0) {
		fd = open_regular(fd, out);
		if (fd >= 0)
			return fd;
	}
	if (map->path[0] != '/')
		return -ENOENT;
	fd = find_in_root(pid, map->path);
	if (fd < 0)
		return fd;
	fd = open_regular(fd, &st);
	if (fd >= 0 && (st.st_ino != map->inode || st.st_dev != map->device)) {
		close(fd); /* another file by that name now */
		return -ESTALE;
	}
	if (fd >= 0 && out)
		*out = st;
	return fd;
}
