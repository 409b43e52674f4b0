/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pprof.c - the recording as a gzipped pprof profile: what `go tool pprof` shows, and all that connprof reads back.
 *
 * A message in protobuf's encoding is its fields one after the other, so the file is written as many small Profiles, each
 * with one sample, location, … in it: memory does not grow with the recording. A frame is a function and a line of a location: a call
 * and what the compiler put into it are one location, innermost line first; kind and object are those of its mapping. What pprof has no place for goes into the labels of one sample that counts nothing
 * (pprof_facts.c): not into comments, which pprof prints above each report.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/array.h"
#include "base/error.h"
#include "model/latency.h"
#include "profiler/report/pprof.pb-c.h"
#include "report/pprof_numbers.h"
#include "report/report.h"

#define GZIP_WINDOW (15 + 16) /* zlib: 15 bits of window, a gzip head and tail */
#define VALUES_MAX 7
#define LABELS_MAX 10

/* What a sample may count. */
enum value_kind { VALUE_SAMPLES, VALUE_CPU, VALUE_CONNECTS, VALUE_OPEN, VALUE_WAITS, VALUE_OFFCPU, VALUE_WALL, VALUE_KINDS };

static const struct {
	const char *type, *unit;
	unsigned collect; /* it is there where one of these was collected; 0: always */
} value_types[VALUE_KINDS] = {
	[VALUE_SAMPLES] = {"samples", "count", 0},
	[VALUE_CPU] = {"cpu", "nanoseconds", 0},
	[VALUE_CONNECTS] = {"connects", "count", CONNPROF_CONNECTIONS},
	[VALUE_OPEN] = {"open_connections", "count", CONNPROF_CONNECTIONS},
	[VALUE_WAITS] = {"waits", "count", CONNPROF_OFFCPU},
	[VALUE_OFFCPU] = {"offcpu", "nanoseconds", CONNPROF_OFFCPU},
	[VALUE_WALL] = {"wall", "nanoseconds", CONNPROF_OFFCPU},
};

struct writer {
	const struct connprof_recording *recording;
	FILE *stream;
	z_stream gzip;
	uint8_t *packed;            /* the piece being written */
	size_t packed_size;
	struct strings *table;      /* what becomes the string table; its id 0 is "" as pprof wants it */
	char **facts;               /* they come after it: longer than a string of ours may be */
	size_t fact_count;
	struct numbers numbers;     /* of mappings, locations, functions */
	uint64_t functions;         /* written */
	size_t value_at[VALUE_KINDS]; /* where in a sample each value is; VALUES_MAX: not in this file */
	size_t values;
	uint64_t *ids;              /* location ids of the stack being written */
};

/* ---- bytes out ---- */

static int deflate_bytes(struct writer *out, const void *bytes, size_t size, int flush)
{
	uint8_t chunk[16384];
	int code;

	out->gzip.next_in = (Bytef *)(uintptr_t)bytes;
	out->gzip.avail_in = (uInt)size;
	do {
		out->gzip.next_out = chunk;
		out->gzip.avail_out = sizeof(chunk);
		code = deflate(&out->gzip, flush);
		if (code == Z_STREAM_ERROR)
			return -EIO;
		fwrite(chunk, 1, sizeof(chunk) - out->gzip.avail_out, out->stream); /* its errors: ferror, by the owner */
	} while (out->gzip.avail_out == 0);
	return 0;
}

static int put_piece(struct writer *out, const Pprof__Profile *piece)
{
	size_t size = pprof__profile__get_packed_size(piece);
	int code = array_reserve(&out->packed, &out->packed_size, size, 1, FACTS_BYTES_MAX);

	if (code)
		return code;
	return deflate_bytes(out, out->packed, pprof__profile__pack(piece, out->packed), Z_NO_FLUSH);
}

static int64_t text_id(struct writer *out, const char *text)
{
	return strings_add(out->table, text);
}

static int64_t own_text(struct writer *out, uint32_t id)
{
	return text_id(out, strings_get(out->recording->strings, id));
}

/* ---- mappings, locations, functions: numbered as stacks bring them ---- */

static int put_mapping(struct writer *out, size_t index)
{
	const struct facts_mapping *row = &out->numbers.mappings.items[index];
	const char *module = strings_get(out->recording->strings, row->module);
	Pprof__Mapping mapping = PPROF__MAPPING__INIT, *one = &mapping;
	Pprof__Profile piece = PPROF__PROFILE__INIT;

	if (!*module)
		module = row->kind == FRAME_PYTHON ? "[python]" : row->kind == FRAME_KERNEL ? "[kernel]" : "[unknown]";
	mapping.id = index + 1;
	mapping.filename = text_id(out, module);
	/* All that can be named is named: pprof is not to look for the files. */
	mapping.has_functions = mapping.has_filenames = mapping.has_line_numbers = mapping.has_inline_frames = true;
	piece.n_mapping = 1;
	piece.mapping = &one;
	return put_piece(out, &piece);
}

