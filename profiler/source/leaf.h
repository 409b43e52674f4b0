/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * leaf.h - who called code that has no unwind information, where it can be proved: the word at rsp follows a call instruction that
 * leads to this code. So it is in the C library's clone() around its system call (no unwind information can hold for both the parent
 * and the child there), and at the first instruction of _init. Only the innermost frame is ever asked about.
 */
#ifndef CONNPROF_SOURCE_LEAF_H
#define CONNPROF_SOURCE_LEAF_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum leaf_found {
	LEAF_UNKNOWN = 0,
	LEAF_CALLER,  /* *caller is the return address, at rsp */
	LEAF_ROOT,    /* a new thread that has not left its first system call: nothing is above */
};

struct leaf {
	pid_t pid;               /* its memory is read */
	uint64_t pc, at_sp;      /* at_sp: the word at rsp */
	bool in_system_call;
	uint64_t ax, orig_ax;
};

enum leaf_found leaf_look(const struct leaf *leaf);

#endif
