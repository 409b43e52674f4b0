/* SPDX-License-Identifier: BSD-2-Clause */
/* probe_parts.h - what probe.c and probe_read.c share. */
#ifndef CONNPROF_SOURCE_PROBE_PARTS_H
#define CONNPROF_SOURCE_PROBE_PARTS_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "source/probe.h"

#include "bpf/connprof.skel.h" /* wants the contract before it */

struct probe {
	struct connprof_bpf *bpf;
	struct ring_buffer *ring;
	struct unwind_row *rows;
	struct mapping_row *mappings;
	size_t rows_bytes, mappings_bytes;
	struct bpf_link *iterator, *waiting;
	struct bpf_link *calls[3];  /* the system calls that concern UNIX sockets, once wanted */
	bool connections, calls_tried;
	/* during probe_consume */
	void (*take)(void *context, const struct record *record);
	void *context;
	uint64_t bad, until_ns;
};

/* Do tracepoints run with preemption on here (Linux 7.0)? */
bool tracepoints_preemptible(void);

#endif
