/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http.c - HTTP/1.0 and 1.1, both directions: heads are counted, bodies skipped by their framing.
 *
 * Of a head only the method, the version, the status and three header fields are read: Content-Length, Transfer-Encoding,
 * Connection. Targets, other fields and bodies are passed over unread.
 *
 * A peek often ends inside a head. What a cut head still says decides: a response without a body is complete, one whose
 * Content-Length was seen is complete once at least that many more bytes have moved (early by at most the head's unseen
 * part); otherwise its end cannot be told, and it ends where the next one begins. Counts stay right as long as a call
 * with a cut head holds that one message, which is so unless clients pipeline.
 * Source: RFC 9112.
 */
#include "protocol/wire.h"

#include <string.h>
#include <strings.h>

#include "protocol/http_match.h"

enum http_scan {
	AT_START,      /* the next byte begins a message */
	IN_METHOD, IN_TARGET, IN_VERSION, /* request line */
	IN_STATUS,     /* "HTTP/1.1 200" */
	IN_REASON,
	AT_NAME,       /* the first byte of a header line */
	IN_NAME, IN_VALUE, IN_OTHER,
	IN_BODY,
	IN_SIZE,       /* a chunk's size line */
	IN_EXTENSION,
	IN_CHUNK,      /* a chunk and its CRLF */
	AT_TRAILER, IN_TRAILER,
	UNTIL_CLOSE,   /* the body ends with the connection */
	SEEK_CHUNK,    /* among chunks, not known where: the next call that starts with a size line goes on */
};

enum http_header { HEADER_OTHER, HEADER_LENGTH, HEADER_CODING, HEADER_CONNECTION };

#define METHOD_MAX 20
#define STATUS_LENGTH 12
#define LAST_CHUNK 5   /* "0\r\n\r\n" */

/* ---- messages ---- */

static bool closes(const struct http_parser *parser)
{
	return parser->close || (parser->old && !parser->keep_alive);
}

static void message_done(struct http_state *state, enum wire_role role, struct wire_facts *facts)
{
	struct http_parser *parser = &state->parsers[role];

	if (role == WIRE_REPLIES) {
		facts->flags |= WIRE_RESPONSE_DONE;
		if (closes(parser) || state->request_close)
			facts->flags |= WIRE_CLOSE;
	}
	*parser = (struct http_parser){.loose = parser->loose};
}

static void count_request(struct http_state *state, struct http_parser *parser, struct wire_facts *facts)
{
	const struct wire_token *method = &parser->token;

	facts->requests++;
	if (state->outstanding < 64 && wire_token_is(method, "HEAD"))
		state->bodyless |= UINT64_C(1) << state->outstanding;
	if (state->outstanding < UINT32_MAX)
		state->outstanding++;
	state->connect = wire_token_is(method, "CONNECT");
	state->request_close = false;
}

static void request_head_done(struct http_state *state, struct wire_facts *facts)
{
	struct http_parser *parser = &state->parsers[WIRE_REQUESTS];

	state->request_close = closes(parser);
	parser->body = parser->length;
	if (parser->chunked)
		parser->state = IN_SIZE;
	else if (parser->body)
		parser->state = IN_BODY;
	else
		message_done(state, WIRE_REQUESTS, facts);
}

static void response_head_done(struct http_state *state, struct wire_facts *facts)
{
	struct http_parser *parser = &state->parsers[WIRE_REPLIES];
	bool bodyless = parser->status == 204 || parser->status == 304 || (state->bodyless & 1);

	if (parser->status < 200 && parser->status != 101) { /* the real response follows */
		*parser = (struct http_parser){0};
		return;
	}
	if (state->outstanding)
		state->outstanding--;
	state->bodyless >>= 1;
	if (parser->status == 101 || (state->connect && parser->status < 300)) {
		state->upgraded = true;
		facts->flags |= WIRE_RESPONSE_DONE | WIRE_UPGRADED;
		return;
	}
	parser->body = parser->length;
	if (bodyless || (!parser->chunked && parser->has_length && !parser->body)) {
		message_done(state, WIRE_REPLIES, facts);
		return;
	}
	parser->state = parser->chunked ? IN_SIZE : parser->has_length ? IN_BODY : UNTIL_CLOSE;
	if (closes(parser) || state->request_close || parser->state == UNTIL_CLOSE)
		facts->flags |= WIRE_CLOSE;
}

