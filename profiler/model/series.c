/* SPDX-License-Identifier: BSD-2-Clause */
/* series.c - a row a peer, all with the same windows; what is open now is written down when its window is over. */
#include "model/series.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define WIDTH_FIRST_NS 16000000ull /* all windows together: a second */

struct row {
	struct series_row told;
	uint32_t level; /* open now */
};

struct series {
	uint64_t begin_ns, width_ns; /* of the first window; 0: nothing was opened yet */
	size_t at;                   /* the window that goes on */
	struct row rows[SERIES_PEERS];
	size_t count;
	uint32_t level, peak;        /* over all rows */
};

struct series *series_new(void)
{
	return calloc(1, sizeof(struct series));
}

void series_free(struct series *series)
{
	free(series);
}

static void widen(struct series *series)
{
	for (size_t r = 0; r < series->count; r++) {
		struct series_row *row = &series->rows[r].told;

		for (size_t i = 0; i < SERIES_WINDOWS / 2; i++) {
			row->opened[i] = row->opened[2 * i] + row->opened[2 * i + 1];
			row->open[i] = row->open[2 * i + 1];
		}
		memset(row->opened + SERIES_WINDOWS / 2, 0, sizeof(row->opened) / 2);
	}
	series->at /= 2;
	series->width_ns *= 2;
}

/* The windows before that one are over. */
static void pass(struct series *series, size_t window)
{
	for (; series->at < window; series->at++)
		for (size_t r = 0; r < series->count; r++)
			series->rows[r].told.open[series->at] = series->rows[r].level;
}

/* Goes on to the window of that time; what comes late counts to the one that goes on. */
static void advance(struct series *series, uint64_t time_ns)
{
	uint64_t passed = time_ns > series->begin_ns ? time_ns - series->begin_ns : 0;

	while (passed / series->width_ns >= SERIES_WINDOWS) {
		pass(series, SERIES_WINDOWS);
		widen(series);
	}
	pass(series, passed / series->width_ns);
}

/* The last row is everybody else's. */
static struct row *row_of(struct series *series, const struct endpoint *peer)
{
	struct row *row = &series->rows[SERIES_PEERS - 1];

	for (size_t i = 0; i < series->count && i < SERIES_PEERS - 1; i++)
		if (!memcmp(&series->rows[i].told.peer, peer, sizeof(*peer)))
			return &series->rows[i];
	if (series->count < SERIES_PEERS) {
		row = &series->rows[series->count++];
		if (series->count < SERIES_PEERS)
			row->told.peer = *peer;
	}
	return row;
}

uint32_t series_opened(struct series *series, const struct endpoint *peer, uint64_t time_ns)
{
	struct row *row;

	if (!series->width_ns) {
		series->begin_ns = time_ns;
		series->width_ns = WIDTH_FIRST_NS;
	}
	advance(series, time_ns);
	row = row_of(series, peer);
	row->told.opened[series->at]++;
	row->level++;
	if (++series->level > series->peak)
		series->peak = series->level;
	return (uint32_t)(row - series->rows);
}

void series_closed(struct series *series, uint32_t row, uint64_t time_ns)
{
	if (row >= series->count)
		return;
	advance(series, time_ns);
	series->rows[row].level--;
	series->level--;
}

int series_fill(struct series *series, struct connprof_recording *recording, uint64_t start_ns, uint64_t end_ns)
{
	struct series_table *out = &recording->series;
	int code = array_reserve(&out->rows, &out->capacity, series->count, sizeof(*out->rows), SERIES_PEERS);

	if (code)
		return code;
	if (series->width_ns)
		advance(series, end_ns);
	for (size_t r = 0; r < series->count; r++) {
		out->rows[r] = series->rows[r].told;
		out->rows[r].open[series->at] = series->rows[r].level;
	}
	out->count = series->count;
	out->windows = series->width_ns ? series->at + 1 : 0;
	out->window_ns = series->width_ns;
	out->from_ns = series->begin_ns > start_ns ? series->begin_ns - start_ns : 0;
	out->peak = series->peak;
	return 0;
}
