/* SPDX-License-Identifier: BSD-2-Clause */
/* waker.h - who woke a thread, from the kernel and user frames of what ran when it was woken. Pure. */
#ifndef CONNPROF_SOURCE_WAKER_H
#define CONNPROF_SOURCE_WAKER_H

#include <stddef.h>

#include "base/strings.h"
#include "model/stacks.h"

/* The stack to show, from a resolved one: "[timer]", "[network]" or "[interrupt]" where an interrupt did it, whatever it came
 * into; the waker's own frames where it is a followed thread; else "[woken by COMM]". comm is not trusted to be text. */
uint32_t waker_stack(struct stacks *stacks, struct strings *strings, uint32_t stack, const char *comm, size_t size);

#endif