/* A frame's function, once; *id is its number. */
static int put_function(struct writer *out, uint32_t frame_id, const struct frame *frame, uint64_t *id)
{
	Pprof__Function function = PPROF__FUNCTION__INIT, *functions = &function;
	Pprof__Profile piece = PPROF__PROFILE__INIT;

	function.id = *id = numbers_function(&out->numbers, frame_id);
	if (function.id <= out->functions) /* they are numbered as they come */
		return 0;
	out->functions = function.id;
	/* No system_name: where it equals the name, pprof takes <module> and <lambda> for template arguments and drops them. */
	function.name = own_text(out, frame->function);
	function.filename = own_text(out, frame->file);
	function.start_line = frame->first_line;
	piece.n_function = 1;
	piece.function = &functions;
	return put_piece(out, &piece);
}

static int put_location(struct writer *out, uint32_t id)
{
	uint32_t count;
	const uint32_t *frames = numbers_frames(&out->numbers, id, &count);
	const struct frame *frame = NULL;
	Pprof__Line lines[CALL_FRAMES_MAX], *list[CALL_FRAMES_MAX];
	Pprof__Location location = PPROF__LOCATION__INIT, *locations = &location;
	Pprof__Profile piece = PPROF__PROFILE__INIT;
	uint32_t mapping = 0;
	int code = 0;

	for (uint32_t i = 0; i < count && !code; i++) {
		frame = stacks_frame(out->recording->stacks, frames[i]);
		if (!frame)
			return 0;
		pprof__line__init(&lines[i]);
		code = put_function(out, frames[i], frame, &lines[i].function_id);
		lines[i].line = frame->line;
		list[i] = &lines[i];
	}
	if (!code)
		code = numbers_mapping(&out->numbers, frame->kind, frame->flags, frame->module, &mapping);
	if (code)
		return code;
	location.id = id;
	location.mapping_id = mapping;
	location.address = frame->address;
	location.n_line = count;
	location.line = list;
	piece.n_location = 1;
	piece.location = &locations;
	return put_piece(out, &piece);
}

/* ---- samples ---- */

struct sample {
	Pprof__Sample message;
	Pprof__Label labels[LABELS_MAX], *label_list[LABELS_MAX];
	int64_t values[VALUES_MAX + 1]; /* the last: of what is not in this file */
};

static void sample_init(struct writer *out, struct sample *sample, uint32_t stack)
{
	size_t count = 0, locations = 0;
	const uint32_t *frames = stacks_get(out->recording->stacks, stack, &count, NULL);

	memset(sample, 0, sizeof(*sample));
	pprof__sample__init(&sample->message);
	for (size_t i = 0; i < count && locations < STACK_FRAMES_MAX;) {
		uint32_t together = numbers_of_call(&out->numbers, frames + i, count - i);

		out->ids[locations++] = numbers_location(&out->numbers, frames + i, together);
		i += together;
	}
	sample->message.location_id = out->ids;
	sample->message.n_location_id = locations;
	sample->message.value = sample->values;
	sample->message.n_value = out->values;
	sample->message.label = sample->label_list;
}

static void value_set(const struct writer *out, struct sample *sample, enum value_kind kind, uint64_t value)
{
	sample->values[out->value_at[kind]] = (int64_t)value;
}

static Pprof__Label *label_add(struct writer *out, struct sample *sample, const char *key)
{
	size_t at = sample->message.n_label++;

	pprof__label__init(&sample->labels[at]);
	sample->labels[at].key = text_id(out, key);
	sample->label_list[at] = &sample->labels[at];
	return &sample->labels[at];
}

static void label_text(struct writer *out, struct sample *sample, const char *key, const char *text)
{
	if (text && *text)
		label_add(out, sample, key)->str = text_id(out, text);
}

static void label_number(struct writer *out, struct sample *sample, const char *key, uint64_t number)
{
	if (number)
		label_add(out, sample, key)->num = (int64_t)number;
}

/* pprof shows a number with its unit, and takes it so: -tagfocus=latency=500ms: */
static void label_latency(struct writer *out, struct sample *sample, uint16_t latency)
{
	uint64_t floor_ns = latency_floor_ns(latency);

	if (!(out->recording->collect & CONNPROF_REQUESTS))
		return;
	label_text(out, sample, "request", floor_ns ? "yes" : latency == LATENCY_NONE ? "none" : "not held");
	label_number(out, sample, "latency", floor_ns);
	if (floor_ns)
		sample->labels[sample->message.n_label - 1].num_unit = text_id(out, "nanoseconds");
}

