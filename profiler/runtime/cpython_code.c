/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpython_code.c - names and lines of code objects, read from the target once and kept by address.
 *
 * A code object can be freed and its address used again, so an entry is compared with memory at its first use in each
 * batch of events: same names, file, first line and line table (their addresses), or it is read anew. Of a process that has gone
 * (or whose main thread has: then too its memory cannot be read) what was last seen holds. Where code does not live long, the
 * walker sends a mark of what it saw along; what is named must have it, and must not have been freed while it was read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "runtime/cpython.h"

#define NAME_CHARS_MAX 1024           /* read of a name; struct strings cuts there too */
#define LINE_TABLE_BYTES_MAX (1u << 20)
#define ENTRIES_MAX 16384
#define CACHE_BYTES_MAX (16u << 20)   /* past either limit all entries go */
#define KIND_LOCAL 0x20               /* of a variable: CO_FAST_LOCAL and CO_FAST_CELL, Include/internal/pycore_code.h of 3.11 to 3.15 */
#define KIND_CELL 0x40

/* What of a code object tells it from another at the same address. */
struct code_head {
	uint64_t name, file, lines, kinds;
	int32_t first_line;
	uint32_t reserved;
};

struct code_entry {
	UT_hash_handle hh;
	uint64_t address;
	uint64_t batch;          /* last compared in */
	uint16_t marks[2];       /* code_mark() of it, and what that was before its name had a hash */
	struct code_head head;
	char *function, *file;   /* UTF-8 */
	const struct strings *named_in; /* the table that these are ids of; NULL: none yet */
	uint32_t function_id, file_id;
	uint8_t *lines;
	size_t lines_size, bytes;
	bool plain_self;         /* the first local variable is the first argument itself */
};

struct cpython_codes {
	struct code_entry *by_address;
	uint64_t batch;
	size_t count, bytes;
};

static void entry_free(struct code_entry *entry)
{
	if (!entry)
		return;
	free(entry->function);
	free(entry->file);
	free(entry->lines);
	free(entry);
}

static void remove_entry(struct cpython_codes *codes, struct code_entry *entry)
{
	HASH_DEL(codes->by_address, entry);
	codes->bytes -= entry->bytes;
	codes->count--;
	entry_free(entry);
}

static void remove_all(struct cpython_codes *codes)
{
	struct code_entry *entry, *next;

	HASH_ITER(hh, codes->by_address, entry, next)
		remove_entry(codes, entry);
}

struct cpython_codes *cpython_codes_new(void)
{
	return calloc(1, sizeof(struct cpython_codes));
}

void cpython_codes_free(struct cpython_codes *codes)
{
	if (!codes)
		return;
	remove_all(codes);
	free(codes);
}

void cpython_codes_batch(struct cpython_codes *codes)
{
	codes->batch++;
}

/* ---- target memory ---- */

