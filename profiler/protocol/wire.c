/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire.c - one connection: which protocol it speaks, who asks and who answers, and where each direction stands.
 *
 * A protocol is recognised by a request, in either direction, and confirmed by a reply that fits in the other one. Until
 * then the beginning of each direction is compared with every protocol of the table; when it comes in pieces, up to
 * PREFIX_MAX bytes of it are kept until they suffice. After the first bytes of a direction (the attach came late, or
 * nothing fitted) only a strong match at the start of a call counts.
 *
 * A direction whose parser lost its place goes on at the next call that starts with a message. For replies that only look
 * right (RESP: any element might be the middle of a long reply) a new request must have been sent in between.
 */
#include "protocol/protocol.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/wire.h"

#define PREFIX_MAX 32

static const struct protocol_ops *const protocols[] = {&resp_ops, &http_ops, &postgres_ops, &mysql_ops, &memcached_ops, &fastcgi_ops, &uwsgi_ops};
#define PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

struct side {
	uint8_t prefix[PREFIX_MAX]; /* the first bytes of the direction, while they do not suffice to tell */
	uint8_t prefix_length;
	bool stale;                 /* its first bytes are past */
	bool lost;                  /* the parser does not know where it is */
	bool garbled;               /* and messages may have been missed */
	uint64_t heads;             /* messages begun */
	uint64_t others;            /* what the other side's heads were at this side's last one, or when it was lost */
};

struct wire {
	const struct protocol_ops *ops; /* NULL: not recognised */
	enum wire_direction asks;       /* the direction of the requests */
	bool confirmed, tls;
	bool weak;                      /* recognised by something that may have been a reply */
	bool handshake;                 /* the last requests were handshake only */
	struct side sides[2];           /* by enum wire_direction */
	union wire_state state;
};

struct call {
	enum wire_direction direction;
	const uint8_t *bytes;
	size_t size;       /* visible */
	uint64_t hidden;
};

bool wire_token_is(const struct wire_token *token, const char *word)
{
	if (token->cut || strlen(word) != token->length)
		return false;
	for (size_t i = 0; i < token->length; i++) {
		char c = token->text[i];

		if ((c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c) != word[i])
			return false;
	}
	return true;
}

bool wire_token_among(const struct wire_token *token, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (wire_token_is(token, words[i]))
			return true;
	return false;
}

bool wire_word_ends(struct wire_token *token, uint8_t byte)
{
	if ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') {
		wire_token_add(token, byte);
		return false;
	}
	return token->length || !(byte == ' ' || byte == '\n' || byte == '\t');
}

struct wire *wire_new(void)
{
	return calloc(1, sizeof(struct wire));
}

void wire_free(struct wire *wire)
{
	if (wire)
		explicit_bzero(wire, sizeof(*wire));
	free(wire);
}

static enum wire_role role_of(const struct wire *wire, enum wire_direction direction)
{
	return direction == wire->asks ? WIRE_REQUESTS : WIRE_REPLIES;
}

static void lose(struct wire *wire, enum wire_direction direction, bool garbled)
{
	struct side *side = &wire->sides[direction];

	side->lost = true;
	side->garbled = garbled;
	side->others = wire->sides[!direction].heads;
}

static void forget_protocol(struct wire *wire)
{
	wire->ops = NULL;
	wire->confirmed = false;
	explicit_bzero(&wire->state, sizeof(wire->state));
	for (int i = 0; i < 2; i++)
		wire->sides[i] = (struct side){.stale = true};
}

/* ---- recognising ---- */

/* RFC 8446 section 5.1: type 20..23, legacy version 3.0..3.4, length up to 2^14 + 256. The first record is a handshake. */
static enum wire_match match_tls(const uint8_t *bytes, size_t size, bool first)
{
	bool type = size && (first ? bytes[0] == 0x16 : bytes[0] >= 0x14 && bytes[0] <= 0x17);

	if (!type || (size > 1 && bytes[1] != 3) || (size > 2 && bytes[2] > 4))
		return MATCH_NO;
	if (first && size > 2)
		return MATCH_STRONG;
	if (size < 5)
		return MATCH_PARTIAL;
	return bytes[3] * 256 + bytes[4] <= (1 << 14) + 256 ? MATCH_STRONG : MATCH_NO;
}

