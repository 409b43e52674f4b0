/* SPDX-License-Identifier: BSD-2-Clause */
/* resp_match.h - do these bytes begin a RESP request or reply?; internal to protocol/. */
#ifndef CONNPROF_PROTOCOL_RESP_MATCH_H
#define CONNPROF_PROTOCOL_RESP_MATCH_H

#include "protocol/wire.h"

enum wire_match resp_match_request(const uint8_t *bytes, size_t size);
enum wire_match resp_match_reply(const uint8_t *bytes, size_t size);
/* May this byte be part of a command's name? */
bool resp_name_byte(uint8_t byte);

#endif
