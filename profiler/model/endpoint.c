/* SPDX-License-Identifier: BSD-2-Clause */
/* endpoint.c - addresses and names of sockets. */
#include "model/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/text.h"

#define UNIX_PREFIX "unix:"

static const char *unix_text(const char *name, char out[ENDPOINT_TEXT])
{
	bool plain = *name == '/' || *name == '@';

	snprintf(out, ENDPOINT_TEXT, "%s%s", plain ? "" : UNIX_PREFIX, *name ? name : "?");
	return out;
}

const char *endpoint_text(const struct endpoint *endpoint, const struct strings *strings, char out[ENDPOINT_TEXT])
{
	char address[INET6_ADDRSTRLEN];

	if (endpoint->family == AF_UNIX)
		return unix_text(strings_get(strings, endpoint->name), out);
	if (endpoint->family == AF_INET && inet_ntop(AF_INET, endpoint->address, address, sizeof(address)))
		snprintf(out, ENDPOINT_TEXT, "%s:%u", address, endpoint->port);
	else if (endpoint->family == AF_INET6 && inet_ntop(AF_INET6, endpoint->address, address, sizeof(address)))
		snprintf(out, ENDPOINT_TEXT, "[%s]:%u", address, endpoint->port);
	else
		snprintf(out, ENDPOINT_TEXT, "?");
	return out;
}

static int parse_unix(const char *text, struct strings *strings, struct endpoint *out)
{
	if (!strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)))
		text += strlen(UNIX_PREFIX);
	if (strlen(text) >= ENDPOINT_TEXT)
		return -EINVAL;
	*out = (struct endpoint){ .family = AF_UNIX, .name = strcmp(text, "?") ? strings_add(strings, text) : 0 };
	return 0;
}

int endpoint_parse(const char *text, struct strings *strings, struct endpoint *out)
{
	struct endpoint endpoint = { 0 };
	char address[INET6_ADDRSTRLEN];
	const char *colon = strrchr(text, ':');
	bool six = *text == '[';
	size_t length;
	uint64_t port;

	if (!strcmp(text, "?")) {
		*out = endpoint;
		return 0;
	}
	if (*text == '/' || *text == '@' || !strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)))
		return parse_unix(text, strings, out);
	if (!colon || text_number(colon + 1, 0, 65535, &port))
		return -EINVAL;
	length = (size_t)(colon - text);
	if (length >= sizeof(address) || (six && (length < 2 || text[length - 1] != ']')))
		return -EINVAL;
	memcpy(address, text + six, length - 2 * six);
	address[length - 2 * six] = '\0';
	endpoint.family = six ? AF_INET6 : AF_INET;
	endpoint.port = (uint16_t)port;
	if (inet_pton(endpoint.family, address, endpoint.address) != 1)
		return -EINVAL;
	*out = endpoint;
	return 0;
}

uint32_t endpoint_unix_name(const char *path, size_t length, struct strings *strings)
{
	char name[sizeof(((struct unix_name *)0)->path)];

	if (length > sizeof(name))
		length = sizeof(name);
	if (length && path[0])
		length = strnlen(path, length);
	if (!length)
		return 0;
	memcpy(name, path, length);
	if (!name[0])
		name[0] = '@'; /* abstract; the other zeros in it mean nothing either */
	return strings_add_bytes(strings, name, length);
}

struct endpoint endpoint_plain(const struct endpoint *endpoint)
{
	static const u8 mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct endpoint plain = { .port = endpoint->port, .family = endpoint->family, .name = endpoint->name };

	if (endpoint->family == AF_UNIX)
		return plain;
	if (endpoint->family == AF_INET) {
		memcpy(plain.address, endpoint->address, 4);
	} else if (!memcmp(endpoint->address, mapped, sizeof(mapped))) {
		plain.family = AF_INET;
		memcpy(plain.address, endpoint->address + 12, 4);
	} else {
		memcpy(plain.address, endpoint->address, sizeof(plain.address));
	}
	return plain;
}
