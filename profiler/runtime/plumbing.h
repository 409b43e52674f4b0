/* SPDX-License-Identifier: BSD-2-Clause */
/* plumbing.h - which of an interpreter's C functions only pass a call on: noise between two Python frames. */
#ifndef CONNPROF_RUNTIME_PLUMBING_H
#define CONNPROF_RUNTIME_PLUMBING_H

#include <stdbool.h>

/* Is this function of CPython's own object call plumbing (eval loop, vectorcall, slot wrappers, start-up)? By name prefix,
 * so that .part and .cold pieces count too. */
bool plumbing_is(const char *function);

#endif
