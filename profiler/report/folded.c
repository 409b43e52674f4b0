/* SPDX-License-Identifier: BSD-2-Clause */
/* folded.c - one stack a line, root first, ';' between frames, a space, the count: what the FlameGraph scripts take. */
#include <errno.h>

#include "base/error.h"
#include "report/report.h"

struct folded {
	const struct connprof_recording *recording;
	FILE *stream;
	bool safe_names;
	bool differential;
	double base_scale; /* so that both sides have the same number of samples in all */
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

static int put_line(void *context, const char *const *path, size_t depth, const uint64_t weight[TREE_SIDES])
{
	const struct folded *folded = context;
	uint64_t count = weight_shown(folded->recording, weight[TREE_OWN]);
	double base = (double)weight[TREE_BASE] * folded->base_scale;

	if (!count && base < 0.005) /* less than half a microsecond */
		return 0;
	for (size_t i = 0; i < depth; i++) {
		if (i)
			fputc(';', folded->stream);
		put_name(folded, path[i]);
	}
	if (folded->differential)
		fprintf(folded->stream, " %.2f", base);
	fprintf(folded->stream, " %llu\n", (unsigned long long)count);
	return ferror(folded->stream) ? -EIO : 0;
}

static int add_side(struct tree *tree, const struct connprof_recording *recording,
		    const struct connprof_report_options *options, enum tree_side side)
{
	struct lines *lines = lines_new(recording, options);
	int code = lines ? tree_add(tree, lines, recording, options, side) : -ENOMEM;

	lines_free(lines);
	return code;
}

/* What the base's weights are to be multiplied by, to come to as much in all as the recording's, as shown. */
static double base_scale(const struct tree *tree, const struct connprof_recording *recording)
{
	double sums[TREE_SIDES] = {0};

	for (size_t i = 0; i < tree->count; i++)
		for (int side = 0; side < TREE_SIDES; side++)
			sums[side] += (double)tree->nodes[i].weight[side];
	return sums[TREE_BASE] > 0 ? sums[TREE_OWN] / sums[TREE_BASE] / (weight_is_time(recording) ? 1000 : 1) : 0;
}

int folded_write_names(const struct connprof_recording *recording, const struct connprof_report_options *options,
		       bool safe_names, FILE *stream, struct connprof_error *error)
{
	const struct connprof_recording *base = options->base;
	struct folded folded = {.recording = recording, .stream = stream, .safe_names = safe_names, .differential = base};
	struct tree tree = {0};
	int code = add_side(&tree, recording, options, TREE_OWN);

	if (!code && base) {
		struct connprof_report_options turned = *options;

		turned.base = recording; /* both are named alike */
		code = add_side(&tree, base, &turned, TREE_BASE);
		folded.base_scale = base_scale(&tree, recording);
	}
	if (!code)
		code = tree_walk(&tree, put_line, &folded);
	tree_done(&tree);
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