static const struct protocol_ops *best_match(const uint8_t *bytes, size_t size, enum wire_match *match)
{
	const struct protocol_ops *best = NULL;

	for (size_t i = 0; i < PROTOCOLS; i++) {
		enum wire_match m = protocols[i]->match_request(bytes, size);

		if (m > *match) {
			*match = m;
			best = protocols[i];
		}
	}
	return best;
}

static void follow(struct wire *wire, const struct call *call, struct wire_facts *facts);

static void recognised(struct wire *wire, const struct protocol_ops *ops, const struct call *call, bool weak,
		       struct wire_facts *facts)
{
	struct side *side = &wire->sides[call->direction], *other = &wire->sides[!call->direction];
	struct call begun = *call;
	uint8_t prefix[PREFIX_MAX];

	memcpy(prefix, side->prefix, sizeof(prefix));
	begun.bytes = prefix;
	begun.size = side->prefix_length;
	begun.hidden = 0;
	wire->ops = ops;
	wire->weak = weak;
	wire->asks = call->direction;
	memset(&wire->state, 0, sizeof(wire->state));
	if (other->stale || other->prefix_length) { /* something was said before it could be understood */
		*other = (struct side){.stale = true};
		lose(wire, !call->direction, false);
	}
	*side = (struct side){.stale = true};
	if (begun.size)
		follow(wire, &begun, facts);
	explicit_bzero(prefix, sizeof(prefix));
	if (wire->ops)
		follow(wire, call, facts);
}

/* A peek shorter than a head: enough of one, at the very beginning, is taken for it. */
#define CUT_CONVINCES 8

static void recognise(struct wire *wire, const struct call *call, struct wire_facts *facts)
{
	struct side *side = &wire->sides[call->direction];
	uint8_t joined[2 * PREFIX_MAX];
	const uint8_t *bytes = call->bytes;
	size_t size = call->size;
	enum wire_match match = MATCH_NO, tls;
	const struct protocol_ops *ops;

	if (side->prefix_length) {
		size_t room = sizeof(joined) - side->prefix_length;

		memcpy(joined, side->prefix, side->prefix_length);
		memcpy(joined + side->prefix_length, bytes, size < room ? size : room);
		size = side->prefix_length + (size < room ? size : room);
		bytes = joined;
	}
	ops = best_match(bytes, size, &match);
	tls = match_tls(bytes, size, !side->stale);
	if (match == MATCH_PARTIAL && call->hidden && size >= CUT_CONVINCES)
		match = MATCH_WEAK;
	wire->tls = tls == MATCH_STRONG;
	if (!wire->tls && (match == MATCH_STRONG || (match == MATCH_WEAK && !side->stale))) {
		recognised(wire, ops, call, match == MATCH_WEAK, facts);
	} else if (!side->stale && !call->hidden && size <= PREFIX_MAX &&
		   (match == MATCH_PARTIAL || tls == MATCH_PARTIAL)) {
		memmove(side->prefix, bytes, size);
		side->prefix_length = (uint8_t)size;
	} else {
		*side = (struct side){.stale = true};
	}
	explicit_bzero(joined, sizeof(joined));
}

/* ---- following ---- */

/* May a lost or stuck direction start anew with this call? */
static bool begins_anew(struct wire *wire, const struct call *call)
{
	const struct side *side = &wire->sides[call->direction];
	enum wire_role role = role_of(wire, call->direction);
	bool answered = wire->sides[!call->direction].heads > side->others; /* the other side has gone on since */
	enum wire_match match;

	if (!side->lost && !(answered && wire->ops->busy(&wire->state, role)))
		return false;
	match = role == WIRE_REQUESTS ? wire->ops->match_request(call->bytes, call->size)
				      : wire->ops->match_reply(call->bytes, call->size);
	return match == MATCH_STRONG || (side->lost && match == MATCH_WEAK && answered);
}

static void not_this_protocol(struct wire *wire, struct wire_facts *facts)
{
	forget_protocol(wire);
	*facts = (struct wire_facts){0};
}

/* The first answer shows what the other side really is. One that looks like a request proves nothing. */
static void weigh_reply(struct wire *wire, const struct call *call, bool first, enum wire_outcome outcome,
			struct wire_facts *facts)
{
	bool misfit = outcome == WIRE_LOST && call->size && (!facts->responses || !call->hidden);

	if (misfit && first)
		not_this_protocol(wire, facts);
	else if (!misfit && facts->responses)
		wire->confirmed = wire->ops->match_request(call->bytes, call->size) != MATCH_STRONG;
}

