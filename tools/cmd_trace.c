/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_trace.c - connprof trace: follows every connection a service opens.
 *
 * On a terminal a table of call sites is drawn anew each second where it stood; at the end it is printed once more, whole. Where
 * standard output is none, and nothing else is asked for, each connection is a line of JSON while it happens.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "commands.h"
#include "connprof.h"
#include "message.h"
#include "output.h"
#include "watch.h"

struct live_table {
	const struct options *options;
	const struct output_plan *plan;
	int lines;   /* drawn last time */
};

static int terminal_lines(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 2 ? size.ws_row - 1 : 23;
}

/* Goes back over the last table and clears it. */
static void erase(struct live_table *table)
{
	if (table->lines)
		printf("\033[%dA\r\033[J", table->lines);
	table->lines = 0;
}

/* Prints as many lines as the terminal holds, each cut at its edge: a wrapped line would spoil the count. */
static void draw(struct live_table *table, const char *text)
{
	int limit = terminal_lines();

	fputs("\033[?7l", stdout);
	erase(table);
	while (*text && table->lines < limit) {
		size_t length = strcspn(text, "\n");

		printf("%.*s\n", (int)length, text);
		text += length + (text[length] == '\n');
		table->lines++;
	}
	fputs("\033[?7h", stdout);
	fflush(stdout);
}

static void redraw(void *context, struct connprof_session *session)
{
	struct live_table *table = context;
	struct connprof_report_options style = output_style(table->options, table->plan->format, STDOUT_FILENO);
	struct connprof_recording *recording = connprof_session_recording(session);
	char *text = NULL;
	size_t size = 0;
	FILE *memory = open_memstream(&text, &size);
	int failed;

	if (!memory)
		return;
	output_name_sites(table->options, recording);
	failed = connprof_report_write(recording, CONNPROF_VIEW_SITES, &style, memory, NULL);
	if (fclose(memory) == 0 && !failed)
		draw(table, text);
	free(text);
}

static bool is_live(const struct options *options, const struct output_plan *plan)
{
	const char *terminal = getenv("TERM");

	return isatty(STDOUT_FILENO) && !strcmp(plan->path, "-") && !strcmp(plan->format, "text") && !options->quiet &&
	       !options->verbose && !options->run && terminal && strcmp(terminal, "dumb");
}

static int trace_sites(const struct options *options, const struct output_plan *plan)
{
	struct live_table table = {.options = options, .plan = plan};
	struct watch_hooks hooks = {.context = &table};
	struct watch watch;
	int status;

	hooks.draws = is_live(options, plan);
	hooks.tick = hooks.draws ? redraw : NULL;
	status = watch_run(&watch, options, CONNPROF_CONNECTIONS, &hooks);
	if (!status) {
		struct connprof_recording *recording = connprof_session_recording(watch.session);

		erase(&table);
		output_name_sites(options, recording);
		status = output_write(plan, options, recording);
	}
	if (!status)
		status = watch.status;
	watch_done(&watch);
	return status;
}

struct line_wish {
	const struct options *options;
	const struct output_plan *plan;
};

static int begin_lines(void *context, struct connprof_session *session)
{
	const struct line_wish *wish = context;
	struct connprof_report_options style = output_style(wish->options, wish->plan->format, -1);
	struct connprof_rules rules = output_rules(wish->options, NULL);
	struct connprof_error error = {0};

	return connprof_session_journal(session, wish->plan->path, &style, &rules, &error) ? message_failed(&error) : 0;
}

static int trace_lines(const struct options *options, const struct output_plan *plan)
{
	struct line_wish wish = {options, plan};
	struct watch_hooks hooks = {.context = &wish, .opening = begin_lines, .draws = !strcmp(plan->path, "-")};
	struct connprof_error error = {0};
	struct watch watch;
	int status;

	if (hooks.draws && options->run && !options->output)
		return message_usage(options->command, "standard output is the command's: give %s a file with -o", plan->format);
	status = watch_run(&watch, options, CONNPROF_CONNECTIONS, &hooks);
	if (!status) {
		int code = connprof_session_journal_end(watch.session, &error);

		/* Nobody reads any more, or the session broke: that has been said. */
		status = code && !watch.status ? message_failed(&error) : watch.status;
	}
	watch_done(&watch);
	return status;
}

int cmd_trace(const struct options *options)
{
	struct options wanted = *options;
	struct output_plan plan;
	bool open_choice = !options->format && (!options->output || !strcmp(options->output, "-")) && !options->run;
	int status;

	if (open_choice && !isatty(STDOUT_FILENO))
		wanted.format = "jsonl";
	status = output_plan(&wanted, CONNPROF_VIEW_SITES, NULL, &plan);
	if (status)
		return status;
	return connprof_format_streams(plan.view, plan.format) ? trace_lines(&wanted, &plan) : trace_sites(&wanted, &plan);
}
