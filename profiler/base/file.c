/* SPDX-License-Identifier: BSD-2-Clause */
/* file.c - output files by temporary name and rename. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

static int refuse(struct connprof_error *err, const char *path, int code)
{
	return error_set(err, code, CONNPROF_CANNOT_OBSERVE, "cannot write %s: %s (choose another place with -o)",
			 path, strerror(-code));
}

/* The file a new one replaces keeps its permissions; a new one gets what the umask leaves. */
static mode_t wanted_mode(const struct stat *old)
{
	mode_t mask;

	if (old)
		return old->st_mode & 0777;
	mask = umask(022);
	umask(mask);
	return 0666 & ~mask;
}

static int open_temporary(struct output *out, const char *path, const struct stat *old, struct connprof_error *err)
{
	int fd;

	if (asprintf(&out->temporary, "%s.XXXXXX", path) < 0) {
		out->temporary = NULL;
		return error_memory(err);
	}
	fd = mkostemp(out->temporary, O_CLOEXEC);
	if (fd < 0) {
		int code = -errno;

		free(out->temporary);
		out->temporary = NULL;
		return refuse(err, path, code);
	}
	if (fchmod(fd, wanted_mode(old)) == 0 && (out->stream = fdopen(fd, "w")))
		return 0;
	close(fd);
	return refuse(err, path, -errno);
}

int output_open(struct output *out, const char *path, struct connprof_error *err)
{
	char resolved[PATH_MAX];
	struct stat old;
	bool exists;
	int code;

	memset(out, 0, sizeof(*out));
	if (!strcmp(path, "-")) {
		out->stream = stdout;
		return 0;
	}
	if (realpath(path, resolved)) /* through symbolic links: replace what they point to */
		path = resolved;
	out->path = strdup(path);
	if (!out->path)
		return error_memory(err);
	exists = stat(path, &old) == 0;
	if (exists && S_ISDIR(old.st_mode))
		code = refuse(err, path, -EISDIR);
	else if (exists && !S_ISREG(old.st_mode))
		code = (out->stream = fopen(path, "we")) ? 0 : refuse(err, path, -errno);
	else
		code = open_temporary(out, path, exists ? &old : NULL, err);
	if (code)
		output_abort(out);
	return code;
}

/* Flushes; 0 or what went wrong. stdio forgets why an earlier write failed: one more byte asks the disk again (the file is
 * then thrown away). */
static int stream_error(FILE *stream)
{
	bool failed = ferror(stream);

	errno = 0;
	if (failed) {
		clearerr(stream);
		fputc('\n', stream);
	}
	if (fflush(stream) || failed)
		return errno ? -errno : -EIO;
	return 0;
}

int output_failed(const struct output *out, int code, struct connprof_error *err)
{
	return refuse(err, out->path ? out->path : "standard output", code);
}

int output_commit(struct output *out, struct connprof_error *err)
{
	int code;

	code = stream_error(out->stream);
	if (!code && out->temporary && fsync(fileno(out->stream)))
		code = -errno;
	if (out->path && fclose(out->stream) && !code)
		code = -errno;
	out->stream = NULL;
	if (!code && out->temporary && rename(out->temporary, out->path))
		code = -errno;
	if (!code && out->temporary) {
		free(out->temporary);
		out->temporary = NULL;
	}
	if (code)
		output_failed(out, code, err);
	output_abort(out);
	return code;
}

void output_abort(struct output *out)
{
	if (out->stream && out->path)
		fclose(out->stream);
	if (out->temporary)
		unlink(out->temporary);
	free(out->temporary);
	free(out->path);
	memset(out, 0, sizeof(*out));
}
