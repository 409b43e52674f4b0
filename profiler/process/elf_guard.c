/* SPDX-License-Identifier: BSD-2-Clause */
/* elf_guard.c - looks at an ELF file's sizes before libelf believes them. */
#include "process/elf_guard.h"

#include <elf.h>
#include <string.h>
#include <unistd.h>

/* More section headers than 65,279 are counted in the first one, by a number as large as its writer likes. */
static int sane_head(int fd)
{
	Elf64_Ehdr head;
	Elf64_Shdr first;

	if (pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) || memcmp(head.e_ident, ELFMAG, SELFMAG) ||
	    head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_ident[EI_DATA] != ELFDATA2LSB || head.e_phnum == PN_XNUM)
		return 0;
	if (!head.e_shoff || head.e_shnum)
		return 1;
	return head.e_shoff <= INT64_MAX && pread(fd, &first, sizeof(first), (off_t)head.e_shoff) == (ssize_t)sizeof(first) &&
	       first.sh_size <= ELF_SECTIONS_MAX;
}

/* The section names are read whole at the first question. */
static int sane_names(Elf *elf)
{
	GElf_Shdr header;
	Elf_Scn *section;
	size_t index;

	if (elf_getshdrstrndx(elf, &index) || index == SHN_UNDEF)
		return 1; /* there are none: elf_strptr says so too */
	section = elf_getscn(elf, index);
	return !section || (gelf_getshdr(section, &header) && header.sh_size <= ELF_NAMES_MAX && !(header.sh_flags & SHF_COMPRESSED));
}

static Elf *checked(Elf *elf)
{
	if (elf && elf_kind(elf) == ELF_K_ELF && gelf_getclass(elf) == ELFCLASS64 && sane_names(elf))
		return elf;
	elf_end(elf);
	return NULL;
}

Elf *elf_guard_open(int fd)
{
	elf_version(EV_CURRENT);
	return sane_head(fd) ? checked(elf_begin(fd, ELF_C_READ, NULL)) : NULL;
}

Elf *elf_guard_image(const uint8_t *image, size_t size)
{
	elf_version(EV_CURRENT);
	/* libelf takes a char * but does not write to an image that is only read. */
	return checked(elf_memory((char *)(uintptr_t)image, size));
}

const char *elf_guard_name(Elf *elf, const GElf_Shdr *header)
{
	size_t index;

	return elf_getshdrstrndx(elf, &index) || index == SHN_UNDEF ? NULL : elf_strptr(elf, index, header->sh_name);
}

bool elf_guard_strings(Elf *elf, size_t index)
{
	Elf_Scn *section = elf_getscn(elf, index);
	GElf_Shdr header;

	return section && gelf_getshdr(section, &header) && header.sh_size <= ELF_STRINGS_MAX && !(header.sh_flags & SHF_COMPRESSED);
}

Elf_Scn *elf_guard_section(Elf *elf, const char *wanted, GElf_Shdr *header)
{
	Elf_Scn *section = NULL;

	for (size_t seen = 0; seen < ELF_SECTIONS_MAX && (section = elf_nextscn(elf, section)); seen++) {
		const char *name = gelf_getshdr(section, header) ? elf_guard_name(elf, header) : NULL;

		if (name && !strcmp(name, wanted))
			return section;
	}
	return NULL;
}

Elf_Data *elf_guard_bytes(Elf_Scn *section, const GElf_Shdr *header, size_t limit)
{
	GElf_Chdr compressed;
	Elf_Data *data;

	if (header->sh_type == SHT_NOBITS || header->sh_size == 0 || header->sh_size > limit)
		return NULL;
	if ((header->sh_flags & SHF_COMPRESSED) &&
	    (!gelf_getchdr(section, &compressed) || compressed.ch_size > limit || elf_compress(section, 0, 0) < 0))
		return NULL;
	data = elf_rawdata(section, NULL);
	return data && data->d_buf ? data : NULL;
}
