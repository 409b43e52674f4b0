/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * series_html.c - connections over time as pictures, one a peer: a bar for what was opened in each window, a line for what was open.
 *
 * The two have scales of their own, told above each picture; what a window holds is its tooltip. Plain SVG: no script.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "report/html.h"
#include "report/markup.h"
#include "report/page.h"
#include "report/series.h"

#define PEERS_SHOWN 8
#define WIDTH 900   /* of the picture, in its own units */
#define HEIGHT 90
#define BASE 80     /* where the bars stand; the room above is theirs and the line's */
#define TOP 6

static double height_of(uint32_t value, uint32_t most)
{
	return (BASE - TOP) * (double)value / (double)(most ? most : 1);
}

static void put_bars(const struct series_table *table, const struct series_row *row, uint32_t most, FILE *stream)
{
	double width = (double)WIDTH / (double)table->windows;

	for (size_t i = 0; i < table->windows; i++) {
		double height = height_of(row->opened[i], most), from = series_from_seconds(table, i);

		/* The whole window answers to the pointer, not only its bar. */
		fprintf(stream, "<g><title>%.2f to %.2f s: %" PRIu32 " opened, %" PRIu32 " open at its end</title>"
				"<rect x=\"%.2f\" y=\"0\" width=\"%.2f\" height=\"%d\" fill=\"#fff\" fill-opacity=\"0\"/>",
			from, series_from_seconds(table, i + 1), row->opened[i], row->open[i], width * (double)i, width, BASE);
		if (row->opened[i])
			fprintf(stream, "<rect class=\"opened\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"#80ccff\"/>",
				width * (double)i, BASE - height, width * 0.9, height);
		fputs("</g>\n", stream);
	}
}

/* A step at the end of each window. */
static void put_line(const struct series_table *table, const struct series_row *row, uint32_t most, FILE *stream)
{
	double width = (double)WIDTH / (double)table->windows;

	fputs("<polyline class=\"open\" fill=\"none\" stroke=\"#cf222e\" stroke-width=\"2\" pointer-events=\"none\" points=\"", stream);
	for (size_t i = 0; i < table->windows; i++) {
		double y = BASE - height_of(row->open[i], most);

		fprintf(stream, "%.2f,%.2f %.2f,%.2f ", width * (double)i, y, width * (double)(i + 1), y);
	}
	fputs("\"/>\n", stream);
}

static void put_peer(const struct connprof_recording *recording, const struct series_row *row, FILE *stream)
{
	const struct series_table *table = &recording->series;
	struct series_sums sums = series_sums(table, row);
	char peer[ENDPOINT_TEXT], text[ENDPOINT_TEXT + 200];

	snprintf(text, sizeof(text), "%s: %" PRIu64 " opened, at most %" PRIu32 " in a bar's %.3g s; line: at most %" PRIu32 " open, %" PRIu32
		 " at the end", series_peer(recording, row, peer), sums.opened, sums.most_opened, (double)table->window_ns / 1e9,
		 sums.most_open, sums.at_end);
	page_paragraph(stream, "note", text);
	fprintf(stream, "<svg class=\"series\" viewBox=\"0 0 %d %d\" width=\"100%%\" height=\"%d\" preserveAspectRatio=\"none\" role=\"img\"",
		WIDTH, HEIGHT, HEIGHT);
	markup_attribute("aria-label", text, stream);
	fputs(">\n", stream);
	put_bars(table, row, sums.most_opened, stream);
	put_line(table, row, sums.most_open, stream);
	fprintf(stream, "<line x1=\"0\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"#d0d7de\"/></svg>\n", BASE, WIDTH, BASE);
}

void html_series(const struct connprof_recording *recording, FILE *stream)
{
	const struct series_table *table = &recording->series;
	const struct series_row *rows[SERIES_PEERS];
	size_t count = series_by_opened(table, rows);
	char text[160];

	if (!count) {
		page_paragraph(stream, "note", "No connection was opened.");
		return;
	}
	snprintf(text, sizeof(text), "From %.2f to %.2f s of the recording, those opened in it: at most %" PRIu32 " open at the same time.",
		 series_from_seconds(table, 0), series_from_seconds(table, table->windows), table->peak);
	page_paragraph(stream, "what", text);
	for (size_t i = 0; i < count && i < PEERS_SHOWN; i++)
		put_peer(recording, rows[i], stream);
	if (count > PEERS_SHOWN) {
		snprintf(text, sizeof(text), "and %zu more peers, to which fewer were opened", count - PEERS_SHOWN);
		page_paragraph(stream, "note", text);
	}
}
