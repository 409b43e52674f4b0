/* SPDX-License-Identifier: BSD-2-Clause */
/* wires.h - what connections say: each call's payload becomes facts at once and is dropped. */
#ifndef CONNPROF_SOURCE_WIRES_H
#define CONNPROF_SOURCE_WIRES_H

#include <stdint.h>

#include "bpf/events.h"
#include "protocol/protocol.h"

struct wires;

/* NULL when out of memory. */
struct wires *wires_new(void);
void wires_free(struct wires *wires);

/* One call's record (lengths checked), its payload right behind it. */
void wires_feed(struct wires *wires, const struct io_body *body, struct wire_facts *facts);
void wires_forget(struct wires *wires, uint64_t conn);

#endif
