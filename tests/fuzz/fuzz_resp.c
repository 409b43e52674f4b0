/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_resp.c - libFuzzer entry: a Redis conversation of hostile calls.
 *
 * Input: per call one byte of direction (bit 0), of unseen bytes (bits 1-2) and of length (bits 3-7, 0..31 × 4), then the
 * bytes. The connection is a confirmed Redis one first, so that both parsers are reached.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct wire_facts *facts)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+() -";
	size_t length = strnlen(facts->library, sizeof(facts->library));

	if (facts->handshake > facts->requests || facts->errors > facts->responses ||
	    facts->protocol >= PROTOCOL_COUNT || length == sizeof(facts->library) ||
	    strspn(facts->library, allowed) != length)
		abort();
}

static void feed(struct wire *wire, enum wire_direction direction, const void *bytes, size_t size, uint64_t unseen)
{
	struct wire_facts facts;

	wire_feed(wire, direction, bytes, size, size + unseen, &facts);
	check(&facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t unseen[] = {0, 1, 700, UINT64_MAX - 1024};
	struct wire *wire = wire_new();

	if (!wire)
		return 0;
	feed(wire, WIRE_SENT, "*1\r\n$4\r\nPING\r\n", 14, 0);
	feed(wire, WIRE_RECEIVED, "+PONG\r\n", 7, 0);
	while (size) {
		uint8_t control = *data++;
		size_t length = (size_t)(control >> 3) * 4;

		size--;
		if (length > size)
			length = size;
		feed(wire, control & 1, data, length, unseen[control >> 1 & 3]);
		data += length;
		size -= length;
	}
	wire_free(wire);
	return 0;
}
