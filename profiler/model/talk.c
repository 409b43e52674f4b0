/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * talk.c - begun by connect() or by a send, ended when it is established, by as many answers as were asked for, by the next
 * question after an answer whose end did not show, or by the connection's end.
 */
#include "model/talk.h"

static const struct off_marks not_known;

/* marks: of the thread that asked, at the end. */
static bool end(struct talk *talk, uint64_t time_ns, const struct off_marks *marks, struct purpose *purpose, struct event *asker)
{
	bool any = talk->begin_ns != 0;

	*purpose = (struct purpose){
		.begin_ns = talk->begin_ns, .end_ns = time_ns, .spent = talk->spent, .command = talk->command,
		.stack = talk->spent == SPENT_REDIS ? talk->stack : 0, .off = off_between(&talk->marks, marks, time_ns - talk->begin_ns),
	};
	*asker = (struct event){ .pid = talk->pid, .tid = talk->tid, .unit = talk->unit, .time_ns = time_ns };
	*talk = (struct talk){ 0 };
	return any && purpose->end_ns > purpose->begin_ns;
}

static void begin(struct talk *talk, const struct event *event, uint32_t spent)
{
	*talk = (struct talk){
		.begin_ns = event->time_ns, .pid = event->pid, .tid = event->tid, .unit = event->unit, .spent = spent,
		.marks = event->marks,
	};
}

static const struct off_marks *marks_of(const struct talk *talk, const struct event *event)
{
	return talk->pid == event->pid && talk->tid == event->tid ? &event->marks : &not_known;
}

static bool is_unread(const struct wire_facts *facts)
{
	return facts->protocol == PROTOCOL_UNKNOWN || facts->flags & (WIRE_TLS | WIRE_GARBLED);
}

static bool asked(struct talk *talk, const struct event *event, struct purpose *purpose, struct event *asker)
{
	const struct wire_facts *facts = &event->io.facts;
	bool unread = is_unread(facts), ended = false;
	uint32_t handshake = facts->handshake < facts->requests ? facts->handshake : facts->requests;
	uint32_t commands = facts->requests - handshake;

	if (!facts->requests && !unread) /* the rest of a question */
		return false;
	if (facts->flags & WIRE_SUBSCRIBED) /* a stream from here on: nothing in it is an answer */
		return false;
	if (talk->begin_ns && talk->last_ns)
		ended = end(talk, talk->last_ns, &talk->last_marks, purpose, asker);
	if (!talk->begin_ns)
		begin(talk, event, facts->protocol == PROTOCOL_REDIS ? SPENT_REDIS : SPENT_PEERS);
	else if (talk->connecting) /* sent along with the SYN, or its ESTABLISHED was lost */
		talk->connecting = false;
	if (facts->requests && !commands && !talk->answers)
		talk->spent = SPENT_SETUP;
	else if (commands) {
		talk->spent = facts->protocol == PROTOCOL_REDIS ? SPENT_REDIS : SPENT_PEERS;
		talk->command = commands > 1 || talk->command ? COMMAND_PIPELINE : facts->command;
	}
	talk->answers += unread && !facts->requests ? !talk->answers : facts->requests;
	return ended;
}

static bool answered(struct talk *talk, const struct event *event, struct purpose *purpose, struct event *asker)
{
	const struct wire_facts *facts = &event->io.facts;

	if (!talk->begin_ns || talk->connecting)
		return false;
	if (is_unread(facts))
		talk->answers = 0;
	else
		talk->answers -= facts->responses < talk->answers ? facts->responses : talk->answers;
	talk->last_ns = facts->responses || talk->last_ns || is_unread(facts) ? event->time_ns : 0;
	talk->last_marks = *marks_of(talk, event);
	if (talk->answers || (protocol_serves(facts->protocol) && !(facts->flags & WIRE_RESPONSE_DONE)))
		return false;
	return end(talk, event->time_ns, marks_of(talk, event), purpose, asker);
}

bool talk_feed(struct talk *talk, const struct event *event, struct purpose *purpose, struct event *asker)
{
	switch (event->kind) {
	case EVENT_CONNECT:
		begin(talk, event, SPENT_SETUP);
		talk->connecting = true;
		return false;
	case EVENT_ESTABLISHED:
		return talk->connecting && end(talk, event->time_ns, marks_of(talk, event), purpose, asker);
	case EVENT_PEER_CLOSED:
	case EVENT_CLOSE:
	case EVENT_GONE:
		return end(talk, talk->last_ns ? talk->last_ns : event->time_ns, talk->last_ns ? &talk->last_marks : &not_known, purpose, asker);
	case EVENT_IO:
		return event->io.direction == WIRE_SENT ? asked(talk, event, purpose, asker)
							: answered(talk, event, purpose, asker);
	case EVENT_SEND:
		talk->stack = talk->begin_ns && !talk->stack ? event->stack : talk->stack;
		return false;
	default:
		return false;
	}
}
