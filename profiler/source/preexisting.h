/* SPDX-License-Identifier: BSD-2-Clause */
/* preexisting.h - the connections that were open already at the attach, as process_sockets lists them. */
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

/* The process is one whose connections are to be listed. 0 or negative errno. */
int preexisting_of(struct preexisting *list, pid_t pid);
/* Lists what all of those hold open now; failed: of which of them it cannot, and the errno (negative). */
void preexisting_look(struct preexisting *list, void (*failed)(void *context, pid_t pid, int code), void *context);
/* Is this one of them, not claimed before? Then it is claimed. */
bool preexisting_claim(struct preexisting *list, const struct conn_body *body);
/* Those never claimed: nothing moved on them. Returns false behind the last; *at begins with 0. */
bool preexisting_silent(const struct preexisting *list, size_t *at, struct strings *strings, pid_t *pid,
			struct endpoint *local, struct endpoint *peer);

#endif
