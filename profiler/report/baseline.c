/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * baseline.c - the files behind --baseline, --write-baseline and --suppress.
 *
 * A baseline is JSON, connprof.baseline/1: {"schema": …, "findings": [{"fingerprint": "0123456789abcdef", …}]}. What stands
 * beside a fingerprint is for people reading the difference of two baselines.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/error.h"
#include "base/file.h"
#include "model/accept.h"
#include "model/fingerprint.h"
#include "protocol/protocol.h"
#include "report/json_build.h"
#include "report/report.h"

#define SCHEMA "connprof.baseline/1"
#define FILE_BYTES_MAX (4u << 20)

/* The whole file, a NUL behind it; to be freed. */
static int file_read(const char *path, char **out, size_t *size, struct connprof_error *error)
{
	FILE *stream = fopen(path, "re");
	char *bytes = stream ? malloc(FILE_BYTES_MAX + 1) : NULL;
	size_t got;
	int code;

	if (!stream)
		return error_set(error, -errno, CONNPROF_USAGE, "cannot read %s: %s (check the path)", path, strerror(errno));
	if (!bytes) {
		fclose(stream);
		return error_memory(error);
	}
	got = fread(bytes, 1, FILE_BYTES_MAX + 1, stream);
	code = ferror(stream) ? -EIO : got > FILE_BYTES_MAX ? -EFBIG : 0;
	fclose(stream);
	if (code) {
		free(bytes);
		return error_set(error, code, CONNPROF_USAGE, "cannot read %s: %s", path, strerror(-code));
	}
	bytes[got] = '\0';
	*out = bytes;
	*size = got;
	return 0;
}

static int not_a_baseline(const char *path, const char *why, struct connprof_error *error)
{
	return error_set(error, -EINVAL, CONNPROF_USAGE, "%s is no baseline: %s (write one with --write-baseline)", path, why);
}

static int add_finding(struct connprof_accepted *accepted, struct json_object *finding)
{
	struct json_object *member;
	uint64_t fingerprint;
	int code;

	if (!json_object_is_type(finding, json_type_object) || !json_object_object_get_ex(finding, "fingerprint", &member) ||
	    !json_object_is_type(member, json_type_string) || fingerprint_parse(json_object_get_string(member), &fingerprint))
		return -EINVAL;
	for (size_t i = 0; i < accepted->baseline_count; i++)
		if (accepted->baseline[i] == fingerprint)
			return 0;
	code = array_reserve(&accepted->baseline, &accepted->baseline_capacity, accepted->baseline_count + 1,
			     sizeof(*accepted->baseline), BASELINE_MAX);
	if (!code)
		accepted->baseline[accepted->baseline_count++] = fingerprint;
	return code;
}

static int take_document(struct connprof_accepted *accepted, struct json_object *document, const char *path,
			 struct connprof_error *error)
{
	struct json_object *schema, *findings;
	int code = 0;

	if (!json_object_is_type(document, json_type_object))
		return not_a_baseline(path, "it is not a JSON object", error);
	if (!json_object_object_get_ex(document, "schema", &schema) || !json_object_is_type(schema, json_type_string) ||
	    strcmp(json_object_get_string(schema), SCHEMA))
		return not_a_baseline(path, "its schema is not " SCHEMA, error);
	if (!json_object_object_get_ex(document, "findings", &findings) || !json_object_is_type(findings, json_type_array))
		return not_a_baseline(path, "it has no findings, not even none", error);
	for (size_t i = 0; i < json_object_array_length(findings) && !code; i++)
		code = add_finding(accepted, json_object_array_get_idx(findings, i));
	if (code == -ENOMEM)
		return error_memory(error);
	if (code)
		return not_a_baseline(path, code == -E2BIG ? "it has too many findings" : "a finding has no valid fingerprint",
				      error);
	accepted->has_baseline = true;
	return 0;
}

static int baseline_load(struct connprof_accepted *accepted, const char *path, struct connprof_error *error)
{
	struct json_tokener *tokener;
	struct json_object *document;
	char *bytes;
	size_t size;
	int code = file_read(path, &bytes, &size, error);

	if (code)
		return code;
	tokener = json_tokener_new();
	document = tokener ? json_tokener_parse_ex(tokener, bytes, (int)size + 1) : NULL; /* with the NUL, where it ends */
	code = tokener ? take_document(accepted, document, path, error) : error_memory(error);
	json_object_put(document);
	if (tokener)
		json_tokener_free(tokener);
	free(bytes);
	return code;
}

