/* SPDX-License-Identifier: BSD-2-Clause */
/* formats.c - the table of formats, and what of connprof.h only needs the table. */
#include <string.h>

#include <errno.h>

#include "base/error.h"
#include "base/file.h"
#include "report/report.h"

/* The first row that fits a view is its default; the same name may mean another writer in another view. */
const struct report_format report_formats[] = {
	{"svg", "flamegraph", ".svg", CONNPROF_VIEW_PROFILE, svg_write, true},
	{"folded", "raw collapsed", ".folded .collapsed .raw .txt", CONNPROF_VIEW_PROFILE, folded_write, true},
	{"speedscope", "", ".speedscope.json .json", CONNPROF_VIEW_PROFILE, speedscope_write, false},
	{"pprof", "", ".pb.gz .pprof", CONNPROF_VIEW_PROFILE, pprof_write, false},
	{"html", "", ".html .htm", CONNPROF_VIEW_PROFILE, html_write, false},
	{"text", "", ".txt", CONNPROF_VIEW_VERDICT, check_text_write, false},
	{"sarif", "", ".sarif.json .sarif", CONNPROF_VIEW_VERDICT, check_sarif_write, false},
	{"junit", "", ".xml", CONNPROF_VIEW_VERDICT, check_junit_write, false},
	{"github", "", "", CONNPROF_VIEW_VERDICT, check_github_write, false},
	{"gitlab", "", ".codequality.json", CONNPROF_VIEW_VERDICT, check_gitlab_write, false},
	{"markdown", "md", ".md", CONNPROF_VIEW_VERDICT, check_markdown_write, false},
	{"json", "", ".json", CONNPROF_VIEW_VERDICT, check_json_write, false},
	{"text", "", ".txt", CONNPROF_VIEW_SITES, trace_text_write, false},
	{"jsonl", "", ".jsonl", CONNPROF_VIEW_SITES, NULL, false},
	{"json", "", ".json", CONNPROF_VIEW_SITES, trace_json_write, false},
	{"pprof", "", ".pb.gz .pprof", CONNPROF_VIEW_SITES, pprof_write, false},
	{"svg", "flamegraph", ".svg", CONNPROF_VIEW_SITES, conn_svg_write, false},
	{"folded", "raw collapsed", ".folded .collapsed .raw", CONNPROF_VIEW_SITES, conn_folded_write, false},
	{"text", "dump", ".txt", CONNPROF_VIEW_THREADS, dump_text_write, false},
	{"json", "", ".json", CONNPROF_VIEW_THREADS, dump_json_write, false},
	{"html", "", ".html .htm", CONNPROF_VIEW_DIAGNOSIS, diagnosis_html_write, false},
	{"text", "", ".txt", CONNPROF_VIEW_DIAGNOSIS, diagnosis_text_write, false},
	{"json", "", ".json", CONNPROF_VIEW_DIAGNOSIS, diagnosis_json_write, false},
	{"pprof", "", ".pb.gz .pprof", CONNPROF_VIEW_DIAGNOSIS, pprof_write, false},
	{"text", "", ".txt", CONNPROF_VIEW_REQUESTS, requests_text_write, false},
	{"json", "", ".json", CONNPROF_VIEW_REQUESTS, requests_json_write, false},
	{"text", "", ".txt", CONNPROF_VIEW_DIFF, diff_text_write, true},
	{"json", "", ".json", CONNPROF_VIEW_DIFF, diff_json_write, true},
	{"svg", "flamegraph", ".svg", CONNPROF_VIEW_DIFF, svg_write, true},
	{"folded", "raw collapsed", ".folded .collapsed .raw", CONNPROF_VIEW_DIFF, folded_write, true},
	{NULL, NULL, NULL, 0, NULL, false},
};

/* Is word one of the words of a space-separated list? */
static bool listed(const char *list, const char *word, size_t length)
{
	while (*list) {
		size_t n = strcspn(list, " ");

		if (n == length && !memcmp(list, word, n))
			return true;
		list += n + (list[n] == ' ');
	}
	return false;
}

/* Does path end in one of the extensions, with something before it? */
static bool extended(const char *list, const char *path)
{
	size_t length = strlen(path);

	while (*list) {
		size_t n = strcspn(list, " ");

		if (n < length && !memcmp(path + length - n, list, n) && path[length - n - 1] != '/')
			return true;
		list += n + (list[n] == ' ');
	}
	return false;
}

