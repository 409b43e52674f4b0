/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_objects.c - ELF files that lie, mapped by a process (this one) as a target would: each is refused by a limit that is counted
 * and told, and costs neither memory nor time. The forgeries are sparse: the file really has the bytes its header claims.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "source/objects.h"
#include "unit/tool.h"

#define ROWS 65536
#define MAPPINGS 64
#define HUGE_FILE (100ull << 30)
#define MEMORY_MAX (768u << 10) /* KiB that reading a forgery may add to what was ever used */
#define SECONDS_MAX 30

static struct unwind_row rows[ROWS];
static struct mapping_row mappings[MAPPINGS];

struct world {
	struct tables *tables;
	struct objects *objects;
	struct connprof_recording *recording;
	char path[64];
	int fd;
	Elf64_Ehdr head;
	Elf64_Phdr load;
	void *mapped;
};

static struct world w;

/* An ELF file of one loadable segment, its section headers at 1 GiB. */
static int begin(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	w.tables = tables_new(rows, ROWS, mappings, MAPPINGS);
	w.objects = objects_new(w.tables);
	w.recording = recording_new();
	strcpy(w.path, "/tmp/connprof-forged-XXXXXX");
	w.fd = mkstemp(w.path);
	memcpy(w.head.e_ident, ELFMAG, SELFMAG);
	w.head.e_ident[EI_CLASS] = ELFCLASS64;
	w.head.e_ident[EI_DATA] = ELFDATA2LSB;
	w.head.e_ident[EI_VERSION] = EV_CURRENT;
	w.head.e_type = ET_DYN;
	w.head.e_machine = EM_X86_64;
	w.head.e_version = EV_CURRENT;
	w.head.e_ehsize = sizeof(w.head);
	w.head.e_phoff = sizeof(w.head);
	w.head.e_phentsize = sizeof(w.load);
	w.head.e_phnum = 1;
	w.head.e_shentsize = sizeof(Elf64_Shdr);
	w.head.e_shoff = 1u << 30;
	w.load = (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = 8192, .p_memsz = 8192, .p_align = 4096};
	return w.fd >= 0 && !ftruncate(w.fd, (off_t)HUGE_FILE) ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	if (w.mapped)
		munmap(w.mapped, 8192);
	close(w.fd);
	unlink(w.path);
	objects_free(w.objects);
	tables_free(w.tables);
	connprof_recording_free(w.recording);
	return 0;
}

static void put(const void *bytes, size_t size, uint64_t at)
{
	assert_int_equal(pwrite(w.fd, bytes, size, (off_t)at), size);
}

static void put_section(int index, Elf64_Shdr section)
{
	put(&section, sizeof(section), w.head.e_shoff + (uint64_t)index * sizeof(section));
}

/* Maps the forgery to run, has it read, rows and symbols, and returns its object. Neither time nor memory may go into it. */
static struct object *read_it(void)
{
	struct process_maps maps = {0};
	struct object *object = NULL;
	struct rusage before, after;
	uint64_t begin_ns = clock_now_ns();

	put(&w.head, sizeof(w.head), 0);
	put(&w.load, sizeof(w.load), sizeof(w.head));
	w.mapped = mmap(NULL, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE, w.fd, 0);
	assert_true(w.mapped != MAP_FAILED);
	assert_int_equal(process_maps_load(getpid(), &maps), 0);
	getrusage(RUSAGE_SELF, &before);
	for (size_t i = 0; i < maps.count; i++)
		if (maps.items[i].start == (uint64_t)(uintptr_t)w.mapped)
			object = objects_get(w.objects, getpid(), &maps.items[i]);
	if (object)
		object_symbol(object, 0x1000);
	getrusage(RUSAGE_SELF, &after);
	process_maps_done(&maps);
	assert_true(after.ru_maxrss - before.ru_maxrss < MEMORY_MAX);
	assert_true(clock_now_ns() - begin_ns < SECONDS_MAX * 1000000000ull);
	return object;
}

