/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * capture.c - capture PID [--until-broken TRIES]: a walk of a live thread as a fixture (fixture.h) on standard output.
 *
 * The kernel walker's own C runs here over the target's memory, and every word that it reads is noted. For tests only: the
 * thread is stopped meanwhile (ptrace), which connprof itself never does. With --until-broken the thread is stopped again and
 * again until a walk meets an interpreter in the middle of a change.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/strings.h"
#include "fixture.h"
#include "process/process.h"
#include "runtime/runtime.h"
#include "source/image.h"

#define ROWS (4u << 20)
#define WORDS_MAX 65536

struct word {
	uint64_t address, value;
};

static struct {
	pid_t pid;
	struct unwind_row *rows;
	struct mapping_row mappings[MAPPING_ROWS_MAX];
	struct word words[WORDS_MAX];
	size_t word_count;
	struct scratch scratch;
	struct memo memo;
	struct target target;
	struct image *image;
	const struct runtime_ops *ops;
	struct runtime *runtime;
	struct strings *strings;
} now;

/* ---- what bpf/state.h asks for ---- */

struct scratch *scratch_of(u32 kind)
{
	(void)kind;
	return &now.scratch;
}

struct memo *memo_of(u32 kind)
{
	(void)kind;
	return &now.memo;
}

const struct unwind_row *row_at(u32 index)
{
	return index < ROWS ? &now.rows[index] : NULL;
}

const struct mapping_row *mapping_at(u32 index)
{
	return index < MAPPING_ROWS_MAX ? &now.mappings[index] : NULL;
}

/* A whole window is refused: the walker then reads the words that it needs, and only those are kept. */
long read_user(void *out, u32 size, u64 address)
{
	if (size == WINDOW_BYTES || process_read(now.pid, address, out, size)) {
		memset(out, 0, size);
		return -EFAULT;
	}
	for (u64 at = address & ~7ull; at < address + size && now.word_count < WORDS_MAX; at += 8) {
		struct word *word = &now.words[now.word_count];

		word->address = at;
		if (!process_read(now.pid, at, &word->value, sizeof(word->value)))
			now.word_count++;
	}
	return 0;
}

/* ---- the walk ---- */

static int attach(void)
{
	struct process_identity identity;
	struct process_maps maps = {0};
	struct tables *tables;
	struct objects *objects;
	char note[256];
	int code;

	now.rows = calloc(ROWS, sizeof(*now.rows));
	now.strings = strings_new();
	tables = now.rows ? tables_new(now.rows, ROWS, now.mappings, MAPPING_ROWS_MAX) : NULL;
	objects = tables ? objects_new(tables) : NULL;
	if (!objects || !now.strings)
		return -ENOMEM;
	code = process_identify(now.pid, &identity);
	if (!code)
		code = process_maps_load(now.pid, &maps);
	if (!code)
		code = image_new(objects, tables, now.pid, &maps, 1, &now.image);
	if (code)
		return code;
	image_describe(now.image, &now.target);
	for (size_t i = 0; runtimes[i] && !now.ops; i++)
		if (runtimes[i]->detect(&identity, &maps, &now.runtime, &now.target.python, note, sizeof(note)) == RUNTIME_READY)
			now.ops = runtimes[i];
	process_maps_done(&maps);
	return 0;
}

static int walk(struct fixture *fixture)
{
	struct user_regs_struct regs;
	struct walk *w = &now.scratch.walk;
	int status, code = 0;

	if (ptrace(PTRACE_SEIZE, now.pid, 0, 0) || ptrace(PTRACE_INTERRUPT, now.pid, 0, 0) || waitpid(now.pid, &status, __WALL) < 0 ||
	    ptrace(PTRACE_GETREGS, now.pid, 0, &regs))
		return -errno;
	memset(fixture, 0, sizeof(*fixture));
	memset(&now.scratch, 0, sizeof(now.scratch));
	now.word_count = 0;
	fixture->pc = w->pc = regs.rip;
	fixture->sp = w->sp = regs.rsp;
	fixture->bp = w->bp = regs.rbp;
	fixture->bx = w->bx = regs.rbx;
	fixture->fsbase = w->fsbase = regs.fs_base;
	fixture->exact = w->exact_pc = (long)regs.orig_rax < 0;
	fixture->python = w->state = now.target.python;
	w->first_mapping = now.target.first_mapping;
	w->mapping_count = now.target.mapping_count;
	w->generation = 1;
	walk_stack(SCRATCH_SAMPLE);
	if (ptrace(PTRACE_DETACH, now.pid, 0, 0))
		code = -errno;
	return code;
}

