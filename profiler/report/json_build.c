/* SPDX-License-Identifier: BSD-2-Clause */
/* json_build.c - building JSON with json-c. */
#include "report/json_build.h"

#include <math.h>

#include "base/error.h"
#include "model/recording.h"

/* Takes value over; a NULL value is out of memory. Returns it when it is in place. */
static struct json_object *put(struct json_build *build, struct json_object *into, const char *key, struct json_object *value)
{
	if (into && value && json_object_object_add(into, key, value) == 0)
		return value;
	build->failed = true;
	json_object_put(value);
	return NULL;
}

static struct json_object *add(struct json_build *build, struct json_object *array, struct json_object *value)
{
	if (array && value && json_object_array_add(array, value) == 0)
		return value;
	build->failed = true;
	json_object_put(value);
	return NULL;
}

struct json_object *json_document(struct json_build *build)
{
	struct json_object *object = json_object_new_object();

	build->failed |= !object;
	return object;
}

struct json_object *json_document_array(struct json_build *build)
{
	struct json_object *array = json_object_new_array();

	build->failed |= !array;
	return array;
}

struct json_object *json_put_object(struct json_build *build, struct json_object *into, const char *key)
{
	return put(build, into, key, json_object_new_object());
}

struct json_object *json_put_array(struct json_build *build, struct json_object *into, const char *key)
{
	return put(build, into, key, json_object_new_array());
}

struct json_object *json_add_object(struct json_build *build, struct json_object *array)
{
	return add(build, array, json_object_new_object());
}

void json_put_null(struct json_build *build, struct json_object *into, const char *key)
{
	if (!into || json_object_object_add(into, key, NULL))
		build->failed = true;
}

void json_put_text(struct json_build *build, struct json_object *into, const char *key, const char *text)
{
	if (text)
		put(build, into, key, json_object_new_string(text));
	else
		json_put_null(build, into, key);
}

void json_put_bool(struct json_build *build, struct json_object *into, const char *key, bool value)
{
	put(build, into, key, json_object_new_boolean(value));
}

void json_put_count(struct json_build *build, struct json_object *into, const char *key, uint64_t count)
{
	if (count == UNKNOWN_COUNT)
		json_put_null(build, into, key);
	else
		put(build, into, key, json_object_new_uint64(count));
}

void json_put_number(struct json_build *build, struct json_object *into, const char *key, double value)
{
	char text[400];
	size_t length;

	if (!isfinite(value)) {
		json_put_null(build, into, key);
		return;
	}
	length = (size_t)snprintf(text, sizeof(text), "%.4f", value);
	while (text[length - 1] == '0' && text[length - 2] != '.')
		text[--length] = '\0';
	put(build, into, key, json_object_new_double_s(value, text));
}

void json_put_exact(struct json_build *build, struct json_object *into, const char *key, double value)
{
	char text[64];

	if (!isfinite(value)) {
		json_put_null(build, into, key);
		return;
	}
	snprintf(text, sizeof(text), "%.17g", value);
	put(build, into, key, json_object_new_double_s(value, text));
}

void json_add_text(struct json_build *build, struct json_object *array, const char *text)
{
	add(build, array, json_object_new_string(text));
}

void json_add_exact(struct json_build *build, struct json_object *array, double value)
{
	char text[64];

	snprintf(text, sizeof(text), "%.17g", value);
	if (isfinite(value))
		add(build, array, json_object_new_double_s(value, text));
	else if (!array || json_object_array_add(array, NULL))
		build->failed = true;
}

void json_add_count(struct json_build *build, struct json_object *array, uint64_t count)
{
	add(build, array, json_object_new_uint64(count));
}

int json_finish(struct json_build *build, struct json_object *document, FILE *stream, struct connprof_error *error)
{
	const int flags = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE;
	const char *text = build->failed ? NULL : json_object_to_json_string_ext(document, flags);
	int code = 0;

	if (text) {
		fputs(text, stream);
		fputc('\n', stream);
	} else {
		code = error_memory(error);
	}
	json_object_put(document);
	return code;
}