static void head_done(struct http_state *state, enum wire_role role, struct wire_facts *facts)
{
	if (role == WIRE_REQUESTS)
		request_head_done(state, facts);
	else
		response_head_done(state, facts);
}

/* ---- first lines ---- */

static int request_line_byte(struct http_state *state, struct http_parser *parser, uint8_t byte,
			     struct wire_facts *facts)
{
	if (parser->state == IN_METHOD) {
		if (byte == ' ' && parser->token.length) {
			count_request(state, parser, facts);
			parser->state = IN_TARGET;
			return 0;
		}
		wire_token_add(&parser->token, byte);
		return (byte >= 'A' && byte <= 'Z') || byte == '-' ? -(parser->token.length > METHOD_MAX) : -1;
	}
	if (parser->state == IN_TARGET) {
		if (byte == ' ') {
			parser->state = IN_VERSION;
			wire_token_clear(&parser->token);
		}
		return byte >= ' ' && byte != 0x7f ? 0 : -1;
	}
	if (byte == '\n') {
		parser->old = wire_token_is(&parser->token, "HTTP/1.0");
		parser->state = AT_NAME;
		return parser->old || wire_token_is(&parser->token, "HTTP/1.1") ? 0 : -1;
	}
	if (byte != '\r')
		wire_token_add(&parser->token, byte);
	return parser->token.length > 8 ? -1 : 0;
}

static int status_byte(struct http_parser *parser, uint8_t byte, struct wire_facts *facts)
{
	struct wire_token *token = &parser->token;

	wire_token_add(token, byte);
	if (http_match_reply((const uint8_t *)token->text, token->length) == MATCH_NO)
		return -1;
	if (token->length < STATUS_LENGTH)
		return 0;
	parser->old = token->text[7] == '0';
	parser->status = (uint16_t)((token->text[9] - '0') * 100 + (token->text[10] - '0') * 10 + token->text[11] - '0');
	if (parser->status >= 200 || parser->status == 101) {
		facts->responses++;
		facts->errors += parser->status >= 500 && parser->status < 600;
	}
	parser->state = IN_REASON;
	return 0;
}

/* ---- header fields ---- */

static enum http_header header_of(const struct wire_token *name)
{
	if (wire_token_is(name, "CONTENT-LENGTH"))
		return HEADER_LENGTH;
	if (wire_token_is(name, "TRANSFER-ENCODING"))
		return HEADER_CODING;
	return wire_token_is(name, "CONNECTION") ? HEADER_CONNECTION : HEADER_OTHER;
}

static int learn_length(struct http_parser *parser, const char *text)
{
	uint64_t length = 0;

	if (!*text || parser->token.cut)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		length = length * 10 + (uint64_t)(*text - '0');
		if (length > WIRE_LENGTH_MAX)
			return -1;
	}
	if (parser->has_length && parser->length != length) /* two that differ: nobody knows where the body ends */
		return -1;
	parser->has_length = true;
	parser->length = length;
	return 0;
}

static int value_done(struct http_parser *parser)
{
	char text[WIRE_TOKEN_MAX + 1];
	size_t length = parser->token.length;

	memcpy(text, parser->token.text, length);
	while (length && (text[length - 1] == ' ' || text[length - 1] == '\t'))
		length--;
	text[length] = '\0';
	if (parser->header == HEADER_LENGTH)
		return learn_length(parser, text);
	if (parser->header == HEADER_CODING)
		parser->chunked = strcasestr(text, "chunked") != NULL;
	else if (strcasestr(text, "close"))
		parser->close = true;
	else if (strcasestr(text, "keep-alive"))
		parser->keep_alive = true;
	return 0;
}

static int name_byte(struct http_parser *parser, uint8_t byte)
{
	if (byte == ':') {
		parser->header = header_of(&parser->token);
		parser->state = parser->header == HEADER_OTHER ? IN_OTHER : IN_VALUE;
		wire_token_clear(&parser->token);
		return 0;
	}
	wire_token_add(&parser->token, byte);
	return byte > ' ' && byte < 0x7f ? 0 : -1;
}

static int value_byte(struct http_parser *parser, uint8_t byte)
{
	if (byte == '\n') {
		parser->state = AT_NAME;
		return value_done(parser);
	}
	if (byte != '\r' && (parser->token.length || (byte != ' ' && byte != '\t')))
		wire_token_add(&parser->token, byte);
	return 0;
}

