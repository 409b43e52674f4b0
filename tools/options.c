/* SPDX-License-Identifier: BSD-2-Clause */
/* options.c - the options table, and the parser and the help made from it. */
#include "options.h"

#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "connprof.h"
#include "message.h"

#define PID_LIMIT 4194304 /* PID_MAX_LIMIT of the kernel's include/linux/threads.h, 64-bit */

enum kind {
	FLAG,     /* bool */
	TALLY,    /* unsigned: how often it was given */
	TEXT,     /* const char *, one of .choices if there are any */
	LIST,     /* struct option_list, likewise */
	PID,      /* the pids */
	DURATION, /* uint64_t, nanoseconds */
	COUNT,    /* unsigned within low..high */
	REAL,     /* double, 0 or more */
	PERCENT,  /* double, more than 0 and at most 100; a % behind it is taken */
	REFUSED,  /* a flag of py-spy or of a later version: .help says why not; left out of --help */
};

struct row {
	const char *name;
	char letter;          /* 0: none */
	const char *argument; /* NULL: takes none */
	enum kind kind;
	size_t offset;        /* in struct options */
	unsigned low, high;
	const char *choices;  /* space-separated; NULL: anything */
	unsigned commands;
	const char *help;
};

#define AT(field) offsetof(struct options, field)
#define LIVE (RECORD | TRACE | CHECK | DIAGNOSE | TOP)
#define WRITES (RECORD | TRACE | CHECK | DIAGNOSE | DUMP | REPORT | DIFF)
#define PROFILES (RECORD | REPORT | DIAGNOSE)
#define JUDGES (CHECK | REPORT | DIAGNOSE)
#define SITES (TRACE | CHECK | REPORT | DIAGNOSE | TOP)
#define CUTS (RECORD | REPORT)
#define ALL (LIVE | DUMP | REPORT | DIFF | DOCTOR)

