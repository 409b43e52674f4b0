/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mysql.c - the MySQL client/server protocol (4.1 and later; MariaDB too), both directions.
 *
 * Packets: three bytes of length, one of sequence number, the payload. The server greets first, so the connection is recognised by
 * the client's login, which answers the greeting with sequence number 1 and 23 bytes of zero.
 *
 *   3a 00 00 01 | 8d a6 ff 00 | 00 00 00 01 | 21 | 00 × 23 | user\0 …      login: no command of the application
 *   09 00 00 00 | 03 select 1                                              COM_QUERY: a command, sequence number 0
 *   … 00 00 01                                                            its answer begins with sequence number 1
 *   01 00 00 00 | 01                                                       COM_QUIT: upkeep, which the server answers by closing
 *
 * Of a query only the first word is read. After a login that asks for TLS or compression nothing more can be.
 * Source: MySQL 8.0 source documentation, "Client/Server Protocol"; MariaDB knowledge base, "Clientserver Protocol".
 */
#include "protocol/wire.h"

#include <string.h>

enum mysql_scan {
	IN_HEADER,
	AT_COMMAND,
	IN_WORD,
	IN_LOGIN,   /* the capability flags */
	IN_PAYLOAD,
};

#define HEADER_BYTES 4
#define PACKET_MAX 0xffffffu
#define LOGIN_FIXED 32u /* flags 4, packet size 4, charset 1, 23 zeros */
#define LOGIN_ZEROS_AT (HEADER_BYTES + 9u)

/* Capability flags, group__group__cs__capabilities__flags. */
#define CLIENT_COMPRESS 0x20u
#define CLIENT_PROTOCOL_41 0x200u
#define CLIENT_SSL 0x800u

/* include/my_command.h. */
enum { COM_QUIT = 1, COM_INIT_DB = 2, COM_QUERY = 3, COM_STATISTICS = 9, COM_PING = 14, COM_CHANGE_USER = 17, COM_STMT_PREPARE = 22,
       COM_STMT_LONG_DATA = 24, COM_STMT_CLOSE = 25, COM_SET_OPTION = 27, COM_RESET_CONNECTION = 31, COM_LAST = 33 };

static uint32_t length_at(const uint8_t *bytes)
{
	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16;
}

/* A login, as far as its first bytes show; the prefix that wire.c keeps (32 bytes) is enough to be sure. */
static enum wire_match match_login(const uint8_t *bytes, size_t size)
{
	uint32_t flags;

	if (size < HEADER_BYTES)
		return size > 2 && bytes[2] ? MATCH_NO : MATCH_PARTIAL;
	if (bytes[3] != 1 || length_at(bytes) < LOGIN_FIXED || length_at(bytes) > 65536)
		return MATCH_NO;
	if (size < HEADER_BYTES + 4)
		return MATCH_PARTIAL;
	flags = length_at(bytes + 4);
	if (!(flags & CLIENT_PROTOCOL_41))
		return MATCH_NO;
	for (size_t at = LOGIN_ZEROS_AT; at < size && at < LOGIN_ZEROS_AT + 19; at++) /* MariaDB uses the last four */
		if (bytes[at])
			return MATCH_NO;
	return size >= LOGIN_ZEROS_AT + 19 ? MATCH_STRONG : MATCH_PARTIAL;
}

/* A query in the middle of a conversation: one packet, all there, that holds text. */
static bool match_query(const uint8_t *bytes, size_t size)
{
	if (size < HEADER_BYTES + 2 || bytes[3] != 0 || length_at(bytes) != size - HEADER_BYTES || bytes[4] != COM_QUERY)
		return false;
	for (size_t at = HEADER_BYTES + 1; at < size && at < HEADER_BYTES + 7; at++)
		if (bytes[at] < ' ' && bytes[at] != '\n' && bytes[at] != '\t')
			return false;
	return true;
}