static int header_byte(struct http_state *state, struct http_parser *parser, enum wire_role role, uint8_t byte,
		       struct wire_facts *facts)
{
	if (parser->state == IN_NAME)
		return name_byte(parser, byte);
	if (parser->state == IN_VALUE)
		return value_byte(parser, byte);
	if (byte == '\n')
		head_done(state, role, facts);
	else if (byte == ' ' || byte == '\t') /* a folded line goes on with the field before */
		parser->state = IN_OTHER;
	else if (byte != '\r') {
		parser->state = IN_NAME;
		wire_token_clear(&parser->token);
		return name_byte(parser, byte);
	}
	return 0;
}

/* ---- chunks ---- */

static int size_byte(struct http_parser *parser, uint8_t byte)
{
	int digit = http_hex_digit(byte);

	if (digit >= 0) {
		if (++parser->digits > HTTP_SIZE_DIGITS)
			return -1;
		parser->body = (parser->digits == 1 ? 0 : parser->body << 4) + (uint64_t)digit;
		return parser->body > WIRE_LENGTH_MAX ? -1 : 0;
	}
	if (!parser->digits)
		return -1;
	if (byte == '\n') {
		parser->digits = 0;
		parser->state = parser->body ? IN_CHUNK : AT_TRAILER;
		parser->body += 2;
	} else {
		parser->state = byte == '\r' ? IN_SIZE : IN_EXTENSION;
	}
	return byte == '\n' || byte == '\r' || byte == ';' || byte == ' ' || byte == '\t' ? 0 : -1;
}

/* ---- calls ---- */

/* A line that is passed over: to its LF, then on to the state behind it. */
static size_t skip_line(struct http_parser *parser, const uint8_t *bytes, size_t size, enum http_scan next)
{
	const uint8_t *lf = memchr(bytes, '\n', size);

	if (!lf)
		return size;
	parser->state = (uint8_t)next;
	return (size_t)(lf - bytes) + 1;
}

static void skip_body(struct http_state *state, struct http_parser *parser, enum wire_role role, uint64_t count,
		      struct wire_facts *facts)
{
	parser->body -= count;
	if (parser->body)
		return;
	if (parser->state == IN_CHUNK)
		parser->state = IN_SIZE;
	else
		message_done(state, role, facts);
}

static int start_byte(struct http_parser *parser, enum wire_role role, uint8_t byte, struct wire_facts *facts)
{
	if (role == WIRE_REPLIES) {
		parser->state = IN_STATUS;
		return status_byte(parser, byte, facts);
	}
	if (byte == '\r' || byte == '\n') /* RFC 9112, 2.2: empty lines before a request */
		return 0;
	parser->state = IN_METHOD;
	wire_token_add(&parser->token, byte);
	return byte >= 'A' && byte <= 'Z' ? 0 : -1;
}

static int message_byte(struct http_state *state, struct http_parser *parser, enum wire_role role, uint8_t byte,
			struct wire_facts *facts)
{
	switch (parser->state) {
	case AT_START:
		return start_byte(parser, role, byte, facts);
	case IN_METHOD:
	case IN_TARGET:
	case IN_VERSION:
		return request_line_byte(state, parser, byte, facts);
	case IN_STATUS:
		return status_byte(parser, byte, facts);
	case IN_SIZE:
		return size_byte(parser, byte);
	case AT_TRAILER:
		if (byte == '\n')
			message_done(state, role, facts);
		else if (byte != '\r')
			parser->state = IN_TRAILER;
		return 0;
	default:
		return header_byte(state, parser, role, byte, facts);
	}
}

static enum wire_outcome visible(struct http_state *state, enum wire_role role, const uint8_t *bytes, size_t size,
				 struct wire_facts *facts)
{
	struct http_parser *parser = &state->parsers[role];

