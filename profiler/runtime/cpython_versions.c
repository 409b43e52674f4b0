/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpython_versions.c - one row per CPython minor version, x86-64, default (GIL, release) builds.
 *
 * Structures do not change within a minor version once its final release is out, so a row holds for all of its
 * releases. Read from DWARF of builds of the tags named per row, and checked against the headers named there. From 3.13
 * the interpreter publishes the offsets itself; the row then says what is expected, and holds what is not published.
 */
#include "runtime/cpython_versions.h"

#include <string.h>

/* Words of _Py_DebugOffsets (Include/internal/pycore_runtime.h in 3.13, pycore_debug_offsets.h from 3.14), by index; 0, the
 * cookie: not among those this minor publishes. */
enum published {
	PUBLISHED_HEAD, PUBLISHED_INTERP_NEXT, PUBLISHED_THREADS_HEAD, PUBLISHED_INTERP_GIL, PUBLISHED_OWN_GIL,
	PUBLISHED_OWN_GIL_LOCKED, PUBLISHED_OWN_GIL_HOLDER, PUBLISHED_TSTATE_NEXT, PUBLISHED_TSTATE_INTERP, PUBLISHED_FRAME,
	PUBLISHED_THREAD_ID, PUBLISHED_NATIVE_ID, PUBLISHED_PREVIOUS, PUBLISHED_EXECUTABLE, PUBLISHED_INSTR, PUBLISHED_OWNER,
	PUBLISHED_FILENAME, PUBLISHED_NAME, PUBLISHED_QUALNAME, PUBLISHED_LINES, PUBLISHED_FIRST_LINE, PUBLISHED_ADAPTIVE,
	PUBLISHED_TYPE, PUBLISHED_BYTES_SIZE, PUBLISHED_BYTES_DATA, PUBLISHED_STR_STATE, PUBLISHED_STR_LENGTH,
	PUBLISHED_ASCII_DATA, PUBLISHED_COMPACT_DATA, PUBLISHED_INT_TAG, PUBLISHED_INT_DIGITS, PUBLISHED_CORO_FRAME, PUBLISHED_SELF,
	PUBLISHED_KINDS, PUBLISHED_COUNT,
};

static const uint8_t published_3_13[PUBLISHED_COUNT] = {
	[PUBLISHED_HEAD] = 5, [PUBLISHED_INTERP_NEXT] = 8, [PUBLISHED_THREADS_HEAD] = 9, [PUBLISHED_INTERP_GIL] = 14,
	[PUBLISHED_OWN_GIL] = 15, [PUBLISHED_OWN_GIL_LOCKED] = 17, [PUBLISHED_OWN_GIL_HOLDER] = 18,
	[PUBLISHED_TSTATE_NEXT] = 21, [PUBLISHED_TSTATE_INTERP] = 22, [PUBLISHED_FRAME] = 23, [PUBLISHED_THREAD_ID] = 24,
	[PUBLISHED_NATIVE_ID] = 25, [PUBLISHED_PREVIOUS] = 29, [PUBLISHED_EXECUTABLE] = 30, [PUBLISHED_INSTR] = 31,
	[PUBLISHED_OWNER] = 33, [PUBLISHED_FILENAME] = 35, [PUBLISHED_NAME] = 36, [PUBLISHED_QUALNAME] = 37,
	[PUBLISHED_LINES] = 38, [PUBLISHED_FIRST_LINE] = 39, [PUBLISHED_ADAPTIVE] = 43, [PUBLISHED_TYPE] = 45,
	[PUBLISHED_BYTES_SIZE] = 65, [PUBLISHED_BYTES_DATA] = 66, [PUBLISHED_STR_STATE] = 68, [PUBLISHED_STR_LENGTH] = 69,
	[PUBLISHED_ASCII_DATA] = 70, [PUBLISHED_INT_TAG] = 62, [PUBLISHED_INT_DIGITS] = 63, [PUBLISHED_SELF] = 32, [PUBLISHED_KINDS] = 42,
};

