/* SPDX-License-Identifier: BSD-2-Clause */
/* error.h - filling a struct connprof_error: one line that says what failed, on what, why and what to do. */
#ifndef CONNPROF_BASE_ERROR_H
#define CONNPROF_BASE_ERROR_H

#include "connprof.h"

/* Writes the message (control characters replaced) and the exit status into *err, which may be NULL.
 * Returns code, a negative errno, so that a failure reads `return error_set(err, -ESRCH, ...)`. */
int error_set(struct connprof_error *err, int code, enum connprof_exit status, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* -ENOMEM with its one message. */
int error_memory(struct connprof_error *err);

#endif
