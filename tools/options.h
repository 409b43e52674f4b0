/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.h - the command line of every subcommand, parsed into one struct.
 *
 * One table says for each option its name, letter, argument, help, the commands it applies to and where its value goes:
 * getopt's arrays and --help are both made from it, so they cannot differ.
 */
#ifndef CONNPROF_TOOLS_OPTIONS_H
#define CONNPROF_TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define OPTIONS_PIDS_MAX 64
#define OPTIONS_LIST_MAX 64 /* values of one repeatable option */

struct command;

/* Values of a repeatable option; always NULL-ended. */
struct option_list {
	const char *items[OPTIONS_LIST_MAX + 1];
	size_t count;
};

/* Texts are borrowed from argv. NULL, 0 and false: not given. */
struct options {
	const struct command *command;
	pid_t pids[OPTIONS_PIDS_MAX];
	size_t pid_count;
	char **run;                /* the command after "--", NULL-ended */
	const char *file;          /* report's FILE, diff's BEFORE */
	const char *after;         /* diff's AFTER */
	uint64_t duration_ns, slower_than_ns, min_block_ns;
	unsigned rate_hz;
	unsigned verbose;
	bool quiet, json, json_summary, no_children, no_tls, kernel, gil, idle, native, threads, functions, nolineno, subprocesses;
	bool requests, gil_wait, log_sites, round_trips, help;
	bool wakers, stacks;
	const char *output, *format, *title, *view, *mode, *wait, *events, *redis_server;
	const char *weight, *baseline, *write_baseline, *suppress, *diff;
	unsigned min_requests;
	double max_connects_per_request, max_churn, slowest_percent;
	struct option_list protocols, rules, redis_peers, app_patterns, library_patterns;
};

/* Parses what follows the command's name (argv[0] is that name). Returns true to go on. False: help was printed or the
 * mistake was, and *status is the exit status. */
bool options_parse(const struct command *command, int argc, char **argv, struct options *options, int *status);

/* The usage, purpose and options of one command. */
void options_help(const struct command *command, FILE *stream);

#endif