static const uint8_t published_3_14[PUBLISHED_COUNT] = {
	[PUBLISHED_HEAD] = 5, [PUBLISHED_INTERP_NEXT] = 8, [PUBLISHED_THREADS_HEAD] = 9, [PUBLISHED_INTERP_GIL] = 15,
	[PUBLISHED_OWN_GIL] = 16, [PUBLISHED_OWN_GIL_LOCKED] = 18, [PUBLISHED_OWN_GIL_HOLDER] = 19,
	[PUBLISHED_TSTATE_NEXT] = 24, [PUBLISHED_TSTATE_INTERP] = 25, [PUBLISHED_FRAME] = 26, [PUBLISHED_THREAD_ID] = 27,
	[PUBLISHED_NATIVE_ID] = 28, [PUBLISHED_PREVIOUS] = 32, [PUBLISHED_EXECUTABLE] = 33, [PUBLISHED_INSTR] = 34,
	[PUBLISHED_OWNER] = 36, [PUBLISHED_FILENAME] = 40, [PUBLISHED_NAME] = 41, [PUBLISHED_QUALNAME] = 42,
	[PUBLISHED_LINES] = 43, [PUBLISHED_FIRST_LINE] = 44, [PUBLISHED_ADAPTIVE] = 48, [PUBLISHED_TYPE] = 51,
	[PUBLISHED_BYTES_SIZE] = 75, [PUBLISHED_BYTES_DATA] = 76, [PUBLISHED_STR_STATE] = 78, [PUBLISHED_STR_LENGTH] = 79,
	[PUBLISHED_ASCII_DATA] = 80, [PUBLISHED_INT_TAG] = 72, [PUBLISHED_INT_DIGITS] = 73, [PUBLISHED_CORO_FRAME] = 85,
	[PUBLISHED_SELF] = 35, [PUBLISHED_KINDS] = 47,
};

static const uint8_t published_3_15[PUBLISHED_COUNT] = {
	[PUBLISHED_HEAD] = 5, [PUBLISHED_INTERP_NEXT] = 8, [PUBLISHED_THREADS_HEAD] = 9, [PUBLISHED_INTERP_GIL] = 15,
	[PUBLISHED_OWN_GIL] = 16, [PUBLISHED_OWN_GIL_LOCKED] = 18, [PUBLISHED_OWN_GIL_HOLDER] = 19,
	[PUBLISHED_TSTATE_NEXT] = 24, [PUBLISHED_TSTATE_INTERP] = 25, [PUBLISHED_FRAME] = 26, [PUBLISHED_THREAD_ID] = 30,
	[PUBLISHED_NATIVE_ID] = 31, [PUBLISHED_PREVIOUS] = 40, [PUBLISHED_EXECUTABLE] = 41, [PUBLISHED_INSTR] = 42,
	[PUBLISHED_OWNER] = 44, [PUBLISHED_FILENAME] = 48, [PUBLISHED_NAME] = 49, [PUBLISHED_QUALNAME] = 50,
	[PUBLISHED_LINES] = 51, [PUBLISHED_FIRST_LINE] = 52, [PUBLISHED_ADAPTIVE] = 56, [PUBLISHED_TYPE] = 59,
	[PUBLISHED_BYTES_SIZE] = 87, [PUBLISHED_BYTES_DATA] = 88, [PUBLISHED_STR_STATE] = 90, [PUBLISHED_STR_LENGTH] = 91,
	[PUBLISHED_ASCII_DATA] = 92, [PUBLISHED_COMPACT_DATA] = 93, [PUBLISHED_INT_TAG] = 84, [PUBLISHED_INT_DIGITS] = 85,
	[PUBLISHED_CORO_FRAME] = 101, [PUBLISHED_SELF] = 43, [PUBLISHED_KINDS] = 55,
};

