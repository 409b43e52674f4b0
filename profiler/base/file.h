/* SPDX-License-Identifier: BSD-2-Clause */
/* file.h - an output that is written whole or not at all: a temporary name beside it, then rename. */
#ifndef CONNPROF_BASE_FILE_H
#define CONNPROF_BASE_FILE_H

#include <stdio.h>

#include "connprof.h"

struct output {
	FILE *stream;    /* write here */
	char *path;      /* final name; NULL: standard output */
	char *temporary;
};

/* Opens path ("-" is standard output) for writing. Something that exists and is not a regular file (a FIFO, /dev/null)
 * is written in place. Returns 0 or -errno with the message in *err; *out is zeroed on failure. */
int output_open(struct output *out, const char *path, struct connprof_error *err);

/* Flushes, syncs and renames; on any failure the temporary file is removed and the old file stays whole. */
int output_commit(struct output *out, struct connprof_error *err);

/* The message for a write that failed with code, a negative errno, which is returned. */
int output_failed(const struct output *out, int code, struct connprof_error *err);

/* Drops what was written. Safe after commit and on a zeroed output. */
void output_abort(struct output *out);

#endif
