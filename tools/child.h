/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * child.h - the command after "--": started held, let go once it is watched, so that nothing it does is missed.
 *
 *   child_start      forked, waiting; child.pid can be attached to
 *   child_go         runs the command; fails when there is no such command
 *   child_reap       has it ended?
 *   child_release    what is left of it, in any state: a held child goes, a running one is not touched
 */
#ifndef CONNPROF_TOOLS_CHILD_H
#define CONNPROF_TOOLS_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct child {
	pid_t pid;      /* 0: none */
	int channel;    /* to the held child; -1: none */
	bool ended;
	bool stopped;   /* we asked it to end: how it ended is then no failure of its own */
	int status;     /* of waitpid, once ended */
};

/* mask: the signal mask the command shall run with. Messages are said; 0, or the exit status. */
int child_start(struct child *child, char **command, const sigset_t *mask);
int child_go(struct child *child, const char *name);
bool child_reap(struct child *child);
void child_release(struct child *child);

/* Did the command fail by itself? */
bool child_failed(const struct child *child);

/* Says how it did. */
void child_tell_failure(const struct child *child);

#endif
