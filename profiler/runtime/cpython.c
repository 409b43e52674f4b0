/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpython.c - CPython in a live process: found and checked from outside, then walked the way the kernel side does.
 *
 * A version is known or refused, never guessed; and what its row says is checked against the process before it is used:
 * each thread state leads back to its interpreter, and what its frames call code is code.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "runtime/cpython.h"

#define FRAME_BYTES 128      /* read of a frame; the last one before unmapped memory may be shorter */
#define FRAME_BYTES_LEAST 80
#define CHECK_TRIES 3        /* a list read while it changes is read again */
#define CHECK_SLOTS 16

static enum runtime_found say(char *note, size_t size, enum runtime_found found, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static enum runtime_found say(char *note, size_t size, enum runtime_found found, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(note, size, format, args);
	va_end(args);
	return found;
}

/* ---- walking ---- */

struct chain {
	const struct runtime *runtime;
	struct slot *slots;
	size_t count, limit;
	uint64_t frame, cframe;
	uint64_t task, task_frame;
	unsigned call_ends;
};

static uint64_t frame_word(const uint8_t *bytes, uint16_t offset)
{
	uint64_t word = 0;

	memcpy(&word, bytes + offset, sizeof(word));
	return word;
}

static bool read_word(const struct runtime *runtime, uint64_t address, uint64_t *out)
{
	return process_read(runtime->pid, address, out, sizeof(*out)) == 0;
}

static void put_slot(struct chain *chain, uint64_t a, uint64_t b)
{
	chain->slots[chain->count++] = (struct slot){a, b};
}

static bool chain_begin(struct chain *chain, uint64_t state)
{
	const struct python_layout *layout = &chain->runtime->version.layout;

	if (layout->anchor == ANCHOR_CFRAME && !read_word(chain->runtime, state + layout->tstate_cframe, &chain->cframe))
		return false;
	if (!read_word(chain->runtime, state + layout->tstate_frame, &chain->frame))
		return false;
	return !layout->frame_in_cframe || read_word(chain->runtime, chain->frame + layout->cframe_frame, &chain->frame);
}

/* One frame: its slot, and the end slot of its eval call where it ends there. PYTHON_NONE: go on. */
static enum python_end chain_step(struct chain *chain)
{
	const struct python_layout *layout = &chain->runtime->version.layout;
	uint8_t bytes[FRAME_BYTES + 8] = {0};
	uint64_t code, previous;
	ssize_t n;

	if (chain->count + 2 > chain->limit)
		return PYTHON_TOO_DEEP;
	n = process_read_some(chain->runtime->pid, chain->frame, bytes, FRAME_BYTES);
	if (n < FRAME_BYTES_LEAST)
		return PYTHON_FAULT;
	previous = frame_word(bytes, layout->frame_previous);
	code = frame_word(bytes, layout->frame_code) & ~(uint64_t)layout->code_tag_mask;
	if (layout->anchor == ANCHOR_SHIM && bytes[layout->frame_owner] >= layout->owner_shim) {
		put_slot(chain, 0, chain->frame);
	} else {
		if (!code)
			return PYTHON_BROKEN;
		put_slot(chain, code, layout->instr_is_pointer ? frame_word(bytes, layout->frame_instr)
							       : (uint32_t)frame_word(bytes, layout->frame_instr));
		if (chain->task_frame == chain->frame)
			put_slot(chain, SLOT_TASK, chain->task);
		if (layout->anchor == ANCHOR_CFRAME &&
		    (layout->frame_is_entry == CPYTHON_NO_FIELD || bytes[layout->frame_is_entry])) {
			if (layout->frame_is_entry != CPYTHON_NO_FIELD || chain->call_ends++ < PYTHON_CALL_ENDS_MAX)
				put_slot(chain, 0, chain->cframe);
			if (chain->cframe && !read_word(chain->runtime, chain->cframe + layout->cframe_previous, &chain->cframe))
				return PYTHON_FAULT;
		}
	}
	if (previous == chain->frame)
		return PYTHON_BROKEN;
	chain->frame = previous;
	return PYTHON_NONE;
}

static size_t walk_state(const struct runtime *runtime, uint64_t state, struct slot *slots, size_t limit, enum python_end *end)
{
	struct chain chain = {.runtime = runtime, .slots = slots, .limit = limit};

	*end = PYTHON_FAULT;
	if (!chain_begin(&chain, state))
		return 0;
	chain.task = cpython_asyncio_running(runtime, state, &chain.task_frame);
	*end = PYTHON_NONE;
	while (chain.frame && *end == PYTHON_NONE)
		*end = chain_step(&chain);
	if (*end == PYTHON_NONE)
		*end = PYTHON_ROOT;
	return chain.count;
}

static int cpython_walk(struct runtime *runtime, pid_t tid, uint64_t fsbase, struct slot *slots, size_t limit,
			enum python_end *end, bool *holds_gil)
{
	uint64_t states[CPYTHON_STATES_MAX];
	size_t found = cpython_thread_states(runtime, tid, fsbase, states), count = 0;

	*end = found ? PYTHON_ROOT : PYTHON_NO_STATE;
	if (holds_gil)
		*holds_gil = false;
	for (size_t i = 0; i < found && *end == PYTHON_ROOT; i++) {
		if (holds_gil)
			*holds_gil |= cpython_holds_gil(runtime, states[i]);
		count += walk_state(runtime, states[i], slots + count, limit - count, end);
	}
	return (int)count;
}

/* ---- checking ---- */

/* Do the frames of any thread call code what is code? Threads without frames (starting, or in C only) say nothing. */
static bool frames_check(const struct runtime *runtime, const struct cpython_threads *threads)
{
	bool seen = false;

	for (size_t i = 0; i < threads->count; i++) {
		struct slot slots[CHECK_SLOTS];
		enum python_end end;
		size_t count = walk_state(runtime, threads->items[i].state, slots, CHECK_SLOTS, &end);

		for (size_t j = 0; j < count; j++) {
			if (!slots[j].a || slots[j].a == SLOT_TASK)
				continue;
			if (cpython_is_code(runtime, slots[j].a))
				return true;
			seen = true;
		}
	}
	return !seen;
}

static enum runtime_found check_once(const struct runtime *runtime, const struct cpython_threads *threads)
{
	bool started = false;

	if (!threads->interps || !threads->count)
		return RUNTIME_NOT_YET;
	for (size_t i = 0; i < threads->count; i++) {
		const struct cpython_thread *thread = &threads->items[i];

		if (thread->interp_agrees && thread->block_agrees)
			return frames_check(runtime, threads) ? RUNTIME_READY : RUNTIME_REFUSED;
		started |= thread->fsbase != 0;
	}
	return started ? RUNTIME_REFUSED : RUNTIME_NOT_YET;
}

/* Reads the lists until they hold together: *threads is owned by the caller on READY. */
static enum runtime_found check(const struct runtime *runtime, struct cpython_threads *threads)
{
	enum runtime_found found = RUNTIME_NOT_YET;

	for (int i = 0; i < CHECK_TRIES && found != RUNTIME_READY; i++) {
		if (i)
			cpython_threads_done(threads);
		found = RUNTIME_REFUSED;
		if (cpython_threads_load(runtime, threads) == 0)
			found = check_once(runtime, threads);
		if (found == RUNTIME_NOT_YET)
			break;
	}
	if (found != RUNTIME_READY)
		cpython_threads_done(threads);
	return found;
}

/* ---- finding ---- */

struct release {
	unsigned major, minor;
	int micro;             /* -1: not known */
	bool free_threaded;
	bool preview;          /* an alpha or beta: its layout was not final */
	bool published;        /* words are a _Py_DebugOffsets */
	uint64_t words[CPYTHON_PUBLISHED_WORDS];
	size_t count;
};

static void release_from_hex(struct release *release, uint32_t hex) /* PY_VERSION_HEX: 0x030b07f0 is 3.11.7 final (f) */
{
	release->preview = (hex >> 4 & 0xf) < 0xc; /* a, b; c is a release candidate */
	release->major = hex >> 24;
	release->minor = hex >> 16 & 0xff;
	release->micro = (int)(hex >> 8 & 0xff);
}

/* The target's own word first: what its memory publishes, then its exported constant, then its file. */
static void read_release(pid_t pid, const struct cpython_object *object, struct release *release)
{
	uint64_t hex = 0;
	uint32_t published;
	ssize_t n = object->runtime ? process_read_some(pid, object->runtime, release->words, sizeof(release->words)) : 0;

	release->count = n > 0 ? (size_t)n / 8 : 0;
	release->major = object->major;
	release->minor = object->minor;
	release->micro = object->micro;
	if (cpython_published_head(release->words, release->count, &published, &release->free_threaded)) {
		release->published = true;
		release_from_hex(release, published);
	} else if (object->version_symbol && process_read(pid, object->version_symbol, &hex, sizeof(hex)) == 0 && hex) {
		release_from_hex(release, (uint32_t)hex);
	}
}

static void describe_release(const struct release *release, char *out, size_t size)
{
	if (!release->major)
		snprintf(out, size, "a CPython of unknown version");
	else if (release->micro < 0)
		snprintf(out, size, "CPython %u.%u", release->major, release->minor);
	else
		snprintf(out, size, "CPython %u.%u.%d", release->major, release->minor, release->micro);
}

/* interp_head of a stripped 3.6, out of the exported function that is nothing but a read of it: mov interp_head(%rip),%rax;
 * ret. 0: it is not that. What it leads to is checked like everything else. */
static uint64_t interp_head_read_by(pid_t pid, uint64_t function)
{
	static const uint8_t endbr[] = {0xf3, 0x0f, 0x1e, 0xfa}, load[] = {0x48, 0x8b, 0x05};
	uint8_t code[12];
	uint64_t next;
	int32_t distance;

	if (!function || process_read(pid, function, code, sizeof(code)))
		return 0;
	next = memcmp(code, endbr, sizeof(endbr)) ? 0 : sizeof(endbr);
	if (memcmp(code + next, load, sizeof(load)) || code[next + 7] != 0xc3)
		return 0;
	memcpy(&distance, code + next + sizeof(load), sizeof(distance));
	return function + next + 7 + (uint64_t)(int64_t)distance;
}

/* Fills the version and the root address; -ENOENT: refused, with the reason in note. */
static int choose_version(struct runtime *runtime, const struct release *release, char *note, size_t size)
{
	const struct cpython_version *row = cpython_version_find(release->major, release->minor);
	const char *name = runtime->description;
	unsigned differs = 0;

	if (release->free_threaded)
		say(note, size, RUNTIME_REFUSED, "%s without the GIL is not known to this connprof: native frames only", name);
	else if (!row)
		say(note, size, RUNTIME_REFUSED, "%s is not known to this connprof: native frames only", name);
	else if (release->preview)
		say(note, size, RUNTIME_REFUSED, "%s before its release candidates, whose layout was not final, is not known to "
		    "this connprof: native frames only", name);
	if (release->free_threaded || !row || release->preview)
		return -ENOENT;
	runtime->version = *row;
	runtime->root = runtime->object.runtime;
	if (strcmp(row->root_symbol, "_PyRuntime"))
		runtime->root = runtime->object.interp_head ? runtime->object.interp_head
			: interp_head_read_by(runtime->pid, runtime->object.interp_reader);
	if (!runtime->root) {
		say(note, size, RUNTIME_REFUSED, "%s without the symbol %s (stripped) is not known to this connprof: native "
		    "frames only", name, row->root_symbol);
		return -ENOENT;
	}
	if (!row->published)
		return 0;
	if (!release->published || !cpython_published_apply(release->words, release->count, &runtime->version, &differs)) {
		say(note, size, RUNTIME_REFUSED, "%s publishes offsets that cannot be its own: native frames only", name);
		return -ENOENT;
	}
	runtime->interp_size = release->words[CPYTHON_PUBLISHED_INTERP_SIZE];
	if (differs)
		log_say(1, "%s: %u published offsets are not those of its table row; the published ones are used", name, differs);
	return 0;
}

/* The list begins with the newest interpreter. Of one alone the place that always leads to the first is given: threads stay
 * found when another comes. */
static void set_interpreters(struct runtime *runtime, uint32_t count)
{
	const struct cpython_version *v = &runtime->version;
	uint64_t main_interp = 0;

	runtime->state.interpreters = count;
	runtime->state.interpreters_head = runtime->root + v->interpreters_head;
	if (count < 2 && v->main_interpreter && read_word(runtime, runtime->root + v->main_interpreter, &main_interp) && main_interp)
		runtime->state.interpreters_head = runtime->root + v->main_interpreter;
}

static void fill_state(struct runtime *runtime, const struct cpython_threads *threads)
{
	const struct cpython_version *v = &runtime->version;

	runtime->state.enabled = 1;
	runtime->state.layout = v->layout;
	runtime->state.layout.code_name = v->code.qualname != CPYTHON_NO_FIELD ? v->code.qualname : v->code.name;
	runtime->state.layout.code_first_line = v->code.first_line;
	runtime->state.interp_threads_head = v->interp_threads_head;
	runtime->state.interp_next = v->interp_next;
	runtime->state.gil_holder = v->root_gil_holder ? runtime->root + v->root_gil_holder : 0;
	if (v->minor == 6)
		runtime->state.gil_holder = runtime->object.current_state;
	runtime->state.gil = v->root_gil ? runtime->root + v->root_gil : 0;
	runtime->state.interp_gil = v->interp_gil;
	runtime->state.gil_last_holder = v->gil_holder;
	runtime->state.gil_locked = v->gil_locked;
	set_interpreters(runtime, (uint32_t)threads->interps);
	cpython_threads_calibrate(runtime, threads);
	log_say(1, "pid %d: %s, %zu thread states, state pointer at thread block + 0x%llx, thread id at + 0x%x",
		(int)runtime->pid, runtime->description, threads->count,
		(unsigned long long)runtime->state.tstate_at_fsbase, runtime->tid_at_fsbase);
}

static void runtime_free(struct runtime *runtime)
{
	if (!runtime)
		return;
	cpython_codes_free(runtime->codes);
	free(runtime);
}

static enum runtime_found attach(struct runtime *runtime, const struct process_maps *maps, char *note, size_t size)
{
	struct release release = {.micro = -1};
	struct cpython_threads threads = {0};
	enum runtime_found found;

	read_release(runtime->pid, &runtime->object, &release);
	if (!release.major && !runtime->object.runtime)
		return RUNTIME_ABSENT;
	describe_release(&release, runtime->description, sizeof(runtime->description));
	if (choose_version(runtime, &release, note, size))
		return RUNTIME_REFUSED;
	found = check(runtime, &threads);
	if (found == RUNTIME_NOT_YET)
		return say(note, size, found, "%s is not initialised yet", runtime->description);
	if (found == RUNTIME_REFUSED)
		return say(note, size, found, "%s does not keep its threads and frames where that version does (a patched or "
			   "debug build?): native frames only", runtime->description);
	fill_state(runtime, &threads);
	cpython_threads_done(&threads);
	cpython_asyncio_find(runtime, maps);
	return RUNTIME_READY;
}

static enum runtime_found cpython_detect(const struct process_identity *process, const struct process_maps *maps,
					 struct runtime **out, struct python_state *state, char *note, size_t size)
{
	enum runtime_found found = RUNTIME_ABSENT;
	struct runtime *runtime = calloc(1, sizeof(*runtime));

	note[0] = '\0';
	if (!runtime || !(runtime->codes = cpython_codes_new())) {
		runtime_free(runtime);
		return say(note, size, RUNTIME_REFUSED, "out of memory: native frames only");
	}
	runtime->pid = process->pid;
	runtime->namespaced = process->namespace_pid != process->pid;
	if (cpython_object_find(process, maps, &runtime->object) == 0)
		found = runtime->object.pypy
			? say(note, size, RUNTIME_REFUSED, "PyPy is not known to this connprof: native frames only")
			: attach(runtime, maps, note, size);
	if (found != RUNTIME_READY) {
		runtime_free(runtime);
		return found;
	}
	*state = runtime->state;
	*out = runtime;
	return RUNTIME_READY;
}

/* ---- the other operations ---- */

static const char *cpython_describe(const struct runtime *runtime)
{
	return runtime->description;
}

static bool in_ranges(const struct cpython_range *ranges, size_t count, uint64_t pc)
{
	for (size_t i = 0; i < count; i++)
		if (ranges[i].start <= pc && pc < ranges[i].end)
			return true;
	return false;
}

static bool cpython_is_eval(const struct runtime *runtime, uint64_t pc)
{
	return in_ranges(runtime->object.eval, runtime->object.eval_count, pc);
}

static bool cpython_in_interpreter(const struct runtime *runtime, uint64_t pc)
{
	return in_ranges(runtime->object.code, runtime->object.code_count, pc);
}

static bool cpython_look_again(struct runtime *runtime, const struct process_maps *maps, struct python_state *state)
{
	uint32_t interpreters = cpython_interpreters(runtime);
	bool changed = interpreters && interpreters != runtime->state.interpreters;

	if (changed)
		set_interpreters(runtime, interpreters);
	changed |= maps && cpython_asyncio_find(runtime, maps);
	if (changed)
		*state = runtime->state;
	return changed;
}

static void cpython_batch(struct runtime *runtime)
{
	cpython_codes_batch(runtime->codes);
}

const struct runtime_ops cpython_ops = {
	.name = "cpython",
	.detect = cpython_detect,
	.free = runtime_free,
	.describe = cpython_describe,
	.is_eval = cpython_is_eval,
	.in_interpreter = cpython_in_interpreter,
	.batch = cpython_batch,
	.look_again = cpython_look_again,
	.name_frame = cpython_name_frame,
	.name_task = cpython_name_task,
	.self_known = cpython_self_known,
	.walk = cpython_walk,
};