static int put_sample(struct writer *out, struct sample *sample)
{
	Pprof__Profile piece = PPROF__PROFILE__INIT;
	Pprof__Sample *one = &sample->message;

	piece.n_sample = 1;
	piece.sample = &one;
	return put_piece(out, &piece);
}

static int64_t period_ns(const struct connprof_recording *recording)
{
	return recording->rate_hz ? 1000000000 / recording->rate_hz : 0;
}

static int put_row(struct writer *out, const struct profile_row *row)
{
	const struct target_row *target = recording_target(out->recording, row->pid);
	struct sample sample;
	uint8_t end = 0;

	sample_init(out, &sample, row->stack);
	stacks_get(out->recording->stacks, row->stack, NULL, &end);
	value_set(out, &sample, VALUE_SAMPLES, row->samples);
	value_set(out, &sample, VALUE_CPU, row->samples * (uint64_t)period_ns(out->recording));
	value_set(out, &sample, VALUE_WAITS, row->waits);
	value_set(out, &sample, VALUE_OFFCPU, row->off_ns);
	value_set(out, &sample, VALUE_WALL, row_ns(out->recording, row));
	label_text(out, &sample, FACTS_WAIT, wait_name(row->wait));
	label_number(out, &sample, "pid", row->pid);
	label_number(out, &sample, "tid", row->tid);
	label_text(out, &sample, "thread", strings_get(out->recording->strings, row->thread));
	label_text(out, &sample, "process", target ? strings_get(out->recording->strings, target->comm) : "");
	if (row->stack && !stack_end_complete(end))
		label_text(out, &sample, "cut", stack_end_name(end));
	label_number(out, &sample, "stack_end", row->stack ? end : 0);
	label_latency(out, &sample, row->latency);
	return put_sample(out, &sample);
}

static int64_t known(uint64_t count)
{
	return count == UNKNOWN_COUNT ? 0 : (int64_t)count;
}

static int put_site(struct writer *out, size_t index)
{
	const struct site_row *site = &out->recording->sites[index];
	struct sample sample;
	char peer[ENDPOINT_TEXT];
	uint8_t end = 0;

	sample_init(out, &sample, site->stack);
	stacks_get(out->recording->stacks, site->stack, NULL, &end);
	value_set(out, &sample, VALUE_CONNECTS, (uint64_t)known(site->connects));
	value_set(out, &sample, VALUE_OPEN, (uint64_t)known(site->open_at_end));
	label_number(out, &sample, "site", index + 1);
	label_text(out, &sample, "peer", endpoint_text(&site->peer, out->recording->strings, peer));
	label_text(out, &sample, "protocol", protocol_name((enum protocol_id)site->protocol));
	label_text(out, &sample, "rule", rule_name(site->rule));
	label_number(out, &sample, "stack_end", site->stack ? end : 0);
	return put_sample(out, &sample);
}

/* ---- the whole ---- */

static int add_fact(struct writer *out, char *text)
{
	if (!text)
		return -ENOMEM;
	out->facts[out->fact_count++] = text;
	return 0;
}

static int make_facts(struct writer *out)
{
	const struct connprof_recording *recording = out->recording;
	int code;

	out->facts = calloc(recording->site_count + 1, sizeof(*out->facts));
	if (!out->facts)
		return -ENOMEM;
	code = add_fact(out, facts_write_recording(recording, &out->numbers.mappings));
	for (size_t i = 0; !code && i < recording->site_count; i++)
		code = add_fact(out, facts_write_site(recording, &recording->sites[i],
						      numbers_location(&out->numbers, &recording->sites[i].call_site, 1)));
	return code;
}

static void choose_values(struct writer *out)
{
	const struct connprof_recording *recording = out->recording;
	unsigned collect = recording->collect | (recording->site_count ? CONNPROF_CONNECTIONS : 0);

	for (int kind = 0; kind < VALUE_KINDS; kind++)
		out->value_at[kind] = !value_types[kind].collect || collect & value_types[kind].collect ? out->values++ : VALUES_MAX;
}

static const char *default_type(const struct writer *out)
{
	if (weight_is_time(out->recording))
		return "wall";
	return out->recording->samples || out->value_at[VALUE_CONNECTS] == VALUES_MAX ? "cpu" : "connects";
}

