/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tracepoints.h - classic tracepoints by their numbers, which only tracefs tells. Where it is not mounted it is mounted for
 * ourselves alone, in no place at all: nobody else sees it, and it goes with the descriptor.
 */
#ifndef CONNPROF_SOURCE_TRACEPOINTS_H
#define CONNPROF_SOURCE_TRACEPOINTS_H

/* Its number ("syscalls/sys_enter_close"), or a negative errno. */
int tracepoint_number(const char *name);
/* A perf event on it, for a program to be attached to: owned descriptor, or a negative errno. */
int tracepoint_open(const char *name);

#endif
