/* SPDX-License-Identifier: BSD-2-Clause */
/* follow.c - the followed processes and what the kernel knows of each. */
#include "source/follow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/clock.h"
#include "base/log.h"
#include "source/image.h"
#include "source/interpreter.h"
#include "source/units.h"
#include "symbol/symbol.h"

#define RESCAN_MIN_NS 100000000ull       /* at most this often for unknown code */
#define LOOK_AGAIN_MIN_NS 20000000ull    /* … for a stack that goes through it */
#define LOOK_AGAIN_PAUSES 20             /* and at most this part of the time */
#define RESCAN_ANYWAY_NS 5000000000ull   /* and this often in any case */
#define YOUNG_NS 3000000000ull           /* for so long a program that has begun is looked at for its interpreter, */
#define YOUNG_MIN_NS 10000000ull         /* at most this often, */
#define YOUNG_PART 4                     /* and after each such part of its age */
#define PERF_MAP_MIN_NS 1000000000ull
#define PERF_MAPS_BYTES_MAX ((size_t)512 << 20) /* of all processes */

struct followed {
	UT_hash_handle hh;
	pid_t pid;
	struct process_identity identity;
	struct image *image;               /* NULL: not read yet, or a new one since */
	struct interpreter *interpreter;   /* NULL: not looked for yet */
	bool dead, unknown_code;
	enum unit_kind units;              /* that share its threads, as far as seen */
	uint64_t scanned_ns, scan_took_ns, perf_map_ns;
	uint64_t exec_ns;                  /* when it began another program; 0: not seen */
	uint64_t cpu_at_start_ns, cpu_now_ns;
	struct perfmap *perf_map;
	struct follow *follow;
};

struct follow {
	struct followed *by_pid;
	struct probe *probe;
	struct tables *tables;
	struct objects *objects;
	struct connprof_recording *notes;
	uint32_t generations;              /* given out so far: 0 is none */
	uint64_t exits, execs;
	uint64_t gone_cpu_ns;              /* CPU time of processes that have left */
	size_t perf_map_bytes;             /* of all processes */
};

struct follow *follow_new(struct probe *probe, struct tables *tables, struct objects *objects,
			  struct connprof_recording *notes)
{
	struct follow *follow = calloc(1, sizeof(*follow));

	if (!follow)
		return NULL;
	follow->probe = probe;
	follow->tables = tables;
	follow->objects = objects;
	follow->notes = notes;
	return follow;
}

/* ---- entries ---- */

static void drop_perf_map(struct followed *process)
{
	process->follow->perf_map_bytes -= perfmap_bytes(process->perf_map);
	perfmap_free(process->perf_map);
	process->perf_map = NULL;
}

static void forget_image(struct followed *process)
{
	interpreter_drop(process->interpreter);
	image_drop(process->image);
	drop_perf_map(process);
	process->interpreter = NULL;
	process->image = NULL;
	process->units = UNIT_THREAD;
}

static void remove_entry(struct follow *follow, struct followed *process)
{
	forget_image(process);
	follow->gone_cpu_ns += process->cpu_now_ns - process->cpu_at_start_ns;
	HASH_DEL(follow->by_pid, process);
	free(process);
}

void follow_free(struct follow *follow)
{
	struct followed *process, *next;

	if (!follow)
		return;
	HASH_ITER(hh, follow->by_pid, process, next)
		remove_entry(follow, process);
	free(follow);
}

struct followed *follow_find(struct follow *follow, pid_t pid)
{
	struct followed *process;

	HASH_FIND_INT(follow->by_pid, &pid, process);
	return process;
}

/* A fresh entry, in place of a dead one whose number is in use again; NULL when out of memory. */
static struct followed *add_entry(struct follow *follow, pid_t pid)
{
	struct followed *process = follow_find(follow, pid);

