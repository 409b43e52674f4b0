/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay.c - event streams read back. The file may come from anywhere: lines are bounded, numbers are checked against the
 * width they go into, and an id must have been defined by an earlier line.
 */
#include "source/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/error.h"
#include "model/endpoint.h"
#include "model/model.h"
#include "model/offcpu.h"
#include "source/record.h"

struct id_list {
	uint32_t *ids; /* by the file's number - 1: the recording's id */
	size_t count, capacity;
};

struct replay {
	struct connprof_recording *recording;
	struct model *model;
	struct json_tokener *tokener;
	struct id_list strings, frames, stacks;
	struct frame_replacement *replacements; /* by the recording's frame id - 1 */
	size_t replacement_capacity;
	struct id_list replacing;               /* what stands in the place of frames: ids of the recording */
	uint64_t start_ns, last_ns;
	bool headed, ended;
	const char *problem; /* static: what is wrong with the line */
};

static int bad(struct replay *replay, const char *problem)
{
	replay->problem = problem;
	return -EBADMSG;
}

/* A whole number of at most `high`; a missing one is 0. */
static int get_u64(struct replay *replay, struct json_object *line, const char *key, uint64_t high, uint64_t *out)
{
	struct json_object *value;

	*out = 0;
	if (!json_object_object_get_ex(line, key, &value))
		return 0;
	if (!json_object_is_type(value, json_type_int) ||
	    (json_object_get_int64(value) < 0 && json_object_get_uint64(value) == 0))
		return bad(replay, "a number is expected");
	*out = json_object_get_uint64(value);
	return *out > high ? bad(replay, "number out of range") : 0;
}

static int get_u32(struct replay *replay, struct json_object *line, const char *key, uint32_t high, uint32_t *out)
{
	uint64_t wide;
	int code = get_u64(replay, line, key, high, &wide);

	*out = (uint32_t)wide;
	return code;
}

static const char *get_text(struct json_object *line, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(line, key, &value) && json_object_is_type(value, json_type_string)
		       ? json_object_get_string(value) : NULL;
}

/* An id of the file to one of the recording; 0 stays 0. */
static int get_id(struct replay *replay, struct json_object *line, const char *key, const struct id_list *list,
		  uint32_t *out)
{
	uint32_t number;
	int code = get_u32(replay, line, key, UINT32_MAX, &number);

	if (code)
		return code;
	if (number > list->count)
		return bad(replay, "refers to what is not defined yet");
	*out = number ? list->ids[number - 1] : 0;
	return 0;
}

static int define(struct replay *replay, struct id_list *list, uint64_t number, uint32_t id)
{
	if (number != list->count + 1)
		return bad(replay, "definitions out of order");
	if (array_reserve(&list->ids, &list->capacity, list->count + 1, sizeof(*list->ids), STRINGS_COUNT_MAX))
		return -ENOMEM;
	list->ids[list->count++] = id;
	return 0;
}

static int read_string(struct replay *replay, struct json_object *line, uint64_t number)
{
	const char *text = get_text(line, "text");

	if (!text)
		return bad(replay, "a string without text");
	return define(replay, &replay->strings, number, strings_add(replay->recording->strings, text));
}

static int read_frame(struct replay *replay, struct json_object *line, uint64_t number)
{
	struct frame frame = { 0 };
	uint32_t kind, flags;
	uint64_t address;

	if (get_u32(replay, line, "kind", FRAME_NOTE, &kind) || get_u32(replay, line, "flags", UINT8_MAX, &flags) ||
	    get_id(replay, line, "function", &replay->strings, &frame.function) ||
	    get_id(replay, line, "file", &replay->strings, &frame.file) ||
	    get_id(replay, line, "module", &replay->strings, &frame.module) ||
	    get_u32(replay, line, "line", UINT32_MAX, &frame.line) ||
	    get_u32(replay, line, "first_line", UINT32_MAX, &frame.first_line) ||
	    get_u64(replay, line, "address", UINT64_MAX, &address))
		return -EBADMSG;
	frame.kind = (uint8_t)kind;
	frame.flags = (uint8_t)flags;
	frame.address = address;
	return define(replay, &replay->frames, number, stacks_add_frame(replay->recording->stacks, &frame));
}

