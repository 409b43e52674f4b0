/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire.h - what wire.c asks of each protocol; internal to protocol/.
 *
 * wire.c knows directions, calls and confirmation; a protocol knows its bytes. One connection's parser state is the
 * protocol's member of union wire_state, zeroed when the protocol is recognised. It holds counters and at most
 * WIRE_TOKEN_MAX bytes of a word the protocol itself defines (a command or header name), never keys or values.
 */
#ifndef CONNPROF_PROTOCOL_WIRE_H
#define CONNPROF_PROTOCOL_WIRE_H

#include "protocol/protocol.h"

#define WIRE_TOKEN_MAX 32
#define WIRE_LENGTH_MAX (UINT64_C(1) << 40) /* a declared length or count past this is not believed */

enum wire_role { WIRE_REQUESTS = 0, WIRE_REPLIES = 1 };

enum wire_match {
	MATCH_NO,
	MATCH_PARTIAL, /* fits as far as it goes, but more bytes are needed to tell */
	MATCH_WEAK,    /* fits, and so might something else: believed at the start of a connection only */
	MATCH_STRONG,
};

/* Where the parser stands after a call. */
enum wire_outcome {
	WIRE_CLEAN,    /* it knows what the next byte is */
	WIRE_LOOSE,    /* it does not, yet the counts are right: the next call that starts a message goes on */
	WIRE_LOST,     /* it does not, and may have missed messages */
};

/* A word collected byte by byte, cut at WIRE_TOKEN_MAX. */
struct wire_token {
	char text[WIRE_TOKEN_MAX];
	uint8_t length;
	bool cut;       /* it was longer, or part of it was not visible */
};

struct resp_parser {
	uint8_t state, type;   /* enum resp_state; the type byte of the element being read */
	uint8_t digits;
	bool negative;
	bool unnamed;          /* requests: a command began and its name has not been read */
	bool popped;           /* replies: the element being begun answers a blocking pop */
	uint8_t command;       /* enum resp_command: what its arguments are read for */
	uint64_t number;
	uint64_t left;         /* elements to come of the message begun; 0: between messages */
	uint64_t skip;         /* bytes to come of a bulk string, its CRLF included */
	uint32_t argument;     /* index of the current one, 0 is the name */
	struct wire_token token;
};

struct resp_state {
	struct resp_parser parsers[2]; /* by enum wire_role */
	char name[32], version[16];    /* the client library, as it introduced itself */
	bool name_told;
	uint32_t outstanding;          /* requests without a reply */
	bool popping;                  /* the latest of them is a blocking pop */
};

struct http_parser {
	uint8_t state;         /* enum http_state */
	uint8_t header;        /* enum http_header whose value is being read */
	uint8_t digits;
	bool has_length, chunked, close, keep_alive, old; /* of the head being read; old: HTTP/1.0 */
	bool loose;            /* the head was cut, so the body's end is known only roughly */
	uint16_t status;
	uint64_t body;         /* bytes to come of the body or chunk */
	uint64_t length;       /* Content-Length */
	struct wire_token token;
};

struct http_state {
	struct http_parser parsers[2]; /* by enum wire_role */
	uint32_t outstanding;          /* requests without a response */
	uint64_t bodyless;             /* bit i: the i-th outstanding one was a HEAD */
	bool connect;                  /* the last request was a CONNECT */
	bool request_close;            /* the last request asked to close */
	bool upgraded;                 /* no HTTP any more */
};

struct pg_parser {
	uint8_t state, type, digits; /* enum pg_scan */
	bool typed;            /* requests: the startup is over, messages have a type byte */
	uint64_t number;
	uint64_t left;         /* bytes to come of the message */
	struct wire_token token;
};

struct pg_state {
	struct pg_parser parsers[2]; /* by enum wire_role */
};

