/* SPDX-License-Identifier: BSD-2-Clause */
/* processes.h - followed processes as the events tell of them, into the recording's targets. */
#ifndef CONNPROF_MODEL_PROCESSES_H
#define CONNPROF_MODEL_PROCESSES_H

#include "event.h"
#include "model/recording.h"

#define TARGET_ROWS_MAX (1u << 16) /* over the whole window: process-per-request services make many */

struct processes;

struct processes *processes_new(struct connprof_recording *recording); /* borrowed */
void processes_free(struct processes *processes);

/* EVENT_PROCESS: a new row, or by exec the same process with another image. */
int processes_add(struct processes *processes, const struct event *event);
/* EVENT_EXIT. Unknown processes are ignored. */
void processes_exit(struct processes *processes, uint32_t pid);

#endif
