/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http_match.c - tells HTTP/1 from other bytes by a message's first line.
 *
 *   GET /path HTTP/1.1\r\n      a method of the registry, a target, and the version where it can be seen
 *   HTTP/1.1 200 OK\r\n
 *
 * Source: RFC 9112 sections 3 and 4, the IANA registry of HTTP methods.
 */
#include "protocol/http_match.h"

#include <string.h>

#define TARGET_CONVINCES 48 /* this much of a target and no end of the line in sight is as good as a version */

/* The length of the method at the beginning of bytes, 0: none; *partial: it may become one. */
static size_t method_length(const uint8_t *bytes, size_t size, bool *partial)
{
	static const char *const methods[] = {
		"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "PROPPATCH",
		"MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "SEARCH", "PURGE", "QUERY",
	};

	*partial = false;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		size_t length = strlen(methods[i]), n = length < size ? length : size;

		if (memcmp(bytes, methods[i], n))
			continue;
		if (n == size)
			*partial = true;
		else if (bytes[n] == ' ')
			return length;
	}
	return 0;
}

static bool target_begins(uint8_t byte)
{
	return byte == '/' || byte == '*' || byte == '[' || (byte >= '0' && byte <= '9') ||
	       (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

enum wire_match http_match_request(const uint8_t *bytes, size_t size)
{
	bool partial;
	size_t method, at;

	if (size == 0)
		return MATCH_PARTIAL;
	method = method_length(bytes, size, &partial);
	if (!method)
		return partial ? MATCH_PARTIAL : MATCH_NO;
	if (method + 1 == size)
		return MATCH_PARTIAL;
	if (!target_begins(bytes[method + 1]))
		return MATCH_NO;
	for (at = method + 1; at < size && bytes[at] > ' ' && bytes[at] != 0x7f; at++)
		;
	if (at == size)
		return at - method > TARGET_CONVINCES ? MATCH_STRONG : MATCH_WEAK;
	if (bytes[at++] != ' ')
		return MATCH_NO;
	if (size - at < 8)
		return memcmp(bytes + at, "HTTP/1.1", size - at) && memcmp(bytes + at, "HTTP/1.0", size - at) ?
		       MATCH_NO : MATCH_WEAK;
	return memcmp(bytes + at, "HTTP/1.", 7) ? MATCH_NO : MATCH_STRONG;
}

enum wire_match http_match_reply(const uint8_t *bytes, size_t size)
{
	static const char pattern[] = "HTTP/1.9 999"; /* 9: any digit */

	for (size_t i = 0; i < sizeof(pattern) - 1; i++) {
		if (i == size)
			return MATCH_PARTIAL;
		if (pattern[i] == '9' ? bytes[i] < '0' || bytes[i] > '9' : bytes[i] != pattern[i])
			return MATCH_NO;
	}
	return MATCH_STRONG;
}

int http_hex_digit(uint8_t byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

bool http_chunk_begins(const uint8_t *bytes, size_t size)
{
	size_t at = 0;

	while (at < size && at < HTTP_SIZE_DIGITS && http_hex_digit(bytes[at]) >= 0)
		at++;
	return at && at + 1 < size && bytes[at] == '\r' && bytes[at + 1] == '\n';
}
