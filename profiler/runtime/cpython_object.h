/* SPDX-License-Identifier: BSD-2-Clause */
/* cpython_object.h - the ELF object of a process that holds the interpreter: where it is mapped, its symbols, its version. */
#ifndef CONNPROF_RUNTIME_CPYTHON_OBJECT_H
#define CONNPROF_RUNTIME_CPYTHON_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "process/process.h"

#define CPYTHON_RANGES_MAX 8

struct cpython_range {
	uint64_t start, end; /* target addresses */
};

struct cpython_object {
	uint64_t runtime;        /* address of _PyRuntime; 0: none (before 3.7) */
	uint64_t interp_head;    /* address of interp_head (3.6, unstripped); 0: none */
	uint64_t interp_reader;  /* address of PyInterpreterState_Head, which reads it; 0: none */
	uint64_t current_state;  /* address of _PyThreadState_Current (3.6): who holds the GIL; 0: none */
	uint64_t version_symbol; /* address of Py_Version (3.11 and later); 0: none */
	uint64_t code_type;      /* address of PyCode_Type; 0: none */
	uint64_t str_type, int_type; /* of PyUnicode_Type and PyLong_Type */
	bool pypy;
	unsigned major, minor;   /* from the object's name, checked against its constants; 0: not known */
	int micro;               /* -1: not known */
	struct cpython_range code[CPYTHON_RANGES_MAX]; /* its executable mappings */
	size_t code_count;
	struct cpython_range eval[CPYTHON_RANGES_MAX]; /* the eval function and its split-off parts */
	size_t eval_count;
};

/* Looks for it: 0 and *out, or -ENOENT (no interpreter in this process). */
int cpython_object_find(const struct process_identity *process, const struct process_maps *maps, struct cpython_object *out);

#endif
