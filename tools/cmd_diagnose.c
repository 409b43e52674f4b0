/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_diagnose.c - connprof diagnose: everything in one attach. The page goes to a file, the short form to standard output; where a
 * command was run, standard output is the command's, and the short form goes to standard error.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "connprof.h"
#include "message.h"
#include "output.h"
#include "watch.h"

#define EVERYTHING (CONNPROF_SAMPLES | CONNPROF_CONNECTIONS | CONNPROF_OFFCPU | CONNPROF_REQUESTS | CONNPROF_LOGS | CONNPROF_ROUND_TRIPS)

static int put_summary(const struct options *options, const struct output_plan *plan, const struct connprof_recording *recording)
{
	FILE *stream = options->run || !strcmp(plan->path, "-") ? stderr : stdout;
	struct connprof_report_options style = output_style(options, options->json_summary ? "json" : "text", fileno(stream));
	struct connprof_error error = {0};

	if (connprof_report_write(recording, CONNPROF_VIEW_DIAGNOSIS, &style, stream, &error))
		return message_failed(&error);
	return message_flush(stream, stream == stdout ? "standard output" : "standard error", 0);
}

static int conclude(const struct options *options, const struct output_plan *plan, struct connprof_recording *recording,
		    const struct connprof_accepted *accepted)
{
	struct connprof_rules rules = output_rules(options, accepted);
	struct connprof_error error = {0};
	int status;

	if (connprof_recording_judge(recording, &rules, &error) < 0 || output_save(plan, options, recording, &error))
		return message_failed(&error);
	if (options->quiet)
		return 0;
	status = put_summary(options, plan, recording);
	if (!status && strcmp(plan->path, "-"))
		message_say("wrote %s", plan->path);
	return status;
}

int cmd_diagnose(const struct options *options)
{
	struct watch_hooks hooks = {0};
	struct connprof_accepted *accepted = NULL;
	struct output_plan plan;
	struct watch watch;
	int status = output_plan(options, CONNPROF_VIEW_DIAGNOSIS, "report", &plan);

	if (!status)
		status = output_accepted(options, &accepted);
	if (status)
		return status;
	status = watch_run(&watch, options, EVERYTHING, &hooks);
	if (!status)
		status = conclude(options, &plan, connprof_session_recording(watch.session), accepted);
	if (!status)
		status = watch.status;
	watch_done(&watch);
	connprof_accepted_free(accepted);
	return status;
}