static const struct cpython_version rows[] = {
	{ /* v3.6.15: Python/pystate.c (interp_head, a local symbol), Include/pystate.h, frameobject.h, code.h */
		.minor = 6, .root_symbol = "interp_head", .interpreters_head = 0, .interp_next = 0, .interp_threads_head = 8,
		.tstate_native_id = CPYTHON_NO_FIELD,
		.layout = {.tstate_interp = 16, .tstate_next = 8, .tstate_thread_id = 152, .tstate_frame = 24, .frame_code = 32,
			   .frame_previous = 24, .frame_instr = 120,
			   .frame_owner = 0xffff, .frame_is_entry = 0xffff, .frame_generator = 112, .frame_self = 376},
		.code = {.local_kinds = CPYTHON_NO_FIELD, .filename = 96, .name = 104, .qualname = CPYTHON_NO_FIELD, .first_line = 36, .lines = 112,
			 .instructions = CPYTHON_NO_FIELD},
		.line_table = LINES_LNOTAB, .instr_unit = 1, .ascii_data = 48, .compact_data = 72,
	},
	{ /* v3.7.16: Include/internal/pystate.h, Include/pystate.h, frameobject.h, code.h */
		.minor = 7, .root_symbol = "_PyRuntime", .interpreters_head = 24, .main_interpreter = 32, .interp_next = 0,
		.interp_threads_head = 8, .tstate_native_id = CPYTHON_NO_FIELD, .root_gil = 1264, .root_gil_holder = 1480,
		.layout = {.tstate_interp = 16, .tstate_next = 8, .tstate_thread_id = 176, .tstate_frame = 24, .frame_code = 32,
			   .frame_previous = 24, .frame_instr = 104,
			   .frame_owner = 0xffff, .frame_is_entry = 0xffff, .frame_generator = 96, .frame_self = 360},
		.code = {.local_kinds = CPYTHON_NO_FIELD, .filename = 96, .name = 104, .qualname = CPYTHON_NO_FIELD, .first_line = 36, .lines = 112,
			 .instructions = CPYTHON_NO_FIELD},
		.line_table = LINES_LNOTAB, .instr_unit = 1, .ascii_data = 48, .compact_data = 72,
	},
	{ /* v3.8.18: Include/internal/pycore_pystate.h, Include/cpython/pystate.h, frameobject.h, code.h */
		.minor = 8, .root_symbol = "_PyRuntime", .interpreters_head = 32, .main_interpreter = 40, .interp_next = 0,
		.interp_threads_head = 8, .tstate_native_id = CPYTHON_NO_FIELD, .root_gil = 1152, .root_gil_holder = 1368,
		.layout = {.tstate_interp = 16, .tstate_next = 8, .tstate_thread_id = 176, .tstate_frame = 24, .frame_code = 32,
			   .frame_previous = 24, .frame_instr = 104,
			   .frame_owner = 0xffff, .frame_is_entry = 0xffff, .frame_generator = 96, .frame_self = 360},
		.code = {.local_kinds = CPYTHON_NO_FIELD, .filename = 104, .name = 112, .qualname = CPYTHON_NO_FIELD, .first_line = 40, .lines = 120,
			 .instructions = CPYTHON_NO_FIELD},
		.line_table = LINES_LNOTAB, .instr_unit = 1, .ascii_data = 48, .compact_data = 72,
	},
	{ /* v3.9.18: Include/internal/pycore_runtime.h, pycore_interp.h, Include/cpython/pystate.h, frameobject.h, code.h */
		.minor = 9, .root_symbol = "_PyRuntime", .interpreters_head = 32, .main_interpreter = 40, .interp_next = 0,
		.interp_threads_head = 8, .tstate_native_id = CPYTHON_NO_FIELD, .root_gil = 352, .root_gil_holder = 568,
		.layout = {.tstate_interp = 16, .tstate_next = 8, .tstate_thread_id = 176, .tstate_frame = 24, .frame_code = 32,
			   .frame_previous = 24, .frame_instr = 104,
			   .frame_owner = 0xffff, .frame_is_entry = 0xffff, .frame_generator = 96, .frame_self = 360},
		.code = {.local_kinds = CPYTHON_NO_FIELD, .filename = 104, .name = 112, .qualname = CPYTHON_NO_FIELD, .first_line = 40, .lines = 120,
			 .instructions = CPYTHON_NO_FIELD},
		.line_table = LINES_LNOTAB, .instr_unit = 1, .ascii_data = 48, .compact_data = 72,
	},
	{ /* v3.10.13: Include/internal/pycore_runtime.h, pycore_interp.h, Include/cpython/pystate.h (CFrame), frameobject.h, code.h */
		.minor = 10, .root_symbol = "_PyRuntime", .interpreters_head = 32, .main_interpreter = 40, .interp_next = 0,
		.interp_threads_head = 8, .tstate_native_id = CPYTHON_NO_FIELD, .root_gil = 352, .root_gil_holder = 568,
		.layout = {.tstate_interp = 16, .tstate_next = 8, .tstate_thread_id = 176, .tstate_frame = 24, .tstate_cframe = 48,
			   .cframe_previous = 8, .frame_code = 32, .frame_previous = 24, .frame_instr = 96,
			   .frame_owner = 0xffff, .frame_is_entry = 0xffff, .frame_generator = 88, .frame_self = 352,
			   .anchor = ANCHOR_CFRAME},
		.code = {.local_kinds = CPYTHON_NO_FIELD, .filename = 104, .name = 112, .qualname = CPYTHON_NO_FIELD, .first_line = 40, .lines = 120,
			 .instructions = CPYTHON_NO_FIELD},
		.line_table = LINES_RANGES, .instr_unit = 2, .ascii_data = 48, .compact_data = 72,
	},
	{ /* v3.11.7: Include/internal/pycore_runtime.h, pycore_interp.h, pycore_frame.h, Include/cpython/pystate.h (_PyCFrame), code.h */
		.minor = 11, .root_symbol = "_PyRuntime", .interpreters_head = 40, .main_interpreter = 48, .interp_next = 0,
		.interp_threads_head = 16, .tstate_native_id = 160, .root_gil = 360, .root_gil_holder = 576,
		.layout = {.tstate_interp = 16, .tstate_next = 8, .tstate_thread_id = 152, .tstate_frame = 56, .tstate_cframe = 56,
			   .cframe_frame = 8, .cframe_previous = 16, .frame_code = 32, .frame_previous = 48, .frame_instr = 56,
			   .frame_owner = 69, .frame_is_entry = 68, .frame_generator = 69, .owner_generator = 1, .frame_self = 72,
			   .frame_in_cframe = 1, .instr_is_pointer = 1, .anchor = ANCHOR_CFRAME, .owner_shim = 0xff},
		.code = {.local_kinds = 104, .filename = 112, .name = 120, .qualname = 128, .first_line = 72, .lines = 136, .instructions = 184},
		.line_table = LINES_LOCATIONS, .instr_unit = 1, .ascii_data = 48, .compact_data = 72,
	},
	{ /* v3.12.1: Include/internal/pycore_runtime.h, pycore_interp.h, pycore_frame.h, Include/cpython/pystate.h, code.h */
		.minor = 12, .root_symbol = "_PyRuntime", .interpreters_head = 40, .main_interpreter = 48, .interp_next = 0,
		.interp_threads_head = 72, .tstate_native_id = 144, .interp_gil = 384, .gil_holder = 8, .gil_locked = 16,
		.layout = {.tstate_interp = 16, .tstate_next = 8, .tstate_thread_id = 136, .tstate_frame = 56, .tstate_cframe = 56,
			   .cframe_frame = 0, .cframe_previous = 8, .frame_code = 0, .frame_previous = 8, .frame_instr = 56,
			   .frame_owner = 70, .frame_is_entry = 0xffff, .frame_generator = 70, .owner_generator = 1, .frame_self = 72,
			   .frame_in_cframe = 1, .instr_is_pointer = 1, .anchor = ANCHOR_SHIM, .owner_shim = 3},
		.code = {.local_kinds = 104, .filename = 112, .name = 120, .qualname = 128, .first_line = 68, .lines = 136, .instructions = 192},
		.line_table = LINES_LOCATIONS, .instr_unit = 1, .ascii_data = 40, .compact_data = 56,
	},
	{ /* v3.13.0: Include/internal/pycore_runtime.h, pycore_interp.h, pycore_frame.h, Include/cpython/pystate.h, code.h */
		.minor = 13, .root_symbol = "_PyRuntime", .interpreters_head = 632, .main_interpreter = 640, .interp_next = 7264,
		.interp_threads_head = 7344, .tstate_native_id = 160, .interp_gil = 16, .gil_holder = 8, .gil_locked = 16,
		.layout = {.tstate_interp = 16, .tstate_next = 8, .tstate_thread_id = 152, .tstate_frame = 72, .frame_code = 0,
			   .frame_previous = 8, .frame_instr = 56,
			   .frame_owner = 70, .frame_is_entry = 0xffff, .frame_generator = 70, .owner_generator = 1,
			   .frame_self = 72, .instr_is_pointer = 1, .anchor = ANCHOR_SHIM, .owner_shim = 3},
		.code = {.local_kinds = 104, .filename = 112, .name = 120, .qualname = 128, .first_line = 68, .lines = 136, .instructions = 200},
		.line_table = LINES_LOCATIONS, .instr_unit = 1, .ascii_data = 40, .compact_data = 56, .published = published_3_13,
	},
	{ /* v3.14.10: Include/internal/pycore_debug_offsets.h, pycore_interpframe_structs.h, pycore_stackref.h (tag), pycore_runtime_structs.h */
		.minor = 14, .root_symbol = "_PyRuntime", .interpreters_head = 808, .main_interpreter = 816, .interp_next = 7272,
		.interp_threads_head = 7344, .tstate_native_id = 160, .interp_gil = 16, .gil_holder = 8, .gil_locked = 16,
		.layout = {.tstate_interp = 16, .tstate_next = 8, .tstate_thread_id = 152, .tstate_frame = 72, .frame_code = 0,
			   .frame_previous = 8, .frame_instr = 56,
			   .frame_owner = 74, .frame_is_entry = 0xffff, .frame_generator = 74, .owner_generator = 1,
			   .frame_self = 80, .instr_is_pointer = 1, .anchor = ANCHOR_SHIM, .owner_shim = 3, .code_tag_mask = 1},
		.code = {.local_kinds = 104, .filename = 112, .name = 120, .qualname = 128, .first_line = 68, .lines = 136, .instructions = 208},
		.line_table = LINES_LOCATIONS, .instr_unit = 1, .coro_frame = 72, .ascii_data = 40, .compact_data = 56,
		.published = published_3_14,
	},
	{ /* v3.15.2: as 3.14; the outermost frame of a thread is a base frame inside its thread state (owner 3, no eval call) */
		.minor = 15, .root_symbol = "_PyRuntime", .interpreters_head = 936, .main_interpreter = 944, .interp_next = 7264,
		.interp_threads_head = 7336, .tstate_native_id = 184, .interp_gil = 16, .gil_holder = 8, .gil_locked = 16,
		.layout = {.tstate_interp = 16, .tstate_next = 8, .tstate_thread_id = 176, .tstate_frame = 72, .frame_code = 0,
			   .frame_previous = 8, .frame_instr = 56,
			   .frame_owner = 74, .frame_is_entry = 0xffff, .frame_generator = 74, .owner_generator = 1,
			   .frame_self = 80, .instr_is_pointer = 1, .anchor = ANCHOR_SHIM, .owner_shim = 3, .code_tag_mask = 3},
		.code = {.local_kinds = 104, .filename = 112, .name = 120, .qualname = 128, .first_line = 68, .lines = 136, .instructions = 208},
		.line_table = LINES_LOCATIONS, .instr_unit = 1, .coro_frame = 72, .ascii_data = 40, .compact_data = 56,
		.published = published_3_15,
	},
};

