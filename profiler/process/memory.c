/* SPDX-License-Identifier: BSD-2-Clause */
/* memory.c - reading the target's memory: process_vm_readv, which neither stops nor attaches to it. */
#include <errno.h>
#include <sys/uio.h>

#include "process/process.h"

ssize_t process_read_some(pid_t pid, uint64_t address, void *out, size_t length)
{
	size_t done = 0;

	while (done < length) {
		struct iovec local = {(char *)out + done, length - done};
		struct iovec remote = {(void *)(uintptr_t)(address + done), length - done}; /* NOLINT: not ours to follow */
		ssize_t n;

		if (address + done < address)
			break;
		n = process_vm_readv(pid, &local, 1, &remote, 1, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && !done)
			return -errno;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int process_read(pid_t pid, uint64_t address, void *out, size_t length)
{
	ssize_t n = process_read_some(pid, address, out, length);

	if (n < 0)
		return (int)n;
	return (size_t)n == length ? 0 : -EFAULT;
}