static int read_stack(struct replay *replay, struct json_object *line, uint64_t number)
{
	struct json_object *frames;
	uint32_t ids[STACK_FRAMES_MAX], end;
	size_t count;

	if (get_u32(replay, line, "end", STACK_END_COUNT - 1, &end))
		return -EBADMSG;
	if (!json_object_object_get_ex(line, "frames", &frames) || !json_object_is_type(frames, json_type_array) ||
	    json_object_array_length(frames) > STACK_FRAMES_MAX)
		return bad(replay, "a stack without frames");
	count = json_object_array_length(frames);
	for (size_t i = 0; i < count; i++) {
		uint64_t frame = json_object_get_uint64(json_object_array_get_idx(frames, i));

		if (!frame || frame > replay->frames.count)
			return bad(replay, "refers to what is not defined yet");
		ids[i] = replay->frames.ids[frame - 1];
	}
	return define(replay, &replay->stacks, number, stacks_add(replay->recording->stacks, ids, count, (uint8_t)end));
}

/* A missing one stays zero. */
static int read_endpoint(struct replay *replay, struct json_object *line, const char *key, struct endpoint *out)
{
	const char *text = get_text(line, key);

	return text && endpoint_parse(text, replay->recording->strings, out) ? bad(replay, "not an endpoint") : 0;
}

static int read_conn(struct replay *replay, struct json_object *line, struct event_conn *conn)
{
	struct json_object *error;
	uint64_t key;

	if (get_u64(replay, line, "conn", UINT64_MAX, &key) || get_u32(replay, line, "flags", UINT32_MAX, &conn->flags) ||
	    get_u32(replay, line, "pool", UINT32_MAX, &conn->pool) ||
	    read_endpoint(replay, line, "local", &conn->local) || read_endpoint(replay, line, "peer", &conn->peer))
		return -EBADMSG;
	conn->conn = key;
	if (json_object_object_get_ex(line, "error", &error))
		conn->error = json_object_get_int(error);
	return 0;
}

static int read_io(struct replay *replay, struct json_object *line, struct event_io *io)
{
	const char *protocol = get_text(line, "protocol"), *library = get_text(line, "library"), *command = get_text(line, "command");
	struct json_object *sent;
	uint64_t key, bytes;
	uint32_t flags;

	if (get_u64(replay, line, "conn", UINT64_MAX, &key) || get_u64(replay, line, "bytes", UINT64_MAX, &bytes) ||
	    get_u32(replay, line, "flags", UINT16_MAX, &flags) ||
	    get_u32(replay, line, "requests", UINT32_MAX, &io->facts.requests) ||
	    get_u32(replay, line, "handshake", UINT32_MAX, &io->facts.handshake) ||
	    get_u32(replay, line, "responses", UINT32_MAX, &io->facts.responses) ||
	    get_u32(replay, line, "queued_us", UINT32_MAX, &io->queued_us) ||
	    get_u32(replay, line, "errors", UINT32_MAX, &io->facts.errors))
		return -EBADMSG;
	io->conn = key;
	io->bytes = bytes;
	io->facts.flags = (uint16_t)flags;
	io->direction = WIRE_RECEIVED;
	if (json_object_object_get_ex(line, "sent", &sent) && json_object_get_boolean(sent))
		io->direction = WIRE_SENT;
	if (protocol)
		io->facts.protocol = (uint16_t)protocol_by_name(protocol);
	if (command)
		io->facts.command = command_by_name(command);
	if (library)
		snprintf(io->facts.library, sizeof(io->facts.library), "%s", library);
	return 0;
}

