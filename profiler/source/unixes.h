/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unixes.h - the UNIX connections that are open. The kernel tells the end of most; for the rest (the other end asleep, or gone
 * before) the table of the network namespace is looked through now and then: what it does not list any more has ended.
 */
#ifndef CONNPROF_SOURCE_UNIXES_H
#define CONNPROF_SOURCE_UNIXES_H

#include <stdint.h>
#include <sys/types.h>

struct unixes;

/* NULL when out of memory. */
struct unixes *unixes_new(void);
void unixes_free(struct unixes *unixes);

void unixes_add(struct unixes *unixes, uint64_t conn, uint64_t inode, pid_t owner);
void unixes_remove(struct unixes *unixes, uint64_t conn);

/* Calls gone(context, conn, owner) for each that has ended unseen and forgets it. alive: a process that is followed, 0: none;
 * for connections whose owner has exited. */
void unixes_sweep(struct unixes *unixes, pid_t alive, void (*gone)(void *context, uint64_t conn, pid_t owner), void *context);

#endif
