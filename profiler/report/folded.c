/* SPDX-License-Identifier: BSD-2-Clause */
/* folded.c - one stack a line, root first, ';' between frames, a space, the count: what the FlameGraph scripts take. */
#include <errno.h>

#include "base/error.h"
#include "report/report.h"

struct folded {
	const struct connprof_recording *recording;
	FILE *stream;
	bool safe_names;
};

/* Older flamegraph.pl put names into script text, escaping quotes but not what escapes the escape. */
static void put_name(const struct folded *folded, const char *name)
{
	if (!folded->safe_names) {
		fputs(name, folded->stream);
		return;
	}
	for (; *name; name++)
		fputc(*name == '\\' ? '/' : *name, folded->stream);
}

static int put_line(void *context, const char *const *path, size_t depth, uint64_t weight)
{
	const struct folded *folded = context;
	uint64_t count = weight_shown(folded->recording, weight);

	if (!count) /* less than half a microsecond */
		return 0;
	for (size_t i = 0; i < depth; i++) {
		if (i)
			fputc(';', folded->stream);
		put_name(folded, path[i]);
	}
	fprintf(folded->stream, " %llu\n", (unsigned long long)count);
	return ferror(folded->stream) ? -EIO : 0;
}

int folded_write_names(const struct connprof_recording *recording, const struct connprof_report_options *options,
		       bool safe_names, FILE *stream, struct connprof_error *error)
{
	struct folded folded = {.recording = recording, .stream = stream, .safe_names = safe_names};
	struct lines *lines = lines_new(recording, options);
	struct tree tree = {0};
	int code = lines ? tree_build(&tree, lines, recording, options) : -ENOMEM;

	if (!code)
		code = tree_walk(&tree, lines, put_line, &folded);
	tree_done(&tree);
	lines_free(lines);
	if (code == -ENOMEM)
		return error_memory(error);
	if (code == -E2BIG)
		return error_set(error, code, CONNPROF_CANNOT_OBSERVE,
				 "too many different stacks to merge (record for a shorter time, or use -F)");
	return code == -EIO ? 0 : code; /* the stream's own error is found by whoever owns it */
}

int folded_write(const struct connprof_recording *recording, const struct connprof_report_options *options, FILE *stream,
		 struct connprof_error *error)
{
	return folded_write_names(recording, options, false, stream, error);
}
