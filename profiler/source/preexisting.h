/* SPDX-License-Identifier: BSD-2-Clause */
/* preexisting.h - the connections that were open already at the attach, as /proc lists them. */
#ifndef CONNPROF_SOURCE_PREEXISTING_H
#define CONNPROF_SOURCE_PREEXISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/strings.h"
#include "bpf/events.h"

struct preexisting;

/* NULL when out of memory. */
struct preexisting *preexisting_new(void);
void preexisting_free(struct preexisting *list);

/* Lists what pid holds open now. 0 or negative errno. */
int preexisting_list(struct preexisting *list, pid_t pid);
/* Is this one of them, not claimed before? Then it is claimed. */
bool preexisting_claim(struct preexisting *list, const struct conn_body *body);
/* Those never claimed: nothing moved on them. Returns false behind the last; *at begins with 0. */
bool preexisting_silent(const struct preexisting *list, size_t *at, struct strings *strings, pid_t *pid,
			struct endpoint *local, struct endpoint *peer);

#endif
