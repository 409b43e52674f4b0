/* SPDX-License-Identifier: BSD-2-Clause */
/* strings.h - a table of unique strings: text to id and back. Id 0 is the empty string. */
#ifndef CONNPROF_BASE_STRINGS_H
#define CONNPROF_BASE_STRINGS_H

#include <stddef.h>
#include <stdint.h>

#define STRINGS_LENGTH_MAX 1024      /* bytes of one string; longer ones are cut, ending in "…" */
#define STRINGS_COUNT_MAX (4u << 20) /* strings in one table; past it strings_add gives STRINGS_OVERFLOW */

#define STRINGS_OVERFLOW 1u          /* id 1: "[too many names]" */

struct strings;

/* NULL when out of memory. Owned by the caller: strings_free (NULL is fine). */
struct strings *strings_new(void);
void strings_free(struct strings *strings);

/* The id of text (copied, made printable by text_clean: see text.h). Never fails: out of memory or past the limit it
 * gives STRINGS_OVERFLOW. */
uint32_t strings_add(struct strings *strings, const char *text);
uint32_t strings_add_bytes(struct strings *strings, const char *text, size_t length);

/* The text of an id: borrowed until strings_free; "" for an id that was never given out. */
const char *strings_get(const struct strings *strings, uint32_t id);
size_t strings_count(const struct strings *strings);

#endif
