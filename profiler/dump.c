/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dump.c - every thread's stack now. Nothing is stopped: the kernel tells the registers each thread entered it with, its
 * stack is read from outside, and a second look at its switch count says whether it ran meanwhile. Threads that are running
 * are caught by the clock instead, with the sampler's own walker.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/error.h"
#include "connprof.h"
#include "model/recording.h"
#include "process/process.h"
#include "source/follow.h"
#include "source/frames.h"
#include "source/objects.h"
#include "source/probe.h"
#include "source/sampler.h"
#include "source/still.h"
#include "source/tables.h"

#define DUMP_RATE_HZ 999
#define DUMP_CATCH_NS 30000000       /* how long running threads are waited for */
#define DUMP_TAKE_NS 1000000000ull   /* how long what was caught may take to read */
#define DUMP_TRIES 4                 /* looks at a thread that keeps running */
#define ROWS_SPARE (512u << 10)
#define MAPPING_TABLE_ROWS 65536u

/* A running thread as the clock caught it. */
struct caught {
	uint32_t pid, tid;
	uint32_t stack;
	uint8_t python_end;
	bool holds_gil;
};

struct dump {
	struct connprof_recording *recording;
	struct probe *probe;
	struct tables *tables;
	struct objects *objects;
	struct follow *follow;
	struct frames *frames;
	struct sampler *sampler;
	struct caught *caught;
	size_t caught_count, caught_capacity;
	struct still *still;
};

static void dump_free(struct dump *dump)
{
	if (!dump)
		return;
	sampler_free(dump->sampler);
	still_free(dump->still);
	frames_free(dump->frames);
	follow_free(dump->follow);
	objects_free(dump->objects);
	tables_free(dump->tables);
	probe_free(dump->probe);
	connprof_recording_free(dump->recording);
	free(dump->caught);
	free(dump);
}

static int build(struct dump *dump, size_t rows, struct connprof_error *error)
{
	struct probe_config config = {.samples = true, .threads = true, .gil = GIL_NOTED, .rows = rows * 2 + ROWS_SPARE,
				      .mappings = MAPPING_TABLE_ROWS, .ring_bytes = 1u << 20};
	int code = probe_new(&config, &dump->probe, error);

	if (code)
		return code;
	dump->recording = recording_new();
	dump->tables = tables_new(probe_rows(dump->probe), config.rows, probe_mappings(dump->probe), config.mappings);
	dump->objects = dump->tables ? objects_new(dump->tables) : NULL;
	if (dump->recording && dump->objects)
		dump->follow = follow_new(dump->probe, dump->tables, dump->objects, dump->recording);
	dump->frames = dump->follow ? frames_new(dump->recording) : NULL;
	dump->still = dump->frames ? still_new(dump->frames) : NULL;
	return dump->still ? 0 : error_memory(error);
}

static int add_process(struct dump *dump, pid_t pid, bool named, struct connprof_error *error)
{
	struct connprof_recording *recording = dump->recording;
	const struct process_identity *identity;
	struct followed *process;
	int code = follow_add(dump->follow, pid, &process);

	if (code == -ESRCH && !named)
		return 0;
	if (code)
		return error_set(error, code, CONNPROF_CANNOT_OBSERVE, "cannot read %d: %s (is it still there?)", pid,
				 strerror(-code));
	identity = followed_identity(process);
	if (array_reserve(&recording->targets, &recording->target_capacity, recording->target_count + 1,
			  sizeof(*recording->targets), TARGETS_MAX))
		return error_memory(error);
	recording->targets[recording->target_count++] = (struct target_row){
		.pid = pid, .comm = strings_add(recording->strings, identity->comm),
		.exe = strings_add(recording->strings, identity->exe)};
	return 0;
}

static int add_processes(struct dump *dump, const struct connprof_config *config, struct connprof_error *error)
{
	int code = 0;

	for (size_t i = 0; i < config->pid_count && !code; i++) {
		pid_t *children = NULL;
		int count;

		code = add_process(dump, config->pids[i], true, error);
		if (code || config->no_children)
			continue;
		count = process_descendants(config->pids[i], TARGETS_MAX, &children);
		for (int c = 0; c < count && !code; c++)
			if (children[c] != getpid())
				code = add_process(dump, children[c], false, error);
		free(children);
	}
	return code;
}

/* ---- running threads ---- */

/* Threads are caught one after the other: who held the lock before holds it no more. */
static void lock_passed_on(struct dump *dump, uint32_t pid)
{
	for (size_t i = 0; i < dump->caught_count; i++)
		dump->caught[i].holds_gil &= dump->caught[i].pid != pid;
}

static void catch_sample(void *context, const struct record *record)
{
	struct dump *dump = context;
	struct followed *process = follow_find(dump->follow, record->pid);
	struct raw_stack raw;

	for (size_t i = 0; i < dump->caught_count; i++)
		if (dump->caught[i].tid == record->tid)
			return;
	if (record->type != RECORD_SAMPLE || !process ||
	    raw_stack_read((const void *)(record + 1), record->size - sizeof(*record), &raw) ||
	    array_reserve(&dump->caught, &dump->caught_capacity, dump->caught_count + 1, sizeof(*dump->caught),
			  PROCESS_THREADS_MAX))
		return;
	if (raw.holds_gil && followed_interpreters(process) < 2)
		lock_passed_on(dump, record->pid);
	dump->caught[dump->caught_count++] = (struct caught){
		.pid = record->pid, .tid = record->tid, .stack = frames_stack(dump->frames, process, &raw, NULL), .python_end = raw.python_end,
		.holds_gil = raw.holds_gil};
}