static enum wire_match mysql_match_request(const uint8_t *bytes, size_t size)
{
	enum wire_match login = match_login(bytes, size);

	return login == MATCH_NO && match_query(bytes, size) ? MATCH_STRONG : login;
}

static enum wire_match mysql_match_reply(const uint8_t *bytes, size_t size)
{
	if (size < HEADER_BYTES + 1)
		return MATCH_PARTIAL;
	return bytes[3] >= 1 && bytes[3] <= 8 && length_at(bytes) >= 1 && length_at(bytes) <= PACKET_MAX ? MATCH_WEAK : MATCH_NO;
}

/* ---- what packets say ---- */

static void count_command(struct mysql_state *state, struct wire_facts *facts, bool handshake)
{
	facts->requests++;
	facts->handshake += handshake;
	state->answer = 1;
}

static void word_done(struct mysql_state *state, struct mysql_parser *parser, struct wire_facts *facts)
{
	static const char *const upkeep[] = {"SET", "SHOW", "USE", "BEGIN", "START", "COMMIT", "ROLLBACK"};

	count_command(state, facts, wire_token_among(&parser->token, upkeep, sizeof(upkeep) / sizeof(upkeep[0])));
	parser->state = IN_PAYLOAD;
}

static int command_byte(struct mysql_state *state, struct mysql_parser *parser, uint8_t byte, struct wire_facts *facts)
{
	if (byte > COM_LAST)
		return -1;
	parser->state = IN_PAYLOAD;
	switch (byte) {
	case COM_QUERY:
		wire_token_clear(&parser->token);
		parser->state = IN_WORD;
		if (!parser->left) /* empty: answered all the same */
			word_done(state, parser, facts);
		break;
	case COM_QUIT: /* the server's closing is its answer */
		facts->requests++;
		facts->handshake++;
		break;
	case COM_STMT_LONG_DATA: /* these have no answer, and go with another command */
	case COM_STMT_CLOSE:
		break;
	case COM_INIT_DB:
	case COM_PING:
	case COM_STATISTICS:
	case COM_CHANGE_USER:
	case COM_SET_OPTION:
	case COM_RESET_CONNECTION:
	case COM_STMT_PREPARE: /* its executions are the work */
		count_command(state, facts, true);
		break;
	default:
		count_command(state, facts, false);
	}
	return 0;
}

static void login_done(struct mysql_state *state, struct mysql_parser *parser, struct wire_facts *facts)
{
	bool tls = parser->capabilities & CLIENT_SSL;

	facts->requests++;
	facts->handshake++;
	state->encrypted = tls && parser->left + parser->at == LOGIN_FIXED; /* the short form: TLS begins now */
	state->compressed = parser->capabilities & CLIENT_COMPRESS;
	parser->state = IN_PAYLOAD;
}

static void packet_begun(struct mysql_state *state, struct mysql_parser *parser, enum wire_role role, struct wire_facts *facts)
{
	bool goes_on = parser->more;

	parser->more = parser->left == PACKET_MAX;
	parser->at = 0;
	parser->state = IN_PAYLOAD;
	if (goes_on)
		return;
	if (role == WIRE_REPLIES) {
		if (parser->sequence == state->answer) {
			facts->responses++;
			parser->state = AT_COMMAND; /* its first byte says whether it is an error */
		}
	} else if (parser->sequence == 0) {
		state->opaque |= state->compressed;
		parser->state = AT_COMMAND;
	} else { /* the login (1), or a further step of it */
		state->answer = (uint8_t)(parser->sequence + 1);
		if (parser->sequence == 1 && parser->left >= LOGIN_FIXED)
			parser->state = IN_LOGIN;
	}
}

/* ---- bytes ---- */

static void header_byte(struct mysql_state *state, struct mysql_parser *parser, enum wire_role role, uint8_t byte,
			struct wire_facts *facts)
{
	if (parser->digits < 3) {
		parser->number |= (uint32_t)byte << (8 * parser->digits++);
		return;
	}
	parser->sequence = byte;
	parser->left = parser->number;
	parser->number = 0;
	parser->digits = 0;
	packet_begun(state, parser, role, facts);
}