static const struct report_format *by_name(enum connprof_view view, const char *name)
{
	for (const struct report_format *format = report_formats; format->name; format++)
		if ((format->views & view) && (!strcmp(format->name, name) || listed(format->aliases, name, strlen(name))))
			return format;
	return NULL;
}

static const struct report_format *by_path(enum connprof_view view, const char *path)
{
	const struct report_format *first = NULL;
	bool known = false;

	for (const struct report_format *format = report_formats; format->name; format++) {
		bool fits = path && extended(format->extensions, path);

		known |= fits;
		if (!(format->views & view))
			continue;
		if (fits)
			return format;
		first = first ? first : format;
	}
	return known ? NULL : first;
}

const char *connprof_format_find(enum connprof_view view, const char *name, const char *path)
{
	const struct report_format *format = name ? by_name(view, name) : by_path(view, path);

	return format ? format->name : NULL;
}

bool connprof_format_compares(enum connprof_view view, const char *name)
{
	const struct report_format *format = by_name(view, name);

	return format && format->compares;
}

bool connprof_format_streams(enum connprof_view view, const char *name)
{
	const struct report_format *format = by_name(view, name);

	return format && !format->write;
}

void connprof_format_names(enum connprof_view view, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (const struct report_format *format = report_formats; format->name; format++)
		if (format->views & view && used < size)
			used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "", format->name);
}

void connprof_format_extension(enum connprof_view view, const char *name, char *out, size_t size)
{
	const struct report_format *format = by_name(view, name);

	snprintf(out, size, "%.*s", format ? (int)strcspn(format->extensions, " ") : 0, format ? format->extensions : "");
}

/* What was not recorded would be shown as nothing at all. */
static int check_recorded(const struct connprof_recording *recording, enum connprof_view view,
			  const struct connprof_report_options *options, struct connprof_error *error)
{
	if (view == CONNPROF_VIEW_SITES && !(recording->collect & CONNPROF_CONNECTIONS))
		return error_set(error, -ENODATA, CONNPROF_CANNOT_OBSERVE,
				 "the recording holds no connections (record --requests and trace follow them)");
	if (view != CONNPROF_VIEW_PROFILE)
		return 0;
	if ((options->mode == CONNPROF_MODE_OFFCPU || options->wait) && !(recording->collect & CONNPROF_OFFCPU))
		return error_set(error, -ENODATA, CONNPROF_CANNOT_OBSERVE,
				 "the recording holds no time off the CPU (record it with --mode offcpu or wall)");
	if (options->mode == CONNPROF_MODE_CPU && !(recording->collect & CONNPROF_SAMPLES))
		return error_set(error, -ENODATA, CONNPROF_CANNOT_OBSERVE,
				 "the recording holds no samples of time on the CPU (record it with --mode cpu or wall)");
	return 0;
}

int connprof_report_write(const struct connprof_recording *recording, enum connprof_view view,
			  const struct connprof_report_options *options, FILE *stream, struct connprof_error *error)
{
	static const struct connprof_report_options defaults;
	const struct report_format *format;
	char names[CONNPROF_NAMES_BYTES];
	int code;

	if (!options)
		options = &defaults;
	connprof_format_names(view, names, sizeof(names));
	format = options->format ? by_name(view, options->format) : by_path(view, NULL);
	if (!format)
		return error_set(error, -EINVAL, CONNPROF_USAGE, "no format '%s' here (formats: %s)",
				 options->format ? options->format : "", names);
	if (!format->write)
		return error_set(error, -ENODATA, CONNPROF_USAGE, "a recording knows call sites, not each connection: the format %s is written "
				 "by trace, or from an event stream (--events)", format->name);
	if (view == CONNPROF_VIEW_DIFF && !options->base)
		return error_set(error, -EINVAL, CONNPROF_USAGE, "nothing to compare the recording with");
	if ((options->against_normal || options->base) && !format->compares)
		return error_set(error, -EINVAL, CONNPROF_USAGE, "the format %s cannot show a difference (svg and folded can)",
				 format->name);
	code = check_recorded(recording, view, options, error);
	if (code)
		return code;
	if (report_wants_part(options))
		return report_write_part(format, recording, options, stream, error);
	return format->write(recording, options, stream, error);
}

int connprof_report_save(const struct connprof_recording *recording, enum connprof_view view,
			 const struct connprof_report_options *options, const char *path, struct connprof_error *error)
{
	struct output output;
	int code = output_open(&output, path, error);

	if (code)
		return code;
	code = connprof_report_write(recording, view, options, output.stream, error);
	if (code)
		output_abort(&output);
	else
		code = output_commit(&output, error);
	return code;
}
