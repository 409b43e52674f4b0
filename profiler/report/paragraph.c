/* SPDX-License-Identifier: BSD-2-Clause */
/* paragraph.c - labelled paragraphs for a terminal. */
#include "report/paragraph.h"

#include <string.h>

#define TEXT_WIDTH 100 /* behind the label */

void paragraph_label(FILE *stream, const char *label)
{
	fprintf(stream, "   %-9s ", label);
}

void paragraph_put(FILE *stream, const char *label, const char *text)
{
	size_t column = 0;

	paragraph_label(stream, label);
	while (*(text += strspn(text, " "))) {
		size_t length = strcspn(text, " ");

		if (column && column + 1 + length > TEXT_WIDTH) {
			fputc('\n', stream);
			paragraph_label(stream, "");
			column = 0;
		}
		fprintf(stream, "%s%.*s", column ? " " : "", (int)length, text);
		column += (column ? 1 : 0) + length;
		text += length;
	}
	fputc('\n', stream);
}