const struct cpython_version *cpython_version_find(unsigned major, unsigned minor)
{
	for (size_t i = 0; major == 3 && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].minor == minor)
			return &rows[i];
	return NULL;
}

bool cpython_published_head(const uint64_t *words, size_t count, uint32_t *hex, bool *free_threaded)
{
	if (count < 3 || memcmp(words, "xdebugpy", 8) || words[1] > UINT32_MAX)
		return false;
	*hex = (uint32_t)words[1];
	*free_threaded = words[2] != 0;
	return true;
}

/* One published offset: where it goes, and the range that connprof can read it in. */
struct field {
	enum published word;
	uint16_t *small;   /* one of the two */
	uint32_t *large;
	uint32_t limit, alignment;
};

/* Past this an interpreter's or the runtime's state does not reach; a bound on hostile numbers, not a size. */
#define STATE_OFFSET_MAX (1u << 20)
#define FRAME_OFFSET_MAX 120    /* the walker reads 128 bytes of a frame */
#define STR_OFFSET_MAX 128      /* the head of a str object */
#define CORO_OFFSET_MAX 1024    /* in a coroutine */
#define GIL_OFFSET_MAX 512      /* in struct _gil_runtime_state */

static uint64_t published_word(const uint64_t *words, size_t count, const uint8_t *order, enum published word)
{
	return order[word] < count ? words[order[word]] : UINT64_MAX;
}