/* ---- the fixture ---- */

static int by_address(const void *a, const void *b)
{
	const struct word *x = a, *y = b;

	return (x->address > y->address) - (x->address < y->address);
}

static void put_memory(void)
{
	uint64_t next = 0;

	qsort(now.words, now.word_count, sizeof(now.words[0]), by_address);
	for (size_t i = 0; i < now.word_count; i++) {
		if (i && now.words[i].address == now.words[i - 1].address)
			continue;
		if (now.words[i].address != next)
			printf("%smemory %" PRIx64, i ? "\n" : "", now.words[i].address);
		printf(" %" PRIx64, now.words[i].value);
		next = now.words[i].address + 8;
	}
	printf("\n");
}

static int by_value(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The mappings that frames lie in, each with the rows that were used. */
static void put_mappings(const struct slot *native, size_t count)
{
	for (u32 m = 0; m < now.target.mapping_count; m++) {
		const struct mapping_row *mapping = &now.mappings[now.target.first_mapping + m];
		uint32_t used[NATIVE_SLOTS_MAX];
		size_t used_count = 0;

		now.scratch.walk.mapping = *mapping;
		for (size_t i = 0; i < count; i++) {
			uint64_t pc = native[i].a & SLOT_EXACT_PC ? native[i].a & ~SLOT_EXACT_PC : native[i].a - 1;

			if (pc >= mapping->start && pc < mapping->end)
				used[used_count++] = row_find(SCRATCH_SAMPLE, pc);
		}
		if (!used_count)
			continue;
		printf("mapping %" PRIx64 " %" PRIx64 " %" PRIx64 "\n", (uint64_t)mapping->start, (uint64_t)mapping->end,
		       (uint64_t)mapping->bias);
		qsort(used, used_count, sizeof(used[0]), by_value);
		for (size_t i = 0; i < used_count; i++) {
			const struct unwind_row *row = row_at(used[i]);

			if (row && (!i || used[i] != used[i - 1]))
				printf("row %x %u %d %d\n", row->pc, row->cfa, row->rbp_slot, row->cfa_offset);
		}
	}
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void put_slot(const struct slot *slot, bool python)
{
	uint64_t pc = slot->a & ~SLOT_EXACT_PC, address;
	struct frame frame = {0};
	struct object *object;
	const char *name;
	bool known;

	printf("slot %" PRIx64 " %" PRIx64, (uint64_t)slot->a, (uint64_t)slot->b);
	if (python) {
		if (slot->a && now.ops && !now.ops->name_frame(now.runtime, slot, now.strings, &frame))
			printf(" # %s (%s:%u)", strings_get(now.strings, frame.function),
			       base_of(strings_get(now.strings, frame.file)), frame.line);
	} else if ((object = image_object(now.image, pc, &address, &known))) {
		name = object_symbol(object, address);
		printf(" # %s [%s]", name ? name : "?", base_of(object_path(object)));
	}
	printf("\n");
}

static void put(const struct fixture *fixture)
{
	const struct stack_head *head = &now.scratch.head;
	const struct slot *slots = now.scratch.slots + head->task_slots;

	if (now.ops)
		printf("# %s\n", now.ops->describe(now.runtime));
	fixture_write_state(stdout, fixture);
	put_mappings(slots + head->python, head->native);
	put_memory();
	for (unsigned i = 0; i < head->python + head->native; i++)
		put_slot(&slots[i], i < head->python);
	printf("ends %u %u %u %u\n", head->native_end, head->python_end, head->python, head->native);
}

int main(int argc, char **argv)
{
	long tries = argc > 3 && !strcmp(argv[2], "--until-broken") ? atol(argv[3]) : 0;
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	int code;

	if (argc < 2 || !fixture) {
		fprintf(stderr, "usage: capture PID [--until-broken TRIES]\n");
		return 2;
	}
	now.pid = (pid_t)atoi(argv[1]);
	code = attach();
	do {
		if (!code)
			code = walk(fixture);
		tries--;
	} while (!code && tries > 0 && now.scratch.head.python_end != PYTHON_BROKEN);
	if (code) {
		fprintf(stderr, "capture: %d: %s\n", (int)now.pid, strerror(-code));
		return 1;
	}
	put(fixture);
	free(fixture);
	return tries < 0 || now.scratch.head.python_end == PYTHON_BROKEN ? 0 : 1;
}
