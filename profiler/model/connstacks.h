/* SPDX-License-Identifier: BSD-2-Clause */
/* connstacks.h - connections by the full stack that opened them, for pictures: what the call sites are made of. */
#ifndef CONNPROF_MODEL_CONNSTACKS_H
#define CONNPROF_MODEL_CONNSTACKS_H

#include "model/recording.h"

struct conn_stack {
	uint32_t stack;
	uint64_t opened, open; /* established; of those, not closed */
	uint64_t setup_ns;     /* from connect() to the first application command, summed */
};

/* *out owned by the caller (free). A recording that was loaded from a pprof file knows one typical stack a call site, and its
 * set-up time from the median. 0 or -ENOMEM. */
int connstacks_list(const struct connprof_recording *recording, struct conn_stack **out, size_t *count);

#endif
