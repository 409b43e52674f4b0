/* SPDX-License-Identifier: BSD-2-Clause */
/* diff.c - two recordings side by side, joined by name: ids mean nothing across recordings. */
#include "report/diff.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/hot.h"

#define SHARE_SHOWN 0.05 /* percent: a smaller change is none */

/* ---- functions ---- */

struct side_row {
	const char *name;  /* borrowed from its lines */
	enum diff_side side;
	double self, total;
};

struct side {
	struct lines *lines;
	struct hot_row *rows;
	int count;
	double all;
};

static int side_open(struct side *side, const struct connprof_recording *recording, const struct connprof_report_options *options)
{
	struct connprof_recording weighed = *recording;

	side->lines = lines_new(recording, options);
	if (!side->lines)
		return -ENOMEM;
	weighed.profile = calloc(recording->profile_count + 1, sizeof(*weighed.profile));
	if (!weighed.profile)
		return -ENOMEM;
	for (size_t i = 0; i < recording->profile_count; i++) { /* time counts like samples */
		weighed.profile[i] = recording->profile[i];
		weighed.profile[i].samples = row_weight(recording, options, &recording->profile[i]);
		side->all += (double)weighed.profile[i].samples;
	}
	side->count = hot_functions(&weighed, side->lines, SIZE_MAX, &side->rows);
	free(weighed.profile);
	return side->count < 0 ? side->count : 0;
}

static void side_close(struct side *side)
{
	free(side->rows);
	lines_free(side->lines);
}

static int by_name(const void *a, const void *b)
{
	const struct side_row *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (int)x->side - (int)y->side;
}

static double change(const struct diff_function *function)
{
	double self = fabs(function->self[AFTER] - function->self[BEFORE]);
	double total = fabs(function->total[AFTER] - function->total[BEFORE]);

	return self > total ? self : total;
}

static int most_changed(const void *a, const void *b)
{
	double x = change(a), y = change(b);

	if (x != y)
		return x > y ? -1 : 1;
	return strcmp(((const struct diff_function *)a)->name, ((const struct diff_function *)b)->name);
}

/* Equal names become one; those that did not change are left out. Returns how many are left. */
static size_t join(const struct side_row *rows, size_t count, struct diff_function *functions)
{
	size_t used = 0;

	for (size_t i = 0; i < count;) {
		struct diff_function *function = &functions[used];
		size_t k = i;

		memset(function, 0, sizeof(*function));
		snprintf(function->name, sizeof(function->name), "%s", rows[i].name);
		for (; k < count && !strcmp(rows[k].name, rows[i].name); k++) {
			function->self[rows[k].side] = rows[k].self;
			function->total[rows[k].side] = rows[k].total;
		}
		used += change(function) >= SHARE_SHOWN;
		i = k;
	}
	return used;
}

static int compare_functions(struct diff *diff, const struct side sides[DIFF_SIDES])
{
	size_t count = (size_t)sides[BEFORE].count + (size_t)sides[AFTER].count, at = 0;
	struct side_row *rows = calloc(count + 1, sizeof(*rows));
	struct diff_function *functions = calloc(count + 1, sizeof(*functions));

	if (rows && functions) {
		for (int s = 0; s < DIFF_SIDES; s++)
			for (int i = 0; i < sides[s].count; i++) {
				const struct hot_row *row = &sides[s].rows[i];

				rows[at++] = (struct side_row){lines_name(sides[s].lines, row->name), (enum diff_side)s,
							       100 * (double)row->self / sides[s].all,
							       100 * (double)row->total / sides[s].all};
			}
		qsort(rows, count, sizeof(*rows), by_name);
		diff->function_total = join(rows, count, functions);
		qsort(functions, diff->function_total, sizeof(*functions), most_changed);
		diff->function_count = diff->function_total < DIFF_FUNCTIONS ? diff->function_total : DIFF_FUNCTIONS;
		memcpy(diff->functions, functions, diff->function_count * sizeof(*functions));
	}
	at = rows && functions;
	free(rows);
	free(functions);
	return at ? 0 : -ENOMEM;
}

/* ---- call sites ---- */

/* The place without its line: code above it may have moved it. */
static void site_named(const struct connprof_recording *recording, const struct site_row *row, struct diff_site *site)
{
	const char *line;

	site_place(recording, row, site->place);
	endpoint_text(&row->peer, recording->strings, site->peer);
	line = strrchr(site->place, ':');
	if (line && strspn(line + 1, "0123456789") + 2 == strlen(line))
		snprintf(site->place + (line - site->place), PLACE_TEXT - (size_t)(line - site->place), ")");
}

static void add_site(struct diff *diff, enum diff_side side, const struct site_row *row)
{
	struct diff_site site = {0};

	site_named(diff->recording[side], row, &site);
	for (size_t i = 0; i < diff->site_count; i++)
		if (!diff->sites[i].row[side] && !strcmp(diff->sites[i].place, site.place) &&
		    !strcmp(diff->sites[i].peer, site.peer)) {
			diff->sites[i].row[side] = row;
			return;
		}
	diff->site_total++;
	if (diff->site_count == DIFF_SITES)
		return;
	site.row[side] = row;
	diff->sites[diff->site_count++] = site;
}

int diff_make(const struct connprof_recording *before, const struct connprof_recording *after,
	      const struct connprof_report_options *options, struct diff **out)
{
	struct connprof_report_options plain = *options;
	struct side sides[DIFF_SIDES] = {0};
	struct diff *diff = calloc(1, sizeof(*diff));
	int code = diff ? 0 : -ENOMEM;

	plain.functions = plain.nolineno = true;
	plain.threads = false;
	if (!code) {
		diff->recording[BEFORE] = before;
		diff->recording[AFTER] = after;
	}
	for (int s = 0; !code && s < DIFF_SIDES; s++)
		code = side_open(&sides[s], diff->recording[s], &plain);
	if (!code)
		code = compare_functions(diff, sides);
	for (int s = 0; !code && s < DIFF_SIDES; s++)
		for (size_t i = 0; i < diff->recording[s]->site_count; i++)
			add_site(diff, (enum diff_side)s, &diff->recording[s]->sites[i]);
	for (int s = 0; s < DIFF_SIDES; s++)
		side_close(&sides[s]);
	if (code)
		free(diff);
	else
		*out = diff;
	return code;
}
