/* SPDX-License-Identifier: BSD-2-Clause */
/* html.c - a profile as one self-contained page: the flame graph, the functions behind it, what was lost or cut. */
#include "report/html.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "report/hot.h"
#include "report/page.h"
#include "report/sites.h"

#define FUNCTIONS_SHOWN 60

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

int html_functions(const struct connprof_recording *recording, FILE *stream, struct connprof_error *error)
{
	static const char *const columns[] = {"#self", "#with callees", "function"};
	struct connprof_report_options by_function = {.functions = true};
	struct lines *lines = lines_new(recording, &by_function);
	struct hot_row *rows = NULL;
	int count = lines ? hot_functions(recording, lines, FUNCTIONS_SHOWN, &rows) : -ENOMEM;

	if (count > 0)
		page_table_begin(stream, columns, sizeof(columns) / sizeof(columns[0]));
	for (int i = 0; i < count; i++) {
		page_row_begin(stream);
		page_cell_number(stream, percent(rows[i].self, recording->samples), 1, " %");
		page_cell_number(stream, percent(rows[i].total, recording->samples), 1, " %");
		page_cell(stream, lines_name(lines, rows[i].name));
		page_row_end(stream);
	}
	if (count > 0)
		page_table_end(stream);
	free(rows);
	lines_free(lines);
	return count < 0 ? error_memory(error) : 0;
}

int html_summary(const struct connprof_recording *recording, FILE *stream, struct connprof_error *error)
{
	char *text = NULL;
	size_t length = 0;
	FILE *memory = open_memstream(&text, &length);
	int code;

	if (!memory)
		return error_memory(error);
	code = connprof_report_summary(recording, memory, error);
	if (fclose(memory) && !code)
		code = error_memory(error);
	for (char *line = text, *end; !code && line && *line; line = end + 1) {
		end = strchr(line, '\n');
		if (!end)
			break;
		*end = '\0';
		page_paragraph(stream, "note", line);
	}
	free(text);
	return code;
}

int html_write(const struct connprof_recording *recording, const struct connprof_report_options *options, FILE *stream,
	       struct connprof_error *error)
{
	char targets[128];
	int code;

	page_begin(stream, options->title ? options->title : targets_text(recording, targets, sizeof(targets)));
	code = page_picture(stream, recording, options, "flame graph", error);
	if (!code) {
		page_section(stream, "functions", "Functions");
		code = html_functions(recording, stream, error);
	}
	if (!code) {
		page_section(stream, "seen", "What this stands on");
		code = html_summary(recording, stream, error);
	}
	page_end(stream);
	return code;
}
