/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_perfmap.c - any bytes as a perf map: no crash, and of the ranges that hold an address the last one named.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/symbol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct perfmap *map = NULL;
	char text[256];

	if (perfmap_parse((const char *)data, size, &map))
		return 0;
	for (uint64_t address = 0; address < 4096; address += 7) {
		const char *name = perfmap_find(map, address);

		if (name && strlen(name) > size)
			abort();
		if (name)
			demangle(name, text, sizeof(text));
	}
	perfmap_find(map, UINT64_MAX);
	perfmap_free(map);
	return 0;
}
