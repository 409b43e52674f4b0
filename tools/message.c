/* SPDX-License-Identifier: BSD-2-Clause */
/* message.c - what connprof says to the person: one line on standard error, control characters replaced. */
#include "message.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "commands.h"

/* Names come from argv and from targets: an escape sequence in one must not reach the terminal. */
static void write_line(const char *text)
{
	char clean[2048];
	size_t at = 0;

	for (; text[at] && at < sizeof(clean) - 1; at++)
		clean[at] = (unsigned char)text[at] < 0x20 || text[at] == 0x7f ? '?' : text[at];
	clean[at] = '\0';
	fprintf(stderr, "connprof: %s\n", clean);
}

void message_say(const char *format, ...)
{
	char text[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	write_line(text);
}

int message_usage(const struct command *command, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	message_say("%s (try: connprof %s%s--help)", text, command ? command->name : "", command ? " " : "");
	return CONNPROF_USAGE;
}

int message_failed(const struct connprof_error *error)
{
	write_line(error->text[0] ? error->text : "failed, and the library did not say why");
	return error->status == CONNPROF_OK ? CONNPROF_CANNOT_OBSERVE : (int)error->status;
}

int message_flush(FILE *stream, const char *name, int status)
{
	errno = 0;
	if (fflush(stream) == 0 && !ferror(stream))
		return status;
	if (!errno && fputc('\n', stream) != EOF) /* stdio forgets why an earlier write failed: the next one tells again */
		fflush(stream);
	message_say("cannot write %s: %s", name, errno ? strerror(errno) : "an earlier write failed");
	return CONNPROF_CANNOT_OBSERVE;
}

void message_log(int level, const char *line)
{
	(void)level;
	write_line(line);
}
