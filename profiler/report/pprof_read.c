/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pprof_read.c - a pprof file as a recording: everything where connprof wrote it, a profile where another program did.
 *
 * The file is as hostile as any input: the unpacked size is limited, protobuf-c allocates from a budget, every index and id
 * is looked up, and a file that breaks a rule is refused as a whole.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/error.h"
#include "model/latency.h"
#include "profiler/report/pprof.pb-c.h"
#include "report/budget.h"
#include "report/pprof_facts.h"
#include "report/report.h"

#define UNPACK_BUDGET (1u << 30)   /* memory protobuf-c may take */
#define LABELS_READ 64             /* of one sample: more are not looked at */

struct reader {
	struct connprof_recording *recording;
	const Pprof__Profile *profile;
	struct facts_mappings mappings;       /* of our own files */
	bool ours;
	const Pprof__Mapping **mapping_by_id; /* sorted */
	const Pprof__Location **location_by_id;
	const Pprof__Function **function_by_id;
	uint32_t *first_frame;                /* by index in location_by_id: frame ids begin here in frames */
	uint32_t *frames;                     /* of all locations, innermost first */
	size_t frame_count, frame_capacity;
	uint64_t *call_sites;                 /* by site: location id */
	size_t call_site_count, call_site_capacity;
	size_t value_at;                      /* which of a sample's values is taken for samples */
	size_t waits_at, off_at;              /* and for waits and their time; the number of values: none */
	uint32_t stack[STACK_FRAMES_MAX];
};

/* ---- ids ---- */

/* The generated structs begin alike: a base, then the id. */
static uint64_t id_of(const void *message)
{
	return ((const Pprof__Location *)message)->id;
}

_Static_assert(offsetof(Pprof__Location, id) == offsetof(Pprof__Mapping, id), "ids lie alike");
_Static_assert(offsetof(Pprof__Location, id) == offsetof(Pprof__Function, id), "ids lie alike");

static int by_id(const void *a, const void *b)
{
	uint64_t x = id_of(*(const void *const *)a), y = id_of(*(const void *const *)b);

	return x < y ? -1 : x > y;
}

/* A sorted copy of a list; -EINVAL for an id 0 or one given twice. */
static int sorted(void *const *list, size_t count, const void ***out)
{
	const void **copy = calloc(count + 1, sizeof(*copy));

	*out = copy;
	if (!copy)
		return -ENOMEM;
	if (count)
		memcpy(copy, list, count * sizeof(*copy));
	qsort(copy, count, sizeof(*copy), by_id);
	for (size_t i = 0; i < count; i++)
		if (id_of(copy[i]) == 0 || (i && id_of(copy[i]) == id_of(copy[i - 1])))
			return -EINVAL;
	return 0;
}

/* Index of an id, or -1. */
static ptrdiff_t find(const void *const *list, size_t count, uint64_t id)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (id_of(list[middle]) < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && id_of(list[low]) == id ? (ptrdiff_t)low : -1;
}

static const char *text_at(const struct reader *in, int64_t index)
{
	if (index < 0 || (uint64_t)index >= in->profile->n_string_table)
		return "";
	return in->profile->string_table[index];
}

static uint32_t line_number(int64_t line)
{
	return line > 0 && line <= INT32_MAX ? (uint32_t)line : 0;
}

/* ---- frames ---- */

static uint8_t kind_guess(const char *file, const char *module)
{
	size_t length = strlen(file);

	if (length > 3 && !strcmp(file + length - 3, ".py"))
		return FRAME_PYTHON;
	return !strncmp(module, "[kernel", 7) ? FRAME_KERNEL : FRAME_NATIVE;
}

/* What the mapping of a location says of its frames. */
static int frame_place(struct reader *in, const Pprof__Location *location, const char *file, struct frame *frame)
{
	ptrdiff_t at = find((const void *const *)in->mapping_by_id, in->profile->n_mapping, location->mapping_id);
	const char *module = at >= 0 ? text_at(in, in->mapping_by_id[at]->filename) : "";

	if (!in->ours) {
		frame->kind = kind_guess(file, module);
		frame->module = strings_add(in->recording->strings, module);
		return 0;
	}
	if (location->mapping_id == 0 || location->mapping_id > in->mappings.count)
		return -EINVAL;
	frame->kind = in->mappings.items[location->mapping_id - 1].kind;
	frame->flags = in->mappings.items[location->mapping_id - 1].flags;
	frame->module = in->mappings.items[location->mapping_id - 1].module;
	return 0;
}

