/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_report.c - connprof report: renders a recording again.
 *
 * What is shown follows from --view, else from the format: a format of profiles shows the profile, any other the verdict.
 * With neither a format nor an output the summary lines that `record` ended with are printed.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "connprof.h"
#include "message.h"
#include "output.h"

static enum connprof_view wanted_view(const struct options *options)
{
	static const struct { const char *name; enum connprof_view view; } views[] = {
		{"profile", CONNPROF_VIEW_PROFILE}, {"verdict", CONNPROF_VIEW_VERDICT}, {"sites", CONNPROF_VIEW_SITES},
		{"diagnosis", CONNPROF_VIEW_DIAGNOSIS}, {"requests", CONNPROF_VIEW_REQUESTS},
	};

	for (size_t i = 0; options->view && i < sizeof(views) / sizeof(views[0]); i++)
		if (!strcmp(options->view, views[i].name))
			return views[i].view;
	if (options->format && !connprof_format_find(CONNPROF_VIEW_PROFILE, options->format, NULL) &&
	    connprof_format_find(CONNPROF_VIEW_VERDICT, options->format, NULL))
		return CONNPROF_VIEW_VERDICT;
	return CONNPROF_VIEW_PROFILE;
}

/* The summary and most other views tell of the whole, which would be taken for the part that was asked for. */
static int check_part(const struct options *options, bool summary, enum connprof_view view)
{
	bool cut = options->slower_than_ns || options->slowest_percent > 0;
	const char *part = options->slower_than_ns ? "slower-than" : cut ? "slowest" : options->wait ? "wait" : options->mode ? "mode" : NULL;

	if (!part)
		return 0;
	if (summary)
		return message_usage(options->command, "--%s shows a part of the profile: give it a format or a file (-f, -o)", part);
	if (view != CONNPROF_VIEW_PROFILE && (cut || view != CONNPROF_VIEW_DIAGNOSIS))
		return message_usage(options->command, "--%s goes with --view profile", part);
	return 0;
}

static int print_summary(const struct connprof_recording *recording)
{
	struct connprof_error error = {0};

	if (connprof_report_summary(recording, stdout, &error))
		return message_failed(&error);
	return message_flush(stdout, "standard output", 0);
}

/* The verdict is the exit status here too: a window recorded once can be judged by several sets of rules. A diagnosis and the table of
 * call sites also tell of what no verdict is on. */
static int judge(struct connprof_recording *recording, const struct options *options, enum connprof_view view, int *verdict)
{
	struct connprof_accepted *accepted = NULL;
	struct connprof_rules rules;
	struct connprof_error error = {0};
	int status = output_accepted(options, &accepted);

	if (status)
		return status;
	rules = output_rules(options, accepted);
	*verdict = connprof_recording_judge(recording, &rules, &error);
	connprof_accepted_free(accepted);
	if (*verdict == -ENODATA && (view == CONNPROF_VIEW_DIAGNOSIS || view == CONNPROF_VIEW_SITES))
		return 0;
	return *verdict < 0 ? message_failed(&error) : 0;
}

static int render(struct connprof_recording *recording, const struct options *options, const struct output_plan *plan)
{
	int verdict = CONNPROF_OK, status = 0;

	if (plan->view != CONNPROF_VIEW_PROFILE && plan->view != CONNPROF_VIEW_REQUESTS)
		status = judge(recording, options, plan->view, &verdict);
	if (!status)
		status = output_write(plan, options, recording);
	if (!status && plan->view == CONNPROF_VIEW_VERDICT)
		status = output_baseline(options, recording);
	if (status || plan->view != CONNPROF_VIEW_VERDICT)
		return status;
	return verdict;
}

/* What trace writes while it happens, from an event stream. */
static int replay_lines(const struct options *options, const struct output_plan *plan)
{
	struct connprof_report_options style = output_style(options, plan->format, -1);
	struct connprof_rules rules = output_rules(options, NULL);
	struct connprof_error error = {0};

	return connprof_journal_replay(options->file, plan->path, &style, &rules, &error) ? message_failed(&error) : 0;
}

int cmd_report(const struct options *options)
{
	bool summary = !options->output && !options->format && !options->view;
	struct connprof_recording *recording = NULL;
	struct connprof_error error = {0};
	struct output_plan plan = {0};
	int status = check_part(options, summary, wanted_view(options));

	if (!status && !summary)
		status = output_plan(options, wanted_view(options), NULL, &plan);
	if (status)
		return status;
	if (!summary && connprof_format_streams(plan.view, plan.format))
		return replay_lines(options, &plan);
	if (connprof_recording_load(options->file, &recording, &error))
		return message_failed(&error);
	status = summary ? print_summary(recording) : render(recording, options, &plan);
	connprof_recording_free(recording);
	return status;
}
