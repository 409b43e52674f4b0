/* SPDX-License-Identifier: BSD-2-Clause */
/* strings.c - interned strings: an array by id and a uthash table by text. */
#include "base/strings.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/array.h"
#include "base/text.h"

struct entry {
	UT_hash_handle hh;
	uint32_t id;
	char text[];
};

struct strings {
	struct entry *by_text;
	struct entry **by_id;
	size_t count, capacity;
};

static uint32_t insert(struct strings *strings, const char *text, size_t length)
{
	struct entry *entry;

	if (array_reserve(&strings->by_id, &strings->capacity, strings->count + 1, sizeof(*strings->by_id),
			  STRINGS_COUNT_MAX))
		return STRINGS_OVERFLOW;
	entry = calloc(1, sizeof(*entry) + length + 1);
	if (!entry)
		return STRINGS_OVERFLOW;
	memcpy(entry->text, text, length);
	entry->id = (uint32_t)strings->count;
	HASH_ADD_KEYPTR(hh, strings->by_text, entry->text, length, entry);
	if (!entry->hh.tbl) { /* uthash was out of memory and took the entry back */
		free(entry);
		return STRINGS_OVERFLOW;
	}
	strings->by_id[strings->count++] = entry;
	return entry->id;
}

struct strings *strings_new(void)
{
	struct strings *strings = calloc(1, sizeof(*strings));

	if (!strings)
		return NULL;
	insert(strings, "", 0);
	if (insert(strings, "[too many names]", 16) == STRINGS_OVERFLOW && strings->count == 2)
		return strings;
	strings_free(strings);
	return NULL;
}

void strings_free(struct strings *strings)
{
	if (!strings)
		return;
	HASH_CLEAR(hh, strings->by_text);
	for (size_t i = 0; i < strings->count; i++)
		free(strings->by_id[i]);
	free(strings->by_id);
	free(strings);
}

uint32_t strings_add_bytes(struct strings *strings, const char *text, size_t length)
{
	char clean[STRINGS_LENGTH_MAX + 4];
	struct entry *found;

	length = text_clean(clean, sizeof(clean), text, length);
	HASH_FIND(hh, strings->by_text, clean, length, found);
	return found ? found->id : insert(strings, clean, length);
}

uint32_t strings_add(struct strings *strings, const char *text)
{
	return strings_add_bytes(strings, text, strlen(text));
}

const char *strings_get(const struct strings *strings, uint32_t id)
{
	return id < strings->count ? strings->by_id[id]->text : "";
}

size_t strings_count(const struct strings *strings)
{
	return strings->count;
}
