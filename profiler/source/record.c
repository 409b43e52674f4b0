/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record.c - events as JSON lines. Each table (strings, frames, stacks) is renumbered in order of first use, so that the
 * reader can check that every definition comes in turn and before what refers to it.
 */
#include "source/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/array.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "model/endpoint.h"

struct renumber {
	uint32_t *file_id; /* by recording id; 0: not defined yet */
	size_t capacity;   /* entries allocated, all initialised */
	uint32_t used;
};

struct record_writer {
	const struct connprof_recording *recording;
	struct output output;
	struct renumber strings, frames, stacks;
	uint64_t start_ns;
};

static const char *const kind_names[EVENT_KIND_COUNT] = {
	[EVENT_SAMPLE] = "sample",
	[EVENT_CONNECT] = "connect",
	[EVENT_ESTABLISHED] = "established",
	[EVENT_PEER_CLOSED] = "peer_closed",
	[EVENT_CLOSE] = "close",
	[EVENT_GONE] = "gone",
	[EVENT_IO] = "io",
	[EVENT_PREEXISTING] = "preexisting",
	[EVENT_PROCESS] = "process",
	[EVENT_EXIT] = "exit",
	[EVENT_LOST] = "lost",
	[EVENT_LOG] = "log",
	[EVENT_SEND] = "send",
	[EVENT_OFFCPU] = "offcpu",
};

const char *event_kind_name(uint32_t kind)
{
	return kind < EVENT_KIND_COUNT ? kind_names[kind] : NULL;
}

/* Where the file's id for `id` is kept; NULL when out of memory. */
static uint32_t *renumber_at(struct renumber *map, uint32_t id)
{
	if (array_reserve_zeroed(&map->file_id, &map->capacity, (size_t)id + 1, sizeof(*map->file_id), (size_t)1 << 32))
		return NULL;
	return &map->file_id[id];
}

/* Text inside quotes. What comes from a target was made printable before; quotes and backslashes are left to escape. */
static void write_text(FILE *stream, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', stream);
		putc((unsigned char)*text < 0x20 ? '?' : *text, stream);
	}
}

/* Defines a string if it is new. *file_id is 0 for the empty string. */
static int use_string(struct record_writer *writer, uint32_t id, uint32_t *file_id)
{
	uint32_t *at;

	*file_id = 0;
	if (!id)
		return 0;
	at = renumber_at(&writer->strings, id);
	if (!at)
		return -ENOMEM;
	if (!*at) {
		*at = ++writer->strings.used;
		fprintf(writer->output.stream, "{\"string\":%u,\"text\":\"", *at);
		write_text(writer->output.stream, strings_get(writer->recording->strings, id));
		fputs("\"}\n", writer->output.stream);
	}
	*file_id = *at;
	return 0;
}

static int use_frame(struct record_writer *writer, uint32_t id, uint32_t *file_id)
{
	const struct frame *frame = stacks_frame(writer->recording->stacks, id);
	uint32_t *at = frame ? renumber_at(&writer->frames, id) : NULL;
	uint32_t function, file, module;

	if (!at)
		return frame ? -ENOMEM : -EINVAL;
	if (!*at) {
		if (use_string(writer, frame->function, &function) || use_string(writer, frame->file, &file) ||
		    use_string(writer, frame->module, &module))
			return -ENOMEM;
		*at = ++writer->frames.used;
		fprintf(writer->output.stream,
			"{\"frame\":%u,\"kind\":%u,\"flags\":%u,\"function\":%u,\"file\":%u,\"line\":%u,\"first_line\":%u,"
			"\"module\":%u,\"address\":%" PRIu64 "}\n", *at, frame->kind, frame->flags, function, file,
			frame->line, frame->first_line, module, frame->address);
	}
	*file_id = *at;
	return 0;
}

static int use_stack(struct record_writer *writer, uint32_t id, uint32_t *file_id)
{
	uint8_t end;
	size_t count;
	const uint32_t *frames = stacks_get(writer->recording->stacks, id, &count, &end);
	uint32_t *at, ids[STACK_FRAMES_MAX];

	*file_id = 0;
	if (!id || id > stacks_count(writer->recording->stacks))
		return 0;
	at = renumber_at(&writer->stacks, id);
	if (!at)
		return -ENOMEM;
	if (!*at) {
		for (size_t i = 0; i < count; i++)
			if (use_frame(writer, frames[i], &ids[i]))
				return -ENOMEM;
		*at = ++writer->stacks.used;
		fprintf(writer->output.stream, "{\"stack\":%u,\"end\":%u,\"frames\":[", *at, end);
		for (size_t i = 0; i < count; i++)
			fprintf(writer->output.stream, "%s%u", i ? "," : "", ids[i]);
		fputs("]}\n", writer->output.stream);
	}
	*file_id = *at;
	return 0;
}

