/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resp_match.c - tells RESP from other bytes by the beginning of a message, never by a port.
 *
 *   *2\r\n$3\r\nGET\r\n…   an array whose first bulk string is a word: a request (strong if Redis knows the word)
 *   PING\r\n               inline request: weak, other protocols have such words too
 *   +OK\r\n  $5\r\n…       replies: weak alone, which is why wire.c wants both directions
 */
#include "protocol/resp_match.h"

#include <string.h>

#include "protocol/resp_commands.h"

#define ARRAY_DIGITS 7  /* of a request's argument count */
#define NAME_DIGITS 2   /* of its name's length */
#define NUMBER_DIGITS 19
#define LINE_MAX_SHOWN 128 /* a simple reply longer than this is not used to find one's place again */

struct cursor {
	const uint8_t *at, *end;
};

bool resp_name_byte(uint8_t byte)
{
	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
	       byte == '.' || byte == '_' || byte == '-';
}

static bool letter(uint8_t byte)
{
	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

/* One expected byte: STRONG when it is there, and passed. */
static enum wire_match expect(struct cursor *cursor, uint8_t byte)
{
	if (cursor->at == cursor->end)
		return MATCH_PARTIAL;
	if (*cursor->at != byte)
		return MATCH_NO;
	cursor->at++;
	return MATCH_STRONG;
}

/* Digits and CRLF. */
static enum wire_match expect_number(struct cursor *cursor, unsigned digits_max, uint64_t *out)
{
	unsigned digits = 0;
	enum wire_match match;

	*out = 0;
	while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9') {
		if (++digits > digits_max)
			return MATCH_NO;
		*out = *out * 10 + (*cursor->at++ - '0');
	}
	if (cursor->at < cursor->end && digits == 0)
		return MATCH_NO;
	match = expect(cursor, '\r');
	return match == MATCH_STRONG ? expect(cursor, '\n') : match;
}

static enum wire_match match_array(struct cursor cursor)
{
	uint64_t count = 0, length = 0;
	enum wire_match match;

	if ((match = expect(&cursor, '*')) != MATCH_STRONG ||
	    (match = expect_number(&cursor, ARRAY_DIGITS, &count)) != MATCH_STRONG ||
	    (match = count ? expect(&cursor, '$') : MATCH_NO) != MATCH_STRONG ||
	    (match = expect_number(&cursor, NAME_DIGITS, &length)) != MATCH_STRONG)
		return match;
	if (length == 0 || length > WIRE_TOKEN_MAX)
		return MATCH_NO;
	for (uint64_t i = 0; i < length; i++) {
		if (cursor.at + i == cursor.end)
			return MATCH_PARTIAL;
		if (!resp_name_byte(cursor.at[i]))
			return MATCH_NO;
	}
	/* The name is enough: the CRLF behind it may be cut off. */
	return letter(*cursor.at) && resp_command_traits((const char *)cursor.at, length) ? MATCH_STRONG : MATCH_WEAK;
}

static enum wire_match match_inline(const uint8_t *bytes, size_t size)
{
	static const size_t longest = 8;
	size_t word = 0;

	while (word < size && word <= longest && letter(bytes[word]))
		word++;
	if (word == 0 || word > longest)
		return MATCH_NO;
	if (word == size)
		return MATCH_PARTIAL;
	if (!(resp_command_traits((const char *)bytes, word) & RESP_INLINE))
		return MATCH_NO;
	if (bytes[word] == '\r' || bytes[word] == '\n')
		return MATCH_WEAK;
	if (bytes[word] != ' ')
		return MATCH_NO;
	if (word + 1 == size)
		return MATCH_PARTIAL;
	/* "INFO {…}" is how a NATS server says hello */
	return resp_name_byte(bytes[word + 1]) ? MATCH_WEAK : MATCH_NO;
}

enum wire_match resp_match_request(const uint8_t *bytes, size_t size)
{
	if (size == 0)
		return MATCH_PARTIAL;
	if (*bytes == '*')
		return match_array((struct cursor){bytes, bytes + size});
	return match_inline(bytes, size);
}

static enum wire_match match_line(struct cursor cursor)
{
	const uint8_t *limit = cursor.end - cursor.at > LINE_MAX_SHOWN ? cursor.at + LINE_MAX_SHOWN : cursor.end;

	while (cursor.at < limit && *cursor.at >= 0x20 && *cursor.at != 0x7f)
		cursor.at++;
	if (cursor.at == limit)
		return limit == cursor.end ? MATCH_PARTIAL : MATCH_NO;
	if (*cursor.at != '\r')
		return MATCH_NO;
	cursor.at++;
	return expect(&cursor, '\n') == MATCH_STRONG ? MATCH_WEAK : MATCH_NO;
}

enum wire_match resp_match_reply(const uint8_t *bytes, size_t size)
{
	struct cursor cursor = {bytes + 1, bytes + size};
	enum wire_match match;
	uint64_t number;

	if (size < 2)
		return size ? MATCH_PARTIAL : MATCH_NO;
	if (strchr("+-_#,(", *bytes) && *bytes)
		return match_line(cursor);
	if (!*bytes || !strchr(":$*=!~>%|", *bytes))
		return MATCH_NO;
	if (*cursor.at == '-')
		cursor.at++;
	match = expect_number(&cursor, NUMBER_DIGITS, &number);
	return match == MATCH_STRONG ? MATCH_WEAK : match;
}
