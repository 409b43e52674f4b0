/* SPDX-License-Identifier: BSD-2-Clause */
/* load.c - a recording from a file: which kind of file it is, its name says. */
#include <errno.h>

#include "base/error.h"
#include "base/text.h"
#include "connprof.h"
#include "report/journal.h"
#include "report/report.h"
#include "source/replay.h"

int connprof_recording_load(const char *path, struct connprof_recording **out, struct connprof_error *error)
{
	return text_ends_with(path, ".jsonl") ? replay_load(path, out, error) : pprof_load(path, out, error);
}

struct journal_wish {
	const char *path;
	const struct connprof_report_options *options;
	const struct connprof_rules *rules;
	struct journal *journal;
	struct connprof_error *error;
};

static int open_journal(void *context, struct connprof_recording *recording)
{
	struct journal_wish *wish = context;

	return journal_open(wish->path, recording, wish->options, wish->rules, true, &wish->journal, wish->error);
}

int connprof_journal_replay(const char *events_path, const char *path, const struct connprof_report_options *options,
			    const struct connprof_rules *rules, struct connprof_error *error)
{
	struct journal_wish wish = {.path = path, .options = options, .rules = rules, .error = error};
	struct connprof_recording *recording = NULL;
	int code;

	if (!text_ends_with(events_path, ".jsonl"))
		return error_set(error, -ENODATA, CONNPROF_USAGE, "%s does not hold each connection: give an event stream "
				 "(.events.jsonl, written with --events)", events_path);
	code = replay_watched(events_path, open_journal, &wish, &recording, error);
	if (code)
		journal_abort(wish.journal);
	else
		code = journal_close(wish.journal, error);
	connprof_recording_free(recording);
	return code;
}
