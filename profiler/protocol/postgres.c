/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * postgres.c - the PostgreSQL frontend/backend protocol, version 3, both directions.
 *
 * Everything is a length and that many bytes: the first messages of a client have no type byte, all later ones do.
 *
 *   00 00 00 08 04 d2 16 2f                     SSLRequest; the server answers one byte, S or N
 *   00 00 00 2a 00 03 00 00 user\0 me\0 …        StartupMessage
 *   Q 00 00 00 0d select 1\0                     simple query: a command
 *   P … B … D … E … S …                          extended query: each Execute is a command
 *
 * Of a query only its first word is read, to tell setting-up (SET, SHOW) from work. Names, passwords and values are skipped.
 * Source: PostgreSQL 16 documentation, chapter 55 (message formats 55.7).
 */
#include "protocol/wire.h"

#include <string.h>

enum pg_scan {
	AT_START,  /* requests: a message without a type (only while starting up) */
	AT_TYPE,
	IN_LENGTH,
	IN_CODE,   /* of a message without a type */
	IN_WORD,   /* the first word of a query */
	IN_BODY,
	AT_CHOICE, /* replies: the one byte that answers SSLRequest or GSSENCRequest */
	ENCRYPTED,
};

#define STARTUP_MAX 10000       /* MAX_STARTUP_PACKET_LENGTH of src/include/libpq/pqcomm.h */
#define CODE_PROTOCOL_3 196608u /* 3.0 */
#define CODE_CANCEL 80877102u
#define CODE_SSL 80877103u
#define CODE_GSS 80877104u

/* Frontend messages, 55.7. */
static const char frontend[] = "QPBDESCHXFpdcf";

static bool known_code(uint32_t code)
{
	return code >> 16 == CODE_PROTOCOL_3 >> 16 || code == CODE_SSL || code == CODE_GSS || code == CODE_CANCEL;
}