static const struct row rows[] = {
	{"pid", 'p', "PID", PID, 0, 0, 0, NULL, LIVE | DUMP, "the process to attach to (repeatable)"},
	{"duration", 'd', "TIME", DURATION, AT(duration_ns), 0, 0, NULL, LIVE,
	 "end after TIME: 30, 500ms, 2s, 1m (default: at Ctrl-C, or when the target ends)"},
	{"output", 'o', "FILE", TEXT, AT(output), 0, 0, NULL, WRITES, "write to FILE ('-': standard output)"},
	{"format", 'f', "NAME", TEXT, AT(format), 0, 0, NULL, WRITES,
	 "the output's format (default: from FILE's extension)"},
	{"json", 'j', NULL, FLAG, AT(json), 0, 0, NULL, TRACE | CHECK | DUMP | DIFF | DOCTOR, "the same as --format json"},
	{"json", 'j', NULL, FLAG, AT(json_summary), 0, 0, NULL, DIAGNOSE, "print JSON instead of the text, beside the page"},
	{"rate", 'r', "HZ", COUNT, AT(rate_hz), 1, 10000, NULL, RECORD | CHECK | DIAGNOSE | TOP,
	 "samples per second of CPU time (default 99)"},
	{"threads", 't', NULL, FLAG, AT(threads), 0, 0, NULL, PROFILES, "the thread as the root frame"},
	{"native", 'n', NULL, FLAG, AT(native), 0, 0, NULL, PROFILES | DIFF | DUMP,
	 "show the interpreter's own C frames too (other native frames are always shown)"},
	{"function", 'F', NULL, FLAG, AT(functions), 0, 0, NULL, PROFILES, "merge by function instead of by line"},
	{"nolineno", 0, NULL, FLAG, AT(nolineno), 0, 0, NULL, PROFILES, "no line numbers in names"},
	{"kernel", 0, NULL, FLAG, AT(kernel), 0, 0, NULL, RECORD | DUMP | DIAGNOSE, "kernel frames too"},
	{"gil", 'g', NULL, FLAG, AT(gil), 0, 0, NULL, RECORD, "only samples of threads that hold Python's GIL"},
	{"mode", 0, "MODE", TEXT, AT(mode), 0, 0, "cpu offcpu wall", PROFILES,
	 "cpu (record's default), offcpu (what threads wait for), or wall (both)"},
	{"idle", 'i', NULL, FLAG, AT(idle), 0, 0, NULL, RECORD, "threads that do not run too: the same as --mode wall"},
	{"wait", 0, "KIND", TEXT, AT(wait), 0, 0, "socket accept poll pipe file disk page-fault lock GIL sleep child signal stopped "
	 "kernel run-queue", PROFILES, "of time off the CPU only this kind (--mode offcpu)"},
	{"gil-wait", 0, NULL, FLAG, AT(gil_wait), 0, 0, NULL, RECORD, "who waits for Python's GIL, and who holds it meanwhile"},
	{"wakers", 0, NULL, FLAG, AT(wakers), 0, 0, NULL, RECORD, "behind each wait, who ended it (--mode offcpu or wall)"},
	{"min-block", 0, "TIME", DURATION, AT(min_block_ns), 0, 0, NULL, RECORD, "leave out waits shorter than TIME (default: none)"},
	{"requests", 0, NULL, FLAG, AT(requests), 0, 0, NULL, RECORD,
	 "note for each sample how long the request it lies in took"},
	{"log-sites", 0, NULL, FLAG, AT(log_sites), 0, 0, NULL, RECORD,
	 "which code writes logs, and what it costs (for report --view requests); slows each system call of the host by some 50 ns"},
	{"round-trips", 0, NULL, FLAG, AT(round_trips), 0, 0, NULL, RECORD,
	 "which code sends Redis commands one by one (for report --view requests)"},
	{"slower-than", 0, "TIME", DURATION, AT(slower_than_ns), 0, 0, NULL, CUTS,
	 "show only what lies inside requests slower than TIME"},
	{"slowest", 0, "PERCENT", PERCENT, AT(slowest_percent), 0, 0, NULL, CUTS,
	 "show only what lies inside the slowest so many percent of the requests"},
	{"diff", 0, "WHAT", TEXT, AT(diff), 0, 0, "normal", CUTS,
	 "and that against what lies inside the normal ones: red is more, blue is less"},
	{"subprocesses", 's', NULL, FLAG, AT(subprocesses), 0, 0, NULL, RECORD | DUMP,
	 "follow children (accepted as py-spy has it: it is the default)"},
	{"no-children", 0, NULL, FLAG, AT(no_children), 0, 0, NULL, LIVE | DUMP, "do not follow children of PID"},
	{"no-tls", 0, NULL, FLAG, AT(no_tls), 0, 0, NULL, LIVE,
	 "do not read what is said inside TLS: no breakpoints in the TLS library"},
	{"title", 0, "TEXT", TEXT, AT(title), 0, 0, NULL, PROFILES | DIFF, "the picture's title"},
	{"view", 0, "NAME", TEXT, AT(view), 0, 0, "profile verdict sites requests diagnosis", REPORT,
	 "what to render: profile, verdict (as check), sites (as trace), requests or diagnosis (as diagnose)"},
	{"stacks", 0, NULL, FLAG, AT(stacks), 0, 0, NULL, TRACE | REPORT, "call sites with the chain of calls down to connect(); jsonl: the stacks of each connection"},
	{"weight", 0, "WHAT", TEXT, AT(weight), 0, 0, "opened open setup", TRACE | REPORT,
	 "what the width of a flame graph of connections is: how many were opened, are still open, or their set-up time"},
	{"min-requests", 0, "N", COUNT, AT(min_requests), 0, 1000000000, NULL, JUDGES,
	 "fewer requests than this are inconclusive (default 20)"},
	{"max-connects-per-request", 0, "X", REAL, AT(max_connects_per_request), 0, 0, NULL, JUDGES,
	 "connections per request that are still no finding (default 0.05)"},
	{"max-churn", 0, "X", REAL, AT(max_churn), 0, 0, NULL, JUDGES,
	 "short-lived connections a second that are still no finding (default 2)"},
	{"protocol", 0, "NAME", LIST, AT(protocols), 0, 0, "redis http fastcgi uwsgi mysql postgres memcached any", JUDGES,
	 "peers that decide the verdict: redis (the default), http, fastcgi, uwsgi, mysql, postgres, memcached, any (repeatable)"},
	{"rule", 0, "NAME", LIST, AT(rules), 0, 0, "round-trips", CHECK,
	 "a further rule: round-trips, Redis commands sent one by one inside a request"},
	{"redis", 0, "PEER", LIST, AT(redis_peers), 0, 0, NULL, SITES,
	 "take HOST:PORT, or a UNIX socket's path, for Redis though it cannot be read (repeatable)"},
	{"app", 0, "PATTERN", LIST, AT(app_patterns), 0, 0, NULL, SITES,
	 "files that match are the application's own (repeatable)"},
	{"library", 0, "PATTERN", LIST, AT(library_patterns), 0, 0, NULL, SITES,
	 "files that match are a library's (repeatable)"},
	{"baseline", 0, "FILE", TEXT, AT(baseline), 0, 0, NULL, JUDGES,
	 "findings in FILE are accepted: shown, but they do not count"},
	{"write-baseline", 0, "FILE", TEXT, AT(write_baseline), 0, 0, NULL, CHECK | REPORT, "write the findings to FILE, for --baseline"},
	{"suppress", 0, "FILE", TEXT, AT(suppress), 0, 0, NULL, JUDGES,
	 "findings that fit a line of FILE, conn:RULE:PATTERN, do not count"},
	{"redis-server", 0, "URL", TEXT, AT(redis_server), 0, 0, NULL, CHECK,
	 "also ask this server: redis://[user:password@]host:port[/db] or unix://[user:password@]path"},
	{"events", 0, "FILE", TEXT, AT(events), 0, 0, NULL, LIVE,
	 "write the event stream too, for `connprof report` (.events.jsonl)"},
	{"quiet", 'q', NULL, FLAG, AT(quiet), 0, 0, NULL, ALL, "say nothing but errors and the result"},
	{"verbose", 'v', NULL, TALLY, AT(verbose), 0, 0, NULL, ALL, "say what is being done; -vv says more"},
	{"help", 'h', NULL, FLAG, AT(help), 0, 0, NULL, ALL, "this list"},
};

enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]), LONG_BASE = 256 };

static bool is_choice(const char *choices, const char *value)
{
	size_t length = strlen(value);

	for (const char *at = choices; at && length; at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL)
		if (!strncmp(at, value, length) && (at[length] == ' ' || at[length] == '\0'))
			return true;
	return false;
}

static bool parse_count(const char *text, unsigned low, unsigned high, unsigned *out)
{
	unsigned long value;
	char *end;

	if (*text < '0' || *text > '9' || strlen(text) > 10)
		return false;
	value = strtoul(text, &end, 10);
	if (*end || value < low || value > high)
		return false;
	*out = (unsigned)value;
	return true;
}

static bool parse_real(const char *text, double *out)
{
	double value;
	char *end;

	if ((*text < '0' || *text > '9') && *text != '.')
		return false;
	value = strtod(text, &end);
	if (end == text || *end || !isfinite(value))
		return false;
	*out = value;
	return true;
}

static bool parse_percent(const char *text, double *out)
{
	char number[32];
	size_t length = strlen(text);
	double value;

	if (length && text[length - 1] == '%')
		length--;
	if (length >= sizeof(number))
		return false;
	memcpy(number, text, length);
	number[length] = '\0';
	if (!parse_real(number, &value) || value <= 0 || value > 100)
		return false;
	*out = value;
	return true;
}

static int add_pid(struct options *options, const char *text)
{
	unsigned pid;

	if (!parse_count(text, 1, PID_LIMIT, &pid))
		return message_usage(options->command, "'%s' is not a process id", text);
	for (size_t i = 0; i < options->pid_count; i++)
		if (options->pids[i] == (pid_t)pid)
			return 0;
	if (options->pid_count == OPTIONS_PIDS_MAX)
		return message_usage(options->command, "more than %d processes", OPTIONS_PIDS_MAX);
	options->pids[options->pid_count++] = (pid_t)pid;
	return 0;
}

static int add_text(const struct options *options, const struct row *row, struct option_list *list, const char *value)
{
	if (list->count == OPTIONS_LIST_MAX)
		return message_usage(options->command, "--%s: more than %d values", row->name, OPTIONS_LIST_MAX);
	list->items[list->count++] = value;
	return 0;
}

/* Where a row's value goes: 0, or CONNPROF_USAGE with the mistake said. */
static int set_value(struct options *options, const struct row *row, const char *value)
{
	void *at = (char *)options + row->offset;
	const struct command *command = options->command;

	if (row->choices && !is_choice(row->choices, value))
		return message_usage(command, "--%s: '%s' is none of %s", row->name, value, row->choices);
	if (row->argument && !*value)
		return message_usage(command, "--%s: empty %s", row->name, row->argument);
	switch (row->kind) {
	case FLAG:
		*(bool *)at = true;
		return 0;
	case TALLY:
		++*(unsigned *)at;
		return 0;
	case TEXT:
		*(const char **)at = value;
		return 0;
	case LIST:
		return add_text(options, row, at, value);
	case PID:
		return add_pid(options, value);
	case DURATION:
		if (connprof_parse_duration(value, at) || *(uint64_t *)at == 0)
			return message_usage(command, "--%s: '%s' is not a duration (30, 500ms, 2s, 1m)", row->name, value);
		return 0;
	case COUNT:
		if (!parse_count(value, row->low, row->high, at))
			return message_usage(command, "--%s: '%s' is not a whole number from %u to %u", row->name, value,
					     row->low, row->high);
		return 0;
	case REAL:
		if (!parse_real(value, at))
			return message_usage(command, "--%s: '%s' is not a number of 0 or more", row->name, value);
		return 0;
	case PERCENT:
		if (!parse_percent(value, at))
			return message_usage(command, "--%s: '%s' is not a percentage above 0 and up to 100", row->name, value);
		return 0;
	case REFUSED:
		break;
	}
	return message_usage(command, "--%s is not in this version: %s", row->name, row->help);
}

