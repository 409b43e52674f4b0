/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memcached.c - memcached's text protocol (with its meta commands) and its binary one, both directions.
 *
 *   get key\r\n                         VALUE key 0 3\r\nabc\r\nEND\r\n
 *   set key 0 60 3\r\nabc\r\n           STORED\r\n
 *   ms key S3\r\nabc\r\n                HD\r\n
 *   80 op kk kk xx 00 00 00 bb bb bb bb …   81 op …        24 bytes of head, b: bytes of body
 *
 * Of a line only the first word and the numbers that say how many bytes of a value follow are read.
 * Source: memcached 1.6, doc/protocol.txt and doc/protocol-binary.txt.
 */
#include "protocol/wire.h"

#include <string.h>

enum memcached_scan {
	AT_LINE,
	IN_COMMAND,  /* the first word */
	IN_WORDS,    /* the rest of the line */
	IN_VALUE,
	IN_BINARY,   /* a binary head */
	IN_BODY,
};

#define BINARY_REQUEST 0x80
#define BINARY_REPLY 0x81
#define BINARY_HEAD 24
#define BINARY_OPCODE_LAST 0x60
#define KEY_MAX 250

/* What follows a command's line, and what it is for. */
enum trait { PLAIN = 0, UPKEEP = 1, STORES = 2 /* a value, its length is the fourth word behind the command */,
	     META_STORES = 4 /* its length is the second */ };

static const struct { const char *name; unsigned traits; } commands[] = {
	{"GET", PLAIN}, {"GETS", PLAIN}, {"GAT", PLAIN}, {"GATS", PLAIN}, {"SET", STORES}, {"ADD", STORES}, {"REPLACE", STORES},
	{"APPEND", STORES}, {"PREPEND", STORES}, {"CAS", STORES}, {"DELETE", PLAIN}, {"INCR", PLAIN}, {"DECR", PLAIN}, {"TOUCH", PLAIN},
	{"MG", PLAIN}, {"MS", META_STORES}, {"MD", PLAIN}, {"MA", PLAIN}, {"MN", UPKEEP}, {"ME", UPKEEP}, {"VERSION", UPKEEP},
	{"STATS", UPKEEP}, {"VERBOSITY", UPKEEP}, {"FLUSH_ALL", PLAIN}, {"QUIT", UPKEEP},
};