static int read_offcpu(struct replay *replay, struct json_object *line, struct event_offcpu *offcpu)
{
	const char *name = get_text(line, "wait");
	uint64_t conn, ns, left_ns;

	for (offcpu->wait = WAIT_NONE + 1; offcpu->wait < WAIT_KIND_COUNT; offcpu->wait++)
		if (name && !strcmp(wait_name(offcpu->wait), name))
			break;
	if (offcpu->wait == WAIT_KIND_COUNT)
		return bad(replay, "unknown kind of wait");
	if (get_u64(replay, line, "ns", OFFCPU_NS_MAX, &ns) || get_u64(replay, line, "conn", UINT64_MAX, &conn) ||
	    get_u64(replay, line, "left_ns", OFFCPU_NS_MAX, &left_ns) ||
	    get_u32(replay, line, "left_count", UINT32_MAX, &offcpu->left_count) ||
	    get_u32(replay, line, "holder", INT32_MAX, &offcpu->holder) ||
	    get_u32(replay, line, "weight", OFFCPU_WEIGHT_MAX, &offcpu->weight))
		return -EBADMSG;
	offcpu->ns = ns;
	offcpu->conn = conn;
	offcpu->left_ns = left_ns;
	if (!offcpu->weight)
		offcpu->weight = WEIGHT_ONE;
	return 0;
}

static int read_call(struct replay *replay, struct json_object *line, struct event_call *call)
{
	uint64_t conn, bytes, ns, blocked_ns;

	if (get_u64(replay, line, "conn", UINT64_MAX, &conn) || get_u64(replay, line, "bytes", INT64_MAX, &bytes) ||
	    get_u64(replay, line, "ns", INT64_MAX, &ns) || get_u64(replay, line, "blocked_ns", INT64_MAX, &blocked_ns) ||
	    get_u32(replay, line, "lines", UINT32_MAX, &call->lines) || get_u32(replay, line, "weight", UINT32_MAX, &call->weight) ||
	    get_u32(replay, line, "mode", UINT32_MAX, &call->mode) || get_id(replay, line, "place", &replay->strings, &call->place))
		return -EBADMSG;
	call->conn = conn;
	call->bytes = bytes;
	call->ns = ns;
	call->blocked_ns = blocked_ns;
	return 0;
}

static int read_body(struct replay *replay, struct json_object *line, struct event *event)
{
	struct json_object *gil;
	uint64_t count;

	switch (event->kind) {
	case EVENT_SAMPLE:
		event->sample.holds_gil = json_object_object_get_ex(line, "gil", &gil) && json_object_get_boolean(gil);
		return 0;
	case EVENT_EXIT:
		return 0;
	case EVENT_IO:
		return read_io(replay, line, &event->io);
	case EVENT_PROCESS:
		if (get_id(replay, line, "comm", &replay->strings, &event->process.comm) ||
		    get_id(replay, line, "exe", &replay->strings, &event->process.exe))
			return -EBADMSG;
		return get_u32(replay, line, "parent", UINT32_MAX, &event->process.parent);
	case EVENT_OFFCPU:
		return read_offcpu(replay, line, &event->offcpu);
	case EVENT_LOG:
	case EVENT_SEND:
		return read_call(replay, line, &event->call);
	case EVENT_LOST:
		if (get_u32(replay, line, "reason", DROP_COUNT - 1, &event->lost.reason) ||
		    get_u64(replay, line, "count", UINT64_MAX, &count))
			return -EBADMSG;
		event->lost.count = count;
		return 0;
	default:
		return read_conn(replay, line, &event->conn);
	}
}

/* Room for one frame's replacement: capacity is what has been cleared. */
static struct frame_replacement *replacement_of(struct replay *replay, uint32_t id)
{
	if (array_reserve_zeroed(&replay->replacements, &replay->replacement_capacity, id, sizeof(*replay->replacements), STRINGS_COUNT_MAX))
		return NULL;
	return &replay->replacements[id - 1];
}

