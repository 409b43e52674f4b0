/* SPDX-License-Identifier: BSD-2-Clause */
/* top_views.c - the views of `connprof top`: which list, which columns, in which order. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "top.h"

static double share(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : NAN;
}

static double now_percent(const struct top *top, const struct top_item *item)
{
	return share(item->recent, (double)top->samples_since);
}

static double self_percent(const struct top *top, const struct top_item *item)
{
	return share(item->item.values[0], (double)top->progress.samples);
}

static double total_percent(const struct top *top, const struct top_item *item)
{
	return share(item->item.values[1], (double)top->progress.samples);
}

static double recent_rate(const struct top *top, const struct top_item *item)
{
	return top->seconds_since > 0 ? item->recent / top->seconds_since : NAN;
}

const struct top_view top_views[] = {
	{"functions", CONNPROF_LIST_FUNCTIONS, "function",
	 {{"now", 8, now_percent, 0, 1, "%"}, {"self", 8, self_percent, 0, 1, "%"}, {"total", 8, total_percent, 0, 1, "%"}}, true, false},
	{"connections", CONNPROF_LIST_SITES, "opened by",
	 {{"/s", 7, recent_rate, 0, 1, ""}, {"opened", 9, NULL, 0, 0, ""}, {"failed", 7, NULL, 1, 0, ""}, {"open", 6, NULL, 2, 0, ""},
	  {"per req", 8, NULL, 3, 2, ""}, {"set-up", 9, NULL, 4, 1, "ms"}}, true, false},
	{"requests", CONNPROF_LIST_LATENCIES, "",
	 {{"from", 12, NULL, 0, 2, "ms"}, {"to", 12, NULL, 1, 2, "ms"}, {"requests", 10, NULL, 2, 0, ""}}, false, true},
};
const unsigned top_view_count = sizeof(top_views) / sizeof(top_views[0]);

unsigned top_column_count(const struct top_view *view)
{
	unsigned count = 0;

	while (count < TOP_COLUMNS && view->columns[count].name)
		count++;
	return count;
}

double top_value(const struct top *top, const struct top_item *item, const struct top_column *column)
{
	return column->compute ? column->compute(top, item) : item->item.values[column->value];
}

/* ---- order ---- */

struct keyed {
	double key;
	struct top_item item;
};

static int largest_first(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;
	bool no_x = isnan(x->key), no_y = isnan(y->key);

	if (no_x || no_y)
		return no_x - no_y;
	if (x->key != y->key)
		return x->key > y->key ? -1 : 1;
	return strcmp(x->item.item.text, y->item.item.text);
}

void top_sort(struct top *top)
{
	const struct top_view *view = &top_views[top->view];
	struct keyed *keyed = view->sorted ? calloc(top->count + 1, sizeof(*keyed)) : NULL;

	if (!keyed) /* unsorted is still right */
		return;
	for (size_t i = 0; i < top->count; i++)
		keyed[i] = (struct keyed){top_value(top, &top->items[i], &view->columns[top->sort]), top->items[i]};
	qsort(keyed, top->count, sizeof(*keyed), largest_first);
	for (size_t i = 0; i < top->count; i++)
		top->items[i] = keyed[i].item;
	free(keyed);
}

/* ---- fetching ---- */

static double before(const struct top *top, const char *text)
{
	for (size_t i = 0; i < top->count; i++)
		if (!strcmp(top->items[i].item.text, text))
			return top->items[i].item.values[0];
	return 0;
}

/* What changed since the last refresh of the same view; a view just switched to has no before. */
static void compare(struct top *top, struct connprof_item *items, size_t count, bool same_view)
{
	struct top_item *fresh = calloc(count + 1, sizeof(*fresh));

	if (!fresh)
		return;
	for (size_t i = 0; i < count; i++) {
		fresh[i].item = items[i];
		fresh[i].recent = same_view ? items[i].values[0] - before(top, items[i].text) : 0;
	}
	memcpy(top->items, fresh, count * sizeof(*fresh));
	top->count = count;
	free(fresh);
}

static void note_progress(struct top *top, struct connprof_session *session, const struct connprof_recording *recording)
{
	struct connprof_progress last = top->progress;

	connprof_session_progress(session, &top->progress);
	connprof_requests(recording, &top->requests);
	top->seconds_since = top->progress.seconds - last.seconds;
	top->samples_since = top->progress.samples - last.samples;
	top->requests_since = top->progress.requests - last.requests;
	top->connections_since = top->progress.connections - last.connections;
	top->ended = !connprof_session_alive(session);
}

int top_refresh(struct top *top, struct connprof_session *session, const struct connprof_rules *rules)
{
	const struct top_view *view = &top_views[top->view];
	struct connprof_recording *recording = connprof_session_recording(session);
	struct connprof_item *items = calloc(TOP_ITEMS, sizeof(*items));
	bool same_view = top->fetched && top->shown == top->view;
	int count;

	if (!items)
		return -ENOMEM;
	connprof_recording_judge(recording, rules, NULL); /* names the call sites */
	count = connprof_list(recording, view->list, items, TOP_ITEMS);
	if (count >= 0) {
		note_progress(top, session, recording);
		compare(top, items, (size_t)count, same_view);
		top->shown = top->view;
		top->fetched = true;
		top_sort(top);
	}
	free(items);
	return count < 0 ? count : 0;
}