	if (process)
		remove_entry(follow, process);
	process = calloc(1, sizeof(*process));
	if (!process)
		return NULL;
	process->pid = pid;
	process->follow = follow;
	HASH_ADD_INT(follow->by_pid, pid, process);
	if (process->hh.tbl)
		return process;
	free(process);
	return NULL;
}

/* ---- reading an image ---- */

static int read_image(struct follow *follow, struct followed *process, const struct process_maps *maps)
{
	struct image *image;
	int code;

	if (++follow->generations == 0)
		follow->generations = 1;
	code = image_new(follow->objects, follow->tables, process->pid, maps, follow->generations, &image);
	if (code)
		return code;
	image_drop(process->image);
	process->image = image;
	if (maps->cut)
		recording_note(follow->notes, "a process has more mappings than are read: stacks through the rest are cut");
	return 0;
}

static int tell_kernel(struct follow *follow, const struct followed *process, bool fresh)
{
	struct target target = {0};

	image_describe(process->image, &target);
	if (process->interpreter)
		target.python = process->interpreter->state;
	target.python.units = process->units;
	return probe_target_set(follow->probe, process->pid, &target, fresh);
}

static void look_for_interpreter(struct follow *follow, struct followed *process, const struct process_maps *maps)
{
	struct interpreter *before = process->interpreter;
	enum runtime_found found = before ? before->found : RUNTIME_ABSENT;

	process->interpreter = interpreter_find(&process->identity, maps, before && before->pid != process->pid ? before : NULL,
						follow->notes);
	interpreter_drop(before);
	if (process->interpreter && process->interpreter->found != found)
		image_forget_frames(process->image); /* which of them are the interpreter's own is known only now */
	if (process->interpreter && process->interpreter->ops && process->units == UNIT_THREAD)
		process->units = units_of_process(process->interpreter->ops, process->interpreter->runtime, process->pid,
						  follow->notes->strings);
}

/* Reads the mappings and, where they changed, everything that hangs on them. fresh: the kernel need not know it yet. */
static int scan(struct follow *follow, struct followed *process, bool fresh)
{
	struct process_maps maps = {0};
	uint64_t begin_ns = clock_now_ns();
	bool new_code, new_runtime;
	int code = process_maps_load(process->pid, &maps);

	process->scanned_ns = clock_now_ns();
	process->unknown_code = false;
	if (code)
		return code;
	new_code = !process->image || !image_same(process->image, &maps);
	if (new_code)
		code = read_image(follow, process, &maps);
	new_runtime = !code && interpreter_due(process->interpreter, process->pid, new_code);
	if (new_runtime)
		look_for_interpreter(follow, process, &maps);
	else if (!code)
		new_runtime = interpreter_look_again(process->interpreter, new_code ? &maps : NULL);
	if (!code && (new_code || new_runtime))
		code = tell_kernel(follow, process, fresh);
	process_maps_done(&maps);
	process->scan_took_ns = clock_now_ns() - begin_ns;
	return code;
}

int follow_add(struct follow *follow, pid_t pid, struct followed **out)
{
	struct followed *process = follow_find(follow, pid);
	int code;

	if (process && !process->dead) {
		*out = process;
		return 0;
	}
	process = add_entry(follow, pid);
	if (!process)
		return -ENOMEM;
	code = process_identify(pid, &process->identity);
	if (!code && !process_cpu_ns(pid, &process->cpu_now_ns))
		process->cpu_at_start_ns = process->cpu_now_ns;
	if (!code)
		code = scan(follow, process, true);
	if (code) {
		remove_entry(follow, process);
		return code;
	}
	*out = process;
	return 0;
}

int follow_fork(struct follow *follow, pid_t pid, const struct followed *parent, struct followed **out)
{
	struct followed *process = follow_find(follow, pid);

	if (process && !process->dead)
		return -EEXIST;
	process = add_entry(follow, pid);
	if (!process)
		return -ENOMEM;
	process->image = image_share(parent->image);
	process->interpreter = interpreter_share(parent->interpreter);
	process->units = parent->units;
	if (process_identify(pid, &process->identity)) { /* gone already: what it was its parent says */
		process->identity = parent->identity;
		process->identity.pid = pid;
		process->identity.parent = parent->pid;
	}
	*out = process;
	return 0;
}

