/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe.h - the kernel side, loaded: the only user of libbpf. Opened, told its settings, loaded, attached, activated, in that
 * order; freed, everything is gone from the kernel (nothing is pinned).
 */
#ifndef CONNPROF_SOURCE_PROBE_H
#define CONNPROF_SOURCE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/events.h"
#include "bpf/waits.h"
#include "connprof.h"

struct probe_config {
	bool samples, connections, threads, waits; /* which programs are wanted */
	bool tls;                            /* may be read from TLS libraries: probe_link */
	bool logs, sends;                    /* writes to logs; by which code Redis is asked: probe_has_socket_hooks */
	bool children, kernel_frames;
	uint32_t gil;                        /* enum gil_wish */
	bool wakers;                         /* of waits */
	uint32_t walks_per_second;           /* of waits, on each CPU, at most */
	uint32_t walk_share;                 /* and no more than one part in so many of the targets' own time; 0: however much that is */
	uint64_t min_block_ns;
	uint32_t rows, mappings;             /* capacity of the tables */
	uint32_t ring_bytes;                 /* power of two */
};

struct probe;

/* Opens and loads. Fails with a message on a kernel without BTF, without rights, or that refuses a program. */
int probe_new(const struct probe_config *config, struct probe **out, struct connprof_error *error);
void probe_free(struct probe *probe);

/* Attaches the tracing programs (not the sampler: see sampler.h). */
int probe_attach(struct probe *probe, struct connprof_error *error);
/* A UNIX connection has been seen: from here on who closes them is seen too, and which connect() fails. Costs every system
 * call of the host a little, so not before. Does nothing the second time. 0 or negative errno. */
int probe_attach_unix(struct probe *probe);
/* Has a target written to a datagram socket of the host, as the system's log is? Then what it writes there is told of from here on;
 * the same in all else. */
int probe_attach_log_sockets(struct probe *probe);
/* The programs for a TLS library's functions (bpf/tls.bpf.c). */
enum probe_function {
	PROBE_TLS_READ, PROBE_TLS_READ_EX, PROBE_TLS_WRITE, PROBE_TLS_WRITE_EX, PROBE_TLS_WRITE_EX2, PROBE_TLS_HANDSHAKE,
	PROBE_TLS_FREE, PROBE_TLS_RETURN, PROBE_FUNCTION_COUNT,
};
struct probe_link;
/* Puts one at an offset in a file (an open descriptor), for the processes that share pid's memory. The kernel puts a
 * breakpoint into their copy of that page; the file is not changed. Owned: probe_unlink. */
int probe_link(struct probe *probe, enum probe_function which, pid_t pid, int fd, uint64_t offset, struct probe_link **out);
void probe_unlink(struct probe_link *link);

/* From here on things count. */
void probe_activate(struct probe *probe);
/* Wakes the reader (probe_fd) for each sample, or as usual when much waits: for targets whose code does not live long.
 * True: it was the other way before. */
bool probe_hasten(struct probe *probe, bool yes);
/* From here on nothing does; what is in the ring stays to be read. */
void probe_deactivate(struct probe *probe);

/* Can payload be read here without touching every system call (Linux 6.3)? */
bool probe_has_socket_hooks(void);

/* The tables, mapped writable; borrowed until probe_free. */
struct unwind_row *probe_rows(struct probe *probe);
struct mapping_row *probe_mappings(struct probe *probe);

/* A followed process. `fresh`: it may be new; otherwise only if the kernel still follows it (-ENOENT: it has exited). */
int probe_target_set(struct probe *probe, pid_t pid, const struct target *target, bool fresh);
void probe_target_remove(struct probe *probe, pid_t pid);

int probe_sample_program(const struct probe *probe); /* fd */
int probe_fd(const struct probe *probe);             /* readable when much waits */

/* Hands waiting records to take (borrowed for the call), for at most limit_ns: a target may bring them faster than they can
 * be taken, for ever. Records too short for what they claim are counted in *bad. True: more wait. */
bool probe_consume(struct probe *probe, uint64_t limit_ns, void (*take)(void *context, const struct record *record),
		   void *context, uint64_t *bad);

void probe_counters(struct probe *probe, uint64_t drops[DROP_COUNT], uint64_t tallies[TALLY_COUNT]);
/* Times the kernel did not run one of our programs where it should have (recursion). */
uint64_t probe_missed_runs(struct probe *probe);

/* Every thread of the followed processes now: *out owned (free). Count or negative errno. */
int probe_threads(struct probe *probe, struct thread_record **out);
/* The same, with what each waits for and since when. With `active`, those that are off the CPU and not known yet become so. */
int probe_waiting(struct probe *probe, struct wait_thread **out);

#endif
