/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pprof_facts.c - a recording's numbers and texts as JSON, and back, by one table of members for both directions.
 *
 * Small numbers that have names are written as names, so that a file does not depend on the order of an enum. A member
 * that is missing leaves what recording_new put there; one of the wrong type refuses the file.
 */
#include "report/pprof_facts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "report/json_build.h"
#include "report/report.h"

enum member_type { COUNT, U32, NUMBER, BOOL, TEXT, NAMED, ENDPOINT };

struct member {
	const char *name;
	enum member_type type;
	size_t offset;
	const char *(*names)(unsigned id); /* NAMED: a u8 */
	unsigned limit;                    /* NAMED: ids below it */
};

static const char *protocol_named(unsigned id)
{
	return protocol_name((enum protocol_id)id);
}

static const char *kind_named(unsigned id)
{
	static const char *const names[] = {
		[FRAME_NATIVE] = "native", [FRAME_PYTHON] = "python", [FRAME_KERNEL] = "kernel", [FRAME_NOTE] = "note",
	};

	return id < sizeof(names) / sizeof(names[0]) ? names[id] : NULL;
}

#define SITE(field, type) {#field, type, offsetof(struct site_row, field), NULL, 0}
#define SITE_NAMED(field, names, limit) {#field, NAMED, offsetof(struct site_row, field), names, limit}
#define SITE_QUANTILES(field) \
	{#field "_p50", NUMBER, offsetof(struct site_row, field.p50), NULL, 0}, \
	{#field "_p99", NUMBER, offsetof(struct site_row, field.p99), NULL, 0}, \
	{#field "_max", NUMBER, offsetof(struct site_row, field.max), NULL, 0}

static const struct member site_members[] = {
	SITE_NAMED(rule, rule_name, RULE_COUNT),
	SITE_NAMED(attribution, attribution_name, ATTRIBUTION_RATE + 1),
	SITE_NAMED(cause, cause_name, CAUSE_UNCLOSED + 1),
	SITE_NAMED(protocol, protocol_named, PROTOCOL_COUNT),
	SITE(decides, BOOL), SITE(tls, BOOL), SITE(protocol_confirmed, BOOL), SITE(peer, ENDPOINT), SITE(library, TEXT),
	SITE(connects, COUNT), SITE(failed_connects, COUNT), SITE(requests, COUNT), SITE(using_requests, COUNT),
	SITE(opening_requests, COUNT), SITE(open_at_end, COUNT), SITE(peer_closed_open, COUNT), SITE(returned_later, COUNT),
	SITE(connects_per_request, NUMBER), SITE(connects_per_using_request, NUMBER),
	SITE(requests_per_connection, NUMBER), SITE(commands_per_connection, NUMBER),
	SITE_QUANTILES(lifetime_ms), SITE_QUANTILES(setup_ms), SITE_QUANTILES(connect_ms), SITE_QUANTILES(tls_ms),
	SITE_QUANTILES(handshake_ms), SITE(handshake_trips, NUMBER),
	SITE(setup_ms_per_request, NUMBER), SITE(cpu_percent, NUMBER), SITE(bytes_sent, COUNT), SITE(bytes_received, COUNT),
	SITE(pool_connects, COUNT), SITE(pools, COUNT), SITE_NAMED(pooling, pooling_name, POOLING_SHARED + 1),
	SITE(explanation, TEXT), SITE(remedy, TEXT),
	{NULL, 0, 0, NULL, 0},
};

#define WHOLE(name, field, type) {name, type, offsetof(struct connprof_recording, field), NULL, 0}

static const struct member recording_members[] = {
	WHOLE("collect", collect, U32), WHOLE("start_unix_ns", start_unix_ns, COUNT), WHOLE("seconds", seconds, NUMBER),
	WHOLE("rate_hz", rate_hz, U32), WHOLE("merge_misses", merge_misses, COUNT),
	WHOLE("unreadable_frames", unreadable_frames, COUNT),
	WHOLE("stacks_refused", stacks_refused, COUNT), WHOLE("missed_runs", missed_runs, COUNT),
	WHOLE("requests_observed", requests.observed, COUNT),
	{"requests_protocol", NAMED, offsetof(struct connprof_recording, requests.protocol), protocol_named, PROTOCOL_COUNT},
	WHOLE("latency_ms_p50", requests.latency_ms.p50, NUMBER), WHOLE("latency_ms_p99", requests.latency_ms.p99, NUMBER),
	WHOLE("latency_ms_max", requests.latency_ms.max, NUMBER), WHOLE("over_500ms", requests.over_500ms, COUNT),
	WHOLE("over_1s", requests.over_1s, COUNT), WHOLE("unheld", unheld, COUNT),
	WHOLE("connections_refused", connections_refused, COUNT), WHOLE("requests_refused", requests_refused, COUNT),
	WHOLE("deeds_refused", deeds_refused, COUNT),
	WHOLE("purposes_refused", purposes_refused, COUNT), WHOLE("trips_untied", trips_untied, COUNT),
	WHOLE("log_writes", log_writes, COUNT), WHOLE("log_lines", log_lines, COUNT),
	WHOLE("cut_slower_than_ns", cut.slower_than_ns, COUNT), WHOLE("cut_normal", cut.normal, BOOL),
	WHOLE("cut_requests", cut.requests, COUNT), WHOLE("connections", connections, COUNT),
	WHOLE("preexisting", preexisting, COUNT), WHOLE("accepted", accepted, COUNT),
	{"verdict", NAMED, offsetof(struct connprof_recording, verdict), verdict_name, VERDICT_INCONCLUSIVE + 1},
	WHOLE("verdict_note", verdict_note, TEXT), WHOLE("server_asked", server.asked, BOOL),
	WHOLE("server_address", server.address, TEXT), WHOLE("server_connections_received", server.connections_received, COUNT),
	WHOLE("server_connections_seen", server.connections_seen, COUNT),
	WHOLE("server_clients_listed", server.clients_listed, COUNT),
	WHOLE("server_unix_listed", server.unix_listed, COUNT), WHOLE("server_unix_open", server.unix_open, COUNT),
	WHOLE("server_clients_matched", server.clients_matched, COUNT), WHOLE("server_note", server.note, TEXT),
	WHOLE("own_cpu_seconds", cost.own_cpu_seconds, NUMBER), WHOLE("kernel_seconds", cost.kernel_seconds, NUMBER),
	WHOLE("target_cpu_seconds", cost.target_cpu_seconds, NUMBER), WHOLE("own_rss_bytes", cost.own_rss_bytes, COUNT),
	WHOLE("first_sample_seconds", cost.first_sample_seconds, NUMBER),
	WHOLE("real_rate_hz", cost.real_rate_hz, NUMBER),
	{NULL, 0, 0, NULL, 0},
};

#define OFFCPU(field) WHOLE("offcpu_" #field, offcpu.field, COUNT)

static const struct member offcpu_members[] = {
	OFFCPU(walked), OFFCPU(walked_ns), OFFCPU(left), OFFCPU(left_ns), OFFCPU(unplaced_ns), OFFCPU(brief), OFFCPU(brief_ns),
	OFFCPU(min_block_ns),
	{NULL, 0, 0, NULL, 0},
};

#define HOLDER(field, type) {#field, type, offsetof(struct holder_row, field), NULL, 0}

static const struct member holder_members[] = {
	HOLDER(pid, U32), HOLDER(tid, U32), HOLDER(waits, COUNT), HOLDER(ns, COUNT), HOLDER(longest_ns, COUNT),
	{NULL, 0, 0, NULL, 0},
};

#define TARGET(field, type) {#field, type, offsetof(struct target_row, field), NULL, 0}

static const struct member target_members[] = {
	TARGET(pid, U32), TARGET(parent, U32), TARGET(comm, TEXT), TARGET(exe, TEXT), TARGET(exited, BOOL),
	{NULL, 0, 0, NULL, 0},
};

static const struct member mapping_members[] = {
	{"kind", NAMED, offsetof(struct facts_mapping, kind), kind_named, FRAME_NOTE + 1},
	{"module", TEXT, offsetof(struct facts_mapping, module), NULL, 0},
	{NULL, 0, 0, NULL, 0},
};

/* ---- writing ---- */

static void write_members(struct json_build *build, const struct strings *strings, struct json_object *into,
			  const struct member *members, const void *base)
{
	char peer[ENDPOINT_TEXT];

	for (const struct member *member = members; member->name; member++) {
		const void *at = (const char *)base + member->offset;

		switch (member->type) {
		case COUNT:
			json_put_count(build, into, member->name, *(const uint64_t *)at);
			break;
		case U32:
			json_put_count(build, into, member->name, *(const uint32_t *)at);
			break;
		case NUMBER:
			json_put_exact(build, into, member->name, *(const double *)at);
			break;
		case BOOL:
			json_put_bool(build, into, member->name, *(const bool *)at);
			break;
		case TEXT:
			json_put_text(build, into, member->name, strings_get(strings, *(const uint32_t *)at));
			break;
		case NAMED:
			json_put_text(build, into, member->name, member->names(*(const uint8_t *)at));
			break;
		case ENDPOINT:
			json_put_text(build, into, member->name, endpoint_text(at, strings, peer));
			break;
		}
	}
}

static void write_counters(struct json_build *build, struct json_object *into, const char *key, const uint64_t *counters,
			   size_t count)
{
	struct json_object *array = json_put_array(build, into, key);

	for (size_t i = 0; i < count; i++)
		json_add_count(build, array, counters[i]);
}

static char *as_text(struct json_build *build, struct json_object *document)
{
	const char *text = build->failed ? NULL : json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN |
											   JSON_C_TO_STRING_NOSLASHESCAPE);
	char *copy = text ? strdup(text) : NULL;

	json_object_put(document);
	return copy;
}

char *facts_write_recording(const struct connprof_recording *recording, const struct facts_mappings *mappings)
{
	struct json_build build = {0};
	struct json_object *document = json_document(&build), *array;

	write_members(&build, recording->strings, document, recording_members, recording);
	if (recording->collect & CONNPROF_OFFCPU)
		write_members(&build, recording->strings, document, offcpu_members, recording);
	write_counters(&build, document, "stack_ends", recording->stack_ends, STACK_END_COUNT);
	write_counters(&build, document, "python_ends", recording->python_ends, PYTHON_END_COUNT);
	write_counters(&build, document, "drops", recording->drops, DROP_COUNT);
	facts_put_requests(&build, recording, document);
	facts_put_calls(&build, recording, document);
	facts_put_series(&build, recording, document);
	array = json_put_array(&build, document, "targets");
	for (size_t i = 0; i < recording->target_count; i++)
		write_members(&build, recording->strings, json_add_object(&build, array), target_members, &recording->targets[i]);
	array = recording->holder_count ? json_put_array(&build, document, "gil_holders") : NULL;
	for (size_t i = 0; i < recording->holder_count; i++)
		write_members(&build, recording->strings, json_add_object(&build, array), holder_members, &recording->holders[i]);
	array = json_put_array(&build, document, "notes");
	for (size_t i = 0; i < recording->note_count; i++)
		json_add_text(&build, array, strings_get(recording->strings, recording->notes[i]));
	array = json_put_array(&build, document, "mappings");
	for (size_t i = 0; i < mappings->count; i++) {
		struct json_object *object = json_add_object(&build, array);

		write_members(&build, recording->strings, object, mapping_members, &mappings->items[i]);
		json_put_count(&build, object, "flags", mappings->items[i].flags);
	}
	return as_text(&build, document);
}

char *facts_write_site(const struct connprof_recording *recording, const struct site_row *site, uint64_t call_site)
{
	struct json_build build = {0};
	struct json_object *document = json_document(&build);

	write_members(&build, recording->strings, document, site_members, site);
	json_put_count(&build, document, "call_site", call_site);
	return as_text(&build, document);
}

/* ---- reading ---- */

static int read_count(struct json_object *value, uint64_t *out)
{
	if (!value) {
		*out = UNKNOWN_COUNT;
		return 0;
	}
	if (!json_object_is_type(value, json_type_int))
		return -EINVAL;
	*out = json_object_get_uint64(value);
	return 0;
}

static int read_named(const struct member *member, struct json_object *value, uint8_t *out)
{
	const char *text = json_object_get_string(value);

	for (unsigned id = 0; id < member->limit; id++) {
		const char *name = member->names(id);

		if ((!name && !text) || (name && text && !strcmp(name, text))) {
			*out = (uint8_t)id;
			return 0;
		}
	}
	return -EINVAL;
}

static int read_number(struct json_object *value, double *out)
{
	if (value && !json_object_is_type(value, json_type_double) && !json_object_is_type(value, json_type_int))
		return -EINVAL;
	*out = value ? json_object_get_double(value) : NAN;
	return 0;
}

static int read_member(struct strings *strings, const struct member *member, struct json_object *value, void *at)
{
	uint64_t count;
	int code;

	switch (member->type) {
	case COUNT:
		return read_count(value, at);
	case U32:
		code = read_count(value, &count);
		if (code || count > UINT32_MAX)
			return -EINVAL;
		*(uint32_t *)at = (uint32_t)count;
		return 0;
	case NUMBER:
		return read_number(value, at);
	case BOOL:
		*(bool *)at = json_object_get_boolean(value);
		return json_object_is_type(value, json_type_boolean) ? 0 : -EINVAL;
	case TEXT:
		if (!json_object_is_type(value, json_type_string))
			return -EINVAL;
		*(uint32_t *)at = strings_add(strings, json_object_get_string(value));
		return 0;
	case NAMED:
		return read_named(member, value, at);
	case ENDPOINT:
		return json_object_is_type(value, json_type_string)
			       ? endpoint_parse(json_object_get_string(value), strings, at) : -EINVAL;
	}
	return -EINVAL;
}

static int read_members(struct strings *strings, struct json_object *from, const struct member *members, void *base)
{
	if (!json_object_is_type(from, json_type_object))
		return -EINVAL;
	for (const struct member *member = members; member->name; member++) {
		struct json_object *value;
		int code;

		if (!json_object_object_get_ex(from, member->name, &value))
			continue;
		code = read_member(strings, member, value, (char *)base + member->offset);
		if (code)
			return code;
	}
	return 0;
}

struct json_object *facts_array(struct json_object *from, const char *key, size_t *count)
{
	struct json_object *array = NULL;

	*count = 0;
	if (json_object_object_get_ex(from, key, &array) && json_object_is_type(array, json_type_array))
		*count = json_object_array_length(array);
	return array;
}

static int read_counters(struct json_object *from, const char *key, uint64_t *counters, size_t limit)
{
	size_t count;
	struct json_object *array = facts_array(from, key, &count);
	int code = 0;

	for (size_t i = 0; !code && i < count && i < limit; i++)
		code = read_count(json_object_array_get_idx(array, i), &counters[i]);
	return code;
}

static int read_targets(struct connprof_recording *recording, struct json_object *from)
{
	size_t count;
	struct json_object *array = facts_array(from, "targets", &count);
	int code = array_reserve(&recording->targets, &recording->target_capacity, count, sizeof(*recording->targets),
				 TARGETS_MAX * 16u);

	for (size_t i = 0; !code && i < count; i++) {
		struct target_row *row = &recording->targets[i];

		memset(row, 0, sizeof(*row));
		code = read_members(recording->strings, json_object_array_get_idx(array, i), target_members, row);
		recording->target_count = i + 1;
	}
	return code;
}

static int read_holders(struct connprof_recording *recording, struct json_object *from)
{
	size_t count;
	struct json_object *array = facts_array(from, "gil_holders", &count);
	int code = array_reserve(&recording->holders, &recording->holder_capacity, count, sizeof(*recording->holders),
				 TARGETS_MAX * 16u);

	for (size_t i = 0; !code && i < count; i++) {
		struct holder_row *row = &recording->holders[i];

		memset(row, 0, sizeof(*row));
		code = read_members(recording->strings, json_object_array_get_idx(array, i), holder_members, row);
		recording->holder_count = i + 1;
	}
	return code;
}

static int read_mappings(struct connprof_recording *recording, struct json_object *from, struct facts_mappings *mappings)
{
	size_t count;
	struct json_object *array = facts_array(from, "mappings", &count);
	int code = array_reserve(&mappings->items, &mappings->capacity, count, sizeof(*mappings->items), FACTS_MAPPINGS_MAX);

	for (size_t i = 0; !code && i < count; i++) {
		struct facts_mapping *mapping = &mappings->items[i];
		struct json_object *object = json_object_array_get_idx(array, i), *flags;

		memset(mapping, 0, sizeof(*mapping));
		code = read_members(recording->strings, object, mapping_members, mapping);
		if (!code && json_object_object_get_ex(object, "flags", &flags))
			mapping->flags = (uint8_t)json_object_get_int(flags);
		mappings->count = i + 1;
	}
	return code;
}

static void read_notes(struct connprof_recording *recording, struct json_object *from)
{
	size_t count;
	struct json_object *array = facts_array(from, "notes", &count);

	for (size_t i = 0; i < count && i < 1000; i++) {
		struct json_object *note = json_object_array_get_idx(array, i);

		if (json_object_is_type(note, json_type_string))
			recording_note(recording, json_object_get_string(note));
	}
}

static struct json_object *parse(const char *text)
{
	size_t length = strlen(text);
	struct json_tokener *tokener;
	struct json_object *object;

	if (length > FACTS_BYTES_MAX || !(tokener = json_tokener_new_ex(8)))
		return NULL;
	object = json_tokener_parse_ex(tokener, text, (int)length);
	json_tokener_free(tokener);
	return object;
}

int facts_read_recording(struct connprof_recording *recording, const char *text, struct facts_mappings *mappings)
{
	struct json_object *from = parse(text);
	int code = from ? read_members(recording->strings, from, recording_members, recording) : -EINVAL;

	if (!code)
		code = read_members(recording->strings, from, offcpu_members, recording);
	if (!code)
		code = read_counters(from, "stack_ends", recording->stack_ends, STACK_END_COUNT);
	if (!code)
		code = read_counters(from, "python_ends", recording->python_ends, PYTHON_END_COUNT);
	if (!code)
		code = read_counters(from, "drops", recording->drops, DROP_COUNT);
	if (!code)
		code = facts_get_requests(recording, from);
	if (!code)
		code = facts_get_calls(recording, from);
	if (!code)
		code = facts_get_series(recording, from);
	if (!code)
		code = read_targets(recording, from);
	if (!code)
		code = read_holders(recording, from);
	if (!code)
		code = read_mappings(recording, from, mappings);
	if (!code)
		read_notes(recording, from);
	json_object_put(from);
	return code;
}

int facts_read_site(struct connprof_recording *recording, const char *text, uint64_t *call_site)
{
	struct json_object *from, *value = NULL;
	struct site_row *row;
	int code = array_reserve(&recording->sites, &recording->site_capacity, recording->site_count + 1,
				 sizeof(*recording->sites), FACTS_SITES_MAX);

	if (code)
		return code;
	row = &recording->sites[recording->site_count];
	memset(row, 0, sizeof(*row));
	from = parse(text);
	code = from ? read_members(recording->strings, from, site_members, row) : -EINVAL;
	*call_site = 0;
	if (!code && json_object_object_get_ex(from, "call_site", &value))
		code = read_count(value, call_site);
	if (!code)
		recording->site_count++;
	json_object_put(from);
	return code;
}