static int add_frame(struct reader *in, const Pprof__Location *location, const Pprof__Line *line, bool inlined)
{
	struct strings *strings = in->recording->strings;
	struct frame frame = {.address = location->address};
	const char *file = "";
	char address[32];
	int code;

	snprintf(address, sizeof(address), "0x%llx", (unsigned long long)location->address);
	frame.function = strings_add(strings, address);
	if (line) {
		ptrdiff_t at = find((const void *const *)in->function_by_id, in->profile->n_function, line->function_id);

		if (at < 0)
			return -EINVAL;
		file = text_at(in, in->function_by_id[at]->filename);
		frame.function = strings_add(strings, text_at(in, in->function_by_id[at]->name));
		frame.file = strings_add(strings, file);
		frame.first_line = line_number(in->function_by_id[at]->start_line);
		frame.line = line_number(line->line);
	}
	code = frame_place(in, location, file, &frame);
	if (inlined)
		frame.flags |= FRAME_INLINED;
	if (!code)
		code = array_reserve(&in->frames, &in->frame_capacity, in->frame_count + 1, sizeof(*in->frames), UINT32_MAX);
	if (!code)
		in->frames[in->frame_count++] = stacks_add_frame(in->recording->stacks, &frame);
	return code;
}

static int read_frames(struct reader *in)
{
	size_t count = in->profile->n_location;
	int code = 0;

	in->first_frame = calloc(count + 1, sizeof(*in->first_frame));
	if (!in->first_frame)
		return -ENOMEM;
	for (size_t i = 0; !code && i < count; i++) {
		const Pprof__Location *location = in->location_by_id[i];

		in->first_frame[i] = (uint32_t)in->frame_count;
		if (!location->n_line)
			code = add_frame(in, location, NULL, false);
		for (size_t k = 0; !code && k < location->n_line; k++)
			code = add_frame(in, location, location->line[k], k + 1 < location->n_line);
	}
	in->first_frame[count] = (uint32_t)in->frame_count;
	return code;
}

/* ---- samples ---- */

struct labels {
	uint32_t pid, tid, thread, site;
	uint32_t wait; /* enum wait_kind */
	uint16_t latency;
	uint8_t end;
};

static uint32_t small(int64_t number)
{
	return number > 0 && number <= UINT32_MAX ? (uint32_t)number : 0;
}

static uint32_t wait_named(const char *name)
{
	for (uint32_t wait = WAIT_NONE + 1; wait < WAIT_KIND_COUNT; wait++)
		if (!strcmp(wait_name(wait), name))
			return wait;
	return WAIT_UNKNOWN;
}

static struct labels read_labels(struct reader *in, const Pprof__Sample *sample)
{
	struct labels labels = {0};

	for (size_t i = 0; i < sample->n_label && i < LABELS_READ; i++) {
		const Pprof__Label *label = sample->label[i];
		const char *key = text_at(in, label->key);

		if (!strcmp(key, "pid"))
			labels.pid = small(label->num);
		else if (!strcmp(key, "tid"))
			labels.tid = small(label->num);
		else if (!strcmp(key, "thread") && label->str)
			labels.thread = strings_add(in->recording->strings, text_at(in, label->str));
		else if (!strcmp(key, "site") && in->ours)
			labels.site = small(label->num);
		else if (!strcmp(key, FACTS_WAIT) && in->ours)
			labels.wait = wait_named(text_at(in, label->str));
		else if (!strcmp(key, "stack_end") && in->ours && label->num > 0 && label->num < STACK_END_COUNT)
			labels.end = (uint8_t)label->num;
		else if (!strcmp(key, "latency") && in->ours && label->num > 0)
			labels.latency = latency_bucket((uint64_t)label->num);
		else if (!strcmp(key, "request") && in->ours && !strcmp(text_at(in, label->str), "not held"))
			labels.latency = LATENCY_UNHELD;
	}
	return labels;
}

