/* SPDX-License-Identifier: BSD-2-Clause */
/* chain.h - two stacks as one: who waits, and who it waits for, as FlameGraph's chain graphs have it. */
#ifndef CONNPROF_MODEL_CHAIN_H
#define CONNPROF_MODEL_CHAIN_H

#include "base/strings.h"
#include "model/stacks.h"

/* From the root on: the waiter's frames, "--", then the other's from its innermost frame back to its root. Where both are
 * too deep together, the other's root side goes. The new stack's id; 0: no memory, or there is no waiter. */
uint32_t chain_make(struct stacks *stacks, struct strings *strings, uint32_t waiter, uint32_t other);

/* A stack of one note. */
uint32_t chain_note(struct stacks *stacks, struct strings *strings, const char *note);

#endif
