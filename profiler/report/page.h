/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * page.h - what our HTML pages are made of: one self-contained file that opens from a mail, without a network.
 *
 *   page_begin(stream, "title");
 *   page_section(stream, "cpu", "Where the CPU time goes");
 *   page_picture(stream, recording, options, "CPU flame graph", &error);
 *   page_end(stream);
 *
 * The page's own policy forbids it to load anything (Content-Security-Policy), so that even a name that got through
 * unescaped could fetch nothing. All texts given are escaped here.
 */
#ifndef CONNPROF_REPORT_PAGE_H
#define CONNPROF_REPORT_PAGE_H

#include <stdio.h>

#include "report/report.h"

void page_begin(FILE *stream, const char *title);
void page_end(FILE *stream);

/* A heading with an anchor; `id` is ours, not the target's. */
void page_section(FILE *stream, const char *id, const char *heading);
void page_paragraph(FILE *stream, const char *class, const char *text);

/* A table whose columns sort by a click. Columns whose name begins with '#' hold numbers. */
void page_table_begin(FILE *stream, const char *const *columns, size_t count);
void page_row_begin(FILE *stream);
void page_cell(FILE *stream, const char *text);
/* A number with its digits behind the point and its unit ("%", " ms", ""); NAN: an empty cell that sorts last. */
void page_cell_number(FILE *stream, double value, int digits, const char *unit);
void page_row_end(FILE *stream);
void page_table_end(FILE *stream);

/* The flame graph of the part and the mode the options name, flamegraph.pl's own picture, zoom and search working, in a frame of
 * its own. 0 or -errno with the message in *error; nothing is written then. */
int page_picture(FILE *stream, const struct connprof_recording *recording, const struct connprof_report_options *options,
		 const char *alternative, struct connprof_error *error);

#endif
