/* SPDX-License-Identifier: BSD-2-Clause */
/* commands.h - the subcommands: what each is called and which function runs it. */
#ifndef CONNPROF_TOOLS_COMMANDS_H
#define CONNPROF_TOOLS_COMMANDS_H

#include "options.h"

/* One bit a command, so that an option's row can say where it applies. */
enum command_bit {
	RECORD = 1,
	TRACE = 2,
	CHECK = 4,
	DUMP = 8,
	REPORT = 16,
	DOCTOR = 32,
	DIAGNOSE = 64,
	TOP = 128,
	DIFF = 256,
};

struct command {
	const char *name;
	unsigned bit;              /* enum command_bit */
	const char *synopsis[2];   /* what follows the name in a usage line; the second may be NULL */
	unsigned view;             /* enum connprof_view of what it writes; 0: no choice of formats */
	const char *purpose;       /* one line of `connprof --help` */
	int (*run)(const struct options *options); /* the exit status */
};

int cmd_record(const struct options *options);
int cmd_trace(const struct options *options);
int cmd_check(const struct options *options);
int cmd_dump(const struct options *options);
int cmd_report(const struct options *options);
int cmd_doctor(const struct options *options);
int cmd_diagnose(const struct options *options);
int cmd_top(const struct options *options);
int cmd_diff(const struct options *options);

#endif
