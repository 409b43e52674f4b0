/* SPDX-License-Identifier: BSD-2-Clause */
/* load.c - a recording from a file: which kind of file it is, its name says. */
#include "base/error.h"
#include "base/text.h"
#include "connprof.h"
#include "report/report.h"
#include "source/replay.h"

int connprof_recording_load(const char *path, struct connprof_recording **out, struct connprof_error *error)
{
	return text_ends_with(path, ".jsonl") ? replay_load(path, out, error) : pprof_load(path, out, error);
}