static const char *const replies[] = {
	"VALUE ", "END\r\n", "STORED\r\n", "NOT_STORED\r\n", "EXISTS\r\n", "NOT_FOUND\r\n", "DELETED\r\n", "TOUCHED\r\n", "OK\r\n",
	"VERSION ", "STAT ", "ERROR\r\n", "CLIENT_ERROR ", "SERVER_ERROR ", "HD", "VA ", "EN\r\n", "MN\r\n", "NS", "EX", "NF", "ME ",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int command_traits(const struct wire_token *name)
{
	for (size_t i = 0; i < COUNT(commands); i++)
		if (wire_token_is(name, commands[i].name))
			return (int)commands[i].traits;
	return -1;
}

/* ---- recognising ---- */

/* A whole first line: a lower-case command, then words of printable characters, each no longer than a key. */
static enum wire_match match_line(const uint8_t *bytes, size_t size)
{
	struct wire_token name = {0};
	size_t at = 0, word = 0, words = 0;

	while (at < size && ((bytes[at] >= 'a' && bytes[at] <= 'z') || bytes[at] == '_'))
		wire_token_add(&name, bytes[at++]);
	if (!at || name.cut)
		return MATCH_NO;
	if (at == size)
		return at < 10 ? MATCH_PARTIAL : MATCH_NO;
	if (command_traits(&name) < 0)
		return MATCH_NO;
	for (; at < size && bytes[at] != '\r'; at++) {
		if (bytes[at] < ' ' || bytes[at] == 0x7f)
			return MATCH_NO;
		words += bytes[at] == ' ';
		word = bytes[at] == ' ' ? 0 : word + 1;
		if (word > KEY_MAX)
			return MATCH_NO;
	}
	if (at + 1 >= size)
		return MATCH_PARTIAL;
	if (bytes[at + 1] != '\n')
		return MATCH_NO;
	return words || (command_traits(&name) & UPKEEP) ? MATCH_STRONG : MATCH_NO;
}

static enum wire_match match_head(const uint8_t *bytes, size_t size, uint8_t magic)
{
	if (bytes[0] != magic || (size > 1 && bytes[1] > BINARY_OPCODE_LAST) || (size > 5 && bytes[5] != 0))
		return MATCH_NO;
	if (size < BINARY_HEAD)
		return MATCH_PARTIAL;
	/* The key and the extras are part of the body. */
	return (uint32_t)bytes[2] * 256 + bytes[3] + bytes[4] <= ((uint32_t)bytes[8] << 24 | (uint32_t)bytes[9] << 16 |
								  (uint32_t)bytes[10] << 8 | bytes[11]) ? MATCH_STRONG : MATCH_NO;
}

static enum wire_match memcached_match_request(const uint8_t *bytes, size_t size)
{
	if (!size)
		return MATCH_PARTIAL;
	return bytes[0] == BINARY_REQUEST ? match_head(bytes, size, BINARY_REQUEST) : match_line(bytes, size);
}

static enum wire_match memcached_match_reply(const uint8_t *bytes, size_t size)
{
	bool partial = !size;

	if (size && bytes[0] == BINARY_REPLY)
		return match_head(bytes, size, BINARY_REPLY);
	for (size_t i = 0; i < COUNT(replies) && size; i++) {
		size_t length = strlen(replies[i]), n = length < size ? length : size;

		if (memcmp(bytes, replies[i], n))
			continue;
		if (n == length)
			return MATCH_STRONG;
		partial = true;
	}
	return partial ? MATCH_PARTIAL : MATCH_NO;
}

/* ---- lines ---- */

static int command_read(struct memcached_parser *parser, struct wire_facts *facts)
{
	int traits = command_traits(&parser->token);

	if (traits < 0)
		return -1;
	facts->requests++;
	facts->handshake += (traits & UPKEEP) != 0;
	parser->type = (uint8_t)traits;
	return 0;
}

/* A reply's first word: VALUE and STAT lines belong to the END that follows. */
static int reply_read(struct memcached_parser *parser, struct wire_facts *facts)
{
	static const char *const words[] = {"END", "STORED", "NOT_STORED", "EXISTS", "NOT_FOUND", "DELETED", "TOUCHED", "OK", "VERSION", "HD",
					    "VA", "EN", "MN", "NS", "EX", "NF", "ME"};
	static const char *const errors[] = {"ERROR", "CLIENT_ERROR", "SERVER_ERROR"};
	uint8_t first = (uint8_t)parser->token.text[0];

	parser->type = wire_token_is(&parser->token, "VALUE") ? STORES : wire_token_is(&parser->token, "VA") ? META_STORES : PLAIN;
	if (parser->type == STORES || wire_token_is(&parser->token, "STAT"))
		return 0;
	if (wire_token_among(&parser->token, errors, COUNT(errors))) {
		facts->errors++;
		facts->responses++;
		return 0;
	}
	if (wire_token_among(&parser->token, words, COUNT(words))) {
		facts->responses++;
		return 0;
	}
	if (first < '0' || first > '9') /* incr and decr answer with a number */
		return -1;
	facts->responses++;
	return 0;
}

/* Which word holds the length of the value that follows the line; the command is word 0. */
static unsigned length_word(const struct memcached_parser *parser, enum wire_role role)
{
	if (parser->type & META_STORES)
		return role == WIRE_REQUESTS ? 2 : 1;
	return role == WIRE_REQUESTS ? 4 : 3;
}

static void line_ended(struct memcached_parser *parser)
{
	bool value = parser->type & (STORES | META_STORES);
	uint64_t left = value ? parser->number + 2 : 0;

	*parser = (struct memcached_parser){.state = value ? IN_VALUE : AT_LINE, .left = left};
}

static int word_byte(struct memcached_parser *parser, enum wire_role role, uint8_t byte, struct wire_facts *facts)
{
	bool ends = byte == ' ' || byte == '\r' || byte == '\n';

	if (parser->state == IN_COMMAND && !ends) {
		wire_token_add(&parser->token, byte);
		return parser->token.cut ? -1 : 0;
	}
	if (parser->state == IN_COMMAND) {
		if (role == WIRE_REQUESTS ? command_read(parser, facts) : reply_read(parser, facts))
			return -1;
		parser->state = IN_WORDS;
	}
	if (byte == '\n') {
		line_ended(parser);
	} else if (byte == ' ') {
		parser->word += parser->word < UINT8_MAX;
	} else if (parser->word == length_word(parser, role) && byte >= '0' && byte <= '9') { /* ms: flags and length, "S3" or "3" */
		parser->number = parser->number * 10 + (byte - '0');
		return parser->number > WIRE_LENGTH_MAX ? -1 : 0;
	}
	return 0;
}

/* ---- binary heads ---- */

static int binary_byte(struct memcached_parser *parser, enum wire_role role, uint8_t byte, struct wire_facts *facts)
{
	/* protocol-binary.txt: noop 0x0a, version 0x0b, stat 0x10, verbosity 0x1b, SASL 0x20-0x22; quit 0x07. */
	static const uint8_t upkeep[] = {0x07, 0x0a, 0x0b, 0x10, 0x1b, 0x20, 0x21, 0x22};
	uint8_t at = parser->digits++;

	if (at == 1) {
		parser->type = byte;
		facts->requests += role == WIRE_REQUESTS;
		for (size_t i = 0; i < sizeof(upkeep) && role == WIRE_REQUESTS; i++)
			facts->handshake += upkeep[i] == byte;
	} else if (at == 7 && role == WIRE_REPLIES) { /* here, so that a reply and its error are told of together */
		facts->responses++;
		facts->errors += byte != 0 && byte != 1; /* a status; 1: no such key */
	} else if (at >= 8 && at <= 11) {
		parser->number = parser->number << 8 | byte;
	}
	if (parser->digits < BINARY_HEAD)
		return 0;
	*parser = (struct memcached_parser){.state = parser->number ? IN_BODY : AT_LINE, .left = parser->number};
	return 0;
}

/* ---- bytes ---- */

static int byte_at(struct memcached_state *state, enum wire_role role, const uint8_t *bytes, size_t size, size_t *used,
		   struct wire_facts *facts)
{
	struct memcached_parser *parser = &state->parsers[role];

	*used = 1;
	switch (parser->state) {
	case AT_LINE:
		if (*bytes == (role == WIRE_REQUESTS ? BINARY_REQUEST : BINARY_REPLY)) {
			parser->state = IN_BINARY;
			parser->digits = 1;
			return 0;
		}
		parser->state = IN_COMMAND;
		return word_byte(parser, role, *bytes, facts);
	case IN_COMMAND:
	case IN_WORDS:
		return word_byte(parser, role, *bytes, facts);
	case IN_BINARY:
		return binary_byte(parser, role, *bytes, facts);
	default:
		*used = parser->left < size ? (size_t)parser->left : size;
		parser->left -= *used;
		if (!parser->left)
			*parser = (struct memcached_parser){0};
		return 0;
	}
}

static enum wire_outcome memcached_feed(union wire_state *wire, enum wire_role role, const uint8_t *bytes, size_t size, uint64_t hidden,
					struct wire_facts *facts)
{
	struct memcached_state *state = &wire->memcached;
	struct memcached_parser *parser = &state->parsers[role];

	for (size_t at = 0, used; at < size; at += used)
		if (byte_at(state, role, bytes + at, size - at, &used, facts))
			return WIRE_LOST;
	if (!hidden)
		return WIRE_CLEAN;
	if ((parser->state != IN_VALUE && parser->state != IN_BODY) || parser->left < hidden)
		return WIRE_LOST;
	parser->left -= hidden;
	if (!parser->left)
		*parser = (struct memcached_parser){0};
	return WIRE_CLEAN;
}

static bool memcached_busy(const union wire_state *wire, enum wire_role role)
{
	return wire->memcached.parsers[role].state != AT_LINE;
}

static void memcached_restart(union wire_state *wire, enum wire_role role)
{
	wire->memcached.parsers[role] = (struct memcached_parser){0};
}

const struct protocol_ops memcached_ops = {
	.id = PROTOCOL_MEMCACHED,
	.name = "memcached",
	.match_request = memcached_match_request,
	.match_reply = memcached_match_reply,
	.feed = memcached_feed,
	.busy = memcached_busy,
	.restart = memcached_restart,
};
