/* SPDX-License-Identifier: BSD-2-Clause */
/* series.c - connections over time, summed, ordered, and as JSON. */
#include "report/series.h"

#include <stdlib.h>

struct series_sums series_sums(const struct series_table *table, const struct series_row *row)
{
	struct series_sums sums = {0};

	for (size_t i = 0; i < table->windows; i++) {
		sums.opened += row->opened[i];
		sums.most_opened = row->opened[i] > sums.most_opened ? row->opened[i] : sums.most_opened;
		sums.most_open = row->open[i] > sums.most_open ? row->open[i] : sums.most_open;
		sums.at_end = row->open[i];
	}
	return sums;
}

double series_from_seconds(const struct series_table *table, size_t index)
{
	return (double)(table->from_ns + index * table->window_ns) / 1e9;
}

const char *series_peer(const struct connprof_recording *recording, const struct series_row *row, char out[ENDPOINT_TEXT])
{
	return row->peer.family ? endpoint_text(&row->peer, recording->strings, out) : "other peers";
}

struct ranked {
	const struct series_row *row;
	uint64_t opened;
};

static int most_first(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->opened != y->opened)
		return x->opened > y->opened ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

size_t series_by_opened(const struct series_table *table, const struct series_row *rows[SERIES_PEERS])
{
	struct ranked ranked[SERIES_PEERS];
	size_t count = table->windows ? table->count : 0;

	for (size_t i = 0; i < count; i++)
		ranked[i] = (struct ranked){&table->rows[i], series_sums(table, &table->rows[i]).opened};
	qsort(ranked, count, sizeof(ranked[0]), most_first);
	for (size_t i = 0; i < count; i++)
		rows[i] = ranked[i].row;
	return count;
}

static void put_numbers(struct json_build *build, struct json_object *into, const char *key, const uint32_t *numbers, size_t count)
{
	struct json_object *array = json_put_array(build, into, key);

	for (size_t i = 0; i < count; i++)
		json_add_count(build, array, numbers[i]);
}

void series_json(struct json_build *build, struct json_object *document, const struct connprof_recording *recording)
{
	const struct series_table *table = &recording->series;
	const struct series_row *rows[SERIES_PEERS];
	size_t count = series_by_opened(table, rows);
	struct json_object *over_time, *peers;
	char peer[ENDPOINT_TEXT];

	if (!(recording->collect & CONNPROF_CONNECTIONS)) {
		json_put_null(build, document, "connections_over_time");
		return;
	}
	over_time = json_put_object(build, document, "connections_over_time");
	json_put_number(build, over_time, "from_seconds", series_from_seconds(table, 0));
	json_put_number(build, over_time, "window_seconds", (double)table->window_ns / 1e9);
	json_put_count(build, over_time, "most_open", table->peak);
	peers = json_put_array(build, over_time, "peers");
	for (size_t i = 0; i < count; i++) {
		struct json_object *item = json_add_object(build, peers);

		json_put_text(build, item, "peer", series_peer(recording, rows[i], peer));
		put_numbers(build, item, "opened", rows[i]->opened, table->windows);
		put_numbers(build, item, "open", rows[i]->open, table->windows);
	}
}
