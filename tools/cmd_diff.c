/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_diff.c - connprof diff: two recordings side by side. */
#include "commands.h"
#include "connprof.h"
#include "message.h"
#include "output.h"

static int write_diff(const struct options *options, const struct output_plan *plan, struct connprof_recording *before,
		      struct connprof_recording *after)
{
	struct connprof_error error = {0};
	struct connprof_report_options style;

	output_name_sites(options, before);
	output_name_sites(options, after);
	style = output_style(options, plan->format, -1);
	style.base = before;
	style.functions = style.nolineno = true; /* lines move with each edit */
	return connprof_report_save(after, CONNPROF_VIEW_DIFF, &style, plan->path, &error) ? message_failed(&error) : 0;
}

int cmd_diff(const struct options *options)
{
	struct connprof_recording *before = NULL, *after = NULL;
	struct connprof_error error = {0};
	struct output_plan plan;
	int status = output_plan(options, CONNPROF_VIEW_DIFF, NULL, &plan);

	if (status)
		return status;
	if (connprof_recording_load(options->file, &before, &error) || connprof_recording_load(options->after, &after, &error))
		status = message_failed(&error);
	else
		status = write_diff(options, &plan, before, after);
	connprof_recording_free(before);
	connprof_recording_free(after);
	return status;
}
