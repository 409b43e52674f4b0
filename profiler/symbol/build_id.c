/* SPDX-License-Identifier: BSD-2-Clause */
/* build_id.c - the GNU build-id note of an ELF file or image: what an object is, whatever it is called. */
#include <elfutils/libdwelf.h>
#include <errno.h>
#include <libelf.h>
#include <string.h>

#include "symbol/elf_file.h"
#include "symbol/symbol.h"

int elf_build_id(Elf *elf, uint8_t id[BUILD_ID_MAX])
{
	const void *bytes;
	ssize_t length = elf_kind(elf) == ELF_K_ELF ? dwelf_elf_gnu_build_id(elf, &bytes) : -1;

	if (elf_kind(elf) != ELF_K_ELF)
		return -ENOEXEC;
	if (length <= 0)
		return 0;
	if (length > BUILD_ID_MAX)
		length = BUILD_ID_MAX;
	memcpy(id, bytes, (size_t)length);
	return (int)length;
}

static int read_and_end(Elf *elf, uint8_t id[BUILD_ID_MAX])
{
	int length = elf ? elf_build_id(elf, id) : -ENOEXEC;

	elf_end(elf);
	return length;
}

int build_id_from_fd(int fd, uint8_t id[BUILD_ID_MAX])
{
	elf_version(EV_CURRENT);
	return read_and_end(elf_begin(fd, ELF_C_READ, NULL), id);
}

int build_id_from_image(const uint8_t *image, size_t size, uint8_t id[BUILD_ID_MAX])
{
	elf_version(EV_CURRENT);
	return read_and_end(elf_memory((char *)image, size), id); /* only read */
}
