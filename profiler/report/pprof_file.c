/* SPDX-License-Identifier: BSD-2-Clause */
/* pprof_file.c - the bytes of a gzipped (or plain) file, unpacked, up to a limit. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/array.h"
#include "base/error.h"
#include "report/pprof_facts.h"
#include "report/report.h"

#define READ_CHUNK (256u << 10)

static int cannot_read(const char *path, int code, struct connprof_error *error)
{
	return error_set(error, code, CONNPROF_CANNOT_OBSERVE, "cannot read %s: %s", path, strerror(-code));
}

int pprof_read_file(const char *path, uint8_t **bytes, size_t *size, struct connprof_error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), got = 0, code = 0;
	gzFile file = fd >= 0 ? gzdopen(fd, "rb") : NULL;
	size_t capacity = 0;

	if (!file) {
		code = fd < 0 ? -errno : -ENOMEM;
		if (fd >= 0)
			close(fd);
		return cannot_read(path, code, error);
	}
	*bytes = NULL;
	*size = 0;
	while (!(code = array_reserve(bytes, &capacity, *size + READ_CHUNK, 1, PPROF_BYTES_MAX)) &&
	       (got = gzread(file, *bytes + *size, READ_CHUNK)) > 0)
		*size += (size_t)got;
	if (got < 0) {
		int why = errno;

		gzerror(file, &got);
		code = got == Z_ERRNO ? -why : -EINVAL;
	}
	gzclose(file);
	if (!code)
		return 0;
	free(*bytes);
	*bytes = NULL;
	if (code == -ENOMEM)
		return error_memory(error);
	if (code != -E2BIG && code != -EINVAL)
		return cannot_read(path, code, error);
	return error_set(error, -EINVAL, CONNPROF_CANNOT_OBSERVE,
			 code == -E2BIG ? "%s is too large for a recording" : "%s is not a recording: broken gzip data", path);
}
