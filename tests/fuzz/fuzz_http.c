/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_http.c - libFuzzer entry: a new connection and hostile calls, HTTP/1 first of all.
 *
 * Input: per call one byte of direction (bit 0), of unseen bytes (bits 1-2) and of length (bits 3-7, 0..31 × 8), then the
 * bytes; the input's first byte says whether the connection begins unrecognised, as a server or as a client.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed(struct wire *wire, enum wire_direction direction, const void *bytes, size_t size, uint64_t unseen)
{
	struct wire_facts facts;

	wire_feed(wire, direction, bytes, size, size + unseen, &facts);
	if (facts.handshake > facts.requests || facts.errors > facts.responses || facts.protocol >= PROTOCOL_COUNT ||
	    memchr(facts.library, 0, sizeof(facts.library)) == NULL)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char request[] = "GET / HTTP/1.1\r\n\r\n", reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	static const uint64_t unseen[] = {0, 5, 700, UINT64_MAX - 1024};
	struct wire *wire = wire_new();

	if (!wire)
		return 0;
	if (size && *data % 3) {
		feed(wire, *data % 3 == 1, request, sizeof(request) - 1, 0);
		feed(wire, *data % 3 == 2, reply, sizeof(reply) - 1, 0);
	}
	for (size_t at = size ? 1 : 0; at < size;) {
		uint8_t control = data[at++];
		size_t length = (size_t)(control >> 3) * 8;

		if (length > size - at)
			length = size - at;
		feed(wire, control & 1, data + at, length, unseen[control >> 1 & 3]);
		at += length;
	}
	wire_free(wire);
	return 0;
}
