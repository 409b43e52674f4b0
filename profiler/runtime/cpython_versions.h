/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpython_versions.h - where each CPython keeps what connprof reads: one row of data per minor version, and the offsets
 * that 3.13 and later publish themselves.
 */
#ifndef CONNPROF_RUNTIME_CPYTHON_VERSIONS_H
#define CONNPROF_RUNTIME_CPYTHON_VERSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/events.h"
#include "runtime/cpython_lines.h"

#define CPYTHON_CODE_BYTES 224   /* of a code object: all its offsets below lie within */
#define CPYTHON_TSTATE_BYTES 256 /* of a thread state: next, interp and the thread ids lie within */
#define CPYTHON_NO_FIELD 0xffff

/* The same in every CPython from 3.6 to 3.15; those that publish them are held to it. */
#define CPYTHON_OBJECT_TYPE 8   /* PyObject.ob_type */
#define CPYTHON_BYTES_SIZE 16   /* PyVarObject.ob_size */
#define CPYTHON_BYTES_DATA 32   /* PyBytesObject.ob_sval */
#define CPYTHON_STR_LENGTH 16   /* PyASCIIObject.length */
#define CPYTHON_STR_HASH 24     /* .hash; -1: not computed yet */
#define CPYTHON_STR_STATE 32    /* .state: bits interned:2, kind:3, compact:1, ascii:1 */
#define CPYTHON_INT_TAG 16      /* from 3.12 on PyLongObject.long_value.lv_tag: digits << 3, sign in the low bits */
#define CPYTHON_INT_DIGITS 24   /* .ob_digit: u32, 30 bits each */

struct cpython_code_layout {
	uint16_t local_kinds;   /* co_localspluskinds, a bytes object; CPYTHON_NO_FIELD: none (before 3.11) */
	uint16_t filename, name;
	uint16_t qualname;      /* CPYTHON_NO_FIELD: none (before 3.11) */
	uint16_t first_line, lines;
	uint16_t instructions;  /* co_code_adaptive; CPYTHON_NO_FIELD: instr is an index already */
};

struct cpython_version {
	unsigned minor;
	const char *root_symbol;       /* what the next offset starts from */
	uint32_t interpreters_head;
	uint32_t main_interpreter;     /* 0: not kept; else it is where the first interpreter made is, whatever came later */
	uint32_t interp_next, interp_threads_head;
	uint16_t tstate_native_id;     /* CPYTHON_NO_FIELD: none (before 3.11) */
	uint32_t root_gil;             /* root to the GIL; 0: by interpreter */
	uint32_t root_gil_holder;      /* root to the thread state that holds the GIL; 0: none */
	uint32_t interp_gil;           /* interpreter to its GIL (a pointer); 0: none */
	uint16_t gil_holder, gil_locked;
	struct python_layout layout;
	struct cpython_code_layout code;
	uint8_t line_table;            /* enum cpython_line_table */
	uint8_t instr_unit;            /* bytes of code per f_lasti unit */
	uint16_t coro_frame;           /* coroutine to the frame inside it; 0: published by none before 3.14 */
	uint16_t ascii_data;           /* characters of an ASCII str object start here */
	uint16_t compact_data;         /* of another compact one */
	const uint8_t *published;      /* order of _Py_DebugOffsets; NULL: it publishes none */
};

/* Static; NULL: not known. */
const struct cpython_version *cpython_version_find(unsigned major, unsigned minor);

/* ---- _Py_DebugOffsets: the first bytes of _PyRuntime from 3.13 on, all of them 8-byte words ---- */

#define CPYTHON_PUBLISHED_WORDS 128 /* 3.15 has 111 */
#define CPYTHON_PUBLISHED_INTERP_SIZE 6 /* of a PyInterpreterState, in all of them */

/* Are these its bytes? Then *hex is PY_VERSION_HEX and *free_threaded whether there is no GIL. */
bool cpython_published_head(const uint64_t *words, size_t count, uint32_t *hex, bool *free_threaded);

/* Replaces the row's offsets by the published ones. Every one is bounded first: false, and *version unchanged, if one does
 * not fit what connprof reads at a time. *differs counts those unlike the row's. */
bool cpython_published_apply(const uint64_t *words, size_t count, struct cpython_version *version, unsigned *differs);

#endif
