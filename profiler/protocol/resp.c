/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resp.c - RESP2 and RESP3 (the Redis protocol), both directions, told apart element by element and skipped by length.
 *
 * A message is one element or an aggregate of them; `left` counts the elements still to come at any depth, so nesting
 * costs no memory: beginning an element takes one off, an aggregate's header adds its members.
 *
 *   *3\r\n $3\r\nSET\r\n $3\r\nkey\r\n $9999\r\n…       left: 3, 2, 1, 0 (and 9999 + 2 bytes to skip)
 *
 * Of a request only its name is read, and of three commands the arguments that say what the connection is for: CLIENT
 * SETINFO (the library), XREAD and XREADGROUP (do they block). Everything else is passed over unread.
 * Source of the format: the RESP protocol specification of Redis 7.2, the RESP3 specification of 2018.
 */
#include "protocol/wire.h"

#include <stdio.h>
#include <string.h>

#include "protocol/resp_commands.h"
#include "protocol/resp_match.h"

enum resp_scan {
	AT_ELEMENT, /* the next byte begins one */
	IN_NUMBER,  /* the count or length in a header line */
	AT_LF,      /* the end of that line */
	IN_LINE,    /* a simple element or the rest of an inline request, to its LF */
	IN_BODY,    /* a bulk string and its CRLF */
	IN_WORD,    /* the name of an inline request */
};

/* What the arguments of the command being read are looked at for. */
enum resp_command { PLAIN, CLIENT, CLIENT_SETINFO, CLIENT_LIB_NAME, CLIENT_LIB_VER, STREAM_READ, STREAM_READ_GROUP };

#define STREAM_OPTIONS_MAX 10 /* arguments of XREAD looked at for BLOCK */

/* ---- what a request says ---- */

static void count_request(struct resp_state *state, unsigned traits, struct wire_facts *facts)
{
	state->parsers[WIRE_REQUESTS].unnamed = false;
	state->popping = (traits & RESP_POPS) != 0;
	state->outstanding++;
	facts->requests++;
	if (traits & RESP_HANDSHAKE)
		facts->handshake++;
	if (traits & RESP_BLOCKS)
		facts->flags |= WIRE_BLOCKING;
	if (traits & RESP_SUBSCRIBES)
		facts->flags |= WIRE_SUBSCRIBED;
	if (!(traits & RESP_HANDSHAKE) && state->name[0] && !state->name_told) { /* no version will come any more */
		snprintf(facts->library, sizeof(facts->library), "%s", state->name);
		state->name_told = true;
	}
}

static void name_command(const struct wire_token *name, struct wire_facts *facts)
{
	size_t length = name->cut ? 0 : name->length;

	if (!facts->command && !(resp_command_traits(name->text, length) & RESP_HANDSHAKE))
		facts->command = resp_command_id(name->text, length);
}

/* Lettuce tells its commit too: 6.8.1.RELEASE/ec1d2e3. */
static void copy_plain(char *out, size_t size, const struct wire_token *token)
{
	size_t at = 0;

	for (size_t i = 0; i < token->length && token->text[i] != '/' && at + 1 < size; i++)
		if (token->text[i] && (resp_name_byte((uint8_t)token->text[i]) || strchr("+() ", token->text[i])))
			out[at++] = token->text[i];
	out[at] = '\0';
}

static void learn_library(struct resp_state *state, struct resp_parser *parser, struct wire_facts *facts)
{
	if (parser->command == CLIENT_LIB_NAME)
		copy_plain(state->name, sizeof(state->name), &parser->token);
	else
		copy_plain(state->version, sizeof(state->version), &parser->token);
	if (!state->name[0] || !state->version[0])
		return;
	snprintf(facts->library, sizeof(facts->library), "%s %s", state->name, state->version);
	state->name_told = true;
}

static enum resp_command command_of(const struct wire_token *name)
{
	if (wire_token_is(name, "CLIENT"))
		return CLIENT;
	if (wire_token_is(name, "XREAD"))
		return STREAM_READ;
	return wire_token_is(name, "XREADGROUP") ? STREAM_READ_GROUP : PLAIN;
}

/* Is the argument whose length has just been read to be looked at? */
static bool wanted(const struct resp_parser *parser)
{
	switch (parser->command) {
	case CLIENT:
		return parser->argument == 1;
	case CLIENT_SETINFO:
		return parser->argument == 2;
	case CLIENT_LIB_NAME:
	case CLIENT_LIB_VER:
		return parser->argument == 3;
	case STREAM_READ:
	case STREAM_READ_GROUP: /* GROUP group consumer first: names that are the application's own */
		return parser->argument >= (parser->command == STREAM_READ ? 1 : 4) &&
		       parser->argument <= STREAM_OPTIONS_MAX && (parser->number == 5 || parser->number == 7);
	default:
		return parser->argument == 0;
	}
}

