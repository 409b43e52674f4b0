/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* syscalls.h - the classic tracepoints' records of system calls (kernel/trace/trace_syscalls.c). */
#ifndef CONNPROF_BPF_SYSCALLS_H
#define CONNPROF_BPF_SYSCALLS_H

#include "events.h"

/* Each behind the head that every event has. */
struct call_enter {
	u64 head;
	s64 number;
	u64 arguments[6];
};

struct call_exit {
	u64 head;
	s64 number, result;
};

#endif
