/* SPDX-License-Identifier: BSD-2-Clause */
/* resp_commands.h - what a Redis command's name says about the connection it is sent on; internal to protocol/. */
#ifndef CONNPROF_PROTOCOL_RESP_COMMANDS_H
#define CONNPROF_PROTOCOL_RESP_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum resp_trait {
	RESP_KNOWN = 1,       /* a command of Redis itself: not some module's, not another protocol's word */
	RESP_HANDSHAKE = 2,   /* set-up and maintenance, not the application's work */
	RESP_BLOCKS = 4,      /* waits for data by design */
	RESP_BLOCK_OPTION = 8,/* waits if its BLOCK option is given */
	RESP_SUBSCRIBES = 16, /* turns the connection into a stream from the server */
	RESP_INLINE = 32,     /* typed by people and health checks without RESP framing */
	RESP_POPS = 64,       /* takes what it waited for: a job worker's way to its next job */
};

/* The traits of a command name in any case, or 0: not known. */
unsigned resp_command_traits(const char *name, size_t length);
/* A command's number in the table, from 1; 0: not known. Its name again: static, NULL for none. */
unsigned resp_command_id(const char *name, size_t length);
const char *resp_command_name(unsigned id);
/* For tests: is the table in the order its search needs? */
bool resp_commands_sorted(void);

#endif