static void argument_read(struct resp_state *state, struct resp_parser *parser, struct wire_facts *facts)
{
	const struct wire_token *token = &parser->token;

	if (parser->argument == 0) {
		name_command(token, facts);
		count_request(state, resp_command_traits(token->text, token->cut ? 0 : token->length), facts);
		parser->command = command_of(token);
	} else if (parser->command == CLIENT) {
		parser->command = wire_token_is(token, "SETINFO") ? CLIENT_SETINFO : PLAIN;
	} else if (parser->command == CLIENT_SETINFO) {
		parser->command = wire_token_is(token, "LIB-NAME") ? CLIENT_LIB_NAME :
				  wire_token_is(token, "LIB-VER") ? CLIENT_LIB_VER : PLAIN;
	} else if (parser->command == CLIENT_LIB_NAME || parser->command == CLIENT_LIB_VER) {
		learn_library(state, parser, facts);
		parser->command = PLAIN;
	} else if (wire_token_is(token, "BLOCK")) {
		facts->flags |= WIRE_BLOCKING;
		state->popping = parser->command == STREAM_READ_GROUP;
		parser->command = PLAIN;
	} else if (wire_token_is(token, "STREAMS")) {
		parser->command = PLAIN;
	}
}

/* ---- elements ---- */

static void body_done(struct resp_state *state, struct resp_parser *parser, enum wire_role role,
		      struct wire_facts *facts)
{
	if (role == WIRE_REQUESTS) {
		if (wanted(parser))
			argument_read(state, parser, facts);
		if (parser->argument < UINT32_MAX)
			parser->argument++;
	}
	wire_token_clear(&parser->token);
	parser->state = AT_ELEMENT;
}

/* A header line is complete: what follows it? */
static int header_done(struct resp_parser *parser, enum wire_role role, struct wire_facts *facts)
{
	uint64_t members = parser->type == '%' || parser->type == '|' ? 2 : 1;

	parser->state = AT_ELEMENT;
	if (parser->digits == 0 || (parser->negative && parser->number != 1))
		return -1;
	if (parser->popped && !parser->negative && (parser->number || parser->type == '$'))
		facts->flags |= WIRE_JOB;
	parser->popped = false;
	if (parser->type == '$' || parser->type == '=' || parser->type == '!') {
		if (parser->negative)
			return role == WIRE_REQUESTS ? -1 : 0; /* the null of RESP2 */
		parser->skip = parser->number + 2;
		parser->state = IN_BODY;
		return 0;
	}
	if (parser->negative || parser->number == 0) {
		parser->unnamed = false; /* an empty request is none */
		return 0;
	}
	parser->left += parser->number * members;
	parser->argument = 0;
	return parser->left > 2 * WIRE_LENGTH_MAX ? -1 : 0;
}

static int begin_request(struct resp_parser *parser, uint8_t byte)
{
	if (parser->left) {
		if (byte != '$')
			return -1;
		parser->left--;
		parser->state = IN_NUMBER;
		return 0;
	}
	if (byte == '\r' || byte == '\n') /* an empty inline request is none */
		return 0;
	parser->command = PLAIN;
	parser->argument = 0;
	parser->unnamed = true;
	parser->state = byte == '*' ? IN_NUMBER : IN_WORD;
	if (parser->state == IN_WORD) {
		wire_token_clear(&parser->token);
		wire_token_add(&parser->token, byte);
		return resp_name_byte(byte) ? 0 : -1;
	}
	return 0;
}

static int begin_reply(struct resp_state *state, struct resp_parser *parser, uint8_t byte, struct wire_facts *facts)
{
	static const char lines[] = "+-:_#,(", headers[] = "$*=!~>%|";

	if (!byte)
		return -1;
	if (strchr(lines, byte))
		parser->state = IN_LINE;
	else if (strchr(headers, byte))
		parser->state = IN_NUMBER;
	else
		return -1;
	if (parser->left) {
		if (byte != '|') /* attributes come beside the element they describe */
			parser->left--;
	} else if (byte != '>' && byte != '|') { /* pushes answer no request */
		facts->responses++;
		facts->errors += byte == '-' || byte == '!';
		parser->popped = state->popping && state->outstanding == 1 && parser->state == IN_NUMBER && byte != '!';
		state->outstanding -= state->outstanding > 0;
	}
	return 0;
}

static int begin(struct resp_state *state, struct resp_parser *parser, enum wire_role role, uint8_t byte,
		 struct wire_facts *facts)
{
	parser->type = byte;
	parser->number = 0;
	parser->digits = 0;
	parser->negative = false;
	return role == WIRE_REQUESTS ? begin_request(parser, byte) : begin_reply(state, parser, byte, facts);
}

static int number_byte(struct resp_parser *parser, uint8_t byte)
{
	if (byte == '\r') {
		parser->state = AT_LF;
		return 0;
	}
	if (byte == '-' && !parser->digits && !parser->negative) {
		parser->negative = true;
		return 0;
	}
	if (byte < '0' || byte > '9' || parser->digits > 19)
		return -1;
	parser->digits++;
	parser->number = parser->number * 10 + (byte - '0');
	return parser->number > WIRE_LENGTH_MAX ? -1 : 0;
}

