/* SPDX-License-Identifier: BSD-2-Clause */
/* wait_kind.h - what a thread that left the CPU waits for, from its system call and the file behind it. Pure. */
#ifndef CONNPROF_SOURCE_WAIT_KIND_H
#define CONNPROF_SOURCE_WAIT_KIND_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/waits.h"
#include "event.h"

#define WAIT_TEXT 96 /* bytes of a text, with its end */

/* The kind, and as text what a stack shows innermost: "[waiting: socket 127.0.0.1:6379]". Which peer is named only where we
 * are the client: of a server's clients the own port. */
enum wait_kind wait_kind_of(const struct wait_facts *facts, char text[WAIT_TEXT]);

#endif