static int read_replacement(struct replay *replay, struct json_object *line, uint64_t number)
{
	struct frame_replacement *replacement;
	struct json_object *frames;
	uint32_t first = (uint32_t)replay->replacing.count;
	size_t count;

	if (!json_object_object_get_ex(line, "frames", &frames) || !json_object_is_type(frames, json_type_array) || !number ||
	    number > replay->frames.count || !replay->frames.ids[number - 1])
		return bad(replay, "a replacement of no frame");
	count = json_object_array_length(frames);
	if (!count || count > STACK_FRAMES_MAX)
		return bad(replay, "a replacement by too many frames, or none");
	for (size_t i = 0; i < count; i++) {
		struct json_object *item = json_object_array_get_idx(frames, i);
		int64_t frame = json_object_is_type(item, json_type_int) ? json_object_get_int64(item) : 0;

		if (frame < 1 || (uint64_t)frame > replay->frames.count || !replay->frames.ids[frame - 1])
			return bad(replay, "refers to what is not defined yet");
		if (define(replay, &replay->replacing, replay->replacing.count + 1, replay->frames.ids[frame - 1]))
			return -ENOMEM;
	}
	replacement = replacement_of(replay, replay->frames.ids[number - 1]);
	if (!replacement)
		return -ENOMEM;
	*replacement = (struct frame_replacement){first, (uint32_t)count};
	return 0;
}

static int read_event(struct replay *replay, struct json_object *line, const char *name)
{
	struct event event = { 0 };
	struct json_object *time;
	int code;

	for (event.kind = EVENT_SAMPLE; event.kind < EVENT_KIND_COUNT; event.kind++)
		if (!strcmp(event_kind_name(event.kind), name))
			break;
	if (event.kind == EVENT_KIND_COUNT)
		return bad(replay, "unknown kind of event");
	if (get_u32(replay, line, "pid", INT32_MAX, &event.pid) || get_u32(replay, line, "tid", INT32_MAX, &event.tid) ||
	    get_id(replay, line, "thread", &replay->strings, &event.thread) ||
	    get_id(replay, line, "stack", &replay->stacks, &event.stack) ||
	    get_u32(replay, line, "unit", UINT32_MAX, &event.unit) ||
	    get_u32(replay, line, "off", UINT32_MAX, &event.marks.off) ||
	    get_u32(replay, line, "queued", UINT32_MAX, &event.marks.queued) ||
	    get_u32(replay, line, "locked", UINT32_MAX, &event.marks.locked) ||
	    get_u32(replay, line, "python_end", PYTHON_END_COUNT - 1, &event.python_end))
		return -EBADMSG;
	if (!json_object_object_get_ex(line, "t", &time) || !json_object_is_type(time, json_type_int))
		return bad(replay, "an event without a time");
	event.time_ns = replay->start_ns + (uint64_t)json_object_get_int64(time);
	code = read_body(replay, line, &event);
	if (code)
		return code;
	if (event.time_ns > replay->last_ns)
		replay->last_ns = event.time_ns;
	return model_feed(replay->model, &event);
}

static int read_header(struct replay *replay, struct json_object *line)
{
	uint32_t format;

	if (get_u32(replay, line, "connprof_events", UINT32_MAX, &format) ||
	    get_u64(replay, line, "start_ns", INT64_MAX, &replay->start_ns) ||
	    get_u64(replay, line, "start_unix_ns", UINT64_MAX, &replay->recording->start_unix_ns) ||
	    get_u32(replay, line, "collect", UINT32_MAX, &replay->recording->collect) ||
	    get_u32(replay, line, "rate_hz", UINT32_MAX, &replay->recording->rate_hz))
		return -EBADMSG;
	if (format != RECORD_FORMAT)
		return bad(replay, "not an event stream of this connprof's format");
	replay->last_ns = replay->recording->start_ns = replay->start_ns;
	replay->headed = true;
	return 0;
}

static int read_object(struct replay *replay, struct json_object *line)
{
	static const struct {
		const char *key;
		int (*read)(struct replay *, struct json_object *, uint64_t number);
	} definitions[] = { { "string", read_string }, { "frame", read_frame }, { "stack", read_stack },
			   { "replace", read_replacement } };
	const char *event = get_text(line, "event");
	struct json_object *value;
	uint64_t number;

	if (!replay->headed)
		return read_header(replay, line);
	if (replay->ended)
		return bad(replay, "lines after the end");
	if (event)
		return read_event(replay, line, event);
	for (size_t i = 0; i < sizeof(definitions) / sizeof(definitions[0]); i++)
		if (json_object_object_get_ex(line, definitions[i].key, &value))
			return get_u64(replay, line, definitions[i].key, UINT32_MAX, &number)
				       ? -EBADMSG : definitions[i].read(replay, line, number);
	if (!json_object_object_get_ex(line, "end_ns", &value))
		return bad(replay, "neither a definition nor an event");
	replay->ended = true;
	return get_u64(replay, line, "end_ns", UINT64_MAX, &replay->last_ns);
}

