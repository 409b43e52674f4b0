/* SPDX-License-Identifier: BSD-2-Clause */
/* log.c - the library's only mutable global: where its log lines go, and from which level. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static struct {
	connprof_log_function function;
	int level;
} sink;

void connprof_log_to(connprof_log_function function, int level)
{
	sink.function = function;
	sink.level = level;
}

void log_say(int level, const char *format, ...)
{
	char line[1024];
	va_list args;

	if (!sink.function || level > sink.level)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	sink.function(level, line);
}
