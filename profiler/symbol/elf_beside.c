/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * elf_beside.c - where a stripped object's symbols went: .gnu_debugdata inside it, or a debug file beside it.
 *
 * The debug file is looked for in connprof's own file system, by build-id, and believed only if it carries the same one.
 */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "symbol/elf_file.h"

#define DEBUGDATA_PACKED_MAX (16u << 20)
#define DEBUGDATA_BYTES_MAX (64u << 20)  /* unpacked */
#define LZMA_MEMORY_MAX (128u << 20)

static Elf_Data *find_section(Elf *elf, const char *wanted, size_t limit)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return NULL;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;
		const char *name = gelf_getshdr(section, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;

		if (name && !strcmp(name, wanted) && header.sh_type == SHT_PROGBITS && header.sh_size <= limit)
			return elf_rawdata(section, NULL);
	}
	return NULL;
}

/* Unpacks an .xz stream of the given bytes. */
static int unpack(const uint8_t *packed, size_t size, uint8_t **out, size_t *out_size)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	uint8_t *bytes = NULL;
	size_t capacity = 0;
	lzma_ret ret = lzma_stream_decoder(&stream, LZMA_MEMORY_MAX, 0);
	int code = ret == LZMA_OK ? 0 : -ENOMEM;

	stream.next_in = packed;
	stream.avail_in = size;
	while (!code && ret == LZMA_OK) {
		code = array_reserve(&bytes, &capacity, stream.total_out + 65536, 1, DEBUGDATA_BYTES_MAX);
		if (code)
			break;
		stream.next_out = bytes + stream.total_out;
		stream.avail_out = capacity - stream.total_out;
		ret = lzma_code(&stream, LZMA_FINISH);
	}
	if (!code && ret != LZMA_STREAM_END)
		code = -EBADMSG;
	*out_size = stream.total_out;
	lzma_end(&stream);
	if (!code)
		*out = bytes;
	else
		free(bytes);
	return code;
}

int elf_open_debugdata(Elf *elf, struct elf_beside *out)
{
	Elf_Data *packed = find_section(elf, ".gnu_debugdata", DEBUGDATA_PACKED_MAX);
	struct elf_beside beside = { .fd = -1 };
	size_t size;
	int code;

	if (!packed || !packed->d_buf)
		return -ENOENT;
	code = unpack(packed->d_buf, packed->d_size, &beside.bytes, &size);
	if (code)
		return code;
	beside.elf = elf_memory((char *)beside.bytes, size);
	if (!beside.elf) {
		elf_beside_close(&beside);
		return -EBADMSG;
	}
	*out = beside;
	return 0;
}

int elf_open_debug_file(Elf *elf, struct elf_beside *out)
{
	uint8_t id[BUILD_ID_MAX], found[BUILD_ID_MAX];
	char path[128];
	struct stat status;
	struct elf_beside beside = { .fd = -1 };
	int length = elf_build_id(elf, id);
	size_t at;

	if (length < 2)
		return -ENOENT;
	at = (size_t)snprintf(path, sizeof(path), "/usr/lib/debug/.build-id/%02x/", id[0]);
	for (int i = 1; i < length; i++)
		at += (size_t)snprintf(path + at, sizeof(path) - at, "%02x", id[i]);
	snprintf(path + at, sizeof(path) - at, ".debug");
	beside.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (beside.fd < 0)
		return -errno;
	if (!fstat(beside.fd, &status) && S_ISREG(status.st_mode))
		beside.elf = elf_begin(beside.fd, ELF_C_READ, NULL);
	if (!beside.elf || elf_build_id(beside.elf, found) != length || memcmp(id, found, (size_t)length)) {
		elf_beside_close(&beside);
		return -ENOENT;
	}
	*out = beside;
	return 0;
}

void elf_beside_close(struct elf_beside *beside)
{
	elf_end(beside->elf);
	free(beside->bytes);
	if (beside->fd >= 0)
		close(beside->fd);
}