static int read_line(struct replay *replay, const char *text, size_t length)
{
	struct json_object *line;
	int code;

	json_tokener_reset(replay->tokener);
	line = json_tokener_parse_ex(replay->tokener, text, (int)length);
	if (line && json_object_is_type(line, json_type_object))
		code = read_object(replay, line);
	else
		code = bad(replay, "not a JSON object");
	json_object_put(line);
	return code;
}

static int read_file(struct replay *replay, const char *path, FILE *file, char *buffer, struct connprof_error *error)
{
	size_t line = 0;
	int code = 0;

	while (!code && fgets(buffer, RECORD_LINE_MAX, file)) {
		size_t length = strlen(buffer);

		line++;
		code = length && (buffer[length - 1] == '\n' || feof(file))
			       ? read_line(replay, buffer, length) : bad(replay, "line too long");
	}
	if (code == -EBADMSG)
		return error_set(error, code, CONNPROF_CANNOT_OBSERVE, "cannot read %s: line %zu: %s (write it again with connprof)",
				 path, line, replay->problem);
	if (code)
		return error_memory(error);
	if (ferror(file) || !replay->headed)
		return error_set(error, -EIO, CONNPROF_CANNOT_OBSERVE, "cannot read %s: %s (is it a .events.jsonl file?)", path,
				 ferror(file) ? "reading failed" : "it is empty");
	if (!replay->ended)
		recording_note(replay->recording, "the event stream has no end line: it may be cut short");
	if (replay->replacing.count) {
		code = stacks_replace(replay->recording->stacks, replay->replacements, replay->replacement_capacity, replay->replacing.ids);
		if (code == -ENOMEM)
			return error_memory(error);
		if (code == -E2BIG)
			recording_note(replay->recording, "more frames than are kept: functions are shown without file and line");
	}
	code = model_finish(replay->model, replay->start_ns, replay->last_ns);
	return code ? error_memory(error) : 0;
}

int replay_watched(const char *path, int (*begun)(void *context, struct connprof_recording *recording), void *context,
		   struct connprof_recording **out, struct connprof_error *error)
{
	struct replay replay = { .recording = recording_new(), .tokener = json_tokener_new_ex(8) };
	FILE *file = NULL;
	char *buffer = malloc(RECORD_LINE_MAX);
	int code;

	replay.model = replay.recording ? model_new(replay.recording) : NULL;
	if (!replay.model || !replay.tokener || !buffer)
		code = error_memory(error);
	else if (!(file = fopen(path, "re")))
		code = error_set(error, -errno, CONNPROF_CANNOT_OBSERVE, "cannot read %s: %s (check the path)", path, strerror(errno));
	else if (!(code = begun ? begun(context, replay.recording) : 0))
		code = read_file(&replay, path, file, buffer, error);
	if (file)
		fclose(file);
	free(buffer);
	if (replay.tokener)
		json_tokener_free(replay.tokener);
	free(replay.strings.ids);
	free(replay.frames.ids);
	free(replay.stacks.ids);
	free(replay.replacing.ids);
	free(replay.replacements);
	if (code)
		connprof_recording_free(replay.recording);
	else
		*out = replay.recording;
	return code;
}

int replay_load(const char *path, struct connprof_recording **out, struct connprof_error *error)
{
	return replay_watched(path, NULL, NULL, out, error);
}

bool replay_recognizes(const char *bytes, size_t length)
{
	static const char start[] = "{\"connprof_events\":";

	return length >= sizeof(start) - 1 && !memcmp(bytes, start, sizeof(start) - 1);
}