/* *stack is 0 for a sample without locations. */
static int read_stack(struct reader *in, const Pprof__Sample *sample, uint8_t end, uint32_t *stack)
{
	size_t depth = 0;

	for (size_t i = 0; i < sample->n_location_id; i++) {
		ptrdiff_t at = find((const void *const *)in->location_by_id, in->profile->n_location, sample->location_id[i]);

		if (at < 0)
			return -EINVAL;
		for (uint32_t k = in->first_frame[at]; k < in->first_frame[at + 1] && depth < STACK_FRAMES_MAX; k++)
			in->stack[depth++] = in->frames[k];
	}
	*stack = depth || end ? stacks_add(in->recording->stacks, in->stack, depth, end) : 0;
	return 0;
}

static uint64_t value_of(const Pprof__Sample *sample, size_t at)
{
	return at < sample->n_value && sample->value[at] > 0 ? (uint64_t)sample->value[at] : 0;
}

static int add_row(struct reader *in, const struct labels *labels, uint32_t stack, const Pprof__Sample *sample)
{
	struct connprof_recording *recording = in->recording;
	struct profile_row row = {.stack = stack, .pid = labels->pid, .tid = labels->tid, .thread = labels->thread,
				  .latency = labels->latency, .wait = labels->wait};
	int code = array_reserve(&recording->profile, &recording->profile_capacity, recording->profile_count + 1,
				 sizeof(*recording->profile), STACKS_COUNT_MAX * 4u);

	if (code)
		return code;
	if (row.wait) {
		row.waits = value_of(sample, in->waits_at);
		row.off_ns = value_of(sample, in->off_at);
		recording->offcpu.ns[row.wait] += row.off_ns;
	} else {
		row.samples = value_of(sample, in->value_at);
		recording->samples += row.samples;
	}
	if (row.samples || row.off_ns) /* else nothing of this kind here; differences (negative) are not samples */
		recording->profile[recording->profile_count++] = row;
	return 0;
}

static int read_sample(struct reader *in, const Pprof__Sample *sample)
{
	struct labels labels = read_labels(in, sample);
	uint32_t stack;
	int code;

	if (sample->n_value != in->profile->n_sample_type)
		return -EINVAL;
	code = read_stack(in, sample, labels.end, &stack);
	if (code)
		return code;
	if (labels.site) {
		if (labels.site > in->recording->site_count)
			return -EINVAL;
		in->recording->sites[labels.site - 1].stack = stack;
		return 0;
	}
	return add_row(in, &labels, stack, sample);
}

static int read_samples(struct reader *in)
{
	int code = 0;

	for (size_t i = 0; !code && i < in->profile->n_sample; i++)
		code = read_sample(in, in->profile->sample[i]);
	for (size_t i = 0; !code && i < in->call_site_count; i++) {
		ptrdiff_t at = find((const void *const *)in->location_by_id, in->profile->n_location, in->call_sites[i]);

		if (at >= 0)
			in->recording->sites[i].call_site = in->frames[in->first_frame[at]];
		else if (in->call_sites[i])
			code = -EINVAL;
	}
	return code;
}

/* ---- what the file says of itself ---- */

static int read_fact(struct reader *in, const char *key, const char *text)
{
	uint64_t call_site;
	int code;

	if (!strcmp(key, FACTS_RECORDING)) {
		if (in->ours)
			return -EINVAL;
		in->ours = true;
		return facts_read_recording(in->recording, text, &in->mappings);
	}
	if (strcmp(key, FACTS_SITE))
		return strncmp(key, FACTS_ANY, strlen(FACTS_ANY)) ? 0 : -EPROTO;
	code = facts_read_site(in->recording, text, &call_site);
	if (!code)
		code = array_reserve(&in->call_sites, &in->call_site_capacity, in->call_site_count + 1,
				     sizeof(*in->call_sites), FACTS_SITES_MAX);
	if (!code)
		in->call_sites[in->call_site_count++] = call_site;
	return code;
}

/* They are in a sample without a stack, and wanted before all others are read. */
static int read_facts(struct reader *in)
{
	int code = 0;

	for (size_t i = 0; !code && i < in->profile->n_sample; i++) {
		const Pprof__Sample *sample = in->profile->sample[i];

		for (size_t k = 0; !code && !sample->n_location_id && k < sample->n_label; k++)
			code = read_fact(in, text_at(in, sample->label[k]->key), text_at(in, sample->label[k]->str));
	}
	return code;
}

