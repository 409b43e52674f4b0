/* SPDX-License-Identifier: BSD-2-Clause */
/* unixdiag.h - connected UNIX sockets with both ends' names, which /proc does not tell: asked of the kernel (sock_diag, as ss does). */
#ifndef CONNPROF_PROCESS_UNIXDIAG_H
#define CONNPROF_PROCESS_UNIXDIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/events.h"

struct unix_end {
	uint32_t inode, peer;     /* peer 0: not told */
	struct unix_name name;
};

/* All established UNIX stream sockets of our own network namespace, sorted by inode: *out owned (free). Count or negative
 * errno. */
int unixdiag_load(struct unix_end **out);
/* NULL: not among them. Borrowed. */
const struct unix_end *unixdiag_find(const struct unix_end *ends, size_t count, uint32_t inode);

#endif
