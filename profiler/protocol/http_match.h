/* SPDX-License-Identifier: BSD-2-Clause */
/* http_match.h - do these bytes begin an HTTP/1 request or response?; internal to protocol/. */
#ifndef CONNPROF_PROTOCOL_HTTP_MATCH_H
#define CONNPROF_PROTOCOL_HTTP_MATCH_H

#include "protocol/wire.h"

enum wire_match http_match_request(const uint8_t *bytes, size_t size);
enum wire_match http_match_reply(const uint8_t *bytes, size_t size);

#define HTTP_SIZE_DIGITS 12 /* of a chunk's size, hexadecimal */

/* The value of a hexadecimal digit, or -1. */
int http_hex_digit(uint8_t byte);
/* Do these bytes begin with a chunk's size line? */
bool http_chunk_begins(const uint8_t *bytes, size_t size);

#endif
