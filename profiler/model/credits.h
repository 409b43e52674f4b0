/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * credits.h - connections a process has to replace: when a peer closes or breaks one, or a connect() fails, that process has a
 * *credit* with that peer; the next connection it opens there uses the credit up and is not blamed.
 */
#ifndef CONNPROF_MODEL_CREDITS_H
#define CONNPROF_MODEL_CREDITS_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/events.h"

#define CREDITS_MAX (1u << 16) /* (process, peer) pairs with connections to replace */

struct credits;

struct credits *credits_new(void); /* NULL when out of memory */
void credits_free(struct credits *credits);
void credit_give(struct credits *credits, uint32_t pid, const struct endpoint *peer);
/* Uses one up; false: there is none. */
bool credit_take(struct credits *credits, uint32_t pid, const struct endpoint *peer);

#endif