/* What has been the same in every CPython and is therefore no data of the row (cpython_versions.h). */
static bool objects_agree(const uint64_t *words, size_t count, const uint8_t *order)
{
	static const struct {
		enum published word;
		uint64_t value;
	} same[] = {
		{PUBLISHED_TYPE, CPYTHON_OBJECT_TYPE}, {PUBLISHED_BYTES_SIZE, CPYTHON_BYTES_SIZE},
		{PUBLISHED_BYTES_DATA, CPYTHON_BYTES_DATA}, {PUBLISHED_STR_STATE, CPYTHON_STR_STATE},
		{PUBLISHED_STR_LENGTH, CPYTHON_STR_LENGTH}, {PUBLISHED_INT_TAG, CPYTHON_INT_TAG},
		{PUBLISHED_INT_DIGITS, CPYTHON_INT_DIGITS},
	};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		if (published_word(words, count, order, same[i].word) != same[i].value)
			return false;
	return true;
}

/* Checks and stores one offset: how many differ from the row (0 or 1), -1: out of bounds. */
static int take_field(const struct field *f, uint64_t value)
{
	bool differs;

	if (value > f->limit || value % f->alignment)
		return -1;
	differs = value != (f->large ? *f->large : *f->small);
	if (f->large)
		*f->large = (uint32_t)value;
	else
		*f->small = (uint16_t)value;
	return differs;
}