static void write_endpoint(struct record_writer *writer, const char *key, const struct endpoint *endpoint)
{
	char text[ENDPOINT_TEXT];

	if (!endpoint->family || (endpoint->family == AF_UNIX && !endpoint->name && *key == 'l')) /* a socket without a name */
		return;
	fprintf(writer->output.stream, ",\"%s\":\"", key);
	write_text(writer->output.stream, endpoint_text(endpoint, writer->recording->strings, text));
	putc('"', writer->output.stream);
}

static void write_io(FILE *stream, const struct event_io *io)
{
	char library[sizeof(io->facts.library) + 4];

	fprintf(stream,
		",\"conn\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"sent\":%s,\"protocol\":\"%s\",\"flags\":%u,\"requests\":%u,"
		"\"handshake\":%u,\"responses\":%u,\"errors\":%u", io->conn, io->bytes,
		io->direction == WIRE_SENT ? "true" : "false", protocol_name(io->facts.protocol), io->facts.flags,
		io->facts.requests, io->facts.handshake, io->facts.responses, io->facts.errors);
	if (io->queued_us)
		fprintf(stream, ",\"queued_us\":%u", io->queued_us);
	if (command_name(io->facts.command))
		fprintf(stream, ",\"command\":\"%s\"", command_name(io->facts.command));
	if (!io->facts.library[0])
		return;
	text_clean(library, sizeof(library), io->facts.library, strnlen(io->facts.library, sizeof(io->facts.library)));
	fputs(",\"library\":\"", stream);
	write_text(stream, library);
	putc('"', stream);
}

static void write_offcpu(FILE *stream, const struct event_offcpu *offcpu)
{
	fprintf(stream, ",\"wait\":\"%s\",\"ns\":%" PRIu64, wait_name(offcpu->wait), offcpu->ns);
	if (offcpu->weight != WEIGHT_ONE)
		fprintf(stream, ",\"weight\":%u", offcpu->weight);
	if (offcpu->holder)
		fprintf(stream, ",\"holder\":%u", offcpu->holder);
	if (offcpu->conn)
		fprintf(stream, ",\"conn\":%" PRIu64, offcpu->conn);
	if (offcpu->left_count)
		fprintf(stream, ",\"left_count\":%u,\"left_ns\":%" PRIu64, offcpu->left_count, offcpu->left_ns);
}

static void write_call(FILE *stream, const struct event *event, uint32_t place)
{
	const struct event_call *call = &event->call;

	if (event->kind == EVENT_SEND)
		fprintf(stream, ",\"conn\":%" PRIu64, call->conn);
	else
		fprintf(stream, ",\"place\":%u,\"mode\":%u,\"lines\":%u,\"ns\":%" PRIu64 ",\"blocked_ns\":%" PRIu64, place, call->mode,
			call->lines, call->ns, call->blocked_ns);
	fprintf(stream, ",\"bytes\":%" PRIu64 ",\"weight\":%u", call->bytes, call->weight);
}

static int write_process(struct record_writer *writer, const struct event *event, uint32_t comm, uint32_t exe)
{
	return fprintf(writer->output.stream, ",\"parent\":%u,\"comm\":%u,\"exe\":%u", event->process.parent, comm, exe);
}

/* comm: of EVENT_LOG the place. */
static void write_body(struct record_writer *writer, const struct event *event, uint32_t comm, uint32_t exe)
{
	FILE *stream = writer->output.stream;

	switch (event->kind) {
	case EVENT_SAMPLE:
		if (event->sample.holds_gil)
			fputs(",\"gil\":true", stream);
		break;
	case EVENT_EXIT:
		break;
	case EVENT_IO:
		write_io(stream, &event->io);
		break;
	case EVENT_OFFCPU:
		write_offcpu(stream, &event->offcpu);
		break;
	case EVENT_LOG:
	case EVENT_SEND:
		write_call(stream, event, comm);
		break;
	case EVENT_PROCESS:
		write_process(writer, event, comm, exe);
		break;
	case EVENT_LOST:
		fprintf(stream, ",\"reason\":%u,\"count\":%" PRIu64, event->lost.reason, event->lost.count);
		break;
	default:
		fprintf(stream, ",\"conn\":%" PRIu64 ",\"flags\":%u,\"error\":%d", event->conn.conn, event->conn.flags,
			event->conn.error);
		write_endpoint(writer, "local", &event->conn.local);
		write_endpoint(writer, "peer", &event->conn.peer);
		if (event->conn.pool)
			fprintf(stream, ",\"pool\":%u", event->conn.pool);
	}
}

