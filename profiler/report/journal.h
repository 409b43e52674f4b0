/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * journal.h - connections one by one, while they happen: a line of JSON when one is first seen and one when it has ended, and a
 * summary as the last (connprof.trace-line/1, docs/formats.md).
 *
 * The models tell of each connection (conns_watch); nothing of it is kept here but counts. A reader that is slow costs lines, which
 * are counted, and never keeps the models from going on.
 */
#ifndef CONNPROF_REPORT_JOURNAL_H
#define CONNPROF_REPORT_JOURNAL_H

#include <stdbool.h>

#include "connprof.h"
#include "model/recording.h"

struct journal;

/* Begins to tell, to path as output_open has it, of what recording's models are fed from now on. patient: its reader is waited for
 * (a recording that is read again), and no line is lost. The recording and what options and rules point to are borrowed. */
int journal_open(const char *path, struct connprof_recording *recording, const struct connprof_report_options *options,
		 const struct connprof_rules *rules, bool patient, struct journal **out, struct connprof_error *error);

/* Passes on what the reader takes. 0, or a negative errno with its message: nobody reads any more. */
int journal_push(struct journal *journal, struct connprof_error *error);

/* After the end of the window, when nothing is fed any more: what is still open, the summary; waits for the reader. The file is whole
 * then, or not there. Frees the journal in any case. */
int journal_close(struct journal *journal, struct connprof_error *error);

/* Without all that; the models, if they are still there, are fed no more. NULL is fine. */
void journal_abort(struct journal *journal);

#endif
