/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.h - one format is one file and one row in formats.c. A writer only reads the recording and writes to the stream.
 */
#ifndef CONNPROF_REPORT_REPORT_H
#define CONNPROF_REPORT_REPORT_H

#include <stdio.h>

#include "connprof.h"
#include "model/endpoint.h"
#include "model/recording.h"

struct report_format {
	const char *name;           /* canonical */
	const char *aliases;        /* space-separated, "" none */
	const char *extensions;     /* space-separated, longest first: ".speedscope.json", "" none */
	unsigned views;             /* enum connprof_view, or-ed */
	/* NULL: it is written while things happen (journal.h). 0 or -errno with the message in *error. Errors of the stream itself are the caller's to find (ferror). */
	int (*write)(const struct connprof_recording *recording, const struct connprof_report_options *options,
		     FILE *stream, struct connprof_error *error);
	bool compares;              /* it can show the difference to options->base */
};

extern const struct report_format report_formats[]; /* ended by a NULL name; the first fitting row is a view's default */

/* ---- lines.c: a stack as display names, shared by the profile formats ---- */

struct line_list {
	const uint32_t *names;     /* name ids, root first: lines_name; borrowed until the next lines_make or lines_free */
	const uint32_t *frame_ids; /* for each name, the frame it shows (0: a note such as a thread's name) */
	size_t count;
};

struct lines;
/* NULL when out of memory. The recording must not change while lines are in use. */
struct lines *lines_new(const struct connprof_recording *recording, const struct connprof_report_options *options);
void lines_free(struct lines *lines);
/* Display names of a row's stack, root first: interpreter plumbing left out unless options->native, a `[cut: reason]` note
 * at the root of an incomplete stack, the thread as root with options->threads; suffixes _[k] and _[n] as INTERFACE.md says. */
int lines_make(struct lines *lines, const struct profile_row *row, struct line_list *out);
/* The text of a name id; equal names have equal ids. No ';', no control character, no " <number>" at the end. Borrowed
 * until lines_free. */
const char *lines_name(const struct lines *lines, uint32_t id);
size_t lines_name_count(const struct lines *lines); /* ids are below this */
/* Is this frame left out of reports unless options->native: the interpreter's own plumbing? */
bool frame_hidden(const struct frame *frame, const struct connprof_report_options *options);

/* ---- weight.c: what a row counts for ---- */

/* Is it time (nanoseconds here, microseconds where counts are shown), and not samples? */
bool weight_is_time(const struct connprof_recording *recording);
/* A row's own time: off the CPU, or its samples times their period (0: the rate is not known). */
uint64_t row_ns(const struct connprof_recording *recording, const struct profile_row *row);
/* Samples or nanoseconds; 0: not shown in options->mode. */
uint64_t row_weight(const struct connprof_recording *recording, const struct connprof_report_options *options,
		    const struct profile_row *row);
/* A sum of weights as a count to show, and what it counts: "samples" or "us". */
uint64_t weight_shown(const struct connprof_recording *recording, uint64_t weight);
const char *weight_unit(const struct connprof_recording *recording);
/* Is time off the CPU all that is shown? */
bool weight_off_only(const struct connprof_recording *recording, const struct connprof_report_options *options);
/* Is there anything to show? */
bool weight_any(const struct connprof_recording *recording, const struct connprof_report_options *options);

/* ---- part.c: the slow requests alone ---- */

bool report_wants_part(const struct connprof_report_options *options);
/* Writes the part the options name in that format. -ENODATA: the recording knows no requests. */
int report_write_part(const struct report_format *format, const struct connprof_recording *recording,
		      const struct connprof_report_options *options, FILE *stream, struct connprof_error *error);

/* ---- tree.c: stacks merged by their common root side ---- */

/* What is counted side by side: the recording itself, and the one it is compared with. */
enum tree_side { TREE_OWN, TREE_BASE, TREE_SIDES };

struct tree_node {
	uint32_t parent;         /* node id; 0 is the root above all */
	uint32_t name;           /* in the tree's names */
	uint64_t weight[TREE_SIDES]; /* of the rows that end here */
};

struct tree {
	struct tree_node *nodes; /* owned; nodes[0] is the root above all, sorted so that parents come first */
	size_t count, capacity;
	uint32_t *index;         /* open addressing: node ids by (parent, name) */
	size_t index_size;       /* a power of two */
	struct strings *names;   /* owned */
};

#define TREE_NODES_MAX (16u << 20)

/* Adds a recording's stacks; the tree is all zero at first. 0, -ENOMEM or -E2BIG; it is to be freed with tree_done in any case. */
int tree_add(struct tree *tree, struct lines *lines, const struct connprof_recording *recording,
	     const struct connprof_report_options *options, enum tree_side side);
