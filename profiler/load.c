/* SPDX-License-Identifier: BSD-2-Clause */
/* load.c - a recording from a file: which kind of file it is, its name says. */
#include <string.h>

#include "base/error.h"
#include "connprof.h"
#include "report/report.h"
#include "source/replay.h"

static bool ends_with(const char *text, const char *end)
{
	size_t a = strlen(text), b = strlen(end);

	return a >= b && !strcmp(text + a - b, end);
}

int connprof_recording_load(const char *path, struct connprof_recording **out, struct connprof_error *error)
{
	return ends_with(path, ".jsonl") ? replay_load(path, out, error) : pprof_load(path, out, error);
}
