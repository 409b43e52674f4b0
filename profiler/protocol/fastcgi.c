/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fastcgi.c - FastCGI, as a web server passes requests to php-fpm and the like: records of a head and so many bytes of content.
 *
 *   01 tt ii ii ll ll pp 00   version, type, request id, length of the content, and of the padding behind it
 *
 * A request is BEGIN_REQUEST (its role and flags), PARAMS and STDIN; its answer STDOUT (a CGI response) or STDERR, and at last
 * END_REQUEST. Of PARAMS and STDIN nothing is read; of the answer its first bytes, which say "Status: 500 …" where it is not 200.
 * Source: the FastCGI specification 1.0, sections 3.3, 5 and 8; RFC 3875 section 6.3.3 (Status).
 */
#include "protocol/wire.h"

#include <string.h>

enum fastcgi_scan { IN_HEAD, IN_CONTENT, IN_PADDING };
enum record_type { BEGIN_REQUEST = 1, ABORT_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT, STDERR, DATA, GET_VALUES, GET_VALUES_RESULT,
		   UNKNOWN_TYPE };

#define VERSION 1
#define HEAD_BYTES 8
#define FIXED_BYTES 8   /* content of BEGIN_REQUEST and END_REQUEST */
#define ROLE_LAST 3
#define KEEP_CONN 1

/* ---- recognising ---- */

static bool answers(uint8_t type)
{
	return type == END_REQUEST || type == STDOUT || type == STDERR || type >= GET_VALUES_RESULT;
}

/* A head, as far as it goes, of one of the types that this side sends. Only management records belong to no request. */
static bool head_fits(const uint8_t *bytes, size_t size, enum wire_role role)
{
	if (bytes[0] != VERSION || (size > 1 && (!bytes[1] || bytes[1] > UNKNOWN_TYPE)) || (size > 7 && bytes[7]))
		return false;
	if (size > 1 && answers(bytes[1]) != (role == WIRE_REPLIES))
		return false;
	return size < 4 || (bytes[2] || bytes[3]) == (bytes[1] < GET_VALUES);
}

/* What its web servers begin with: small request ids, no padding. */
static enum wire_match fastcgi_match_request(const uint8_t *bytes, size_t size)
{
	static const uint8_t begin[] = {VERSION, BEGIN_REQUEST, 0, 1, 0, FIXED_BYTES, 0, 0, 0, 1};

	for (size_t i = 0; i < size && i < sizeof(begin); i++) {
		bool fits = i == 3 ? bytes[i] > 0 : i == 9 ? bytes[i] >= 1 && bytes[i] <= ROLE_LAST : bytes[i] == begin[i];

		if (!fits)
			return MATCH_NO;
	}
	return size < HEAD_BYTES ? MATCH_PARTIAL : MATCH_STRONG;
}

static enum wire_match fastcgi_match_reply(const uint8_t *bytes, size_t size)
{
	if (size && !head_fits(bytes, size, WIRE_REPLIES))
		return MATCH_NO;
	return size < HEAD_BYTES ? MATCH_PARTIAL : MATCH_STRONG;
}

/* ---- records ---- */

static void request_ended(struct fastcgi_state *state, struct wire_facts *facts)
{
	facts->flags |= WIRE_RESPONSE_DONE;
	facts->flags |= state->keep ? 0 : WIRE_CLOSE;
	state->asked = state->answering = false;
}

static void answer_begins(struct fastcgi_state *state, struct wire_facts *facts)
{
	facts->responses += !state->answering;
	state->answering = true;
}

static int head_read(struct fastcgi_state *state, enum wire_role role, struct wire_facts *facts)
{
	struct fastcgi_parser *parser = &state->parsers[role];

	if (!head_fits(parser->head, HEAD_BYTES, role))
		return -1;
	parser->type = parser->head[1];
	parser->left = (uint32_t)parser->head[4] << 8 | parser->head[5];
	parser->padding = parser->head[6];
	parser->at = 0;
	if ((parser->type == BEGIN_REQUEST || parser->type == END_REQUEST) && parser->left != FIXED_BYTES)
		return -1;
	if (parser->type == BEGIN_REQUEST) {
		facts->requests++;
		state->asked = true;
		state->answering = false;
	} else if (parser->type == STDOUT && parser->left && !state->answering) {
		answer_begins(state, facts);
		parser->first = true;
	} else if (parser->type == END_REQUEST) {
		answer_begins(state, facts);
	}
	return 0;
}

