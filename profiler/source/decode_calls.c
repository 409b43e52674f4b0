/* SPDX-License-Identifier: BSD-2-Clause */
/* decode_calls.c - records of calls that are looked at for what they say of the code: log writes, and sends to Redis. */
#include "source/decode_parts.h"

/* LOG, SEND: with a stack where one was walked for. */
void call_record(struct decode *decode, const struct record *record)
{
	const struct call_body *body = (const void *)(record + 1);
	const size_t head = sizeof(*record) + sizeof(*body);
	struct raw_stack raw;
	struct event *event;
	uint32_t stack;

	if (record->size < head || (record->size > head && raw_stack_read((const void *)(body + 1), record->size - head, &raw))) {
		decode->malformed++;
		return;
	}
	stack = record->size > head ? stack_of(decode, record, &raw) : 0;
	event = event_add(decode, record->type == RECORD_LOG ? EVENT_LOG : EVENT_SEND, record);
	if (!event)
		return;
	event->stack = stack;
	event->unit = units_number(decode->units, body->unit);
	event->call = (struct event_call){
		.bytes = body->bytes, .ns = body->ns, .blocked_ns = body->blocked_ns, .lines = body->lines,
		.weight = stack ? body->weight : 0, .mode = body->mode,
	};
	event->call.place = event->kind == EVENT_LOG ? log_place(decode->places, record->pid, body) : 0;
	event->call.conn = event->kind == EVENT_SEND ? body->subject : 0;
}
