/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * apart.h - work in a process of its own: what breaks there, or never ends, costs its own results only.
 *
 * Work on bytes that may be forged goes to apart_start: the child has no rights (nobody, no capabilities, no new ones), no files but
 * those given and the pipe, no system calls but read, write, memory and exit, and limits on memory and CPU time.
 */
#ifndef CONNPROF_BASE_APART_H
#define CONNPROF_BASE_APART_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* Runs in the child: reads what it wants of its memory and of the kept descriptors, writes results to out. */
typedef void apart_work(void *context, FILE *out);

struct apart {
	pid_t pid;
	int fd;             /* what the child writes: read end, non-blocking */
};

/* Starts the work; keep: descriptors it may read (-1: none), at most APART_KEEP_MAX. 0 or -errno. */
#define APART_KEEP_MAX 4
int apart_start(struct apart *apart, const int *keep, size_t keep_count, apart_work *work, void *context);
/* The same with all the rights that we have, for work that may hang but lies to nobody. */
int apart_start_trusted(struct apart *apart, apart_work *work, void *context);
/* Waits for bytes and reads some: how many, 0 at the end, -ETIMEDOUT, -EINTR (a signal came), or another negative errno. */
ssize_t apart_read(struct apart *apart, void *out, size_t size, uint64_t deadline_ns);
/* Ends the child if it still runs: whether its work was done, its own last words in the pipe must say. */
void apart_end(struct apart *apart);

#endif
