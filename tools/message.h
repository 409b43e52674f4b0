/* SPDX-License-Identifier: BSD-2-Clause */
/* message.h - what connprof says to the person: one line on standard error, control characters replaced. */
#ifndef CONNPROF_TOOLS_MESSAGE_H
#define CONNPROF_TOOLS_MESSAGE_H

#include <stdio.h>

#include "connprof.h"

struct command;

/* "connprof: …" */
void message_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same with "(try: connprof COMMAND --help)" after it; command may be NULL. Returns CONNPROF_USAGE. */
int message_usage(const struct command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What the library said. Returns the exit status that goes with it. */
int message_failed(const struct connprof_error *error);

/* Flushes stream; when anything written to it did not arrive, says so and returns CONNPROF_CANNOT_OBSERVE, else status. */
int message_flush(FILE *stream, const char *name, int status);

/* For connprof_log_to. */
void message_log(int level, const char *line);

#endif