int follow_exec(struct follow *follow, struct followed *process)
{
	follow->execs++;
	forget_image(process);
	process->exec_ns = clock_now_ns();
	if (process_identify(process->pid, &process->identity))
		return -ESRCH;
	scan(follow, process, false); /* what fails here shows as stacks through unknown mappings */
	return 0;
}

void follow_units(struct follow *follow, struct followed *process, enum unit_kind kind)
{
	if (!process || process->dead || kind <= process->units)
		return;
	process->units = kind;
	if (process->image)
		tell_kernel(follow, process, false); /* gone meanwhile: nothing more will come of it */
}

void follow_exit(struct follow *follow, struct followed *process, uint64_t cpu_ns)
{
	follow->exits++;
	if (!process) {
		follow->gone_cpu_ns += cpu_ns;
		return;
	}
	process->dead = true;
	if (cpu_ns > process->cpu_now_ns)
		process->cpu_now_ns = cpu_ns;
}

/* A program maps its libraries only after it has begun, and no event tells of that: its first connection could come before the
 * interpreter among them is known. */
static bool is_scan_due(const struct followed *process, uint64_t now_ns)
{
	const struct interpreter *interpreter = process->interpreter;
	uint64_t age = now_ns - process->scanned_ns, life = now_ns - process->exec_ns;
	bool found = interpreter && (interpreter->found == RUNTIME_READY || interpreter->found == RUNTIME_REFUSED);

	if (process->exec_ns && life < YOUNG_NS && !found)
		return age > YOUNG_MIN_NS && age > life / YOUNG_PART;
	if (process->unknown_code || interpreter_due(interpreter, process->pid, false))
		return age > RESCAN_MIN_NS;
	return age > RESCAN_ANYWAY_NS;
}

void follow_batch(struct follow *follow, uint64_t now_ns)
{
	struct followed *process, *next;

	HASH_ITER(hh, follow->by_pid, process, next) {
		if (process->dead) {
			remove_entry(follow, process);
			continue;
		}
		if (process->interpreter && process->interpreter->ops && process->interpreter->pid == process->pid)
			process->interpreter->ops->batch(process->interpreter->runtime);
		if (is_scan_due(process, now_ns)) {
			if (scan(follow, process, false) == -ESRCH || !process_same(&process->identity)) {
				probe_target_remove(follow->probe, process->pid);
				process->dead = true;
			}
		}
	}
}

pid_t follow_any(const struct follow *follow)
{
	for (const struct followed *p = follow->by_pid; p; p = p->hh.next)
		if (!p->dead)
			return p->pid;
	return 0;
}

void follow_look_again(struct follow *follow, struct followed *process)
{
	uint64_t pause_ns = process ? LOOK_AGAIN_MIN_NS + LOOK_AGAIN_PAUSES * process->scan_took_ns : 0;

	if (process && !process->dead && clock_now_ns() - process->scanned_ns > pause_ns)
		scan(follow, process, false);
}

unsigned follow_alive(const struct follow *follow)
{
	unsigned alive = 0;

	for (const struct followed *p = follow->by_pid; p; p = p->hh.next)
		alive += !p->dead;
	return alive;
}

uint64_t follow_cpu_ns(struct follow *follow)
{
	uint64_t sum = follow->gone_cpu_ns, now;

	for (struct followed *p = follow->by_pid; p; p = p->hh.next) {
		if (!p->dead && !process_cpu_ns(p->pid, &now) && now > p->cpu_now_ns)
			p->cpu_now_ns = now;
		sum += p->cpu_now_ns - p->cpu_at_start_ns;
	}
	return sum;
}

uint64_t follow_exits(const struct follow *follow)
{
	return follow->exits;
}

uint64_t follow_execs(const struct follow *follow)
{
	return follow->execs;
}