static const struct row *row_by_letter(unsigned bit, int letter)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		if ((rows[i].commands & bit) && rows[i].letter == letter)
			return &rows[i];
	return NULL;
}

/* What getopt_long wants: '-' gives operands in place, so that "--" stays where it is; ':' tells a missing argument
 * from an unknown option. */
static void fill_getopt(unsigned bit, char *letters, struct option *longs)
{
	*letters++ = '-';
	*letters++ = ':';
	for (size_t i = 0; i < ROW_COUNT; i++) {
		const struct row *row = &rows[i];

		if (!(row->commands & bit))
			continue;
		*longs++ = (struct option){row->name, row->argument ? required_argument : no_argument, NULL,
					   LONG_BASE + (int)i};
		if (!row->letter)
			continue;
		*letters++ = row->letter;
		if (row->argument)
			*letters++ = ':';
	}
	*letters = '\0';
	*longs = (struct option){0};
}

/* getopt found nothing, or more than one option, that `given` could be. */
static int refuse_unknown(const struct command *command, const char *given, int letter)
{
	char list[512] = "";
	size_t length = strcspn(given, "="), at = 0, matches = 0;

	if (letter && letter < LONG_BASE)
		return message_usage(command, "unknown option -%c", letter);
	if (letter)
		return message_usage(command, "--%s takes no value", rows[letter - LONG_BASE].name);
	for (size_t i = 0; i < ROW_COUNT && length > 2; i++)
		if ((rows[i].commands & command->bit) && !strncmp(rows[i].name, given + 2, length - 2)) {
			int wrote = snprintf(list + at, sizeof(list) - at, "%s--%s", at ? ", " : "", rows[i].name);

			at = at + (size_t)wrote < sizeof(list) ? at + (size_t)wrote : sizeof(list) - 1;
			matches++;
		}
	if (matches > 1)
		return message_usage(command, "%.*s could be %s", (int)length, given, list);
	return message_usage(command, "unknown option %.*s", (int)length, given);
}

static int take_operand(struct options *options, const char *operand)
{
	const struct command *command = options->command;

	if (command->bit == REPORT && !options->file) {
		options->file = operand;
		return 0;
	}
	if (command->bit == DIFF && !options->after) {
		*(options->file ? &options->after : &options->file) = operand;
		return 0;
	}
	if ((command->bit & (LIVE | DUMP)) && *operand && strspn(operand, "0123456789") == strlen(operand))
		return message_usage(command, "unexpected '%s': a process is given as -p %s", operand, operand);
	if (command->bit & LIVE)
		return message_usage(command, "unexpected '%s': a command to run follows --", operand);
	return message_usage(command, "unexpected '%s'", operand);
}

