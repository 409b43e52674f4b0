/* SPDX-License-Identifier: BSD-2-Clause */
/* output.h - where a report goes and in which format: decided and tried before anything is attached. */
#ifndef CONNPROF_TOOLS_OUTPUT_H
#define CONNPROF_TOOLS_OUTPUT_H

#include "connprof.h"
#include "options.h"

struct output_plan {
	enum connprof_view view;
	const char *format;   /* static */
	const char *path;     /* "-": standard output; borrowed from the options, static, or name below */
	char name[64];        /* a plan is not to be copied */
	bool whole;           /* all requests, whatever the options would show of them */
};

/* Decides by --format, --output and the command's default: a file with the given stem ("profile") and the format's extension,
 * or, where stem is NULL, standard output. 0, or the exit status with the message said: CONNPROF_USAGE for an unknown
 * format, CONNPROF_CANNOT_OBSERVE for a place that cannot be written. */
int output_plan(const struct options *options, enum connprof_view view, const char *stem, struct output_plan *plan);

/* fd: where it will be shown, for colour; -1: in a file. */
struct connprof_report_options output_style(const struct options *options, const char *format, int fd);

/* Renders as planned: 0, or a negative errno with the message in *error. */
int output_save(const struct output_plan *plan, const struct options *options,
		const struct connprof_recording *recording, struct connprof_error *error);

/* The same: 0, or the exit status with the message said. When a command was run and no output named, standard output is
 * the command's and the report goes to standard error. */
int output_write(const struct output_plan *plan, const struct options *options,
		 const struct connprof_recording *recording);

/* The rules the options ask for; borrows from both. */
struct connprof_rules output_rules(const struct options *options, const struct connprof_accepted *accepted);

/* Gives call sites their names and rules, without a word on the verdict; a recording without connections has none. */
void output_name_sites(const struct options *options, struct connprof_recording *recording);

/* What --baseline and --suppress accept (NULL: neither was given), and whether --write-baseline's place can be written: before
 * anything is attached. 0, or the exit status with the message said. */
int output_accepted(const struct options *options, struct connprof_accepted **accepted);

/* Writes the baseline if one is asked for: 0, or the exit status with the message said. */
int output_baseline(const struct options *options, const struct connprof_recording *recording);

#endif
