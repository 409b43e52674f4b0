/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * speedscope.c - the file format of speedscope: one table of frames, one sampled profile for each thread.
 *
 * Written piece by piece: json-c escapes the strings, the numbers need no help. Weights are time where it is known (off the
 * CPU it is; on it, where the rate is), else samples.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>

#include "base/error.h"
#include "report/report.h"

struct speedscope {
	const struct connprof_recording *recording;
	const struct connprof_report_options *options;
	FILE *stream;
	struct lines *lines;
	uint32_t *index_of;     /* frame index + 1 by name id; 0: not in the table yet */
	size_t names;
	uint32_t frames;        /* in the table */
	uint32_t *order;        /* profile rows that are shown, thread by thread */
	size_t rows;            /* how many */
};

static int put_string(FILE *stream, const char *text)
{
	struct json_object *string = json_object_new_string(text);

	if (!string)
		return -ENOMEM;
	fputs(json_object_to_json_string_ext(string, JSON_C_TO_STRING_NOSLASHESCAPE), stream);
	json_object_put(string);
	return 0;
}

static bool in_ns(const struct speedscope *out)
{
	return out->recording->rate_hz || weight_is_time(out->recording);
}

static uint64_t weight(const struct speedscope *out, const struct profile_row *row)
{
	return in_ns(out) ? row_ns(out->recording, row) : row->samples;
}

static int put_frame(struct speedscope *out, uint32_t name, uint32_t frame_id)
{
	const struct frame *frame = stacks_frame(out->recording->stacks, frame_id);
	bool source = frame && (frame->kind == FRAME_PYTHON || frame->file);
	const char *file = frame ? strings_get(out->recording->strings, source ? frame->file : frame->module) : "";
	uint32_t line = !source || out->options->nolineno ? 0 : out->options->functions ? frame->first_line : frame->line;
	int code;

	fputs(out->frames ? ",\n{\"name\":" : "\n{\"name\":", out->stream);
	code = put_string(out->stream, source ? strings_get(out->recording->strings, frame->function)
					      : lines_name(out->lines, name));
	if (!code && *file) {
		fputs(",\"file\":", out->stream);
		code = put_string(out->stream, file);
	}
	if (line)
		fprintf(out->stream, ",\"line\":%u", line);
	fputc('}', out->stream);
	out->index_of[name] = ++out->frames;
	return code;
}

