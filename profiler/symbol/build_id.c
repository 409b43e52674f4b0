/* SPDX-License-Identifier: BSD-2-Clause */
/* build_id.c - the GNU build-id note of an ELF file or image: what an object is, whatever it is called. */
#include <errno.h>
#include <string.h>

#include "process/elf_guard.h"
#include "symbol/debug_files.h"

#define NOTES_READ_MAX 256 /* note sections and segments looked at, 16 MB that libelf keeps; real objects have a handful */

static int find_note(Elf_Data *data, uint8_t id[BUILD_ID_MAX])
{
	size_t at = 0, next, name, bytes;
	GElf_Nhdr note;

	for (; data && (next = gelf_getnote(data, at, &note, &name, &bytes)) > 0; at = next)
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && !memcmp((char *)data->d_buf + name, "GNU", 4) &&
		    note.n_descsz) {
			size_t length = note.n_descsz < BUILD_ID_MAX ? note.n_descsz : BUILD_ID_MAX;

			memcpy(id, (char *)data->d_buf + bytes, length);
			return (int)length;
		}
	return 0;
}

/* By segment, which stripping leaves; by section in a debug file, whose segments have lost their bytes. */
int elf_build_id(Elf *elf, uint8_t id[BUILD_ID_MAX])
{
	Elf_Scn *section = NULL;
	size_t count = 0, read = 0;
	int length = 0;

	for (size_t seen = 0; !length && seen < ELF_SECTIONS_MAX && (section = elf_nextscn(elf, section)); seen++) {
		GElf_Shdr header;

		if (gelf_getshdr(section, &header) && header.sh_type == SHT_NOTE && header.sh_size <= ELF_NOTE_BYTES_MAX &&
		    read++ < NOTES_READ_MAX)
			length = find_note(elf_getdata_rawchunk(elf, (int64_t)header.sh_offset, header.sh_size,
								header.sh_addralign == 8 ? ELF_T_NHDR8 : ELF_T_NHDR), id);
	}
	if (!length && elf_getphdrnum(elf, &count))
		count = 0;
	for (size_t i = 0; !length && i < count; i++) {
		GElf_Phdr p;

		if (gelf_getphdr(elf, (int)i, &p) && p.p_type == PT_NOTE && p.p_filesz <= ELF_NOTE_BYTES_MAX && read++ < NOTES_READ_MAX)
			length = find_note(elf_getdata_rawchunk(elf, (int64_t)p.p_offset, p.p_filesz,
								p.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR), id);
	}
	return length;
}

static int read_and_end(Elf *elf, uint8_t id[BUILD_ID_MAX])
{
	int length = elf ? elf_build_id(elf, id) : -ENOEXEC;

	elf_end(elf);
	return length;
}

int build_id_from_fd(int fd, uint8_t id[BUILD_ID_MAX])
{
	return read_and_end(elf_guard_open(fd), id);
}

int build_id_from_image(const uint8_t *image, size_t size, uint8_t id[BUILD_ID_MAX])
{
	return read_and_end(elf_guard_image(image, size), id);
}
