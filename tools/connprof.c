/* SPDX-License-Identifier: BSD-2-Clause */
/* connprof.c - the connprof command: finds the subcommand and runs it. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "connprof.h"
#include "message.h"

#define ON_PROCESS "-p PID [OPTION]...", "[OPTION]... -- COMMAND..."

static const struct command commands[] = {
	{"record", RECORD, {ON_PROCESS}, CONNPROF_VIEW_PROFILE,
	 "sample native and interpreter stacks of a live service: a flame graph", cmd_record},
	{"trace", TRACE, {ON_PROCESS}, CONNPROF_VIEW_SITES,
	 "follow every connection it opens, with the code that opened it", cmd_trace},
	{"check", CHECK, {ON_PROCESS}, CONNPROF_VIEW_VERDICT,
	 "decide whether it opens connections per request, or leaks them", cmd_check},
	{"diagnose", DIAGNOSE, {ON_PROCESS}, CONNPROF_VIEW_DIAGNOSIS,
	 "all of it at once: one page with findings, in words, and their evidence", cmd_diagnose},
	{"dump", DUMP, {"-p PID [OPTION]...", NULL}, CONNPROF_VIEW_THREADS,
	 "every thread's stack, now", cmd_dump},
	{"top", TOP, {ON_PROCESS}, 0,
	 "live in the terminal: hot functions, connection call sites, request latency", cmd_top},
	{"report", REPORT, {"FILE [OPTION]...", NULL}, CONNPROF_VIEW_PROFILE,
	 "render a recording again, in any format, without root", cmd_report},
	{"diff", DIFF, {"BEFORE AFTER [OPTION]...", NULL}, CONNPROF_VIEW_DIFF,
	 "what changed between two recordings: before and after the fix", cmd_diff},
	{"doctor", DOCTOR, {"[OPTION]...", NULL}, 0,
	 "what this host, kernel and user permit, and how to get what is missing", cmd_doctor},
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static void print_help(void)
{
	puts("usage: connprof COMMAND [OPTION]...\n\n"
	     "Profiles a running service and finds the code that opens connections per request.\n"
	     "The service is not restarted, changed or stopped.\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		printf("  %-8s %s\n", commands[i].name, commands[i].purpose);
	puts("\nexit status: 0 clean, 1 findings, 2 usage error, 3 could not observe, or not write\n"
	     "             the result, 4 inconclusive, 5 the command that `check -- COMMAND` ran failed\n\n"
	     "connprof COMMAND --help lists a command's options; connprof(1) is the manual.");
}

static int show_help(const char *name)
{
	const struct command *command;

	if (!name) {
		print_help();
	} else {
		command = find_command(name);
		if (!command)
			return message_usage(NULL, "there is no command '%s'", name);
		options_help(command, stdout);
	}
	return message_flush(stdout, "standard output", CONNPROF_OK);
}

/* A closed standard stream's number would go to the next file opened, and what is meant for a person into it. The
 * number is taken by something that refuses to be used, so that writing still fails. */
static void hold_standard_streams(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0)
			_exit(CONNPROF_CANNOT_OBSERVE);
}

static int run_command(const struct command *command, int argc, char **argv)
{
	struct options options;
	int status;

	if (!options_parse(command, argc, argv, &options, &status))
		return status;
	if (options.verbose)
		connprof_log_to(message_log, (int)options.verbose);
	return command->run(&options);
}

int main(int argc, char **argv)
{
	const struct command *command;

	hold_standard_streams();
	signal(SIGPIPE, SIG_IGN); /* a closed pipe is found as a failed write, and said */
	signal(SIGXFSZ, SIG_IGN); /* and so is a file that would be larger than allowed */
	signal(SIGCHLD, SIG_DFL); /* inherited as ignored, a command's exit status would be lost */
	if (argc < 2)
		return message_usage(NULL, "no command given");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return show_help(NULL);
	if (!strcmp(argv[1], "help"))
		return show_help(argv[2]);
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("connprof " CONNPROF_VERSION);
		return message_flush(stdout, "standard output", CONNPROF_OK);
	}
	command = find_command(argv[1]);
	if (!command)
		return message_usage(NULL, "there is no %s '%s'", argv[1][0] == '-' ? "option" : "command", argv[1]);
	return run_command(command, argc - 1, argv + 1);
}