/* ---- one process ---- */

const struct process_identity *followed_identity(const struct followed *process)
{
	return &process->identity;
}

const struct runtime_ops *followed_runtime(const struct followed *process, struct runtime **runtime)
{
	*runtime = process->interpreter ? process->interpreter->runtime : NULL;
	return process->interpreter ? process->interpreter->ops : NULL;
}

/* Is the process whose memory it reads still there, and still the program it was? Its number may be another's by now. */
static bool is_there(struct follow *follow, const struct interpreter *interpreter)
{
	const struct followed *process = follow_find(follow, interpreter->pid);

	return process && !process->dead && process->interpreter == interpreter;
}

/* Once a process has gone its memory may be asked for in the one that forked it: other code can have come to lie there since, but not
 * likely. While it lives its own word is the last. */
int followed_name_frame(const struct followed *process, const struct slot *slot, struct strings *strings, struct frame *out)
{
	struct interpreter *one = process->interpreter;
	int code = -ESRCH;

	for (bool own = true; one && one->ops && code == -ESRCH; one = one->before, own = false) {
		if (!own && !is_there(process->follow, one))
			continue;
		memset(out, 0, sizeof(*out));
		code = one->ops->name_frame(one->runtime, slot, strings, out);
	}
	return code;
}

uint32_t followed_interpreters(const struct followed *process)
{
	return process->interpreter ? process->interpreter->state.interpreters : 0;
}

enum python_anchor followed_anchor(const struct followed *process)
{
	return process->interpreter ? process->interpreter->state.layout.anchor : ANCHOR_NONE;
}

pid_t followed_alike(const struct followed *process)
{
	const struct followed *from = process->image ? follow_find(process->follow, image_pid(process->image)) : NULL;

	return from && !from->dead && from->image == process->image ? from->pid : 0;
}

struct object *followed_object(struct followed *process, uint64_t pc, uint64_t *address)
{
	bool known = false;
	struct object *object = process->image ? image_object(process->image, pc, address, &known) : NULL;

	process->unknown_code |= !known;
	return object;
}

bool followed_is_main(const struct followed *process, const struct object *object)
{
	bool interpreted = process->interpreter && process->interpreter->found != RUNTIME_ABSENT;

	return !interpreted && !strcmp(object_path(object), process->identity.exe);
}

static void load_perf_map(struct followed *process)
{
	struct follow *follow = process->follow;
	int code = -ENOSPC;
	char text[200];

	process->perf_map_ns = clock_now_ns();
	drop_perf_map(process);
	if (follow->perf_map_bytes <= PERF_MAPS_BYTES_MAX)
		code = perfmap_load(process->pid, process->identity.namespace_pid, &process->perf_map);
	follow->perf_map_bytes += perfmap_bytes(process->perf_map);
	if (!code || code == -ENOENT || code == -ESRCH)
		return;
	snprintf(text, sizeof(text), "the perf map of %d is not read: %s (its JIT code has no names)", process->pid,
		 code == -ENOSPC ? "those of others take 512 MiB" : code == -EFBIG ? "it is larger than 64 MiB" :
		 code == -EINVAL ? "it is not a regular file" : strerror(-code));
	recording_note(follow->notes, text);
}

const char *followed_jit_name(struct followed *process, uint64_t pc)
{
	const char *name = process->perf_map ? perfmap_find(process->perf_map, pc) : NULL;

	if (name || (process->perf_map_ns && clock_now_ns() - process->perf_map_ns < PERF_MAP_MIN_NS))
		return name;
	load_perf_map(process);
	return process->perf_map ? perfmap_find(process->perf_map, pc) : NULL;
}

uint32_t followed_cached_frame(const struct followed *process, uint64_t key)
{
	return process->image ? image_cached_frame(process->image, key) : 0;
}

void followed_cache_frame(struct followed *process, uint64_t key, uint32_t frame)
{
	if (process->image)
		image_cache_frame(process->image, key, frame);
}
