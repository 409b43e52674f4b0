/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * closer.h - takes links apart beside the session's work: the kernel waits for all CPUs at each (about 0.1 s), in which nobody
 * would read the ring. Many at once wait together.
 */
#ifndef CONNPROF_SOURCE_CLOSER_H
#define CONNPROF_SOURCE_CLOSER_H

#include <stddef.h>

#include "source/probe.h"

struct closer;

/* NULL when out of memory. */
struct closer *closer_new(void);
/* Waits until all are closed. */
void closer_free(struct closer *closer);

/* Owned from here on: the links, not the array. */
void closer_add(struct closer *closer, struct probe_link **links, size_t count);

#endif
