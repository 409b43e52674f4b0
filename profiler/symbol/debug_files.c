/* SPDX-License-Identifier: BSD-2-Clause */
/* debug_files.c - finds them, and believes only what proves to belong to the object. */
#include "symbol/debug_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lzma.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/array.h"
#include "process/elf_guard.h"
#include "process/process.h"

#define DEBUG_ROOT "/usr/lib/debug"
#define DEBUGDATA_PACKED_MAX (16u << 20)
#define DEBUGDATA_BYTES_MAX (64u << 20)  /* unpacked */
#define LZMA_MEMORY_MAX (128u << 20)
#define DEBUG_FILE_MAX (4ull << 30)
#define CHECKSUM_FILE_MAX (64u << 20)    /* of a file that only its checksum can prove: it is read whole */
#define LINK_BYTES_MAX 4096

/* ---- .gnu_debugdata ---- */

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

int debugdata_unpack(Elf *elf, uint8_t **out, size_t *size)
{
	GElf_Shdr header;
	Elf_Scn *section = elf_guard_section(elf, ".gnu_debugdata", &header);
	Elf_Data *packed = section ? elf_guard_bytes(section, &header, DEBUGDATA_PACKED_MAX) : NULL;

	return packed ? unpack(packed->d_buf, packed->d_size, out, size) : -ENOENT;
}

/* ---- opening ---- */

/* pid: whose root the path begins at; our own, or the target's. Only a regular file is opened. */
static int open_in(pid_t pid, const char *path)
{
	return process_open_path(pid, path, DEBUG_FILE_MAX, NULL);
}

static bool has_id(int fd, const uint8_t *id, int length)
{
	uint8_t found[BUILD_ID_MAX];

	return build_id_from_fd(fd, found) == length && !memcmp(id, found, (size_t)length);
}

static int open_by_id(pid_t pid, const uint8_t *id, int length)
{
	char path[sizeof(DEBUG_ROOT "/.build-id/") + 2 * BUILD_ID_MAX + 8];
	int at, fd;

	if (length < 2)
		return -ENOENT;
	at = snprintf(path, sizeof(path), DEBUG_ROOT "/.build-id/%02x/", id[0]);
	for (int i = 1; i < length; i++)
		at += snprintf(path + at, sizeof(path) - (size_t)at, "%02x", id[i]);
	snprintf(path + at, sizeof(path) - (size_t)at, ".debug");
	fd = open_in(pid, path);
	if (fd < 0 || has_id(fd, id, length))
		return fd;
	close(fd);
	return -ENOENT;
}

/* ---- .gnu_debuglink: name NUL padding crc32; .gnu_debugaltlink: name NUL build-id ---- */

/* The section's name and what is behind it; false: there is none. */
static bool read_link(Elf *elf, const char *section_name, const char **name, const uint8_t **rest, size_t *rest_size)
{
	GElf_Shdr header;
	Elf_Scn *section = elf_guard_section(elf, section_name, &header);
	Elf_Data *data = section ? elf_guard_bytes(section, &header, LINK_BYTES_MAX) : NULL;
	const uint8_t *end = data ? memchr(data->d_buf, 0, data->d_size) : NULL;

	if (!end)
		return false;
	*name = data->d_buf;
	*rest = end + 1;
	*rest_size = data->d_size - (size_t)(end + 1 - (const uint8_t *)data->d_buf);
	return true;
}

static bool has_checksum(int fd, uint32_t wanted)
{
	uint8_t bytes[65536];
	uLong sum = crc32(0, NULL, 0);
	size_t done = 0;
	ssize_t n;

	while ((n = pread(fd, bytes, sizeof(bytes), (off_t)done)) > 0 && (done += (size_t)n) <= CHECKSUM_FILE_MAX)
		sum = crc32(sum, bytes, (uInt)n);
	return n == 0 && sum == wanted;
}

struct link {
	const char *name;
	uint32_t checksum;
	uint8_t id[BUILD_ID_MAX];
	int id_length;
};

static int open_linked(pid_t pid, const struct link *link, const char *format, const char *path)
{
	const char *slash = strrchr(path, '/');
	char full[PATH_MAX];
	int fd = -ENAMETOOLONG;

	if (snprintf(full, sizeof(full), format, (int)(slash - path), path, link->name) < (int)sizeof(full))
		fd = open_in(pid, full);
	if (fd < 0 || (link->id_length ? has_id(fd, link->id, link->id_length) : has_checksum(fd, link->checksum)))
		return fd;
	close(fd);
	return -ENOENT;
}

static int open_by_link(Elf *elf, const struct symbol_place *place, const uint8_t *id, int id_length)
{
	struct link link = {.id_length = id_length};
	const uint8_t *rest;
	size_t size, padding;
	int fd;

	memcpy(link.id, id, BUILD_ID_MAX);
	if (!place || place->path[0] != '/' || !read_link(elf, ".gnu_debuglink", &link.name, &rest, &size))
		return -ENOENT;
	padding = (4 - (strlen(link.name) + 1) % 4) % 4;
	if (size < padding + 4 || !link.name[0] || strchr(link.name, '/'))
		return -ENOENT;
	memcpy(&link.checksum, rest + padding, 4);
	fd = open_linked(getpid(), &link, DEBUG_ROOT "%.*s/%s", place->path);
	/* The path is the target's, or, of a process with another root in our own tree, ours. */
	for (size_t i = 0; fd < 0 && i < 4; i++)
		fd = open_linked(i < 2 ? place->pid : getpid(), &link, i % 2 ? "%.*s/%s" : "%.*s/.debug/%s", place->path);
	return fd;
}

int debug_file_open(Elf *elf, const struct symbol_place *place)
{
	uint8_t id[BUILD_ID_MAX] = {0};
	int length = elf_build_id(elf, id);
	int fd = length > 0 ? open_by_id(getpid(), id, length) : -ENOENT;

	if (fd < 0 && length > 0 && place)
		fd = open_by_id(place->pid, id, length);
	return fd < 0 ? open_by_link(elf, place, id, length) : fd;
}

/* ---- debug info ---- */

static bool has_debug_info(Elf *elf)
{
	GElf_Shdr header;

	return elf_guard_section(elf, ".debug_info", &header) && header.sh_type != SHT_NOBITS;
}

static int open_alt(int fd, const struct symbol_place *place)
{
	Elf *elf = elf_guard_open(fd);
	const char *name;
	const uint8_t *id;
	size_t length;
	int alt = -ENOENT;

	if (elf && read_link(elf, ".gnu_debugaltlink", &name, &id, &length) && length <= BUILD_ID_MAX) {
		alt = open_by_id(getpid(), id, (int)length);
		if (alt < 0 && place)
			alt = open_by_id(place->pid, id, (int)length);
	}
	elf_end(elf);
	return alt;
}

int source_open(int fd, const struct symbol_place *place, int *alt_fd)
{
	Elf *elf = elf_guard_open(fd), *debug;
	int found = -ENOENT;

	if (elf && has_debug_info(elf)) {
		found = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	} else if (elf && (found = debug_file_open(elf, place)) >= 0) {
		debug = elf_guard_open(found);
		if (!debug || !has_debug_info(debug)) {
			close(found);
			found = -ENOENT;
		}
		elf_end(debug);
	}
	elf_end(elf);
	*alt_fd = found >= 0 ? open_alt(found, place) : -1;
	if (*alt_fd < 0)
		*alt_fd = -1;
	return found >= 0 ? found : -ENOENT;
}