	for (size_t at = 0, used; at < size && !state->upgraded; at += used) {
		size_t rest = size - at;

		used = 1;
		switch (parser->state) {
		case IN_REASON:
		case IN_OTHER:
			used = skip_line(parser, bytes + at, rest, AT_NAME);
			break;
		case IN_TRAILER:
			used = skip_line(parser, bytes + at, rest, AT_TRAILER);
			break;
		case IN_EXTENSION:
			used = skip_line(parser, bytes + at, rest, IN_SIZE) - 1;
			used += parser->state != IN_SIZE; /* the LF itself ends the size */
			break;
		case IN_BODY:
		case IN_CHUNK:
			used = parser->body < rest ? (size_t)parser->body : rest;
			skip_body(state, parser, role, used, facts);
			break;
		case UNTIL_CLOSE:
		case SEEK_CHUNK:
			return WIRE_CLEAN;
		default:
			if (parser->loose && parser->state == AT_START)
				return WIRE_LOOSE;
			if (message_byte(state, parser, role, bytes[at], facts))
				return WIRE_LOST;
		}
	}
	return parser->loose && parser->state == AT_START ? WIRE_LOOSE : WIRE_CLEAN;
}

/* The rest of a response's head is among `hidden` bytes: what can still be said of its end? */
static enum wire_outcome cut_response(struct http_state *state, struct http_parser *parser, uint64_t hidden,
				      struct wire_facts *facts)
{
	response_head_done(state, facts);
	if (state->upgraded)
		return WIRE_CLEAN;
	switch (parser->state) {
	case IN_BODY:
		parser->loose = true;
		skip_body(state, parser, WIRE_REPLIES, parser->body < hidden ? parser->body : hidden, facts);
		return parser->state == IN_BODY ? WIRE_CLEAN : WIRE_LOOSE;
	case IN_SIZE:
		parser->state = SEEK_CHUNK;
		return WIRE_CLEAN;
	case UNTIL_CLOSE: /* its framing may be in the unseen part */
		if (!closes(parser) && !state->request_close)
			facts->flags &= (uint16_t)~WIRE_CLOSE;
		return WIRE_LOOSE;
	default:
		return WIRE_LOOSE;
	}
}

static enum wire_outcome unseen(struct http_state *state, enum wire_role role, uint64_t hidden,
				struct wire_facts *facts)
{
	struct http_parser *parser = &state->parsers[role];
	uint64_t own = parser->body < hidden ? parser->body : hidden;
	bool chunk = parser->state == IN_CHUNK;

	switch (parser->state) {
	case IN_BODY:
	case IN_CHUNK:
		skip_body(state, parser, role, own, facts);
		if (own == hidden)
			return parser->loose && parser->state == AT_START ? WIRE_LOOSE : WIRE_CLEAN;
		if (!chunk)
			return parser->loose ? WIRE_LOOSE : WIRE_LOST;
		if (hidden - own == LAST_CHUNK)
			message_done(state, role, facts);
		else
			parser->state = SEEK_CHUNK;
		return WIRE_CLEAN;
	case UNTIL_CLOSE:
	case SEEK_CHUNK:
		return WIRE_CLEAN;
	case IN_SIZE:
	case IN_EXTENSION:
	case AT_TRAILER:
	case IN_TRAILER:
		parser->state = SEEK_CHUNK;
		return WIRE_CLEAN;
	case AT_START:
	case IN_METHOD:
	case IN_STATUS:
		return WIRE_LOST;
	default:
		return role == WIRE_REPLIES ? cut_response(state, parser, hidden, facts) : WIRE_LOOSE;
	}
}

static enum wire_outcome http_feed(union wire_state *wire, enum wire_role role, const uint8_t *bytes, size_t size,
				   uint64_t hidden, struct wire_facts *facts)
{
	struct http_state *state = &wire->http;
	struct http_parser *parser = &state->parsers[role];
	enum wire_outcome outcome;

	if (parser->state == SEEK_CHUNK && http_chunk_begins(bytes, size)) {
		parser->state = IN_SIZE;
		parser->digits = 0;
	}
	outcome = state->upgraded ? WIRE_CLEAN : visible(state, role, bytes, size, facts);
	if (state->upgraded) {
		facts->flags |= WIRE_UPGRADED;
		return WIRE_CLEAN;
	}
	return outcome == WIRE_CLEAN && hidden ? unseen(state, role, hidden, facts) : outcome;
}

static bool http_busy(const union wire_state *wire, enum wire_role role)
{
	return wire->http.parsers[role].state != AT_START;
}

static void http_restart(union wire_state *wire, enum wire_role role)
{
	wire->http.parsers[role] = (struct http_parser){0};
}

const struct protocol_ops http_ops = {
	.id = PROTOCOL_HTTP,
	.name = "http",
	.serves = true,
	.match_request = http_match_request,
	.match_reply = http_match_reply,
	.feed = http_feed,
	.busy = http_busy,
	.restart = http_restart,
};
