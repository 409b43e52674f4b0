/* SPDX-License-Identifier: BSD-2-Clause */
/* json_parts.c - places, stacks, targets, losses: what several documents say in the same words. */
#include "report/json_parts.h"

#include "protocol/protocol.h"

const char *protocol_or_null(uint8_t protocol)
{
	return protocol == PROTOCOL_UNKNOWN ? NULL : protocol_name((enum protocol_id)protocol);
}

const char *text_or_null(const struct connprof_recording *recording, uint32_t id)
{
	const char *text = strings_get(recording->strings, id);

	return *text ? text : NULL;
}

void quantiles_json_put(struct json_build *build, struct json_object *into, const char *key, const struct quantiles *values,
			bool with_max)
{
	struct json_object *object = json_put_object(build, into, key);

	json_put_number(build, object, "p50", values->p50);
	json_put_number(build, object, "p99", values->p99);
	if (with_max)
		json_put_number(build, object, "max", values->max);
}

static const char *kind_name(const struct frame *frame)
{
	switch (frame->kind) {
	case FRAME_NATIVE:
		return "native";
	case FRAME_PYTHON:
		return "python";
	case FRAME_KERNEL:
		return "kernel";
	}
	return "note";
}

static void put_frame(struct json_build *build, struct json_object *object, const struct connprof_recording *recording,
		      const struct frame *frame)
{
	const char *file = text_or_null(recording, frame->file);

	json_put_text(build, object, "function", text_or_null(recording, frame->function));
	json_put_text(build, object, "file", file ? file : text_or_null(recording, frame->module));
	json_put_count(build, object, "line", frame->line ? frame->line : UNKNOWN_COUNT);
}

void place_json_put(struct json_build *build, struct json_object *into, const char *key, const struct connprof_recording *recording,
		    uint32_t frame)
{
	const struct frame *found = stacks_frame(recording->stacks, frame);

	if (found)
		put_frame(build, json_put_object(build, into, key), recording, found);
	else
		json_put_null(build, into, key);
}

void stack_json_put(struct json_build *build, struct json_object *into, const char *key, const struct connprof_recording *recording,
		    const struct connprof_report_options *options, uint32_t stack)
{
	struct json_object *array = json_put_array(build, into, key);
	size_t count = 0;
	const uint32_t *frames = stacks_get(recording->stacks, stack, &count, NULL);

	for (size_t i = 0; i < count; i++) {
		const struct frame *frame = stacks_frame(recording->stacks, frames[i]);
		struct json_object *object;

		if (!frame || frame_hidden(frame, options))
			continue;
		object = json_add_object(build, array);
		put_frame(build, object, recording, frame);
		json_put_text(build, object, "kind", kind_name(frame));
	}
}

void targets_json_put(struct json_build *build, struct json_object *document, const struct connprof_recording *recording)
{
	struct json_object *targets = json_put_array(build, document, "targets");

	for (size_t i = 0; i < recording->target_count; i++) {
		const struct target_row *row = &recording->targets[i];
		struct json_object *target = json_add_object(build, targets);

		json_put_count(build, target, "pid", row->pid);
		json_put_text(build, target, "comm", strings_get(recording->strings, row->comm));
		json_put_text(build, target, "exe", text_or_null(recording, row->exe));
	}
}

void requests_json_put(struct json_build *build, struct json_object *document, const struct connprof_recording *recording)
{
	const struct requests_summary *requests = &recording->requests;
	struct json_object *object = json_put_object(build, document, "requests");

	json_put_count(build, object, "observed", requests->observed);
	json_put_text(build, object, "protocol", protocol_or_null(requests->protocol));
	quantiles_json_put(build, object, "latency_ms", &requests->latency_ms, true);
}

struct json_object *lost_json_put(struct json_build *build, struct json_object *document, const struct connprof_recording *recording)
{
	struct json_object *lost = json_put_object(build, document, "lost");

	json_put_count(build, lost, "events", lost_events(recording));
	json_put_count(build, lost, "stacks", recording->stacks_refused);
	json_put_count(build, lost, "connects", recording->drops[DROP_CONNECTS]);
	json_put_count(build, lost, "connections", recording->connections_refused);
	json_put_count(build, lost, "requests", recording->requests_refused);
	json_put_count(build, lost, "deeds", recording->deeds_refused);
	return lost;
}

void notes_json_put(struct json_build *build, struct json_object *document, const struct connprof_recording *recording)
{
	struct json_object *notes;

	if (!recording->note_count)
		return;
	notes = json_put_array(build, document, "notes");
	for (size_t i = 0; i < recording->note_count; i++)
		json_add_text(build, notes, strings_get(recording->strings, recording->notes[i]));
}
