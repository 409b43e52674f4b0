/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * top.h - what `connprof top` shows, apart from how it is drawn.
 *
 * A view is one row of the table in top_views.c: its list, its columns, and which of them it can be sorted by. cmd_top.c owns the
 * loop and the keys; top_draw.c is the only user of ncurses.
 */
#ifndef CONNPROF_TOOLS_TOP_H
#define CONNPROF_TOOLS_TOP_H

#include <stdbool.h>
#include <stddef.h>

#include "connprof.h"

#define TOP_ITEMS 200       /* rows of one view */
#define TOP_COLUMNS 6

struct top_item {
	struct connprof_item item;
	double recent;      /* of the first value, since the last refresh */
};

struct top {
	unsigned view;                  /* index into top_views */
	unsigned sort;                  /* column of the view */
	size_t first;                   /* rows scrolled past */
	bool paused, ended;             /* ended: no target is left */
	bool fetched;                   /* the items are of the view `shown` */
	unsigned shown;
	char notice[160];               /* the last thing said; "" none */
	const char *title;
	struct top_item items[TOP_ITEMS];
	size_t count;
	/* as of the last refresh, and since the one before it */
	struct connprof_progress progress;
	struct connprof_requests requests;
	double seconds_since;
	uint64_t samples_since, requests_since, connections_since;
};

struct top_column {
	const char *name;
	int width;
	double (*compute)(const struct top *top, const struct top_item *item); /* NULL: the item's value with this number */
	unsigned value;
	int digits;
	const char *unit;
};

struct top_view {
	const char *name;
	enum connprof_list list;
	const char *text;                       /* the head of the last column, the item's text */
	struct top_column columns[TOP_COLUMNS]; /* ended by a NULL name */
	bool sorted;                            /* by a column; else as the list has it */
	bool bars;                              /* the last column is a bar of the last value instead of the text */
};

extern const struct top_view top_views[];
extern const unsigned top_view_count;

/* Fetches the view's list anew; what changed since the last time is kept apart. 0 or a negative errno. */
int top_refresh(struct top *top, struct connprof_session *session, const struct connprof_rules *rules);
/* Sorts the items by the chosen column, largest first. */
void top_sort(struct top *top);
unsigned top_column_count(const struct top_view *view);
/* NAN: an empty cell. */
double top_value(const struct top *top, const struct top_item *item, const struct top_column *column);

/* ---- top_draw.c ---- */

enum top_key { TOP_KEY_NONE = -1, TOP_KEY_UP = 256, TOP_KEY_DOWN, TOP_KEY_PAGE_UP, TOP_KEY_PAGE_DOWN, TOP_KEY_RESIZE };

/* Takes the terminal. 0, or -1 where it has no such abilities. */
int top_screen_begin(void);
void top_screen_end(void);
/* The next key pressed: a character, enum top_key, TOP_KEY_NONE. Does not wait. */
int top_screen_key(void);
void top_screen_draw(const struct top *top);
/* Rows that fit. */
size_t top_screen_rows(void);

#endif