static int add_suppression(struct connprof_accepted *accepted, const struct suppression *suppression)
{
	int code = array_reserve(&accepted->suppressions, &accepted->suppression_capacity, accepted->suppression_count + 1,
				 sizeof(*accepted->suppressions), SUPPRESSIONS_MAX);

	if (!code)
		accepted->suppressions[accepted->suppression_count++] = *suppression;
	return code;
}

static int suppress_load(struct connprof_accepted *accepted, const char *path, struct connprof_error *error)
{
	char *bytes;
	size_t size, at = 0;
	unsigned number = 0;
	int code = file_read(path, &bytes, &size, error);

	if (code)
		return code;
	accepted->suppress_path = strdup(path);
	if (!accepted->suppress_path)
		code = error_memory(error);
	while (!code && at < size) {
		const char *end = memchr(bytes + at, '\n', size - at), *why = "";
		size_t length = end ? (size_t)(end - bytes) - at : size - at;
		struct suppression suppression = {0};
		int parsed = suppression_parse(bytes + at, length, &suppression, &why);

		number++;
		suppression.line = number;
		if (parsed == 0 && (parsed = add_suppression(accepted, &suppression)) == -E2BIG)
			why = "more suppressions than 256";
		if (parsed == -ENOMEM)
			code = error_memory(error);
		else if (parsed < 0)
			code = error_set(error, parsed, CONNPROF_USAGE, "%s:%u: %s", path, number, why);
		at += length + 1;
	}
	free(bytes);
	return code;
}

int connprof_accepted_load(const char *baseline_path, const char *suppress_path, struct connprof_accepted **out,
			   struct connprof_error *error)
{
	struct connprof_accepted *accepted = calloc(1, sizeof(*accepted));
	int code = accepted ? 0 : error_memory(error);

	if (!code && baseline_path)
		code = baseline_load(accepted, baseline_path, error);
	if (!code && suppress_path)
		code = suppress_load(accepted, suppress_path, error);
	if (code)
		connprof_accepted_free(accepted);
	else
		*out = accepted;
	return code;
}

void connprof_accepted_free(struct connprof_accepted *accepted)
{
	if (!accepted)
		return;
	free(accepted->suppressions);
	free(accepted->baseline);
	free(accepted->suppress_path);
	free(accepted);
}

/* Each fingerprint once, the first of its rows speaking for it. */
static bool written_before(const struct connprof_recording *recording, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		const struct site_row *row = &recording->sites[i];

		if (row->rule && row->accepted != ACCEPTED_SUPPRESSED && row->fingerprint == recording->sites[index].fingerprint)
			return true;
	}
	return false;
}

static int baseline_write(const struct connprof_recording *recording, FILE *stream, struct connprof_error *error)
{
	struct json_build build = {0};
	struct json_object *document = json_document(&build), *findings;
	char text[FINGERPRINT_TEXT];

	json_put_text(&build, document, "schema", SCHEMA);
	findings = json_put_array(&build, document, "findings");
	for (size_t i = 0; i < recording->site_count; i++) {
		const struct site_row *row = &recording->sites[i];
		const struct frame *frame = stacks_frame(recording->stacks, row->call_site);
		struct json_object *finding;

		if (!row->rule || row->accepted == ACCEPTED_SUPPRESSED || written_before(recording, i))
			continue;
		finding = json_add_object(&build, findings);
		json_put_text(&build, finding, "fingerprint", fingerprint_text(row->fingerprint, text));
		json_put_text(&build, finding, "rule", rule_name(row->rule));
		json_put_text(&build, finding, "protocol", protocol_name((enum protocol_id)row->protocol));
		json_put_text(&build, finding, "function", frame ? strings_get(recording->strings, frame->function) : NULL);
	}
	return json_finish(&build, document, stream, error);
}

int connprof_baseline_save(const struct connprof_recording *recording, const char *path, struct connprof_error *error)
{
	struct output output;
	int code;

	if (recording->verdict != VERDICT_FINDINGS && recording->verdict != VERDICT_CLEAN)
		return error_set(error, -ENODATA, CONNPROF_INCONCLUSIVE,
				 "no baseline was written to %s: too little was seen to write down what is accepted", path);
	code = output_open(&output, path, error);
	if (code)
		return code;
	code = baseline_write(recording, output.stream, error);
	if (code)
		output_abort(&output);
	else
		code = output_commit(&output, error);
	return code;
}