static void expect_note(const char *text)
{
	objects_tell(w.objects, w.recording);
	for (size_t i = 0; i < w.recording->note_count; i++)
		if (strstr(strings_get(w.recording->strings, w.recording->notes[i]), text))
			return;
	fail_msg("no note says: %s", text);
}

static void a_count_of_sections_beyond_all_reason_is_refused_and_told(void **state)
{
	(void)state;
	w.head.e_shnum = 0; /* it stands in the first section's size */
	put_section(0, (Elf64_Shdr){.sh_size = (HUGE_FILE - w.head.e_shoff) / sizeof(Elf64_Shdr)});
	assert_non_null(read_it());
	assert_int_equal(objects_trouble(w.objects, OBJECT_UNWIND_REFUSED), 1);
	expect_note("damaged or too much unwind information");
	expect_note(w.path);
}

static void section_names_of_12_gigabytes_are_refused_and_told(void **state)
{
	(void)state;
	w.head.e_shnum = 2;
	w.head.e_shstrndx = 1;
	put_section(1, (Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_offset = 4096, .sh_size = 12ull << 30});
	assert_non_null(read_it());
	assert_int_equal(objects_trouble(w.objects, OBJECT_UNWIND_REFUSED), 1);
}

static void symbol_names_of_12_gigabytes_give_no_symbols(void **state)
{
	Elf64_Sym symbols[2] = {{0}, {.st_info = STT_FUNC, .st_shndx = 3, .st_value = 0x1000, .st_size = 64, .st_name = 1}};

	(void)state;
	w.head.e_shnum = 4;
	put(symbols, sizeof(symbols), 4096);
	put_section(1, (Elf64_Shdr){.sh_type = SHT_SYMTAB, .sh_offset = 4096, .sh_size = sizeof(symbols), .sh_link = 2,
				    .sh_entsize = sizeof(Elf64_Sym)});
	put_section(2, (Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_offset = 8192, .sh_size = 12ull << 30});
	put_section(3, (Elf64_Shdr){.sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC | SHF_EXECINSTR, .sh_addr = 0x1000, .sh_size = 4096});
	assert_null(object_symbol(read_it(), 0x1000));
}

static void a_symbol_table_of_12_gigabytes_is_not_read(void **state)
{
	(void)state;
	w.head.e_shnum = 3;
	put_section(1, (Elf64_Shdr){.sh_type = SHT_SYMTAB, .sh_offset = 4096, .sh_size = 12ull << 30, .sh_link = 2,
				    .sh_entsize = sizeof(Elf64_Sym)});
	put_section(2, (Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_offset = 4096, .sh_size = 64});
	assert_null(object_symbol(read_it(), 0x1000));
}

static void a_note_of_12_gigabytes_is_no_build_id(void **state)
{
	uint8_t id[BUILD_ID_MAX];

	(void)state;
	w.head.e_phnum = 2;
	w.load.p_type = PT_LOAD;
	put(&(Elf64_Phdr){.p_type = PT_NOTE, .p_offset = 4096, .p_filesz = 12ull << 30, .p_align = 4}, sizeof(Elf64_Phdr),
	    sizeof(w.head) + sizeof(w.load));
	w.head.e_shnum = 2;
	put_section(1, (Elf64_Shdr){.sh_type = SHT_NOTE, .sh_offset = 4096, .sh_size = 12ull << 30});
	assert_non_null(read_it());
	assert_int_equal(build_id_from_fd(w.fd, id), 0);
}

/* Names, and sections behind them: those whose contents decompress to what their header says. */
static void put_names(const char *name)
{
	char names[64] = "";

	snprintf(names + 1, sizeof(names) - 1, "%s", name);
	w.head.e_shnum = 3;
	w.head.e_shstrndx = 1;
	put(names, sizeof(names), 2048);
	put_section(1, (Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_offset = 2048, .sh_size = sizeof(names)});
}