void tree_done(struct tree *tree);
/* Calls each(context, path, depth, weight) for every node that rows end in, names of a level in byte order. */
int tree_walk(const struct tree *tree,
	      int (*each)(void *context, const char *const *path, size_t depth, const uint64_t weight[TREE_SIDES]),
	      void *context);

/* ---- folded.c ---- */

/* The stacks, one a line; with safe_names also without what a script in an SVG could be broken with. With options->base there
 * are two counts: first the base's, scaled to as many samples in all as the recording has, then the recording's own. */
int folded_write_names(const struct connprof_recording *recording, const struct connprof_report_options *options,
		       bool safe_names, FILE *stream, struct connprof_error *error);

/* ---- words.c: small texts every format needs ---- */

/* What to show of a source path: from behind site-packages/, dist-packages/ or lib/pythonX.Y/, else its last two parts.
 * Borrowed: a place inside path. */
const char *short_path(const char *path);
/* The part behind the last '/'. */
const char *base_path(const char *path);
/* Samples whose stack reached its root, in percent; NAN without samples. */
double complete_percent(const struct connprof_recording *recording);
/* Events that did not arrive (not: those that came without payload). */
uint64_t lost_events(const struct connprof_recording *recording);
const char *thread_state_name(unsigned state);
/* The target row of a process, NULL: none. */
const struct target_row *recording_target(const struct connprof_recording *recording, uint32_t pid);

/* ---- the writers, one a format ---- */

int folded_write(const struct connprof_recording *, const struct connprof_report_options *, FILE *, struct connprof_error *);
int svg_write(const struct connprof_recording *, const struct connprof_report_options *, FILE *, struct connprof_error *);
int html_write(const struct connprof_recording *, const struct connprof_report_options *, FILE *, struct connprof_error *);
int speedscope_write(const struct connprof_recording *, const struct connprof_report_options *, FILE *, struct connprof_error *);
int pprof_write(const struct connprof_recording *, const struct connprof_report_options *, FILE *, struct connprof_error *);
int check_text_write(const struct connprof_recording *, const struct connprof_report_options *, FILE *, struct connprof_error *);
int check_json_write(const struct connprof_recording *, const struct connprof_report_options *, FILE *, struct connprof_error *);
int check_sarif_write(const struct connprof_recording *, const struct connprof_report_options *, FILE *, struct connprof_error *);
int check_junit_write(const struct connprof_recording *, const struct connprof_report_options *, FILE *, struct connprof_error *);
int check_github_write(const struct connprof_recording *, const struct connprof_report_options *, FILE *, struct connprof_error *);
int check_gitlab_write(const struct connprof_recording *, const struct connprof_report_options *, FILE *, struct connprof_error *);
int check_markdown_write(const struct connprof_recording *, const struct connprof_report_options *, FILE *, struct connprof_error *);
int conn_svg_write(const struct connprof_recording *, const struct connprof_report_options *, FILE *, struct connprof_error *);
int conn_folded_write(const struct connprof_recording *, const struct connprof_report_options *, FILE *, struct connprof_error *);
int trace_text_write(const struct connprof_recording *, const struct connprof_report_options *, FILE *, struct connprof_error *);
int trace_json_write(const struct connprof_recording *, const struct connprof_report_options *, FILE *, struct connprof_error *);
int dump_text_write(const struct connprof_recording *, const struct connprof_report_options *, FILE *, struct connprof_error *);
int diagnosis_json_write(const struct connprof_recording *, const struct connprof_report_options *, FILE *, struct connprof_error *);
int diagnosis_text_write(const struct connprof_recording *, const struct connprof_report_options *, FILE *, struct connprof_error *);
int diagnosis_html_write(const struct connprof_recording *, const struct connprof_report_options *, FILE *, struct connprof_error *);
int diff_text_write(const struct connprof_recording *, const struct connprof_report_options *, FILE *, struct connprof_error *);
int diff_json_write(const struct connprof_recording *, const struct connprof_report_options *, FILE *, struct connprof_error *);
int requests_text_write(const struct connprof_recording *, const struct connprof_report_options *, FILE *, struct connprof_error *);
int requests_json_write(const struct connprof_recording *, const struct connprof_report_options *, FILE *, struct connprof_error *);
int dump_json_write(const struct connprof_recording *, const struct connprof_report_options *, FILE *, struct connprof_error *);

/* ---- pprof_read.c ---- */

#define PPROF_BYTES_MAX (256u << 20)  /* of an unpacked file */

/* Reads a .pb.gz back: everything, where connprof wrote it; a profile without the rest, where another program did. *out is
 * owned by the caller. -EINVAL: not a profile. */
int pprof_load(const char *path, struct connprof_recording **out, struct connprof_error *error);

/* ---- svg.c ---- */

/* Where flamegraph.pl is: $FLAMEGRAPH_DIR, PATH, the distributions' places. 0, or -ENOENT with the message in *error. */
int svg_script_find(char out[4096], struct connprof_error *error);

#endif
