/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_check.c - connprof check: watches a service and decides whether it leaks connections or opens them per request. */
#include <string.h>

#include "commands.h"
#include "connprof.h"
#include "message.h"
#include "output.h"
#include "watch.h"

struct server_question {
	const char *url;                   /* NULL: no server is asked */
	struct connprof_server_view *view;
};

static int ask_before(void *context, struct connprof_session *session)
{
	struct server_question *question = context;
	struct connprof_error error = {0};

	(void)session;
	if (question->url && connprof_server_view_begin(question->url, &question->view, &error))
		return message_failed(&error);
	return 0;
}

/* Before a command is told to end: its connections still count as open, here as there. A server that no longer answers
 * does not cost the verdict. */
static int ask_after(void *context, struct connprof_recording *recording)
{
	struct server_question *question = context;
	struct connprof_error error = {0};

	if (question->view && connprof_server_view_end(question->view, recording, &error))
		message_failed(&error);
	return 0;
}

/* The command's own failure is told apart only where there is no finding. */
static int final_status(int verdict, const struct watch *watch)
{
	if (verdict == CONNPROF_FINDINGS)
		return verdict;
	if (watch->status)
		return watch->status;
	if (!child_failed(&watch->child))
		return verdict;
	child_tell_failure(&watch->child);
	return CONNPROF_COMMAND_FAILED;
}

static int judge(const struct watch *watch, const struct options *options, const struct output_plan *plan,
		 const struct connprof_accepted *accepted)
{
	struct connprof_recording *recording = connprof_session_recording(watch->session);
	struct connprof_rules rules = output_rules(options, accepted);
	struct connprof_error error = {0};
	int verdict = connprof_recording_judge(recording, &rules, &error), status;

	if (verdict < 0)
		return message_failed(&error);
	status = output_write(plan, options, recording);
	if (!status)
		status = output_baseline(options, recording);
	return status ? status : final_status(verdict, watch);
}

int cmd_check(const struct options *options)
{
	struct server_question question = {.url = options->redis_server};
	struct watch_hooks hooks = {.context = &question, .opening = ask_before, .closed = ask_after};
	struct connprof_accepted *accepted = NULL;
	struct output_plan plan;
	struct watch watch;
	int status = output_plan(options, CONNPROF_VIEW_VERDICT, NULL, &plan);

	if (!status)
		status = output_accepted(options, &accepted);
	if (status)
		return status;
	status = watch_run(&watch, options, CONNPROF_SAMPLES | CONNPROF_CONNECTIONS |
			   (options->rules.count ? CONNPROF_REQUESTS | CONNPROF_ROUND_TRIPS : 0), &hooks);
	if (!status)
		status = judge(&watch, options, &plan, accepted);
	connprof_server_view_free(question.view);
	watch_done(&watch);
	connprof_accepted_free(accepted);
	return status;
}
