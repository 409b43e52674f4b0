/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unixes.h - the UNIX connections that are open. The kernel tells the end of most; for the rest (the other end asleep, or gone
 * before) the table of the network namespace is looked through now and then: what it does not list any more has ended. It is
 * told at the next look: what was said on it, and perhaps its end, may still be on its way to us.
 */
#ifndef CONNPROF_SOURCE_UNIXES_H
#define CONNPROF_SOURCE_UNIXES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct unixes;

/* NULL when out of memory. */
struct unixes *unixes_new(void);
void unixes_free(struct unixes *unixes);

void unixes_add(struct unixes *unixes, uint64_t conn, uint64_t inode, pid_t owner);
void unixes_remove(struct unixes *unixes, uint64_t conn);

struct unixes_look {
	uint64_t now_ns;
	bool last;       /* nothing is on its way any more */
	pid_t alive;     /* a process that is followed, 0: none; for connections whose owner has exited */
	/* A connection ended unseen, not later than time_ns. It is forgotten. */
	void (*gone)(void *context, uint64_t conn, pid_t owner, uint64_t time_ns);
	void *context;
};
void unixes_sweep(struct unixes *unixes, const struct unixes_look *look);

#endif
