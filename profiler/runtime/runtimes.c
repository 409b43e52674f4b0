/* SPDX-License-Identifier: BSD-2-Clause */
/* runtimes.c - the runtimes connprof knows, one row each. */
#include "runtime/runtime.h"

const struct runtime_ops *const runtimes[] = {
	&cpython_ops,
	NULL,
};