static size_t value_named(const struct reader *in, const char *type)
{
	for (size_t i = 0; i < in->profile->n_sample_type; i++)
		if (!strcmp(text_at(in, in->profile->sample_type[i]->type), type))
			return i;
	return in->profile->n_sample_type;
}

/* "samples" where there is one, else what the file shows by default, else the last, as pprof does. */
static void choose_value(struct reader *in)
{
	size_t count = in->profile->n_sample_type, chosen = count - 1;
	const char *preferred = text_at(in, in->profile->default_sample_type);

	if (*preferred && value_named(in, preferred) < count)
		chosen = value_named(in, preferred);
	if (value_named(in, "samples") < count)
		chosen = value_named(in, "samples");
	in->value_at = chosen;
	in->waits_at = value_named(in, "waits");
	in->off_at = value_named(in, "offcpu");
}

static void describe_foreign(struct reader *in)
{
	const Pprof__ValueType *type = in->profile->sample_type[in->value_at];
	char note[256];

	in->recording->collect = CONNPROF_SAMPLES;
	in->recording->start_unix_ns = in->profile->time_nanos > 0 ? (uint64_t)in->profile->time_nanos : 0;
	in->recording->seconds = in->profile->duration_nanos > 0 ? (double)in->profile->duration_nanos / 1e9 : 0;
	snprintf(note, sizeof(note), "another program's profile: counts are %.64s/%.64s, connections are not in it",
		 text_at(in, type->type), text_at(in, type->unit));
	recording_note(in->recording, note);
}

static int read_profile(struct reader *in)
{
	const Pprof__Profile *profile = in->profile;
	int code;

	if (!profile->n_sample_type || !profile->n_string_table || *profile->string_table[0])
		return -EINVAL;
	choose_value(in);
	code = sorted((void *const *)profile->mapping, profile->n_mapping, (const void ***)&in->mapping_by_id);
	if (!code)
		code = sorted((void *const *)profile->location, profile->n_location, (const void ***)&in->location_by_id);
	if (!code)
		code = sorted((void *const *)profile->function, profile->n_function, (const void ***)&in->function_by_id);
	if (!code)
		code = read_facts(in);
	if (!code && !in->ours && in->recording->site_count)
		code = -EINVAL;
	if (!code)
		code = read_frames(in);
	if (!code)
		code = read_samples(in);
	if (!code && !in->ours)
		describe_foreign(in);
	return code;
}

static void reader_done(struct reader *in)
{
	free(in->mappings.items);
	free(in->mapping_by_id);
	free(in->location_by_id);
	free(in->function_by_id);
	free(in->first_frame);
	free(in->frames);
	free(in->call_sites);
	connprof_recording_free(in->recording);
	free(in);
}

static int unpack(const uint8_t *bytes, size_t size, struct connprof_recording **out)
{
	struct budget budget = {UNPACK_BUDGET};
	ProtobufCAllocator allocator = {budget_alloc, budget_free, &budget};
	struct reader *in = calloc(1, sizeof(*in));
	Pprof__Profile *profile;
	int code = -ENOMEM;

	if (!in)
		return -ENOMEM;
	in->recording = recording_new();
	profile = in->recording ? pprof__profile__unpack(&allocator, size, bytes) : NULL;
	if (profile) {
		in->profile = profile;
		code = read_profile(in);
	} else if (in->recording) {
		code = -EINVAL;
	}
	if (!code) {
		*out = in->recording;
		in->recording = NULL;
	}
	if (profile)
		pprof__profile__free_unpacked(profile, &allocator);
	reader_done(in);
	return code;
}

int pprof_load(const char *path, struct connprof_recording **out, struct connprof_error *error)
{
	uint8_t *bytes = NULL;
	size_t size = 0;
	int code = pprof_read_file(path, &bytes, &size, error);

	if (code)
		return code;
	code = unpack(bytes, size, out);
	free(bytes);
	switch (code) {
	case 0:
		return 0;
	case -ENOMEM:
		return error_memory(error);
	case -EPROTO:
		return error_set(error, code, CONNPROF_CANNOT_OBSERVE, "%s was written by a newer connprof (read it with that one)", path);
	case -E2BIG:
		return error_set(error, code, CONNPROF_CANNOT_OBSERVE, "%s holds too much for a recording", path);
	}
	return error_set(error, -EINVAL, CONNPROF_CANNOT_OBSERVE, "%s is not a recording (connprof reads pprof files: .pb.gz)", path);
}
