/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_trace.c - connprof trace: follows every connection a service opens, per call site.
 *
 * On a terminal the table is drawn anew each second where it stood; at the end it is printed once more, whole. Elsewhere
 * only the summary is written.
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

static void judge(const struct options *options, struct connprof_recording *recording)
{
	struct connprof_rules rules = output_rules(options, NULL);

	connprof_recording_judge(recording, &rules, NULL); /* names the call sites; the verdict itself is check's */
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
	judge(table->options, recording);
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

int cmd_trace(const struct options *options)
{
	struct output_plan plan;
	struct live_table table = {.options = options, .plan = &plan};
	struct watch_hooks hooks = {.context = &table};
	struct watch watch;
	int status = output_plan(options, CONNPROF_VIEW_SITES, NULL, &plan);

	if (status)
		return status;
	hooks.draws = is_live(options, &plan);
	hooks.tick = hooks.draws ? redraw : NULL;
	status = watch_run(&watch, options, CONNPROF_CONNECTIONS, &hooks);
	if (!status) {
		struct connprof_recording *recording = connprof_session_recording(watch.session);

		erase(&table);
		judge(options, recording);
		status = output_write(&plan, options, recording);
	}
	if (!status)
		status = watch.status;
	watch_done(&watch);
	return status;
}