static void a_compressed_section_that_would_take_90_gigabytes_is_not_unpacked(void **state)
{
	Elf64_Chdr compressed = {.ch_type = ELFCOMPRESS_ZLIB, .ch_size = 90ull << 30, .ch_addralign = 1};

	(void)state;
	put_names(".debug_frame");
	put(&compressed, sizeof(compressed), 4096);
	put_section(2, (Elf64_Shdr){.sh_name = 1, .sh_type = SHT_PROGBITS, .sh_flags = SHF_COMPRESSED, .sh_offset = 4096,
				    .sh_size = 100u << 20});
	assert_non_null(read_it());
	assert_int_equal(tables_row_count(w.tables), 0);
}

static void a_packed_symbol_table_that_unpacks_without_end_is_given_up(void **state)
{
	char bomb[96];
	pid_t pid;
	FILE *stream;
	static uint8_t bytes[1 << 20];
	size_t size;

	(void)state;
	snprintf(bomb, sizeof(bomb), "%s.xz", w.path);
	assert_int_equal(tool_run("head -c 300000000 /dev/zero | xz -1 -T1 > \"$1\"", bomb, ""), 0); /* 300 MB in 44 KB */
	stream = tool_open(&pid, "cat \"$1\"", bomb, "");
	size = fread(bytes, 1, sizeof(bytes), stream);
	assert_int_equal(tool_close(pid, stream), 0);
	unlink(bomb);
	put_names(".gnu_debugdata");
	put(bytes, size, 8192);
	put_section(2, (Elf64_Shdr){.sh_name = 1, .sh_type = SHT_PROGBITS, .sh_offset = 8192, .sh_size = size});
	assert_null(object_symbol(read_it(), 0x1000));
}

/* A function of 4 GiB, and another, and another: rows for all of them are more than an object may have. */
static void unwind_information_for_more_than_any_object_has_is_refused_and_told(void **state)
{
	static uint8_t frames[100u << 20];
	size_t at = 0;
	static const uint8_t cie[] = {16, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0x78, 16, 0x0c, 7, 8, 0x90, 1, 0, 0};

	(void)state;
	memcpy(frames, cie, sizeof(cie));
	for (at = sizeof(cie); at + 40 < sizeof(frames); at += 40) { /* rows at every second byte, each another rule */
		uint32_t words[] = {36, (uint32_t)at + 4};
		uint64_t range[] = {1 + at, 12};

		memcpy(frames + at, words, sizeof(words));
		memcpy(frames + at + 8, range, sizeof(range));
		for (int i = 0; i < 5; i++)
			memcpy(frames + at + 24 + 3 * i, (uint8_t[]){0x42, 0x0e, (uint8_t)(8 + 8 * (i % 2))}, 3);
	}
	put_names(".eh_frame");
	put(frames, at, 1u << 20);
	put_section(2, (Elf64_Shdr){.sh_name = 1, .sh_type = SHT_PROGBITS, .sh_offset = 1u << 20, .sh_size = at});
	assert_non_null(read_it());
	assert_int_equal(tables_row_count(w.tables), 0);
	assert_int_equal(objects_trouble(w.objects, OBJECT_UNWIND_REFUSED), 1);
}

static void what_is_no_elf_file_is_no_trouble(void **state)
{
	(void)state;
	memset(w.head.e_ident, 'x', SELFMAG);
	assert_non_null(read_it());
	for (int i = 0; i < OBJECT_TROUBLES; i++)
		assert_int_equal(objects_trouble(w.objects, i), 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(a_count_of_sections_beyond_all_reason_is_refused_and_told),
		CASE(section_names_of_12_gigabytes_are_refused_and_told),
		CASE(symbol_names_of_12_gigabytes_give_no_symbols),
		CASE(a_symbol_table_of_12_gigabytes_is_not_read),
		CASE(a_note_of_12_gigabytes_is_no_build_id),
		CASE(a_compressed_section_that_would_take_90_gigabytes_is_not_unpacked),
		CASE(a_packed_symbol_table_that_unpacks_without_end_is_given_up),
		CASE(unwind_information_for_more_than_any_object_has_is_refused_and_told),
		CASE(what_is_no_elf_file_is_no_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
