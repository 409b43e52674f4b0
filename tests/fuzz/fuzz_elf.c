/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_elf.c - any bytes as an ELF image or file: its rows, its symbols with demangled names, its build-id, its debug links.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symbol/symbol.h"
#include "unwind/unwind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As a file, whose links to debug files lead to a folder that is not there. */
static void read_links(const uint8_t *data, size_t size)
{
	struct symbol_place place = {.pid = getpid(), .path = "/no/such/folder/object"};
	int fd = memfd_create("object", MFD_CLOEXEC), alt, source;

	if (fd < 0)
		return;
	if (write(fd, data, size) == (ssize_t)size) {
		source = source_open(fd, &place, &alt);
		if (source >= 0)
			close(source);
		if (source >= 0 && alt >= 0)
			close(alt);
	}
	close(fd);
}

static void read_symbols(const uint8_t *data, size_t size)
{
	struct symbols *symbols = NULL;
	char text[256];

	if (symbols_from_image(data, size, &symbols))
		return;
	for (uint64_t address = 0; address < 1 << 16; address += 64) {
		uint64_t start = 0;
		const char *name = symbols_find(symbols, address, &start);

		if (name && start > address)
			abort();
		if (name)
			demangle(name, text, sizeof(text));
	}
	symbols_free(symbols);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct unwind_rows rows = {0};
	uint8_t id[BUILD_ID_MAX];
	uint8_t *image = malloc(size + 1); /* libelf wants it aligned */

	if (!image)
		return 0;
	memcpy(image, data, size);
	unwind_rows_from_image(image, size, &rows);
	unwind_rows_done(&rows);
	if (build_id_from_image(image, size, id) > BUILD_ID_MAX)
		abort();
	read_symbols(image, size);
	read_links(image, size);
	free(image);
	return 0;
}