static void advance(struct wire *wire, const struct call *call, struct wire_facts *facts)
{
	struct side *side = &wire->sides[call->direction];
	enum wire_role role = role_of(wire, call->direction);
	uint32_t before = facts->requests + facts->responses, handshake = facts->handshake;
	bool first = !side->heads;
	enum wire_outcome outcome =
		wire->ops->feed(&wire->state, role, call->bytes, call->size, call->hidden, facts);
	uint32_t heads = facts->requests + facts->responses - before;

	side->heads += heads;
	if (heads)
		side->others = wire->sides[!call->direction].heads;
	if (role == WIRE_REQUESTS && heads)
		wire->handshake = facts->handshake - handshake == heads;
	if (outcome != WIRE_CLEAN) {
		lose(wire, call->direction, outcome == WIRE_LOST);
		if (outcome == WIRE_LOST)
			facts->flags |= WIRE_GARBLED;
	}
	if (wire->confirmed)
		return;
	if (role == WIRE_REPLIES)
		weigh_reply(wire, call, first, outcome, facts);
	else if (first && outcome == WIRE_LOST && !call->hidden)
		not_this_protocol(wire, facts);
}

static void follow(struct wire *wire, const struct call *call, struct wire_facts *facts)
{
	struct side *side = &wire->sides[call->direction];

	if (begins_anew(wire, call)) {
		facts->flags |= side->lost ? 0 : WIRE_GARBLED; /* it was inside a message: something was not seen */
		wire->ops->restart(&wire->state, role_of(wire, call->direction));
		side->lost = side->garbled = false;
	} else if (side->lost) {
		facts->flags |= side->garbled ? WIRE_GARBLED : 0;
		return;
	}
	side->stale = true;
	advance(wire, call, facts);
}

/* What looked like a request was a reply, the first seen of a connection that is older than the attach: "*2 $4 jobs $3 job" may
 * be either. A word that only a request begins with shows it. */
static bool other_way_round(const struct wire *wire, const struct call *call)
{
	return wire->ops && wire->weak && !wire->confirmed && call->direction != wire->asks &&
	       wire->ops->match_request(call->bytes, call->size) == MATCH_STRONG;
}

void wire_feed(struct wire *wire, enum wire_direction direction, const uint8_t *bytes, size_t peeked, uint64_t total,
	       struct wire_facts *facts)
{
	struct call call = {direction, bytes, peeked < total ? peeked : (size_t)total, 0};

	call.hidden = total - call.size;
	*facts = (struct wire_facts){0};
	if (other_way_round(wire, &call))
		forget_protocol(wire);
	if (total && wire->ops && !wire->tls)
		follow(wire, &call, facts);
	else if (total && !wire->tls)
		recognise(wire, &call, facts);
	wire->tls |= (facts->flags & WIRE_TLS) != 0; /* asked for in the protocol itself */
	if (wire->tls) {
		facts->flags = WIRE_TLS;
		return;
	}
	if (!wire->ops)
		return;
	facts->protocol = (uint16_t)wire->ops->id;
	facts->flags |= wire->confirmed ? WIRE_CONFIRMED : 0;
	facts->flags |= wire->asks == WIRE_RECEIVED ? WIRE_SERVER : 0;
	facts->flags |= wire->handshake ? WIRE_HANDSHAKE : 0;
}

static const struct protocol_ops *protocol_of(enum protocol_id protocol)
{
	for (size_t i = 0; i < PROTOCOLS; i++)
		if (protocols[i]->id == protocol)
			return protocols[i];
	return NULL;
}

bool protocol_serves(enum protocol_id protocol)
{
	const struct protocol_ops *ops = protocol_of(protocol);

	return ops && ops->serves;
}

bool protocol_passed_on(enum protocol_id protocol)
{
	const struct protocol_ops *ops = protocol_of(protocol);

	return ops && ops->passed;
}

const char *protocol_name(enum protocol_id protocol)
{
	const struct protocol_ops *ops = protocol_of(protocol);

	return ops ? ops->name : protocol == PROTOCOL_JOB ? "job" : "unknown";
}

enum protocol_id protocol_by_name(const char *name)
{
	for (size_t i = 0; i < PROTOCOLS; i++)
		if (!strcmp(protocols[i]->name, name))
			return protocols[i]->id;
	return PROTOCOL_UNKNOWN;
}