/* "Status: 5": of a CGI response that has one it is the first line in all that is known to be used. */
static void status_byte(struct fastcgi_parser *parser, uint8_t byte, struct wire_facts *facts)
{
	static const char error[] = "Status: 5";

	if (!parser->first || parser->at >= sizeof(error) - 1)
		return;
	parser->first = byte == (uint8_t)error[parser->at];
	facts->errors += parser->first && parser->at == sizeof(error) - 2;
}

static void record_ended(struct fastcgi_state *state, enum wire_role role, struct wire_facts *facts)
{
	struct fastcgi_parser *parser = &state->parsers[role];

	if (parser->type == END_REQUEST)
		request_ended(state, facts);
	*parser = (struct fastcgi_parser){.state = IN_HEAD};
}

/* Behind the head, the content, the padding: what comes next? */
static void go_on(struct fastcgi_state *state, enum wire_role role, struct wire_facts *facts)
{
	struct fastcgi_parser *parser = &state->parsers[role];

	parser->state = IN_CONTENT;
	if (parser->left)
		return;
	parser->state = IN_PADDING;
	parser->left = parser->padding;
	parser->padding = 0;
	if (!parser->left)
		record_ended(state, role, facts);
}

static int byte_read(struct fastcgi_state *state, enum wire_role role, uint8_t byte, struct wire_facts *facts)
{
	struct fastcgi_parser *parser = &state->parsers[role];

	if (parser->state == IN_HEAD) {
		parser->head[parser->at++] = byte;
		if (parser->at < HEAD_BYTES)
			return 0;
		if (head_read(state, role, facts)) {
			parser->at = 0;
			return -1;
		}
		go_on(state, role, facts);
		return 0;
	}
	if (parser->state == IN_CONTENT && parser->type == STDOUT)
		status_byte(parser, byte, facts);
	else if (parser->state == IN_CONTENT && parser->type == BEGIN_REQUEST && parser->at == 2)
		state->keep = byte & KEEP_CONN;
	parser->at += parser->at < HEAD_BYTES + 1;
	if (!--parser->left)
		go_on(state, role, facts);
	return 0;
}

/* What the call moved unseen. An answer's last piece ends in END_REQUEST. */
static enum wire_outcome unseen(struct fastcgi_state *state, enum wire_role role, uint64_t hidden, struct wire_facts *facts)
{
	struct fastcgi_parser *parser = &state->parsers[role];

	while (hidden && parser->state != IN_HEAD) {
		uint64_t own = parser->left < hidden ? parser->left : hidden;

		parser->first = false;
		parser->left -= (uint32_t)own;
		hidden -= own;
		if (!parser->left)
			go_on(state, role, facts);
	}
	if (!hidden)
		return WIRE_CLEAN;
	if (role == WIRE_REPLIES && hidden == HEAD_BYTES + FIXED_BYTES && state->answering && !parser->at)
		request_ended(state, facts);
	else /* whole records more, of a request or an answer that has begun: nothing is missed in them */
		return !parser->at && (role == WIRE_REQUESTS ? state->asked : state->answering) ? WIRE_LOOSE : WIRE_LOST;
	return WIRE_CLEAN;
}

static enum wire_outcome fastcgi_feed(union wire_state *wire, enum wire_role role, const uint8_t *bytes, size_t size, uint64_t hidden,
				      struct wire_facts *facts)
{
	for (size_t at = 0; at < size; at++)
		if (byte_read(&wire->fastcgi, role, bytes[at], facts))
			return WIRE_LOST;
	return hidden ? unseen(&wire->fastcgi, role, hidden, facts) : WIRE_CLEAN;
}

static bool fastcgi_busy(const union wire_state *wire, enum wire_role role)
{
	return wire->fastcgi.parsers[role].state != IN_HEAD || wire->fastcgi.parsers[role].at;
}

static void fastcgi_restart(union wire_state *wire, enum wire_role role)
{
	wire->fastcgi.parsers[role] = (struct fastcgi_parser){0};
}

const struct protocol_ops fastcgi_ops = {
	.id = PROTOCOL_FASTCGI,
	.name = "fastcgi",
	.serves = true,
	.passed = true,
	.match_request = fastcgi_match_request,
	.match_reply = fastcgi_match_reply,
	.feed = fastcgi_feed,
	.busy = fastcgi_busy,
	.restart = fastcgi_restart,
};