/* Lets the clock run for a moment, so that what is running now is seen where it runs. */
static void catch_running(struct dump *dump)
{
	struct timespec wait = {.tv_nsec = DUMP_CATCH_NS};
	uint64_t bad;

	if (probe_attach(dump->probe, NULL) || sampler_new(dump->probe, DUMP_RATE_HZ, &dump->sampler, NULL))
		return;
	probe_activate(dump->probe);
	nanosleep(&wait, NULL);
	probe_deactivate(dump->probe);
	probe_consume(dump->probe, DUMP_TAKE_NS, catch_sample, dump, &bad);
	sampler_free(dump->sampler);
	dump->sampler = NULL;
}

/* ---- blocked threads ---- */

static uint8_t state_of(char letter)
{
	switch (letter) {
	case 'R': return THREAD_RUNNING;
	case 'S': return THREAD_SLEEPING;
	case 'D': return THREAD_DISK;
	case 'T': case 't': return THREAD_STOPPED;
	case 'Z': case 'X': return THREAD_ZOMBIE;
	default: return THREAD_UNKNOWN;
	}
}

static int add_thread(struct dump *dump, const struct thread_record *thread, const struct dump_thread *found)
{
	struct connprof_recording *recording = dump->recording;
	char name[64];

	if (array_reserve(&recording->dump, &recording->dump_capacity, recording->dump_count + 1, sizeof(*recording->dump),
			  PROCESS_THREADS_MAX))
		return -ENOMEM;
	process_thread_name(thread->pid, thread->tid, name, sizeof(name));
	recording->dump[recording->dump_count] = *found;
	recording->dump[recording->dump_count].thread = strings_add(recording->strings, name);
	recording->dump_count++;
	return 0;
}

static const struct caught *caught_of(const struct dump *dump, uint32_t tid)
{
	for (size_t i = 0; i < dump->caught_count; i++)
		if (dump->caught[i].tid == tid)
			return &dump->caught[i];
	return NULL;
}

/* The thread's switch count now; 0: it has gone. */
static uint64_t switches_now(struct dump *dump, uint32_t tid, struct thread_record *out)
{
	struct thread_record *threads = NULL;
	int count = probe_threads(dump->probe, &threads);
	uint64_t switches = 0;

	for (int i = 0; i < count; i++)
		if (threads[i].tid == tid) {
			*out = threads[i];
			switches = threads[i].switches;
		}
	free(threads);
	return switches;
}

/* Reads a thread until nothing changed meanwhile, or gives the last look, marked torn. */
static int read_thread(struct dump *dump, const struct thread_record *first)
{
	struct followed *process = follow_find(dump->follow, first->pid);
	struct thread_record thread = *first, later;
	const struct caught *caught = caught_of(dump, first->tid);
	struct dump_thread found = {.pid = first->pid, .tid = first->tid};

	if (!process)
		return 0;
	found.state = state_of(process_thread_state(first->pid, first->tid));
	if (caught && (first->on_cpu || found.state == THREAD_RUNNING)) {
		found.stack = caught->stack;
		found.python_end = caught->python_end;
		found.holds_gil = caught->holds_gil;
		found.state = THREAD_RUNNING;
		return add_thread(dump, first, &found);
	}
	for (int i = 0; i < DUMP_TRIES; i++) {
		struct still_stack still = still_walk(dump->still, process, &thread);
		uint64_t switches;

		found.stack = still.stack;
		found.python_end = (uint8_t)still.python_end;
		found.holds_gil = still.holds_gil;
		switches = switches_now(dump, first->tid, &later);
		if (!switches)
			return 0;
		found.torn = switches != thread.switches || later.on_cpu || thread.on_cpu;
		if (!found.torn)
			break;
		thread = later;
	}
	return add_thread(dump, first, &found);
}

static int by_pid_tid(const void *a, const void *b)
{
	const struct thread_record *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return (x->tid > y->tid) - (x->tid < y->tid);
}

static int read_threads(struct dump *dump, struct connprof_error *error)
{
	struct thread_record *threads = NULL;
	int count = probe_threads(dump->probe, &threads), code = 0;

	if (count < 0)
		return error_set(error, count, CONNPROF_CANNOT_OBSERVE, "cannot list threads: %s (see connprof doctor)",
				 strerror(-count));
	qsort(threads, count, sizeof(*threads), by_pid_tid);
	for (int i = 0; i < count && !code; i++)
		code = read_thread(dump, &threads[i]);
	free(threads);
	return code ? error_memory(error) : 0;
}

int connprof_dump(const struct connprof_config *config, struct connprof_recording **out, struct connprof_error *error)
{
	struct dump *dump = calloc(1, sizeof(*dump));
	struct process_identity identity;
	size_t rows = 0;
	int code = 0;

	if (!dump)
		return error_memory(error);
	for (size_t i = 0; i < config->pid_count && !code; i++) {
		code = process_check_target(config->pids[i], &identity, error);
		rows += code ? 0 : objects_guess_rows(config->pids[i]);
	}
	if (!code)
		code = build(dump, rows, error);
	if (!code)
		code = add_processes(dump, config, error);
	if (!code) {
		catch_running(dump);
		code = read_threads(dump, error);
	}
	if (!code)
		objects_tell(dump->objects, dump->recording);
	if (!code && frames_finish(dump->frames))
		code = error_memory(error);
	if (!code) {
		*out = dump->recording;
		dump->recording = NULL;
	}
	dump_free(dump);
	return code;
}