/* A name id may be new with each row: the map grows with them. */
static int index_reserve(struct speedscope *out)
{
	size_t need = lines_name_count(out->lines);
	uint32_t *grown;

	if (need <= out->names)
		return 0;
	need += need / 2 + 64;
	grown = realloc(out->index_of, need * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	for (size_t i = out->names; i < need; i++)
		grown[i] = 0;
	out->index_of = grown;
	out->names = need;
	return 0;
}

static int put_frames(struct speedscope *out)
{
	int code = 0;

	fputs("\"shared\":{\"frames\":[", out->stream);
	for (size_t i = 0; !code && i < out->rows; i++) {
		struct line_list list;

		code = lines_make(out->lines, &out->recording->profile[out->order[i]], &list);
		if (!code)
			code = index_reserve(out);
		for (size_t k = 0; !code && k < list.count; k++)
			if (!out->index_of[list.names[k]])
				code = put_frame(out, list.names[k], list.frame_ids[k]);
	}
	fputs("\n]},\n", out->stream);
	return code;
}

static int by_thread(const void *a, const void *b, void *context)
{
	const struct profile_row *rows = context;
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;

	if (rows[i].pid != rows[k].pid)
		return rows[i].pid < rows[k].pid ? -1 : 1;
	if (rows[i].tid != rows[k].tid)
		return rows[i].tid < rows[k].tid ? -1 : 1;
	return i < k ? -1 : i > k;
}

static const struct profile_row *row_at(const struct speedscope *out, size_t at)
{
	return &out->recording->profile[out->order[at]];
}

static int put_name(struct speedscope *out, const struct profile_row *row)
{
	const struct target_row *target = recording_target(out->recording, row->pid);
	const char *thread = strings_get(out->recording->strings, row->thread);
	char name[256];

	snprintf(name, sizeof(name), "%.64s %u thread %u%s%.64s", target ? strings_get(out->recording->strings, target->comm) : "process",
		 row->pid, row->tid, *thread ? " " : "", thread);
	return put_string(out->stream, name);
}

/* Rows [from, to) of the order are one thread. */
static int put_thread(struct speedscope *out, size_t from, size_t to)
{
	uint64_t all = 0;
	int code = 0;

	fputs(from ? ",\n{\"type\":\"sampled\",\"name\":" : "\n{\"type\":\"sampled\",\"name\":", out->stream);
	code = put_name(out, row_at(out, from));
	for (size_t i = from; i < to; i++)
		all += weight(out, row_at(out, i));
	fprintf(out->stream, ",\"unit\":\"%s\",\"startValue\":0,\"endValue\":%llu,\"samples\":[",
		in_ns(out) ? "nanoseconds" : "none", (unsigned long long)all);
	for (size_t i = from; !code && i < to; i++) {
		struct line_list list;

		code = lines_make(out->lines, row_at(out, i), &list);
		fputs(i > from ? ",\n[" : "\n[", out->stream);
		for (size_t k = 0; !code && k < list.count; k++)
			fprintf(out->stream, k ? ",%u" : "%u", out->index_of[list.names[k]] - 1);
		fputc(']', out->stream);
	}
	fputs("],\"weights\":[", out->stream);
	for (size_t i = from; i < to; i++)
		fprintf(out->stream, i > from ? ",%llu" : "%llu", (unsigned long long)weight(out, row_at(out, i)));
	fputs("]}", out->stream);
	return code;
}

/* The schema wants a profile even where there are no samples. */
static int put_profiles(struct speedscope *out)
{
	size_t count = out->rows;
	int code = 0;

	fputs("\"profiles\":[", out->stream);
	for (size_t from = 0, to; !code && from < count; from = to) {
		for (to = from + 1; to < count; to++)
			if (row_at(out, to)->pid != row_at(out, from)->pid || row_at(out, to)->tid != row_at(out, from)->tid)
				break;
		code = put_thread(out, from, to);
	}
	if (!count)
		fputs("{\"type\":\"sampled\",\"name\":\"no samples\",\"unit\":\"none\",\"startValue\":0,\"endValue\":0,"
		      "\"samples\":[],\"weights\":[]}", out->stream);
	fputs("\n],\n", out->stream);
	return code;
}

static int put_all(struct speedscope *out)
{
	const struct connprof_recording *recording = out->recording;
	const char *title = out->options->title;
	int code;

	fputs("{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n", out->stream);
	code = put_frames(out);
	if (!code)
		code = put_profiles(out);
	fputs("\"name\":", out->stream);
	if (!title && recording->target_count)
		title = strings_get(recording->strings, recording->targets[0].comm);
	if (!code)
		code = put_string(out->stream, title ? title : "connprof");
	fputs(",\n\"activeProfileIndex\":0,\n\"exporter\":\"connprof@" CONNPROF_VERSION "\"}\n", out->stream);
	return code;
}

int speedscope_write(const struct connprof_recording *recording, const struct connprof_report_options *options,
		     FILE *stream, struct connprof_error *error)
{
	struct speedscope out = {.recording = recording, .options = options, .stream = stream};
	int code = -ENOMEM;

	out.lines = lines_new(recording, options);
	out.order = calloc(recording->profile_count + 1, sizeof(*out.order));
	if (out.lines && out.order) {
		for (size_t i = 0; i < recording->profile_count; i++)
			if (row_weight(recording, options, &recording->profile[i]))
				out.order[out.rows++] = (uint32_t)i;
		qsort_r(out.order, out.rows, sizeof(*out.order), by_thread, recording->profile);
		code = put_all(&out);
	}
	lines_free(out.lines);
	free(out.index_of);
	free(out.order);
	return code == -ENOMEM ? error_memory(error) : code;
}
