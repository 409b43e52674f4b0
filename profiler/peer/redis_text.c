/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * redis_text.c - reads what INFO and CLIENT LIST print.
 *
 *   # Stats\r\n
 *   total_connections_received:4812\r\n
 *
 *   id=7 addr=127.0.0.1:50312 laddr=127.0.0.1:6379 fd=8 name= age=3 … lib-name=redis-py lib-ver=5.0.1\n
 */
#include "peer/redis.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/text.h"

#define CLIENT_LINES_MAX 1000000

/* The value of a field that begins a line, NULL: none; *length without the line's end. */
static const char *info_field(const char *info, size_t length, const char *field, size_t *value_length)
{
	size_t name = strlen(field);
	const char *end = info + length;

	for (const char *line = info, *next; line < end; line = next) {
		const char *lf = memchr(line, '\n', (size_t)(end - line)), *stop = lf ? lf : end;

		next = lf ? lf + 1 : end;
		if ((size_t)(stop - line) <= name || memcmp(line, field, name) || line[name] != ':')
			continue;
		if (stop > line && stop[-1] == '\r')
			stop--;
		*value_length = (size_t)(stop - line) - name - 1;
		return line + name + 1;
	}
	return NULL;
}

int redis_info_number(const char *info, size_t length, const char *field, uint64_t *out)
{
	char digits[24] = "";
	size_t n = 0;
	const char *value = info_field(info, length, field, &n);

	if (!value || n >= sizeof(digits))
		return -ENOENT;
	memcpy(digits, value, n);
	return text_number(digits, 0, UINT64_MAX, out) ? -ENOENT : 0;
}

int redis_info_text(const char *info, size_t length, const char *field, char *out, size_t size)
{
	size_t n = 0;
	const char *value = info_field(info, length, field, &n);

	if (!value)
		return -ENOENT;
	text_clean(out, size, value, n);
	return 0;
}

/* "127.0.0.1:50312", "[::1]:50312"; over a UNIX socket its own path, "/run/redis.sock:0". */
static int parse_address(const char *text, size_t length, struct endpoint *out)
{
	struct endpoint address = {0};
	char host[64], *colon, *start = host;
	uint64_t port;

	if (length > 2 && *text != '[' && !memcmp(text + length - 2, ":0", 2)) { /* no client has port 0 */
		*out = (struct endpoint){.family = AF_UNIX};
		return 0;
	}
	if (length >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = '\0';
	colon = strrchr(host, ':');
	if (!colon || text_number(colon + 1, 0, 65535, &port))
		return -EINVAL;
	*colon = '\0';
	if (*host == '[' && colon > host + 1 && colon[-1] == ']') {
		colon[-1] = '\0';
		start = host + 1;
	}
	address.family = strchr(start, ':') ? AF_INET6 : AF_INET;
	address.port = (uint16_t)port;
	if (inet_pton(address.family, start, address.address) != 1)
		return -EINVAL;
	*out = address;
	return 0;
}

/* The value of " key=" in one line: it ends at a space. */
static const char *line_value(const char *line, size_t length, const char *key, size_t *value_length)
{
	size_t name = strlen(key);

	for (size_t at = 0; at + name < length; at++) {
		size_t stop = at + name;

		if ((at && line[at - 1] != ' ') || memcmp(line + at, key, name))
			continue;
		while (stop < length && line[stop] != ' ' && line[stop] != '\r')
			stop++;
		*value_length = stop - at - name;
		return line + at + name;
	}
	return NULL;
}

int redis_client_list(const char *text, size_t length,
		      void (*each)(void *context, const struct endpoint *address, const char *library), void *context)
{
	const char *end = text + length;
	int lines = 0;

	for (const char *line = text, *next; line < end && lines < CLIENT_LINES_MAX; line = next) {
		const char *lf = memchr(line, '\n', (size_t)(end - line)), *value;
		size_t size = (size_t)((lf ? lf : end) - line), n = 0;
		struct endpoint address;
		char library[48] = "";

		next = lf ? lf + 1 : end;
		if (!line_value(line, size, "id=", &n))
			continue;
		lines++;
		value = line_value(line, size, "addr=", &n);
		if (!value || parse_address(value, n, &address))
			continue;
		value = line_value(line, size, "lib-name=", &n);
		if (value)
			text_clean(library, sizeof(library), value, n);
		each(context, &address, library);
	}
	return lines;
}
