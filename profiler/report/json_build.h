/* SPDX-License-Identifier: BSD-2-Clause */
/* json_build.h - building JSON with json-c, failures of memory remembered once for a whole document. */
#ifndef CONNPROF_REPORT_JSON_BUILD_H
#define CONNPROF_REPORT_JSON_BUILD_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "connprof.h"

struct json_build {
	bool failed; /* out of memory somewhere: the document is not to be used */
};

/* A new member or item, borrowed from what it was put into; NULL when out of memory (which the others take). */
struct json_object *json_document(struct json_build *build); /* owned by the caller: json_object_put */
struct json_object *json_document_array(struct json_build *build); /* likewise */
struct json_object *json_put_object(struct json_build *build, struct json_object *into, const char *key);
struct json_object *json_put_array(struct json_build *build, struct json_object *into, const char *key);
struct json_object *json_add_object(struct json_build *build, struct json_object *array);

void json_put_text(struct json_build *build, struct json_object *into, const char *key, const char *text); /* NULL: null */
void json_put_bool(struct json_build *build, struct json_object *into, const char *key, bool value);
void json_put_count(struct json_build *build, struct json_object *into, const char *key, uint64_t count); /* UNKNOWN_COUNT: null */
void json_put_number(struct json_build *build, struct json_object *into, const char *key, double value); /* for a reader: four decimals at most; NAN: null */
void json_put_exact(struct json_build *build, struct json_object *into, const char *key, double value);  /* reads back as the same number; NAN: null */
void json_put_null(struct json_build *build, struct json_object *into, const char *key);
void json_add_text(struct json_build *build, struct json_object *array, const char *text);
void json_add_exact(struct json_build *build, struct json_object *array, double value); /* as json_put_exact */
void json_add_count(struct json_build *build, struct json_object *array, uint64_t count);

/* Writes the document, indented, with a newline, and frees it. 0 or -ENOMEM with its message. */
int json_finish(struct json_build *build, struct json_object *document, FILE *stream, struct connprof_error *error);

#endif