static uint32_t number_at(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Whole messages to the end, as a client sends them in one go, the first one a query or the beginning of an extended one. */
static bool whole_messages(const uint8_t *bytes, size_t size)
{
	if (!bytes[0] || !strchr("QPB", bytes[0]))
		return false;
	while (size >= 5 && bytes[0] && strchr(frontend, bytes[0])) {
		uint32_t length = number_at(bytes + 1);

		if (length < 4 || length > size - 1)
			return false;
		bytes += length + 1;
		size -= length + 1;
	}
	return size == 0;
}

static enum wire_match pg_match_request(const uint8_t *bytes, size_t size)
{
	if (size == 0 || (bytes[0] == 0 && size < 8)) /* a length below 2^16 */
		return size > 1 && bytes[1] ? MATCH_NO : MATCH_PARTIAL;
	if (bytes[0] == 0)
		return number_at(bytes) >= 8 && number_at(bytes) <= STARTUP_MAX && known_code(number_at(bytes + 4)) ? MATCH_STRONG
													       : MATCH_NO;
	return whole_messages(bytes, size) ? MATCH_STRONG : MATCH_NO;
}

/* Backend messages, 55.7. */
static bool reply_type(uint8_t type)
{
	return type && strchr("RKSZTDCIEN123ntsGHWAcdfVv", type);
}

static enum wire_match pg_match_reply(const uint8_t *bytes, size_t size)
{
	if (!size)
		return MATCH_PARTIAL;
	if (!reply_type(bytes[0]))
		return MATCH_NO;
	if (size < 5)
		return MATCH_PARTIAL;
	return number_at(bytes + 1) >= 4 && number_at(bytes + 1) < 1 << 24 ? MATCH_STRONG : MATCH_NO;
}

/* ---- what messages say ---- */

static void count_command(struct wire_facts *facts, bool handshake)
{
	facts->requests++;
	facts->handshake += handshake;
}

static void word_done(struct pg_parser *parser, struct wire_facts *facts)
{
	static const char *const upkeep[] = {"SET", "SHOW", "RESET", "DISCARD", "BEGIN", "COMMIT", "ROLLBACK"};

	count_command(facts, wire_token_among(&parser->token, upkeep, sizeof(upkeep) / sizeof(upkeep[0])));
	parser->state = IN_BODY;
}

static void request_begun(struct pg_parser *parser, struct wire_facts *facts)
{
	parser->state = IN_BODY;
	switch (parser->type) {
	case 'Q':
		wire_token_clear(&parser->token);
		parser->state = IN_WORD;
		if (!parser->left) /* not even its NUL: answered all the same */
			word_done(parser, facts);
		break;
	case 'p': /* a password or SASL answer */
	case 'X': /* Terminate: the server's closing is its answer */
		count_command(facts, true);
		break;
	case 'E':
	case 'F':
		count_command(facts, false);
		break;
	}
}

static void reply_begun(struct pg_parser *parser, struct wire_facts *facts)
{
	parser->state = IN_BODY;
	if (parser->type == 'E')
		facts->errors++;
	/* What ends a command, and what answers a login step. */
	if (strchr("CIsERV", parser->type))
		facts->responses++;
}

static int code_read(struct pg_state *state, struct pg_parser *parser, struct wire_facts *facts)
{
	uint32_t code = (uint32_t)parser->number;

	if (!known_code(code) || parser->left < 4)
		return -1;
	parser->left -= 4;
	parser->state = IN_BODY;
	count_command(facts, true);
	if (code == CODE_SSL || code == CODE_GSS) {
		state->parsers[WIRE_REPLIES].state = AT_CHOICE;
		parser->state = AT_START; /* N: the startup follows */
	} else {
		parser->typed = true;
	}
	return parser->left && parser->state == AT_START ? -1 : 0;
}

static int length_read(struct pg_parser *parser, enum wire_role role, struct wire_facts *facts)
{
	if (parser->number < 4 || parser->number > (1u << 30))
		return -1;
	parser->left = parser->number - 4;
	if (role == WIRE_REPLIES) {
		reply_begun(parser, facts);
	} else if (parser->typed) {
		request_begun(parser, facts);
	} else {
		parser->state = IN_CODE;
		parser->digits = 0;
		parser->number = 0;
	}
	return 0;
}

/* ---- bytes ---- */

static int number_byte(struct pg_state *state, struct pg_parser *parser, enum wire_role role, uint8_t byte, struct wire_facts *facts)
{
	parser->number = parser->number << 8 | byte;
	if (++parser->digits < 4)
		return 0;
	return parser->state == IN_LENGTH ? length_read(parser, role, facts) : code_read(state, parser, facts);
}

static void begin_length(struct pg_parser *parser)
{
	parser->state = IN_LENGTH;
	parser->number = 0;
	parser->digits = 0;
}

static int type_byte(struct pg_parser *parser, enum wire_role role, uint8_t byte)
{
	if (!byte || (role == WIRE_REQUESTS ? !strchr(frontend, byte) : !reply_type(byte)))
		return -1;
	parser->type = byte;
	begin_length(parser);
	return 0;
}

static int choice_byte(struct pg_state *state, struct pg_parser *parser, uint8_t byte, struct wire_facts *facts)
{
	facts->responses++;
	parser->state = AT_TYPE;
	if (byte == 'N')
		return 0;
	if (byte != 'S' && byte != 'G')
		return -1;
	state->parsers[WIRE_REQUESTS].state = state->parsers[WIRE_REPLIES].state = ENCRYPTED;
	return 0;
}

static void word_byte(struct pg_parser *parser, uint8_t byte, struct wire_facts *facts)
{
	parser->left--;
	if (wire_word_ends(&parser->token, byte) || !parser->left)
		word_done(parser, facts);
}

static void message_ended(struct pg_parser *parser, enum wire_role role)
{
	if (parser->state == IN_BODY && !parser->left)
		parser->state = role == WIRE_REQUESTS && !parser->typed ? AT_START : AT_TYPE;
}

static int byte_at(struct pg_state *state, enum wire_role role, const uint8_t *bytes, size_t size, size_t *used, struct wire_facts *facts)
{
	struct pg_parser *parser = &state->parsers[role];
	int code = 0;

	*used = 1;
	switch (parser->state) {
	case AT_START:
		if (role == WIRE_REPLIES || parser->typed) {
			code = type_byte(parser, role, *bytes);
			break;
		}
		if (*bytes) { /* taken up in the middle */
			parser->typed = true;
			code = type_byte(parser, role, *bytes);
			break;
		}
		begin_length(parser);
		code = number_byte(state, parser, role, *bytes, facts);
		break;
	case AT_TYPE:
		code = type_byte(parser, role, *bytes);
		break;
	case IN_LENGTH:
	case IN_CODE:
		code = number_byte(state, parser, role, *bytes, facts);
		break;
	case IN_WORD:
		word_byte(parser, *bytes, facts);
		break;
	case AT_CHOICE:
		code = choice_byte(state, parser, *bytes, facts);
		break;
	default:
		*used = parser->left < size ? (size_t)parser->left : size;
		parser->left -= *used;
	}
	message_ended(parser, role);
	return code;
}

static enum wire_outcome pg_feed(union wire_state *wire, enum wire_role role, const uint8_t *bytes, size_t size, uint64_t hidden,
				 struct wire_facts *facts)
{
	struct pg_state *state = &wire->pg;
	struct pg_parser *parser = &state->parsers[role];

	for (size_t at = 0, used; at < size; at += used) {
		if (parser->state == ENCRYPTED)
			break;
		if (byte_at(state, role, bytes + at, size - at, &used, facts))
			return WIRE_LOST;
	}
	if (parser->state == ENCRYPTED) {
		facts->flags |= WIRE_TLS;
		return WIRE_CLEAN;
	}
	if (hidden && parser->state == IN_WORD)
		word_done(parser, facts);
	if (hidden && (parser->state != IN_BODY || parser->left < hidden))
		return WIRE_LOST;
	parser->left -= hidden;
	message_ended(parser, role);
	return WIRE_CLEAN;
}

static bool pg_busy(const union wire_state *wire, enum wire_role role)
{
	uint8_t state = wire->pg.parsers[role].state;

	return state == IN_LENGTH || state == IN_CODE || state == IN_WORD || state == IN_BODY;
}

static void pg_restart(union wire_state *wire, enum wire_role role)
{
	bool typed = wire->pg.parsers[role].typed;

	wire->pg.parsers[role] = (struct pg_parser){.typed = typed};
}

const struct protocol_ops postgres_ops = {
	.id = PROTOCOL_POSTGRES,
	.name = "postgres",
	.match_request = pg_match_request,
	.match_reply = pg_match_reply,
	.feed = pg_feed,
	.busy = pg_busy,
	.restart = pg_restart,
};
