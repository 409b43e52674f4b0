/* SPDX-License-Identifier: BSD-2-Clause */
/* wires.h - what each connection says: its protocol's parser (struct wire), by the connection's key. */
#ifndef CONNPROF_SOURCE_WIRES_H
#define CONNPROF_SOURCE_WIRES_H

#include <stdint.h>

#include "protocol/protocol.h"

#define WIRES_MAX 65536 /* connections whose protocol is followed at once */

struct wires;

struct wires *wires_new(void); /* NULL when out of memory */
void wires_free(struct wires *wires);
/* Made if need be; borrowed until forgotten. NULL: too many, or no memory. */
struct wire *wires_get(struct wires *wires, uint64_t conn);
void wires_forget(struct wires *wires, uint64_t conn);

#endif
