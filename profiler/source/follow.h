/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * follow.h - the followed processes: for each image its mappings, its runtime, and what the kernel walker was told of it.
 *
 * A process comes by name (the user's PID), as a child found at the attach, or by fork; it gets a new image by exec; it is
 * looked at again when a pc lies in no known mapping (dlopen), and now and then. Entries of the dead stay until the batch in
 * which they died has been decoded.
 */
#ifndef CONNPROF_SOURCE_FOLLOW_H
#define CONNPROF_SOURCE_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "connprof.h"
#include "frame.h"
#include "model/recording.h"
#include "process/process.h"
#include "runtime/runtime.h"
#include "source/objects.h"
#include "source/probe.h"
#include "source/tables.h"

struct followed;
struct follow;

/* All borrowed until follow_free. notes: where things a user should know are told (unknown interpreter, …). */
struct follow *follow_new(struct probe *probe, struct tables *tables, struct objects *objects,
			  struct connprof_recording *notes);
void follow_free(struct follow *follow);

/* Begins to follow pid, which may be new to the kernel side. -ESRCH: it is gone already. *out is borrowed. */
int follow_add(struct follow *follow, pid_t pid, struct followed **out);
/* The same for a child that the kernel side follows already, by fork: it shares what is known of its parent until it is
 * looked at itself, so that even one that has gone since is known. -EEXIST: it was found before. */
int follow_fork(struct follow *follow, pid_t pid, const struct followed *parent, struct followed **out);
/* The entry of pid, NULL: not followed. */
struct followed *follow_find(struct follow *follow, pid_t pid);
/* A new image: everything known of the old one is dropped and read anew. 0, or -ESRCH: it has gone since. */
int follow_exec(struct follow *follow, struct followed *process);
/* Its threads have been seen to be shared by units of this kind: from now on the kernel side tells them apart. process may be NULL. */
void follow_units(struct follow *follow, struct followed *process, enum unit_kind kind);
/* process may be NULL: it was gone before it could be read, its CPU time counts all the same. */
void follow_exit(struct follow *follow, struct followed *process, uint64_t cpu_ns);

/* Once per batch of events: forgets the dead, asks again where a runtime was not ready, looks again at processes that ran
 * code we do not know. */
void follow_batch(struct follow *follow, uint64_t now_ns);

/* One of the live processes, 0: there is none. */
pid_t follow_any(const struct follow *follow);
/* Looks at the process's mappings now, unless it was done a moment ago: it runs code that is not known. */
void follow_look_again(struct follow *follow, struct followed *process);

/* How many live processes are followed. */
unsigned follow_alive(const struct follow *follow);
/* CPU time of all followed processes since each was first seen, ns. */
uint64_t follow_cpu_ns(struct follow *follow);
/* How many processes have ended. */
uint64_t follow_exits(const struct follow *follow);
uint64_t follow_execs(const struct follow *follow);

/* ---- one process ---- */

const struct process_identity *followed_identity(const struct followed *process);
/* Its runtime: NULL ops if none is readable. */
const struct runtime_ops *followed_runtime(const struct followed *process, struct runtime **runtime);
/* As name_frame of runtime_ops; what a forked process cannot tell any more the one it was forked from does. -ESRCH: no runtime. */
int followed_name_frame(const struct followed *process, const struct slot *slot, struct strings *strings, struct frame *out);
enum python_anchor followed_anchor(const struct followed *process);
/* How many interpreters, each perhaps with a lock of its own, were there at the last look. */
uint32_t followed_interpreters(const struct followed *process);
/* A process with the same image: what it was forked from, or itself. 0: none is known. */
pid_t followed_alike(const struct followed *process);
/* The object and ELF address behind a pc. NULL: none (JIT code, or unknown: then the process is looked at again soon). */
struct object *followed_object(struct followed *process, uint64_t pc, uint64_t *address);
/* Is object the process's own executable? */
bool followed_is_main(const struct followed *process, const struct object *object);
/* The name a JIT's perf map gives for pc; NULL: none. Borrowed until the next follow_batch. */
const char *followed_jit_name(struct followed *process, uint64_t pc);
/* Frame ids by pc, made by decode: 0 = not yet known. Forgotten when mappings change. */
uint32_t followed_cached_frame(const struct followed *process, uint64_t key);
void followed_cache_frame(struct followed *process, uint64_t key, uint32_t frame);

#endif
