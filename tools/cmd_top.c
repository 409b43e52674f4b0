/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_top.c - connprof top: hot functions, connection call sites and request latency, refreshed each second.
 *
 * Fetching and drawing may take a twentieth of the time at most: with a large recording the picture gets slower, never the target.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "message.h"
#include "output.h"
#include "top.h"
#include "watch.h"

#define REFRESH_NS 1000000000ull
#define SHARE 20 /* of the time may go into refreshing: one part in so many */

struct live {
	struct top top;
	struct connprof_rules rules;
	uint64_t next_ns;
	bool begun; /* the terminal is ours */
	int status;
};

static void write_recording(struct top *top, struct connprof_session *session)
{
	struct connprof_report_options style = {.format = "pprof"};
	struct connprof_error error = {0};
	char path[64];
	time_t now = time(NULL);
	struct tm local;

	localtime_r(&now, &local);
	strftime(path, sizeof(path), "connprof-%Y%m%d-%H%M%S.pb.gz", &local);
	if (connprof_report_save(connprof_session_recording(session), CONNPROF_VIEW_PROFILE, &style, path, &error))
		snprintf(top->notice, sizeof(top->notice), "%.150s", error.text);
	else
		snprintf(top->notice, sizeof(top->notice), "wrote %s", path);
}

static void show_view(struct top *top, unsigned view)
{
	top->view = view;
	top->sort = 0;
	top->first = 0;
	top->count = 0;
	top->fetched = false;
}

static void scroll_by(struct top *top, long rows)
{
	long first = (long)top->first + rows, most = (long)top->count - 1;

	top->first = first < 0 || most < 0 ? 0 : (size_t)(first > most ? most : first);
}

/* One key. Returns true for the one that quits; *fetch is set when the list is to be fetched anew. */
static bool handle(struct top *top, struct connprof_session *session, int key, bool *fetch)
{
	const struct top_view *view = &top_views[top->view];
	unsigned columns = top_column_count(view);
	long page = (long)top_screen_rows();

	*top->notice = '\0';
	switch (key) {
	case 'q':
	case 'Q':
		return true;
	case 'p':
	case ' ':
		top->paused = !top->paused;
		break;
	case 'w':
		write_recording(top, session);
		break;
	case '\t':
		show_view(top, (top->view + 1) % top_view_count);
		*fetch = true;
		break;
	case 's':
	case '>':
		top->sort = (top->sort + 1) % columns;
		break;
	case '<':
		top->sort = (top->sort + columns - 1) % columns;
		break;
	case TOP_KEY_UP:
		scroll_by(top, -1);
		break;
	case TOP_KEY_DOWN:
		scroll_by(top, 1);
		break;
	case TOP_KEY_PAGE_UP:
		scroll_by(top, -page);
		break;
	case TOP_KEY_PAGE_DOWN:
		scroll_by(top, page);
		break;
	default:
		if (key >= '1' && key < '1' + (int)top_view_count) {
			show_view(top, (unsigned)(key - '1'));
			*fetch = true;
		}
	}
	return false;
}

static bool step(void *context, struct connprof_session *session)
{
	struct live *live = context;
	bool fetch = !live->top.paused && watch_now_ns() >= live->next_ns, draw = fetch;
	uint64_t begin;
	int key;

	if (!live->begun) {
		if (top_screen_begin()) {
			message_say("this terminal cannot show a picture: TERM is unknown (connprof diagnose writes a page instead)");
			live->status = CONNPROF_CANNOT_OBSERVE;
			return true;
		}
		live->begun = true;
	}
	while ((key = top_screen_key()) != TOP_KEY_NONE) {
		if (handle(&live->top, session, key, &fetch))
			return true;
		draw = true;
	}
	if (!fetch && !draw)
		return false;
	begin = watch_now_ns();
	if (fetch && top_refresh(&live->top, session, &live->rules) < 0)
		snprintf(live->top.notice, sizeof(live->top.notice), "out of memory: the list is an old one");
	top_sort(&live->top);
	top_screen_draw(&live->top);
	if (fetch) {
		uint64_t rest = (watch_now_ns() - begin) * SHARE;

		live->next_ns = begin + (rest > REFRESH_NS ? rest : REFRESH_NS);
	}
	return false;
}

/* Before what ends the window is said: messages belong on the ordinary screen. */
static int leave(void *context, struct connprof_recording *recording)
{
	struct live *live = context;

	(void)recording;
	if (live->begun)
		top_screen_end();
	live->begun = false;
	return live->status;
}

static int run(struct live *live, const struct options *options)
{
	struct watch_hooks hooks = {.context = live, .step = step, .closed = leave, .draws = true, .stays = true};
	struct watch watch;
	int status = watch_run(&watch, options, CONNPROF_SAMPLES | CONNPROF_CONNECTIONS | CONNPROF_REQUESTS, &hooks);

	if (live->begun) /* ended by an error */
		top_screen_end();
	if (!status)
		status = watch.status;
	watch_done(&watch);
	return status;
}

int cmd_top(const struct options *options)
{
	struct live *live;
	char title[64];
	int status;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return message_usage(options->command, "not a terminal (connprof diagnose writes a page instead)");
	live = calloc(1, sizeof(*live));
	if (!live) {
		message_say("out of memory");
		return CONNPROF_CANNOT_OBSERVE;
	}
	if (options->run)
		snprintf(title, sizeof(title), "%.60s", options->run[0]);
	else
		snprintf(title, sizeof(title), "PID %d%s", options->pids[0], options->pid_count > 1 ? " and others" : "");
	live->rules = output_rules(options, NULL);
	live->top.title = title;
	status = run(live, options);
	free(live);
	return status;
}