static int parse_each(struct options *options, int argc, char **argv)
{
	char letters[2 * ROW_COUNT + 3];
	struct option longs[ROW_COUNT + 1];
	const struct command *command = options->command;
	int got, failed = 0;

	fill_getopt(command->bit, letters, longs);
	opterr = 0;
	while (!failed && (got = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (got == 1)
			failed = take_operand(options, optarg);
		else if (got == ':')
			failed = message_usage(command, "%s needs a value", argv[optind - 1]);
		else if (got == '?')
			failed = refuse_unknown(command, argv[optind - 1], optopt);
		else
			failed = set_value(options, got >= LONG_BASE ? &rows[got - LONG_BASE]
								     : row_by_letter(command->bit, got), optarg);
		if (options->help)
			return 0;
	}
	if (!failed && optind < argc) {
		if (!(command->bit & LIVE))
			return message_usage(command, "%s runs no command", command->name);
		options->run = argv + optind;
	}
	return failed;
}

/* py-spy's word for a mode. */
static int take_idle(struct options *options)
{
	if (options->mode && strcmp(options->mode, "wall"))
		return message_usage(options->command, "--idle is --mode wall: it excludes --mode %s", options->mode);
	options->mode = "wall";
	return 0;
}

/* What no single option can see. */
static int check_together(const struct options *options)
{
	const struct command *command = options->command;

	if ((command->bit & LIVE) && !options->pid_count && !options->run)
		return message_usage(command, "nothing to watch: give -p PID, or a command after --");
	if (command->bit == DUMP && !options->pid_count)
		return message_usage(command, "nothing to look at: give -p PID");
	if (options->gil && options->gil_wait)
		return message_usage(command, "--gil and --gil-wait exclude each other");
	if (options->gil_wait && options->mode && !strcmp(options->mode, "cpu"))
		return message_usage(command, "--gil-wait is about the time off the CPU: it excludes --mode cpu");
	if (options->gil && options->mode && strcmp(options->mode, "cpu"))
		return message_usage(command, "--gil is about the CPU: it excludes --mode %s", options->mode);
	if (options->wait && command->bit == RECORD && (!options->mode || !strcmp(options->mode, "cpu")))
		return message_usage(command, "--wait goes with --mode offcpu or wall");
	if (options->wakers && (options->gil_wait || !options->mode || !strcmp(options->mode, "cpu")))
		return message_usage(command, "--wakers goes with --mode offcpu or wall");
	if (options->min_block_ns && !options->gil_wait && (!options->mode || !strcmp(options->mode, "cpu")))
		return message_usage(command, "--min-block goes with --mode offcpu or wall");
	if (options->pid_count && options->run)
		return message_usage(command, "give -p PID or a command after --, not both");
	if (command->bit == REPORT && !options->file)
		return message_usage(command, "no recording given");
	if (command->bit == DIFF && !options->after)
		return message_usage(command, "two recordings are compared: BEFORE AFTER");
	if (options->slower_than_ns && options->slowest_percent > 0)
		return message_usage(command, "--slower-than and --slowest exclude each other");
	if (options->diff && !options->slower_than_ns && options->slowest_percent <= 0)
		return message_usage(command, "--diff %s needs --slower-than or --slowest", options->diff);
	if (options->json && options->format && strcmp(options->format, "json"))
		return message_usage(command, "--json and --format %s exclude each other", options->format);
	return 0;
}

bool options_parse(const struct command *command, int argc, char **argv, struct options *options, int *status)
{
	/* The defaults are the rules' own, INTERFACE of connprof_rules. */
	*options = (struct options){
		.command = command, .min_requests = 20, .max_connects_per_request = 0.05, .max_churn = 2,
	};
	*status = parse_each(options, argc, argv);
	if (!*status && options->help) {
		options_help(command, stdout);
		*status = message_flush(stdout, "standard output", CONNPROF_OK);
		return false;
	}
	if (!*status && options->idle)
		*status = take_idle(options);
	if (!*status)
		*status = check_together(options);
	if (!*status && options->json)
		options->format = "json";
	return !*status;
}

static void print_formats(FILE *stream, const char *what, enum connprof_view view)
{
	char names[CONNPROF_NAMES_BYTES];

	connprof_format_names(view, names, sizeof(names));
	fprintf(stream, "%s: %s\n", what, names);
}

void options_help(const struct command *command, FILE *stream)
{
	static const struct {
		const char *words;
		enum connprof_view view;
	} views[] = {
		{"formats with --view verdict", CONNPROF_VIEW_VERDICT}, {"formats with --view sites", CONNPROF_VIEW_SITES},
		{"formats with --view requests", CONNPROF_VIEW_REQUESTS}, {"formats with --view diagnosis", CONNPROF_VIEW_DIAGNOSIS},
	};

	fprintf(stream, "usage: connprof %s %s\n", command->name, command->synopsis[0]);
	if (command->synopsis[1])
		fprintf(stream, "       connprof %s %s\n", command->name, command->synopsis[1]);
	fprintf(stream, "\n%s\n\n", command->purpose);
	for (size_t i = 0; i < ROW_COUNT; i++) {
		const struct row *row = &rows[i];
		char name[64], letter[8] = "    ";

		if (!(row->commands & command->bit) || row->kind == REFUSED)
			continue;
		if (row->letter)
			snprintf(letter, sizeof(letter), "-%c, ", row->letter);
		snprintf(name, sizeof(name), "%s--%s%s%s", letter, row->name, row->argument ? " " : "",
			 row->argument ? row->argument : "");
		if (strlen(name) > 25)
			fprintf(stream, "  %s\n%28s%s\n", name, "", row->help);
		else
			fprintf(stream, "  %-26s%s\n", name, row->help);
	}
	if (command->view)
		print_formats(stream, "\nformats", command->view);
	if (command->bit == TRACE)
		fputs("standard output that is no terminal gets jsonl, a line for each connection as it happens, unless -f, -o or a command is given\n",
		      stream);
	if (command->bit == REPORT)
		for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
			print_formats(stream, views[i].words, views[i].view);
}
