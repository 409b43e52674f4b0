/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uwsgi.c - the uwsgi protocol, as nginx's uwsgi_pass and uWSGI's own router pass requests to uWSGI.
 *
 *   mm ss ss nn   a modifier, the size of what follows (little-endian), a second modifier
 *   kk kk KEY vv vv value …   variables as of CGI: lengths are little-endian
 *
 * What comes behind the variables is the request's body, until it is answered; the answer is HTTP's. Of the variables nothing is read but, to tell the
 * protocol from others, the first one's name. One connection carries one request, or several, each answered before the next.
 * Source: uWSGI's documentation, "The uwsgi (lowercase) Protocol".
 */
#include <stddef.h>

#include "protocol/http_match.h"
#include "protocol/wire.h"

enum uwsgi_scan { IN_HEAD, IN_VARIABLES, IN_BODY };

#define HEAD_BYTES 4
#define VARIABLES_LEAST 8
#define NAME_LEAST 3
#define NAME_MOST 64

/* For a request to an application: WSGI, PSGI, Lua, Rack, CGI, PHP. */
static bool is_modifier(uint8_t byte)
{
	return byte == 0 || byte == 5 || byte == 6 || byte == 7 || byte == 9 || byte == 14;
}

static bool names_variable(uint8_t byte)
{
	return (byte >= 'A' && byte <= 'Z') || byte == '_';
}

static enum wire_match uwsgi_match_request(const uint8_t *bytes, size_t size)
{
	size_t name, at;

	if (!size || (size < HEAD_BYTES + 2 && is_modifier(bytes[0]) && (size < HEAD_BYTES || !bytes[3])))
		return MATCH_PARTIAL;
	name = size < HEAD_BYTES + 2 ? 0 : bytes[4] + bytes[5] * 256u;
	if (!is_modifier(bytes[0]) || bytes[3] || name < NAME_LEAST || name > NAME_MOST ||
	    bytes[1] + bytes[2] * 256u < name + VARIABLES_LEAST - NAME_LEAST)
		return MATCH_NO;
	for (at = HEAD_BYTES + 2; at < size && at < HEAD_BYTES + 2 + name; at++)
		if (!names_variable(bytes[at]))
			return MATCH_NO;
	return at < HEAD_BYTES + 2 + name ? MATCH_PARTIAL : MATCH_STRONG;
}

static int head_byte(struct uwsgi_parser *parser, uint8_t byte, struct wire_facts *facts)
{
	if (parser->at == 1)
		parser->left = byte;
	else if (parser->at == 2)
		parser->left |= (uint32_t)byte << 8;
	if ((!parser->at && !is_modifier(byte)) || (parser->at == 3 && byte))
		return -1;
	if (++parser->at < HEAD_BYTES)
		return 0;
	parser->state = parser->left ? IN_VARIABLES : IN_BODY;
	facts->requests++;
	return 0;
}

/* So many bytes of the variables, or of the body, whose length only they know. */
static void skip(struct uwsgi_parser *parser, uint64_t bytes)
{
	if (parser->state != IN_VARIABLES)
		return;
	parser->left -= bytes < parser->left ? (uint32_t)bytes : parser->left;
	if (!parser->left)
		parser->state = IN_BODY;
}

static enum wire_outcome asked(struct uwsgi_state *state, const uint8_t *bytes, size_t size, uint64_t hidden, struct wire_facts *facts)
{
	struct uwsgi_parser *parser = &state->request;
	size_t at = 0;

	if (state->http.upgraded) {
		facts->flags |= WIRE_UPGRADED;
		return WIRE_CLEAN;
	}
	if (parser->answered && uwsgi_match_request(bytes, size) == MATCH_STRONG) /* else the rest of a body that was answered early */
		*parser = (struct uwsgi_parser){0};
	while (at < size && parser->state == IN_HEAD)
		if (head_byte(parser, bytes[at++], facts))
			return WIRE_LOST;
	if (hidden && parser->state == IN_HEAD)
		return WIRE_LOST;
	if (facts->requests) {
		state->http.outstanding = 1;
		state->http.request_close = true; /* where the answer does not say how long it is, it ends with the connection */
		state->http.bodyless = 0;
	}
	skip(parser, size - at + hidden);
	return WIRE_CLEAN;
}

static enum wire_outcome uwsgi_feed(union wire_state *wire, enum wire_role role, const uint8_t *bytes, size_t size, uint64_t hidden,
				    struct wire_facts *facts)
{
	enum wire_outcome outcome;

	if (role == WIRE_REQUESTS)
		return asked(&wire->uwsgi, bytes, size, hidden, facts);
	outcome = http_ops.feed(wire, role, bytes, size, hidden, facts);
	if (facts->flags & WIRE_RESPONSE_DONE)
		wire->uwsgi.request.answered = true;
	return outcome;
}

_Static_assert(offsetof(struct uwsgi_state, http) == 0, "its replies are fed to http_ops by the same union");

static bool uwsgi_busy(const union wire_state *wire, enum wire_role role)
{
	return role == WIRE_REQUESTS ? !wire->uwsgi.request.answered && (wire->uwsgi.request.state != IN_HEAD || wire->uwsgi.request.at) : http_ops.busy(wire, role);
}

static void uwsgi_restart(union wire_state *wire, enum wire_role role)
{
	if (role == WIRE_REQUESTS)
		wire->uwsgi.request = (struct uwsgi_parser){0};
	else
		http_ops.restart(wire, role);
}

const struct protocol_ops uwsgi_ops = {
	.id = PROTOCOL_UWSGI,
	.name = "uwsgi",
	.serves = true,
	.passed = true,
	.match_request = uwsgi_match_request,
	.match_reply = http_match_reply,
	.feed = uwsgi_feed,
	.busy = uwsgi_busy,
	.restart = uwsgi_restart,
};
