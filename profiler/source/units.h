/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * units.h - which units of work share the threads of a process (enum unit_kind): told by frames that only an event loop or a
 * greenlet scheduler has on its stack. The kernel side is asked to tell them apart only where there are any, so that a service
 * with threads alone pays nothing for it.
 */
#ifndef CONNPROF_SOURCE_UNITS_H
#define CONNPROF_SOURCE_UNITS_H

#include "bpf/events.h"
#include "model/recording.h"
#include "runtime/runtime.h"

struct units;

struct units *units_new(const struct connprof_recording *recording); /* borrowed; NULL when out of memory */
void units_free(struct units *units);

/* A number for a unit's address, for events. 0 for 0. */
uint32_t units_number(struct units *units, uint64_t address);
/* What a resolved stack shows. Looked at once, then remembered. */
enum unit_kind units_of_stack(struct units *units, uint32_t stack);
/* What a live process's threads show now. Names go to strings. */
enum unit_kind units_of_process(const struct runtime_ops *ops, struct runtime *runtime, pid_t pid, struct strings *strings);

#endif