static int word_byte(struct resp_state *state, struct resp_parser *parser, uint8_t byte, struct wire_facts *facts)
{
	unsigned traits;

	if (resp_name_byte(byte) && !parser->token.cut) {
		wire_token_add(&parser->token, byte);
		return 0;
	}
	traits = resp_command_traits(parser->token.text, parser->token.length);
	name_command(&parser->token, facts);
	wire_token_clear(&parser->token);
	if (!traits || !(byte == ' ' || byte == '\r' || byte == '\n'))
		return -1;
	count_request(state, traits, facts);
	parser->state = byte == '\n' ? AT_ELEMENT : IN_LINE;
	return 0;
}

/* The part of a bulk string in bytes; the CRLF that ends it is checked where it can be seen. */
static int body_bytes(struct resp_parser *parser, enum wire_role role, const uint8_t *bytes, size_t size, size_t *used)
{
	uint64_t text = parser->skip > 2 ? parser->skip - 2 : 0;
	size_t n = text < size ? (size_t)text : size;

	if (role == WIRE_REQUESTS && wanted(parser))
		for (size_t i = 0; i < n && !parser->token.cut; i++)
			wire_token_add(&parser->token, bytes[i]);
	parser->skip -= n;
	for (; n < size && parser->skip; n++, parser->skip--)
		if (bytes[n] != (parser->skip == 2 ? '\r' : '\n'))
			return -1;
	*used = n;
	return 0;
}

static int visible(struct resp_state *state, struct resp_parser *parser, enum wire_role role, const uint8_t *bytes,
		   size_t size, struct wire_facts *facts)
{
	const uint8_t *lf;
	int code = 0;

	for (size_t at = 0, used; at < size && !code; at += used) {
		used = 1;
		switch (parser->state) {
		case AT_ELEMENT:
			code = begin(state, parser, role, bytes[at], facts);
			break;
		case IN_NUMBER:
			code = number_byte(parser, bytes[at]);
			break;
		case AT_LF:
			code = bytes[at] == '\n' ? header_done(parser, role, facts) : -1;
			break;
		case IN_LINE:
			lf = memchr(bytes + at, '\n', size - at);
			used = lf ? (size_t)(lf - bytes) + 1 - at : size - at;
			parser->state = lf ? AT_ELEMENT : IN_LINE;
			break;
		case IN_BODY:
			code = body_bytes(parser, role, bytes + at, size - at, &used);
			if (!code && !parser->skip)
				body_done(state, parser, role, facts);
			break;
		default:
			code = word_byte(state, parser, bytes[at], facts);
		}
	}
	return code;
}

/* Bytes that moved unseen are known only as far as they belong to a bulk string. */
static enum wire_outcome unseen(struct resp_state *state, struct resp_parser *parser, enum wire_role role,
				uint64_t hidden, struct wire_facts *facts)
{
	bool fits = parser->state == IN_BODY && parser->skip >= hidden;

	if (parser->state == IN_BODY && parser->skip > 2) { /* half a word is none */
		wire_token_clear(&parser->token);
		parser->token.cut = true;
	}
	if (fits) {
		parser->skip -= hidden;
		if (!parser->skip)
			body_done(state, parser, role, facts);
		return WIRE_CLEAN;
	}
	if (role == WIRE_REQUESTS && parser->unnamed)
		count_request(state, 0, facts);
	return WIRE_LOST;
}

static enum wire_outcome resp_feed(union wire_state *wire, enum wire_role role, const uint8_t *bytes, size_t size,
				   uint64_t hidden, struct wire_facts *facts)
{
	struct resp_state *state = &wire->resp;
	struct resp_parser *parser = &state->parsers[role];

	if (visible(state, parser, role, bytes, size, facts))
		return WIRE_LOST;
	return hidden ? unseen(state, parser, role, hidden, facts) : WIRE_CLEAN;
}

static bool resp_busy(const union wire_state *wire, enum wire_role role)
{
	const struct resp_parser *parser = &wire->resp.parsers[role];

	return parser->state != AT_ELEMENT || parser->left;
}

static void resp_restart(union wire_state *wire, enum wire_role role)
{
	wire->resp.parsers[role] = (struct resp_parser){0};
	wire->resp.outstanding = 0;
	wire->resp.popping = false;
}

const char *command_name(uint32_t command)
{
	return resp_command_name(command);
}

uint32_t command_by_name(const char *name)
{
	return resp_command_id(name, strlen(name));
}

const struct protocol_ops resp_ops = {
	.id = PROTOCOL_REDIS,
	.name = "redis",
	.match_request = resp_match_request,
	.match_reply = resp_match_reply,
	.feed = resp_feed,
	.busy = resp_busy,
	.restart = resp_restart,
};