int record_open(const char *path, const struct connprof_recording *recording, uint64_t start_ns,
		struct record_writer **out, struct connprof_error *error)
{
	struct record_writer *writer = calloc(1, sizeof(*writer));
	int code;

	if (!writer)
		return error_memory(error);
	code = output_open(&writer->output, path, error);
	if (code) {
		free(writer);
		return code;
	}
	writer->recording = recording;
	writer->start_ns = start_ns;
	fprintf(writer->output.stream,
		"{\"connprof_events\":%d,\"start_ns\":%" PRIu64 ",\"start_unix_ns\":%" PRIu64
		",\"collect\":%u,\"rate_hz\":%u}\n", RECORD_FORMAT, start_ns, recording->start_unix_ns, recording->collect,
		recording->rate_hz);
	*out = writer;
	return 0;
}

int record_event(struct record_writer *writer, const struct event *event)
{
	FILE *stream = writer->output.stream;
	uint32_t thread, stack, comm = 0, exe = 0;
	const char *name = event_kind_name(event->kind);

	if (!name)
		return -EINVAL;
	if (use_string(writer, event->thread, &thread) || use_stack(writer, event->stack, &stack))
		return -ENOMEM;
	if (event->kind == EVENT_PROCESS &&
	    (use_string(writer, event->process.comm, &comm) || use_string(writer, event->process.exe, &exe)))
		return -ENOMEM;
	if (event->kind == EVENT_LOG && use_string(writer, event->call.place, &comm))
		return -ENOMEM;
	fprintf(stream, "{\"event\":\"%s\",\"t\":%" PRId64 ",\"pid\":%u,\"tid\":%u", name,
		(int64_t)(event->time_ns - writer->start_ns), event->pid, event->tid);
	if (thread)
		fprintf(stream, ",\"thread\":%u", thread);
	if (stack)
		fprintf(stream, ",\"stack\":%u", stack);
	if (event->unit)
		fprintf(stream, ",\"unit\":%u", event->unit);
	if (event->python_end)
		fprintf(stream, ",\"python_end\":%u", event->python_end);
	if (event->marks.off)
		fprintf(stream, ",\"off\":%u,\"queued\":%u,\"locked\":%u", event->marks.off, event->marks.queued, event->marks.locked);
	write_body(writer, event, comm, exe);
	fputs("}\n", stream);
	return 0;
}

static int write_replacement(struct record_writer *writer, uint32_t file_id, const uint32_t *ids, size_t count)
{
	uint32_t file_ids[STACK_FRAMES_MAX];

	count = count < STACK_FRAMES_MAX ? count : STACK_FRAMES_MAX;
	for (size_t i = 0; i < count; i++)
		if (use_frame(writer, ids[i], &file_ids[i]))
			return -ENOMEM;
	fprintf(writer->output.stream, "{\"replace\":%u,\"frames\":[", file_id);
	for (size_t i = 0; i < count; i++)
		fprintf(writer->output.stream, "%s%u", i ? "," : "", file_ids[i]);
	fputs("]}\n", writer->output.stream);
	return 0;
}

int record_replaced(struct record_writer *writer, const struct frame_replacement *by_frame, size_t frame_count, const uint32_t *ids)
{
	for (size_t i = 0; i < frame_count && i + 1 < writer->frames.capacity; i++) {
		uint32_t file_id = writer->frames.file_id[i + 1];

		if (file_id && by_frame[i].count && write_replacement(writer, file_id, ids + by_frame[i].first, by_frame[i].count))
			return -ENOMEM;
	}
	return 0;
}

static void writer_free(struct record_writer *writer)
{
	free(writer->strings.file_id);
	free(writer->frames.file_id);
	free(writer->stacks.file_id);
	free(writer);
}

int record_close(struct record_writer *writer, uint64_t end_ns, struct connprof_error *error)
{
	int code;

	fprintf(writer->output.stream, "{\"end_ns\":%" PRIu64 "}\n", end_ns);
	code = output_commit(&writer->output, error);
	writer_free(writer);
	return code;
}

void record_abort(struct record_writer *writer)
{
	if (!writer)
		return;
	output_abort(&writer->output);
	writer_free(writer);
}