static void word_byte(struct mysql_state *state, struct mysql_parser *parser, uint8_t byte, struct wire_facts *facts)
{
	if (wire_word_ends(&parser->token, byte) || !parser->left)
		word_done(state, parser, facts);
}

static void login_byte(struct mysql_state *state, struct mysql_parser *parser, uint8_t byte, struct wire_facts *facts)
{
	parser->capabilities = parser->at == 1 ? byte : parser->capabilities | (uint32_t)byte << (8 * (parser->at - 1));
	if (parser->at == 4)
		login_done(state, parser, facts);
}

/* One byte of a payload that is looked at. */
static int payload_byte(struct mysql_state *state, struct mysql_parser *parser, enum wire_role role, uint8_t byte,
			struct wire_facts *facts)
{
	parser->left--;
	parser->at++;
	if (parser->state == IN_WORD) {
		word_byte(state, parser, byte, facts);
	} else if (parser->state == IN_LOGIN) {
		login_byte(state, parser, byte, facts);
	} else if (role == WIRE_REPLIES) {
		facts->errors += byte == 0xff;
		parser->state = IN_PAYLOAD;
	} else {
		return command_byte(state, parser, byte, facts);
	}
	return 0;
}

static void packet_ended(struct mysql_parser *parser)
{
	if (parser->state != IN_HEADER && !parser->left)
		parser->state = IN_HEADER;
}

static int visible(struct mysql_state *state, enum wire_role role, const uint8_t *bytes, size_t size, struct wire_facts *facts)
{
	struct mysql_parser *parser = &state->parsers[role];
	int code = 0;

	for (size_t at = 0, used; at < size && !code && !state->encrypted && !state->opaque; at += used) {
		used = 1;
		if (parser->state == IN_HEADER) {
			header_byte(state, parser, role, bytes[at], facts);
		} else if (parser->state == IN_PAYLOAD) {
			used = parser->left < size - at ? parser->left : size - at;
			parser->left -= (uint32_t)used;
			parser->at += (uint32_t)used;
		} else {
			code = payload_byte(state, parser, role, bytes[at], facts);
		}
		packet_ended(parser);
	}
	return code;
}

static enum wire_outcome mysql_feed(union wire_state *wire, enum wire_role role, const uint8_t *bytes, size_t size, uint64_t hidden,
				    struct wire_facts *facts)
{
	struct mysql_state *state = &wire->mysql;
	struct mysql_parser *parser = &state->parsers[role];

	if (!state->encrypted && !state->opaque && visible(state, role, bytes, size, facts))
		return WIRE_LOST;
	if (state->opaque)
		return WIRE_LOST;
	if (state->encrypted) {
		facts->flags |= WIRE_TLS;
		return WIRE_CLEAN;
	}
	if (hidden && parser->state == IN_WORD)
		word_done(state, parser, facts);
	if (hidden && (parser->state != IN_PAYLOAD || parser->left < hidden))
		return WIRE_LOST;
	parser->left -= (uint32_t)hidden;
	packet_ended(parser);
	return WIRE_CLEAN;
}

static bool mysql_busy(const union wire_state *wire, enum wire_role role)
{
	const struct mysql_parser *parser = &wire->mysql.parsers[role];

	return parser->state != IN_HEADER || parser->digits || parser->more;
}

static void mysql_restart(union wire_state *wire, enum wire_role role)
{
	wire->mysql.parsers[role] = (struct mysql_parser){0};
}

const struct protocol_ops mysql_ops = {
	.id = PROTOCOL_MYSQL,
	.name = "mysql",
	.match_request = mysql_match_request,
	.match_reply = mysql_match_reply,
	.feed = mysql_feed,
	.busy = mysql_busy,
	.restart = mysql_restart,
};
