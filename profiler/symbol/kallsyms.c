/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kallsyms.c - the kernel's own function names, from /proc/kallsyms.
 *
 *   ffffffff81000000 T _text
 *   ffffffffc0201000 t init_module	[loop]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/symbol.h"
#include "symbol/table.h"

/* Only starts are published. Past this far a function's code cannot reach: the rest belongs to nobody (kernel text and
 * modules are regions of their own). */
#define FUNCTION_BYTES_MAX (1u << 20)

struct kallsyms {
	struct table table;
	uint64_t previous;   /* start and name of the line before, whose end the next one tells */
	uint32_t previous_name;
};

static int add_previous(struct kallsyms *k, uint64_t next)
{
	uint64_t end = k->previous + FUNCTION_BYTES_MAX;

	if (next > k->previous && next < end)
		end = next;
	return k->previous ? table_add(&k->table, k->previous, end, (uint32_t)k->table.count, k->previous_name) : 0;
}

static int add_line(struct kallsyms *k, const char *line)
{
	char *rest;
	uint64_t address = strtoull(line, &rest, 16);
	size_t length;
	int code;

	if (!address || rest[0] != ' ' || !rest[1] || !strchr("tTwW", rest[1]) || rest[2] != ' ')
		return 0;
	if (address == k->previous)
		return 0; /* an alias: the first name stands */
	code = add_previous(k, address);
	if (code)
		return code;
	k->previous = address;
	length = strcspn(rest + 3, "\t\n");
	return table_name(&k->table, rest + 3, length, &k->previous_name);
}

static int read_lines(struct kallsyms *k, FILE *stream)
{
	char line[1024];
	int code = 0;

	while (!code && fgets(line, sizeof(line), stream))
		code = add_line(k, line);
	if (!code && ferror(stream))
		code = -EIO;
	if (!code)
		code = add_previous(k, 0);
	if (!code && !k->table.count)
		code = -EPERM; /* all addresses are shown as 0 */
	return code ? code : table_build(&k->table);
}

int kallsyms_load(struct kallsyms **out)
{
	struct kallsyms *k = calloc(1, sizeof(*k));
	FILE *stream = NULL;
	int code = -ENOMEM;

	if (!k)
		goto out;
	stream = fopen("/proc/kallsyms", "re");
	code = stream ? read_lines(k, stream) : -errno;
	if (code)
		goto out;
	*out = k;
	k = NULL;
out:
	if (stream)
		fclose(stream);
	kallsyms_free(k);
	return code;
}

void kallsyms_free(struct kallsyms *kallsyms)
{
	if (!kallsyms)
		return;
	table_done(&kallsyms->table);
	free(kallsyms);
}

const char *kallsyms_find(const struct kallsyms *kallsyms, uint64_t address)
{
	const struct span *span = table_find(&kallsyms->table, address);

	return span ? table_text(&kallsyms->table, span->name) : NULL;
}
