/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpython.h - what the cpython*.c files share: one interpreter in one process, read from outside.
 *
 * cpython.c finds it and walks; cpython_threads.c knows its thread states; cpython_code.c names its frames; cpython_asyncio.c
 * the tasks they run in.
 */
#ifndef CONNPROF_RUNTIME_CPYTHON_H
#define CONNPROF_RUNTIME_CPYTHON_H

#include "runtime/cpython_object.h"
#include "runtime/cpython_versions.h"
#include "runtime/runtime.h"

struct cpython_codes; /* the cache of code objects */

struct runtime {
	pid_t pid;
	bool namespaced;            /* its thread ids are others inside its pid namespace */
	char description[48];
	struct cpython_object object;
	struct cpython_version version;
	uint64_t root;              /* address of the version's root symbol */
	uint64_t interp_size;       /* of its interpreter state, as published; 0: it publishes nothing */
	struct python_state state;
	uint32_t tid_at_fsbase;     /* thread id (as the target sees it) in a thread's block; 0: not found */
	struct cpython_codes *codes;
};

/* ---- cpython_threads.c ---- */

#define CPYTHON_THREADS_MAX 65536

struct cpython_thread {
	uint64_t state;      /* address of its thread state */
	uint64_t fsbase;     /* its thread id, which is its thread block's address; 0: not started yet */
	uint64_t interp;     /* as the list says */
	bool interp_agrees;  /* as the thread state says */
	bool block_agrees;   /* the block begins with its own address, as the ABI has it: the thread is real */
	uint32_t native_id;  /* 0: not kept */
};

struct cpython_threads {
	struct cpython_thread *items; /* owned */
	size_t count, capacity;
	size_t interps;
};

/* Lists the thread states of all interpreters: 0 or a negative errno (-EFAULT: the list changed while read, or is none). */
int cpython_threads_load(const struct runtime *runtime, struct cpython_threads *out);
void cpython_threads_done(struct cpython_threads *threads);
/* Finds where thread blocks hold the thread's own state pointer and thread id; what is not found is left 0. */
void cpython_threads_calibrate(struct runtime *runtime, const struct cpython_threads *threads);
/* The states of the thread with this fsbase, or, where that is 0, this thread id, the newest interpreter's first: how many. */
#define CPYTHON_STATES_MAX 16
size_t cpython_thread_states(const struct runtime *runtime, pid_t tid, uint64_t fsbase, uint64_t states[CPYTHON_STATES_MAX]);
/* How many interpreters there are; 0: the list cannot be read. */
uint32_t cpython_interpreters(const struct runtime *runtime);
bool cpython_holds_gil(const struct runtime *runtime, uint64_t state);

/* ---- cpython_code.c ---- */

struct cpython_codes *cpython_codes_new(void);
void cpython_codes_free(struct cpython_codes *codes);
/* What is cached is read again at its next use. */
void cpython_codes_batch(struct cpython_codes *codes);
/* Is there a code object at address? */
bool cpython_is_code(const struct runtime *runtime, uint64_t address);
int cpython_name_frame(struct runtime *runtime, const struct slot *slot, struct strings *strings, struct frame *out);
/* Is the first local variable of a frame of this code the first argument itself, all along? */
bool cpython_self_known(struct runtime *runtime, const struct slot *slot);
/* Characters of 1, 2 or 4 bytes, as a str keeps them, as UTF-8: owned by the caller, NULL when out of memory. */
char *cpython_to_utf8(const uint8_t *data, size_t chars, size_t kind);

/* ---- cpython_asyncio.c ---- */

/* Looks for what the _asyncio module publishes, in its own object or the interpreter's, and fills the state's fields: true when
 * that changed something. Where it is not (yet) there, or cannot be this interpreter's, they are left 0. */
bool cpython_asyncio_find(struct runtime *runtime, const struct process_maps *maps);
/* The same of the words that are published: true, and *state's fields filled, if they can be believed. */
bool cpython_asyncio_accept(const uint64_t *words, uint64_t interp_size, uint16_t coro_frame, struct python_state *state);
/* The frame's text for a task whose name object begins with these bytes; numbered: with the number of one that has no name of
 * its own. 0, or -EINVAL (neither str nor int) or -ENOMEM. */
int cpython_task_name(const struct runtime *runtime, const uint8_t *object, size_t size, bool numbered, char *out,
		      size_t out_size);
/* The task that a thread state's thread runs, and its coroutine's own frame; 0 and 0: none. */
uint64_t cpython_asyncio_running(const struct runtime *runtime, uint64_t state, uint64_t *frame);
int cpython_name_task(struct runtime *runtime, uint64_t task, const void *name, size_t size, struct strings *strings,
		      struct frame *out);

#endif