static size_t put_utf8(char *out, uint32_t rune)
{
	if (rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff))
		rune = 0xfffd; /* a lone surrogate: Python allows it in names of undecodable files */
	if (rune < 0x80) {
		out[0] = (char)rune;
		return 1;
	}
	if (rune < 0x800) {
		out[0] = (char)(0xc0 | rune >> 6);
		out[1] = (char)(0x80 | (rune & 0x3f));
		return 2;
	}
	if (rune < 0x10000) {
		out[0] = (char)(0xe0 | rune >> 12);
		out[1] = (char)(0x80 | (rune >> 6 & 0x3f));
		out[2] = (char)(0x80 | (rune & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | rune >> 18);
	out[1] = (char)(0x80 | (rune >> 12 & 0x3f));
	out[2] = (char)(0x80 | (rune >> 6 & 0x3f));
	out[3] = (char)(0x80 | (rune & 0x3f));
	return 4;
}

char *cpython_to_utf8(const uint8_t *data, size_t chars, size_t kind)
{
	char *out = malloc(chars * 4 + 1);
	size_t at = 0;

	if (!out)
		return NULL;
	for (size_t i = 0; i < chars; i++) {
		uint32_t rune = 0;

		memcpy(&rune, data + i * kind, kind); /* little-endian, like us */
		at += put_utf8(out + at, rune);
	}
	out[at] = '\0';
	return out;
}

/* What else a str object tells of its text. */
struct str_head {
	uint64_t length, hash;   /* in characters; NO_HASH: not computed yet */
};

/* A str object's text, its first NAME_CHARS_MAX characters, as UTF-8: *out owned. Compact ones only: every name the compiler makes is. */
static int read_text(const struct runtime *runtime, uint64_t address, char **out, struct str_head *text)
{
	uint8_t head[CPYTHON_STR_STATE + 4], data[NAME_CHARS_MAX * 4];
	uint64_t length, start;
	uint32_t state, kind;
	int code = address ? process_read(runtime->pid, address, head, sizeof(head)) : -EFAULT;

	if (code)
		return code;
	memcpy(&length, head + CPYTHON_STR_LENGTH, sizeof(length));
	memcpy(&state, head + CPYTHON_STR_STATE, sizeof(state));
	*text = (struct str_head){.length = length};
	memcpy(&text->hash, head + CPYTHON_STR_HASH, sizeof(text->hash));
	kind = state >> 2 & 7;
	if (!(state >> 5 & 1) || (kind != 1 && kind != 2 && kind != 4) || length > INT32_MAX)
		return -EINVAL;
	if (length > NAME_CHARS_MAX)
		length = NAME_CHARS_MAX;
	start = address + (state >> 6 & 1 ? runtime->version.ascii_data : runtime->version.compact_data);
	code = length ? process_read(runtime->pid, start, data, length * kind) : 0;
	if (code)
		return code;
	*out = cpython_to_utf8(data, length, kind);
	return *out ? 0 : -ENOMEM;
}

static int read_bytes(const struct runtime *runtime, uint64_t address, uint8_t **out, size_t *size)
{
	uint64_t length;
	uint8_t *data;
	int code = address ? process_read(runtime->pid, address + CPYTHON_BYTES_SIZE, &length, sizeof(length)) : -EFAULT;

	if (code)
		return code;
	if (length > LINE_TABLE_BYTES_MAX)
		return -E2BIG;
	data = malloc(length + 1);
	if (!data)
		return -ENOMEM;
	code = length ? process_read(runtime->pid, address + CPYTHON_BYTES_DATA, data, length) : 0;
	if (code) {
		free(data);
		return code;
	}
	*out = data;
	*size = length;
	return 0;
}

/* The allocator puts the address of another free piece, or 0, where an object keeps its count of references: 32 bits, and from 3.14 on flags
 * in the word's 16 high ones (Include/refcount.h). */
static bool is_freed(const uint8_t *object)
{
	uint32_t references;
	uint16_t above;

	memcpy(&references, object, sizeof(references));
	memcpy(&above, object + sizeof(references), sizeof(above));
	return !references || above;
}

static int read_head(const struct runtime *runtime, uint64_t address, struct code_head *out)
{
	const struct cpython_code_layout *layout = &runtime->version.code;
	uint8_t bytes[CPYTHON_CODE_BYTES];
	uint16_t name = layout->qualname != CPYTHON_NO_FIELD ? layout->qualname : layout->name;
	uint64_t type;
	ssize_t n = process_read_some(runtime->pid, address, bytes, sizeof(bytes));

	if (n < 0)
		return (int)n;
	/* An empty code object may end before CPYTHON_CODE_BYTES do. */
	if (n < layout->lines + 8 || n < name + 8 || n < layout->filename + 8 || n < layout->first_line + 4)
		return -EFAULT;
	if (is_freed(bytes))
		return -ESTALE;
	memcpy(&type, bytes + CPYTHON_OBJECT_TYPE, sizeof(type));
	if (runtime->object.code_type && type != runtime->object.code_type)
		return -EINVAL;
	memset(out, 0, sizeof(*out));
	memcpy(&out->name, bytes + name, sizeof(out->name));
	memcpy(&out->file, bytes + layout->filename, sizeof(out->file));
	memcpy(&out->lines, bytes + layout->lines, sizeof(out->lines));
	if (layout->local_kinds != CPYTHON_NO_FIELD)
		memcpy(&out->kinds, bytes + layout->local_kinds, sizeof(out->kinds));
	memcpy(&out->first_line, bytes + layout->first_line, sizeof(out->first_line));
	return 0;
}

bool cpython_is_code(const struct runtime *runtime, uint64_t address)
{
	struct code_head head;

	return address && read_head(runtime, address, &head) == 0;
}

/* A variable that a function within uses too lies in a cell, made anew by each call from 3.11 on; before, its place is empty. */
static bool has_plain_self(const struct runtime *runtime, const struct code_head *head)
{
	uint8_t kind;

	if (runtime->version.code.local_kinds == CPYTHON_NO_FIELD)
		return true;
	return head->kinds && !process_read(runtime->pid, head->kinds + CPYTHON_BYTES_DATA, &kind, sizeof(kind)) &&
	       (kind & (KIND_LOCAL | KIND_CELL)) == KIND_LOCAL;
}

/* ---- entries ---- */

static int entry_read(const struct runtime *runtime, uint64_t address, const struct code_head *head, struct code_entry **out)
{
	struct code_entry *entry = calloc(1, sizeof(*entry));
	struct code_head now;
	struct str_head name, file;
	int code;

	if (!entry)
		return -ENOMEM;
	entry->address = address;
	entry->head = *head;
	code = read_text(runtime, head->name, &entry->function, &name);
	if (!code) {
		entry->marks[0] = code_mark(name.length, name.hash, (uint32_t)head->first_line);
		entry->marks[1] = code_mark(name.length, NO_HASH, (uint32_t)head->first_line);
		code = read_text(runtime, head->file, &entry->file, &file);
	}
	if (!code)
		code = read_bytes(runtime, head->lines, &entry->lines, &entry->lines_size);
	if (!code && (read_head(runtime, address, &now) || memcmp(&now, head, sizeof(now))))
		code = -ESTALE; /* freed while it was read: the strings may have been another's */
	if (code) {
		entry_free(entry);
		return code;
	}
	entry->plain_self = has_plain_self(runtime, head);
	entry->bytes = sizeof(*entry) + strlen(entry->function) + strlen(entry->file) + entry->lines_size;
	*out = entry;
	return 0;
}

static int entry_add(struct cpython_codes *codes, struct code_entry *entry)
{
	if (codes->count >= ENTRIES_MAX || codes->bytes + entry->bytes > CACHE_BYTES_MAX)
		remove_all(codes);
	HASH_ADD(hh, codes->by_address, address, sizeof(entry->address), entry);
	if (!entry->hh.tbl) { /* out of memory: uthash took it back */
		entry_free(entry);
		return -ENOMEM;
	}
	codes->count++;
	codes->bytes += entry->bytes;
	return 0;
}

/* Is it other code than what the walker marked there? The same addresses in it prove nothing: its strings were freed with it. */
static bool is_other(const struct code_entry *entry, uint16_t mark)
{
	return mark && mark != entry->marks[0] && mark != entry->marks[1];
}

/* mark: what the walker saw; 0: it did not look. */
static int entry_get(struct runtime *runtime, uint64_t address, uint16_t mark, struct code_entry **out)
{
	struct cpython_codes *codes = runtime->codes;
	struct code_entry *entry;
	struct code_head head;
	int code;

	HASH_FIND(hh, codes->by_address, &address, sizeof(address), entry);
	if (entry && is_other(entry, mark)) {
		remove_entry(codes, entry);
		entry = NULL;
	}
	if (entry && entry->batch == codes->batch) {
		*out = entry;
		return 0;
	}
	code = read_head(runtime, address, &head);
	if (entry && code == -ESRCH) { /* the process has gone: so it was when it was last looked at */
		*out = entry;
		return 0;
	}
	if (entry && (code || memcmp(&head, &entry->head, sizeof(head)))) {
		remove_entry(codes, entry);
		entry = NULL;
	}
	if (!code && !entry) {
		code = entry_read(runtime, address, &head, &entry);
		if (!code)
			code = entry_add(codes, entry);
	}
	if (code)
		return code;
	entry->batch = codes->batch;
	if (is_other(entry, mark))
		return -ESTALE;
	*out = entry;
	return 0;
}

/* The slot's place in the bytecode, in bytes; negative: before the first instruction. */
static int64_t code_offset(const struct cpython_version *version, const struct slot *slot)
{
	uint64_t instruction = slot->b & ((1ull << SLOT_MARK_SHIFT) - 1);
	int64_t offset = version->layout.instr_is_pointer
		? (int64_t)(instruction - slot->a - version->code.instructions)
		: (int64_t)(int32_t)(uint32_t)instruction * version->instr_unit;

	return offset < 0 || offset > INT32_MAX ? -1 : offset;
}

/* The interpreter's own frames that link an eval call or a class's __init__ to their caller (Python/specialize.c:
 * _Py_InitCleanup; Python/pylifecycle.c: the trampoline): code that no program wrote. */
static bool is_link(const struct code_entry *entry)
{
	return (!strcmp(entry->file, "__init__") && !strcmp(entry->function, "__init__")) ||
	       (!strcmp(entry->file, "<shim>") && !strcmp(entry->function, "<interpreter trampoline>"));
}

static int entry_of(struct runtime *runtime, const struct slot *slot, struct code_entry **out)
{
	return entry_get(runtime, slot->a, (uint16_t)(slot->b >> SLOT_MARK_SHIFT), out);
}

/* Once for each: names are most of a stack's cost. */
static void name(struct code_entry *entry, struct strings *strings)
{
	if (entry->named_in == strings)
		return;
	entry->function_id = strings_add(strings, entry->function);
	entry->file_id = strings_add(strings, entry->file);
	entry->named_in = strings;
}

int cpython_name_frame(struct runtime *runtime, const struct slot *slot, struct strings *strings, struct frame *out)
{
	struct code_entry *entry;
	int code = entry_of(runtime, slot, &entry);

	if (code)
		return code;
	if (is_link(entry))
		return 1;
	name(entry, strings);
	*out = (struct frame){
		.kind = FRAME_PYTHON,
		.function = entry->function_id,
		.file = entry->file_id,
		.line = cpython_line((enum cpython_line_table)runtime->version.line_table, entry->lines, entry->lines_size,
				     entry->head.first_line, code_offset(&runtime->version, slot)),
		.first_line = entry->head.first_line > 0 ? (uint32_t)entry->head.first_line : 0,
	};
	return 0;
}

bool cpython_self_known(struct runtime *runtime, const struct slot *slot)
{
	struct code_entry *entry;

	return !entry_of(runtime, slot, &entry) && entry->plain_self;
}
