/* SPDX-License-Identifier: BSD-2-Clause */
/* procfs.h - reading small files of /proc/PID, for the files of process/ only. */
#ifndef CONNPROF_PROCESS_PROCFS_H
#define CONNPROF_PROCESS_PROCFS_H

#include <stddef.h>
#include <sys/types.h>

/* Reads /proc/PID/NAME into out, at most size - 1 bytes, always terminated. Length, or a negative errno (-ESRCH: gone). */
ssize_t procfs_read(pid_t pid, const char *name, char *out, size_t size);

/* What opening or reading below /proc/PID can say about a process that went: ENOENT and ESRCH are both -ESRCH. */
int procfs_error(int error);

#define PROCFS_STATUS_BYTES 8192 /* holds any /proc/PID/status */
/* The text after "NAME:" on a line of a status file; NULL: no such line. Borrowed. */
const char *procfs_field(const char *status, const char *name);

#endif
