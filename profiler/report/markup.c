/* SPDX-License-Identifier: BSD-2-Clause */
/* markup.c - escaping for XML 1.0 and HTML. */
#include "report/markup.h"

#include <string.h>

void markup_put(const char *text, FILE *stream)
{
	for (const char *at = text; *at; at++) {
		unsigned char c = (unsigned char)*at;

		if (c == '&')
			fputs("&amp;", stream);
		else if (c == '<')
			fputs("&lt;", stream);
		else if (c == '>')
			fputs("&gt;", stream);
		else if (c == '"')
			fputs("&quot;", stream);
		else if (c == '\'')
			fputs("&#39;", stream);
		else if (c < 0x20 || c == 0x7f)
			fputc('?', stream);
		else if (c == 0xef && !strncmp(at, "\xef\xbf", 2) && (unsigned char)at[2] >= 0xbe) {
			fputc('?', stream);
			at += 2;
		} else
			fputc(c, stream);
	}
}

void markup_attribute(const char *name, const char *value, FILE *stream)
{
	fprintf(stream, " %s=\"", name);
	markup_put(value, stream);
	fputc('"', stream);
}