static int put_types(struct writer *out)
{
	Pprof__Profile piece = PPROF__PROFILE__INIT;
	Pprof__ValueType values[VALUES_MAX], *list[VALUES_MAX], period = PPROF__VALUE_TYPE__INIT;

	piece.n_sample_type = out->values;
	piece.sample_type = list;
	for (int kind = 0; kind < VALUE_KINDS; kind++) {
		size_t at = out->value_at[kind];

		if (at == VALUES_MAX)
			continue;
		pprof__value_type__init(&values[at]);
		values[at].type = text_id(out, value_types[kind].type);
		values[at].unit = text_id(out, value_types[kind].unit);
		list[at] = &values[at];
	}
	period.type = text_id(out, "cpu");
	period.unit = text_id(out, "nanoseconds");
	piece.period_type = &period;
	piece.period = period_ns(out->recording);
	piece.time_nanos = (int64_t)out->recording->start_unix_ns;
	piece.duration_nanos = out->recording->seconds > 0 && out->recording->seconds < 9e9
				       ? (int64_t)(out->recording->seconds * 1e9) : 0;
	piece.default_sample_type = text_id(out, default_type(out));
	return put_piece(out, &piece);
}

/* The sample that carries the facts as labels: their texts will follow the string table's own. */
static int put_facts(struct writer *out)
{
	Pprof__Label *labels = calloc(out->fact_count, sizeof(*labels));
	Pprof__Label **list = calloc(out->fact_count, sizeof(*list));
	int64_t recording_key = text_id(out, FACTS_RECORDING), site_key = text_id(out, FACTS_SITE);
	struct sample sample;
	int code = -ENOMEM;

	if (labels && list) {
		sample_init(out, &sample, 0);
		for (size_t i = 0; i < out->fact_count; i++) {
			pprof__label__init(&labels[i]);
			labels[i].key = i ? site_key : recording_key;
			labels[i].str = (int64_t)(strings_count(out->table) + i);
			list[i] = &labels[i];
		}
		sample.message.label = list;
		sample.message.n_label = out->fact_count;
		code = put_sample(out, &sample);
	}
	free(labels);
	free(list);
	return code;
}

/* The table itself, last: by now all of it is known. */
static int put_strings(struct writer *out)
{
	size_t count = strings_count(out->table);
	int code = 0;

	for (size_t i = 0; !code && i < count + out->fact_count; i++) {
		Pprof__Profile piece = PPROF__PROFILE__INIT;
		char *text = i < count ? (char *)(uintptr_t)strings_get(out->table, (uint32_t)i) : out->facts[i - count];

		piece.n_string_table = 1;
		piece.string_table = &text;
		code = put_piece(out, &piece);
	}
	return code;
}

static int put_all(struct writer *out)
{
	const struct connprof_recording *recording = out->recording;
	uint32_t main_id;
	int code = put_types(out);

	if (!code && recording->target_count) /* the first mapping is what pprof calls the file */
		code = numbers_mapping(&out->numbers, FRAME_NATIVE, 0, recording->targets[0].exe, &main_id);
	for (size_t i = 0; !code && i < recording->profile_count; i++)
		code = put_row(out, &recording->profile[i]);
	for (size_t i = 0; !code && i < recording->site_count; i++) {
		numbers_location(&out->numbers, &recording->sites[i].call_site, 1);
		code = put_site(out, i);
	}
	for (uint32_t id = 1; !code && id <= out->numbers.location_count; id++)
		code = put_location(out, id);
	for (size_t i = 0; !code && i < out->numbers.mappings.count; i++)
		code = put_mapping(out, i);
	if (!code)
		code = make_facts(out);
	if (!code)
		code = put_facts(out);
	if (!code)
		code = put_strings(out);
	return code ? code : deflate_bytes(out, NULL, 0, Z_FINISH);
}

static int writer_open(struct writer *out)
{
	int code = numbers_init(&out->numbers, out->recording);

	out->table = strings_new();
	out->ids = calloc(STACK_FRAMES_MAX, sizeof(*out->ids));
	return code || !out->table || !out->ids ? -ENOMEM : 0;
}

static void writer_close(struct writer *out)
{
	for (size_t i = 0; i < out->fact_count; i++)
		free(out->facts[i]);
	free(out->facts);
	strings_free(out->table);
	numbers_done(&out->numbers);
	free(out->ids);
	free(out->packed);
}

int pprof_write(const struct connprof_recording *recording, const struct connprof_report_options *options, FILE *stream,
		struct connprof_error *error)
{
	struct writer out = {.recording = recording, .stream = stream};
	int code;

	(void)options;

	choose_values(&out);
	if (deflateInit2(&out.gzip, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return error_memory(error);
	code = writer_open(&out);
	if (!code)
		code = put_all(&out);
	deflateEnd(&out.gzip);
	writer_close(&out);
	if (code == -E2BIG)
		return error_set(error, code, CONNPROF_CANNOT_OBSERVE, "too much for a pprof file (record for a shorter time)");
	return code ? error_memory(error) : 0;
}
