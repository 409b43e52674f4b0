/* SPDX-License-Identifier: BSD-2-Clause */
/* output.c - where a report goes and in which format: decided and tried before anything is attached. */
#include "output.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "message.h"

static int refuse_place(const char *path, int code)
{
	message_say("cannot write %s: %s (choose another place with -o)", path, strerror(code));
	return CONNPROF_CANNOT_OBSERVE;
}

/* Could a file be put there? The real answer comes with the write; this one comes before a minute of sampling. */
static int try_place(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	struct stat found;

	if (strlen(path) >= sizeof(folder))
		return refuse_place(path, ENAMETOOLONG);
	if (stat(path, &found) == 0 && S_ISDIR(found.st_mode))
		return refuse_place(path, EISDIR);
	if (stat(path, &found) == 0 && !S_ISREG(found.st_mode)) /* a device or a FIFO is written in place */
		return access(path, W_OK) ? refuse_place(path, errno) : 0;
	if (slash)
		snprintf(folder, sizeof(folder), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	else
		snprintf(folder, sizeof(folder), ".");
	if (stat(folder, &found))
		return refuse_place(path, errno);
	if (!S_ISDIR(found.st_mode))
		return refuse_place(path, ENOTDIR);
	return access(folder, W_OK | X_OK) ? refuse_place(path, errno) : 0;
}

/* Does the name end in something like an extension that no format of any view knows? Such a name gets each view's
 * default from the library; an SVG in a file called x.gif would be no service. */
static bool is_foreign(const char *path)
{
	static const enum connprof_view views[] = {
		CONNPROF_VIEW_PROFILE, CONNPROF_VIEW_VERDICT, CONNPROF_VIEW_SITES, CONNPROF_VIEW_THREADS, CONNPROF_VIEW_DIAGNOSIS,
	};
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
	struct stat found;

	if (!dot || dot == name || (stat(path, &found) == 0 && !S_ISREG(found.st_mode)))
		return false;
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		if (connprof_format_find(views[i], NULL, path) != connprof_format_find(views[i], NULL, NULL))
			return false;
	return true;
}

int output_plan(const struct options *options, enum connprof_view view, const char *stem, struct output_plan *plan)
{
	const char *path = options->output ? options->output : "-";
	const char *format = connprof_format_find(view, options->format, options->output);
	char names[CONNPROF_NAMES_BYTES], extension[24];

	connprof_format_names(view, names, sizeof(names));
	if (!format && options->format)
		return message_usage(options->command, "unknown format '%s': it is one of %s", options->format, names);
	if (!format || (options->output && !options->format && is_foreign(path)))
		return message_usage(options->command, "no format goes with the name %s: give one of %s with -f", path, names);
	if (options->diff && !connprof_format_compares(view, format))
		return message_usage(options->command, "the format %s cannot show a difference: give svg or folded with -f", format);
	if (options->weight && strcmp(format, "svg") && strcmp(format, "folded"))
		return message_usage(options->command, "the format %s has no widths for --weight: give svg or folded with -f", format);
	*plan = (struct output_plan){.view = view, .format = format, .path = path};
	if (!options->output && stem) {
		connprof_format_extension(view, format, extension, sizeof(extension));
		snprintf(plan->name, sizeof(plan->name), "%s%s", stem, extension);
		plan->path = plan->name;
	}
	if (!strcmp(plan->path, "-") && !strcmp(format, "pprof") && isatty(STDOUT_FILENO))
		return message_usage(options->command, "%s is binary: give a file with -o", format);
	return strcmp(plan->path, "-") ? try_place(plan->path) : 0;
}

static bool wants_color(int fd)
{
	const char *no = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return fd >= 0 && !(no && *no) && terminal && strcmp(terminal, "dumb") && isatty(fd);
}

struct connprof_report_options output_style(const struct options *options, const char *format, int fd)
{
	return (struct connprof_report_options){
		.format = format,
		.title = options->title,
		.threads = options->threads,
		.functions = options->functions,
		.nolineno = options->nolineno,
		.native = options->native,
		.color = wants_color(fd),
		.slower_than_ns = options->slower_than_ns,
		.slowest_percent = options->slowest_percent,
		.against_normal = options->diff,
		.stacks = options->stacks,
		.weight = !options->weight ? CONNPROF_WEIGHT_NONE : !strcmp(options->weight, "opened") ? CONNPROF_WEIGHT_OPENED :
			  !strcmp(options->weight, "open") ? CONNPROF_WEIGHT_OPEN : CONNPROF_WEIGHT_SETUP,
		.wait = options->gil_wait ? "GIL" : options->wait,
		.mode = !options->mode || !strcmp(options->mode, "wall") ? CONNPROF_MODE_ALL :
			!strcmp(options->mode, "cpu") ? CONNPROF_MODE_CPU : CONNPROF_MODE_OFFCPU,
	};
}

int output_save(const struct output_plan *plan, const struct options *options,
		const struct connprof_recording *recording, struct connprof_error *error)
{
	int fd = strcmp(plan->path, "-") ? -1 : STDOUT_FILENO;
	struct connprof_report_options style = output_style(options, plan->format, fd);

	if (plan->whole) {
		style.slower_than_ns = 0;
		style.slowest_percent = 0;
		style.against_normal = false;
	}
	return connprof_report_save(recording, plan->view, &style, plan->path, error);
}

int output_write(const struct output_plan *plan, const struct options *options,
		 const struct connprof_recording *recording)
{
	struct connprof_report_options style = output_style(options, plan->format, STDERR_FILENO);
	struct connprof_error error = {0};

	if (!options->run || options->output || strcmp(plan->path, "-"))
		return output_save(plan, options, recording, &error) ? message_failed(&error) : 0;
	if (connprof_report_write(recording, plan->view, &style, stderr, &error))
		return message_failed(&error);
	return message_flush(stderr, "standard error", 0);
}

struct connprof_rules output_rules(const struct options *options, const struct connprof_accepted *accepted)
{
	return (struct connprof_rules){
		.min_requests = options->min_requests,
		.max_connects_per_request = options->max_connects_per_request,
		.max_churn_per_second = options->max_churn,
		.protocols = options->protocols.count ? options->protocols.items : NULL,
		.round_trips = options->rules.count > 0,
		.redis_peers = options->redis_peers.count ? options->redis_peers.items : NULL,
		.app_patterns = options->app_patterns.count ? options->app_patterns.items : NULL,
		.library_patterns = options->library_patterns.count ? options->library_patterns.items : NULL,
		.accepted = accepted,
	};
}

void output_name_sites(const struct options *options, struct connprof_recording *recording)
{
	struct connprof_rules rules = output_rules(options, NULL);

	connprof_recording_judge(recording, &rules, NULL);
}

int output_accepted(const struct options *options, struct connprof_accepted **accepted)
{
	struct connprof_error error = {0};
	int status = options->write_baseline ? try_place(options->write_baseline) : 0;

	if (!status && (options->baseline || options->suppress) &&
	    connprof_accepted_load(options->baseline, options->suppress, accepted, &error))
		status = message_failed(&error);
	return status;
}

int output_baseline(const struct options *options, const struct connprof_recording *recording)
{
	struct connprof_error error = {0};

	if (options->write_baseline && connprof_baseline_save(recording, options->write_baseline, &error))
		return message_failed(&error);
	return 0;
}
