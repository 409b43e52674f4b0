/* SPDX-License-Identifier: BSD-2-Clause */
/* thread_names.h - threads' names by tid, read from /proc and believed for a while. */
#ifndef CONNPROF_SOURCE_THREAD_NAMES_H
#define CONNPROF_SOURCE_THREAD_NAMES_H

#include <stdint.h>
#include <sys/types.h>

#include "base/strings.h"

struct thread_names;

/* strings: borrowed until thread_names_free. NULL when out of memory. */
struct thread_names *thread_names_new(struct strings *strings);
void thread_names_free(struct thread_names *names);

/* String id of a thread's name; of one that has ended the last name known; 0 (""): none. */
uint32_t thread_names_get(struct thread_names *names, pid_t pid, pid_t tid);
/* Once per batch of events: names grow older. */
void thread_names_batch(struct thread_names *names);

#endif