struct mysql_parser {
	uint8_t state, digits; /* enum mysql_scan */
	uint8_t sequence;      /* of the packet */
	bool more;             /* the packet was as long as one can be: the next one goes on */
	uint32_t number;
	uint32_t left;         /* bytes to come of the packet */
	uint32_t at;           /* bytes of it that were read */
	uint32_t capabilities; /* of the login */
	struct wire_token token;
};

struct mysql_state {
	struct mysql_parser parsers[2]; /* by enum wire_role */
	uint8_t answer;        /* the sequence number that an answer begins with */
	bool encrypted, compressed; /* as the login asked */
	bool opaque;           /* compressed from here on */
};

struct memcached_parser {
	uint8_t state, type;   /* enum memcached_scan; of a line its traits, of a binary head its opcode */
	uint8_t digits, word;  /* binary: bytes of the head; which word of a line */
	uint64_t number;       /* bytes of the value or body that follows */
	uint64_t left;         /* of these, to come */
	struct wire_token token;
};

struct memcached_state {
	struct memcached_parser parsers[2]; /* by enum wire_role */
};

struct fastcgi_parser {
	uint8_t state, type;   /* enum fastcgi_scan; of the record */
	uint8_t at;            /* bytes of the head, or of the content as far as it is looked at */
	uint8_t padding;
	bool first;            /* replies: the record is a response's first, and so far like one that tells of an error */
	uint32_t left;         /* bytes of content or padding to come */
	uint8_t head[8];
};

struct fastcgi_state {
	struct fastcgi_parser parsers[2]; /* by enum wire_role */
	bool keep;             /* the connection stays open behind the response */
	bool asked;            /* a request has begun whose answer has not ended: no other comes before that */
	bool answering;        /* a response has begun and not ended */
};

struct uwsgi_parser {
	uint8_t state, at;     /* enum uwsgi_scan; bytes of the head */
	bool answered;         /* the next call may begin another request */
	uint32_t left;         /* bytes of variables to come */
};

struct uwsgi_state {
	struct http_state http; /* its replies are HTTP's; first, as in union wire_state */
	struct uwsgi_parser request;
};

union wire_state {
	struct resp_state resp;
	struct http_state http;
	struct pg_state pg;
	struct mysql_state mysql;
	struct memcached_state memcached;
	struct fastcgi_state fastcgi;
	struct uwsgi_state uwsgi;
};

struct protocol_ops {
	enum protocol_id id;
	const char *name;
	bool serves; /* its requests are what a service is asked by its users, */
	bool passed; /* and a web server in front of it has passed them on */
	/* Do these bytes begin a request (a reply)? */
	enum wire_match (*match_request)(const uint8_t *bytes, size_t size);
	enum wire_match (*match_reply)(const uint8_t *bytes, size_t size);
	/* A call's visible bytes, and how many more it moved unseen. Adds to *facts. */
	enum wire_outcome (*feed)(union wire_state *state, enum wire_role role, const uint8_t *bytes, size_t size,
				  uint64_t hidden, struct wire_facts *facts);
	/* Inside a message? */
	bool (*busy)(const union wire_state *state, enum wire_role role);
	/* Forgets a message half read. */
	void (*restart)(union wire_state *state, enum wire_role role);
};

extern const struct protocol_ops resp_ops, http_ops, postgres_ops, mysql_ops, memcached_ops, fastcgi_ops, uwsgi_ops;

static inline void wire_token_clear(struct wire_token *token)
{
	*token = (struct wire_token){0};
}

static inline void wire_token_add(struct wire_token *token, uint8_t byte)
{
	if (token->length < sizeof(token->text))
		token->text[token->length++] = (char)byte;
	else
		token->cut = true;
}

/* Case-insensitive, whole word, upper-case `word`. */
bool wire_token_is(const struct wire_token *token, const char *word);

/* Is it one of these? */
bool wire_token_among(const struct wire_token *token, const char *const *words, size_t count);

/* One more byte of a query's first word, blanks before it skipped. true: the byte is behind the word. */
bool wire_word_ends(struct wire_token *token, uint8_t byte);

#endif
