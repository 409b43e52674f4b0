/* SPDX-License-Identifier: BSD-2-Clause */
/* spent_html.c - where the time of requests went, as a stacked bar for each band and the numbers below. */
#include <math.h>

#include "report/html.h"
#include "report/markup.h"
#include "report/page.h"
#include "report/requests.h"

#define LABEL_PERCENT 6 /* a narrower part of a bar has no room for its name */

/* By enum spent_id: neighbours differ. */
static const char *const colours[SPENT_COUNT] = {
	[SPENT_CPU] = "#ffb27d", [SPENT_RUNQUEUE] = "#ffd8b5", [SPENT_GIL] = "#d8b9ff", [SPENT_SETUP] = "#ff8182",
	[SPENT_REDIS] = "#80ccff", [SPENT_PEERS] = "#54aeff", [SPENT_NETWORK] = "#b6e3ff", [SPENT_FILES] = "#aceebb",
	[SPENT_DISK] = "#6fdd8b", [SPENT_LOCKS] = "#c297ff", [SPENT_SLEEP] = "#eac54f", [SPENT_ELSE] = "#d1d9e0",
};

static void put_bar(const struct connprof_recording *recording, unsigned band, FILE *stream)
{
	const struct spent_table *table = &recording->spent;
	double whole = table->latency_ms[band];

	fprintf(stream, "<div class=\"bar\"><b>%s, %.1f ms</b>", band_names[band], whole);
	for (size_t i = 0; i < table->count && whole > 0; i++) {
		const struct spent_row *row = &table->rows[i];
		double percent = 100 * row->ms[band] / whole;

		if (row->command || percent < 0.05)
			continue;
		fprintf(stream, "<span style=\"flex:%.2f;background:%s\" title=\"%s: %.2f ms\">%s</span>", percent, colours[row->spent],
			spent_name(row->spent), row->ms[band], percent >= LABEL_PERCENT ? spent_name(row->spent) : "");
	}
	fputs("</div>\n", stream);
}

static void put_name(const struct connprof_recording *recording, const struct spent_row *row, FILE *stream)
{
	char name[96];

	if (row->command)
		snprintf(name, sizeof(name), "\xe2\x80\x83%.32s (%.3g each)", strings_get(recording->strings, row->command),
			 row->count[BAND_MEAN]);
	else
		snprintf(name, sizeof(name), "%s", spent_name(row->spent));
	page_cell(stream, name);
}

void html_spent(const struct connprof_recording *recording, FILE *stream)
{
	const struct spent_table *table = &recording->spent;
	const char *columns[BAND_COUNT + 1] = {"ms a request"};
	char heads[BAND_COUNT][16];

	if (!table->count)
		return;
	for (unsigned band = 0; band < BAND_COUNT; band++)
		put_bar(recording, band, stream);
	for (unsigned band = 0; band < BAND_COUNT; band++) {
		snprintf(heads[band], sizeof(heads[band]), "#%s", band_names[band]);
		columns[band + 1] = heads[band];
	}
	page_table_begin(stream, columns, BAND_COUNT + 1);
	for (size_t i = 0; i < table->count; i++) {
		if (!spent_took_any(&table->rows[i]))
			continue;
		page_row_begin(stream);
		put_name(recording, &table->rows[i], stream);
		for (unsigned band = 0; band < BAND_COUNT; band++)
			page_cell_number(stream, table->rows[i].ms[band], 2, "");
		page_row_end(stream);
	}
	page_table_end(stream);
}
