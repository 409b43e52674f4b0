/* SPDX-License-Identifier: BSD-2-Clause */
/* probe_parts.h - what probe.c and probe_read.c share. */
#ifndef CONNPROF_SOURCE_PROBE_PARTS_H
#define CONNPROF_SOURCE_PROBE_PARTS_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "source/probe.h"

#include "bpf/connprof.skel.h" /* wants the contract before it */

#define PROBE_CALLS_MAX 16

struct probe {
	struct connprof_bpf *bpf;
	struct ring_buffer *ring;
	struct unwind_row *rows;
	struct mapping_row *mappings;
	size_t rows_bytes, mappings_bytes;
	struct bpf_link *iterator, *waiting;
	struct bpf_link *calls[PROBE_CALLS_MAX]; /* on the tracepoints of single system calls */
	size_t calls_count;
	bool connections, logs, unix_tried, log_sockets_tried;
	/* during probe_consume */
	void (*take)(void *context, const struct record *record);
	void *context;
	uint64_t bad, until_ns;
};

/* Does the running kernel have this tracepoint, by its BTF? */
bool probe_has_tracepoint(const char *name);

/* probe_calls.c: what hangs on single system calls. hooks: those inside the socket calls are there. */
void probe_choose_call_programs(struct connprof_bpf *bpf, const struct probe_config *config, bool hooks);
int probe_attach_logs(struct probe *probe, struct connprof_error *error);
void probe_calls_done(struct probe *probe);

/* Do tracepoints run with preemption on here (Linux 7.0)? */
bool tracepoints_preemptible(void);

#endif
