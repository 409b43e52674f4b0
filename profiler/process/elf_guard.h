/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * elf_guard.h - ELF files of a target, through libelf, with every size it would allocate by checked first.
 *
 * libelf looks for indexes out of range; what it does not know is that a file may be sparse: a table of 100 GB that the file
 * really has costs the target nothing, and whoever reads it everything.
 */
#ifndef CONNPROF_PROCESS_ELF_GUARD_H
#define CONNPROF_PROCESS_ELF_GUARD_H

#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_SECTIONS_MAX 65536     /* section headers of one file; a browser has 50 */
#define ELF_STRINGS_MAX (512u << 20) /* bytes of one string table */
#define ELF_NAMES_MAX (1u << 20)   /* bytes of section names */
#define ELF_NOTE_BYTES_MAX 65536   /* of one note section or segment */

/* NULL: not an ELF-64 file, or past a limit. End it with elf_end. */
Elf *elf_guard_open(int fd);
Elf *elf_guard_image(const uint8_t *image, size_t size); /* borrowed until elf_end */
/* May names be asked of this string table (elf_strptr reads the whole at the first question)? */
bool elf_guard_strings(Elf *elf, size_t index);
/* A section's name, NULL: none. */
const char *elf_guard_name(Elf *elf, const GElf_Shdr *header);
/* The first section by that name, NULL: none. */
Elf_Scn *elf_guard_section(Elf *elf, const char *name, GElf_Shdr *header);
/* Its bytes, decompressed, if they are at most limit either way; NULL: none. Borrowed until elf_end. */
Elf_Data *elf_guard_bytes(Elf_Scn *section, const GElf_Shdr *header, size_t limit);

#endif
