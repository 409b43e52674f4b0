/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watch.h - the loop that all live commands share: attach, collect until it is time to end, detach.
 *
 * It ends at the end of --duration, at Ctrl-C, SIGTERM or SIGHUP, when the command has ended, or when no target is left.
 * The hooks let a command look in at the points where it must; each may be NULL.
 */
#ifndef CONNPROF_TOOLS_WATCH_H
#define CONNPROF_TOOLS_WATCH_H

#include <signal.h>

#include "child.h"
#include "connprof.h"
#include "options.h"

struct watch_hooks {
	void *context;
	int (*opening)(void *context, struct connprof_session *session); /* attached to nothing yet, about to start: 0, or the exit status to end with */
	void (*tick)(void *context, struct connprof_session *session); /* each second */
	bool (*step)(void *context, struct connprof_session *session); /* each step, every 100 ms at least: true ends the window */
	int (*closed)(void *context, struct connprof_recording *recording); /* detached; a command still runs */
	bool draws;                     /* tick or step owns the terminal: no progress line */
	bool stays;                     /* goes on when no target is left, or the command has ended */
};

struct watch {
	struct connprof_session *session;
	struct child child;
	sigset_t old_mask;
	int signals;      /* signalfd */
	int interrupted;  /* the signal that ended it, 0: none */
	int status;       /* what went wrong on the way although there is a recording; 0: nothing */
};

/* 0 with a closed recording in watch->session, or the exit status with the message said. watch_done in any case. */
int watch_run(struct watch *watch, const struct options *options, unsigned collect, const struct watch_hooks *hooks);
void watch_done(struct watch *watch);

/* CLOCK_MONOTONIC. */
uint64_t watch_now_ns(void);

#endif