/* The GIL of an interpreter of its own lies in its state; published are offsets from there, wanted are those in the GIL. */
static bool take_gil(const uint64_t *words, size_t count, struct cpython_version *v)
{
	uint64_t gil = published_word(words, count, v->published, PUBLISHED_OWN_GIL);
	uint64_t locked = published_word(words, count, v->published, PUBLISHED_OWN_GIL_LOCKED);
	uint64_t holder = published_word(words, count, v->published, PUBLISHED_OWN_GIL_HOLDER);

	if (gil > STATE_OFFSET_MAX || locked < gil || locked - gil > GIL_OFFSET_MAX || holder < gil ||
	    holder - gil > GIL_OFFSET_MAX)
		return false;
	v->gil_locked = (uint16_t)(locked - gil);
	v->gil_holder = (uint16_t)(holder - gil);
	return true;
}

bool cpython_published_apply(const uint64_t *words, size_t count, struct cpython_version *version, unsigned *differs)
{
	struct cpython_version v = *version;
	const struct field fields[] = {
		{PUBLISHED_HEAD, NULL, &v.interpreters_head, STATE_OFFSET_MAX, 8},
		{PUBLISHED_INTERP_NEXT, NULL, &v.interp_next, STATE_OFFSET_MAX, 8},
		{PUBLISHED_THREADS_HEAD, NULL, &v.interp_threads_head, STATE_OFFSET_MAX, 8},
		{PUBLISHED_INTERP_GIL, NULL, &v.interp_gil, STATE_OFFSET_MAX, 8},
		{PUBLISHED_TSTATE_NEXT, &v.layout.tstate_next, NULL, CPYTHON_TSTATE_BYTES - 8, 8},
		{PUBLISHED_TSTATE_INTERP, &v.layout.tstate_interp, NULL, CPYTHON_TSTATE_BYTES - 8, 8},
		{PUBLISHED_FRAME, &v.layout.tstate_frame, NULL, CPYTHON_TSTATE_BYTES - 8, 8},
		{PUBLISHED_THREAD_ID, &v.layout.tstate_thread_id, NULL, CPYTHON_TSTATE_BYTES - 8, 8},
		{PUBLISHED_NATIVE_ID, &v.tstate_native_id, NULL, CPYTHON_TSTATE_BYTES - 8, 8},
		{PUBLISHED_PREVIOUS, &v.layout.frame_previous, NULL, FRAME_OFFSET_MAX, 8},
		{PUBLISHED_EXECUTABLE, &v.layout.frame_code, NULL, FRAME_OFFSET_MAX, 8},
		{PUBLISHED_INSTR, &v.layout.frame_instr, NULL, FRAME_OFFSET_MAX, 8},
		{PUBLISHED_OWNER, &v.layout.frame_owner, NULL, FRAME_OFFSET_MAX, 1},
		{PUBLISHED_SELF, &v.layout.frame_self, NULL, FRAME_OFFSET_MAX, 8},
		{PUBLISHED_FILENAME, &v.code.filename, NULL, CPYTHON_CODE_BYTES - 8, 8},
		{PUBLISHED_NAME, &v.code.name, NULL, CPYTHON_CODE_BYTES - 8, 8},
		{PUBLISHED_QUALNAME, &v.code.qualname, NULL, CPYTHON_CODE_BYTES - 8, 8},
		{PUBLISHED_LINES, &v.code.lines, NULL, CPYTHON_CODE_BYTES - 8, 8},
		{PUBLISHED_FIRST_LINE, &v.code.first_line, NULL, CPYTHON_CODE_BYTES - 4, 4},
		{PUBLISHED_KINDS, &v.code.local_kinds, NULL, CPYTHON_CODE_BYTES - 8, 8},
		{PUBLISHED_ADAPTIVE, &v.code.instructions, NULL, CPYTHON_CODE_BYTES, 2},
		{PUBLISHED_ASCII_DATA, &v.ascii_data, NULL, STR_OFFSET_MAX, 8},
		{PUBLISHED_COMPACT_DATA, &v.compact_data, NULL, STR_OFFSET_MAX, 8},
		{PUBLISHED_CORO_FRAME, &v.coro_frame, NULL, CORO_OFFSET_MAX, 8},
	};
	unsigned changed = 0;

	if (!objects_agree(words, count, v.published) || !take_gil(words, count, &v))
		return false;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		int different = v.published[fields[i].word]
			? take_field(&fields[i], published_word(words, count, v.published, fields[i].word)) : 0;

		if (different < 0)
			return false;
		changed += (unsigned)different;
	}
	if (v.main_interpreter) /* the member after head; not published */
		v.main_interpreter += v.interpreters_head - version->interpreters_head;
	v.layout.frame_generator = v.layout.frame_owner;
	*version = v;
	*differs = changed;
	return true;
}
