/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_doctor.c - connprof doctor: what this host, kernel and user permit, and how to get what is missing. */
#include <json-c/json.h>
#include <string.h>

#include "commands.h"
#include "connprof.h"
#include "message.h"

#define FINDINGS_MAX 64

/* Adds a member; false when out of memory. */
static bool put(json_object *object, const char *name, json_object *value)
{
	if (value && json_object_object_add(object, name, value) == 0)
		return true;
	json_object_put(value);
	return false;
}

static json_object *finding_json(const struct connprof_finding *finding)
{
	json_object *object = json_object_new_object();

	if (object && put(object, "name", json_object_new_string(finding->name)) &&
	    put(object, "works", json_object_new_boolean(finding->works)) &&
	    put(object, "needed", json_object_new_boolean(finding->needed)) &&
	    put(object, "detail", json_object_new_string(finding->detail)) &&
	    (!finding->remedy[0] || put(object, "remedy", json_object_new_string(finding->remedy))))
		return object;
	json_object_put(object);
	return NULL;
}

static int print_json(const struct connprof_finding *findings, int count, bool works)
{
	json_object *all = json_object_new_object(), *list = json_object_new_array();
	bool complete = all && list;
	const char *text = NULL;

	for (int i = 0; complete && i < count; i++) {
		json_object *one = finding_json(&findings[i]);

		complete = one && json_object_array_add(list, one) == 0;
	}
	complete = complete && put(all, "schema", json_object_new_string("connprof.doctor/1")) &&
		   put(all, "version", json_object_new_string(CONNPROF_VERSION)) &&
		   put(all, "works", json_object_new_boolean(works)) && put(all, "findings", json_object_get(list));
	if (complete)
		text = json_object_to_json_string_ext(all, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text)
		puts(text);
	else
		message_say("out of memory");
	json_object_put(list);
	json_object_put(all);
	return text ? 0 : CONNPROF_CANNOT_OBSERVE;
}

static void print_table(const struct connprof_finding *findings, int count, bool works)
{
	for (int i = 0; i < count; i++) {
		const struct connprof_finding *finding = &findings[i];
		const char *mark = finding->works ? "ok" : finding->needed ? "MISSING" : "without";

		printf("%-8s %-20s %s\n", mark, finding->name, finding->detail);
		if (!finding->works && finding->remedy[0])
			printf("%29s -> %s\n", "", finding->remedy);
	}
	puts(works ? "\nconnprof can work here" : "\nconnprof cannot do its main job here: see MISSING above");
}

int cmd_doctor(const struct options *options)
{
	struct connprof_finding findings[FINDINGS_MAX];
	int count = connprof_doctor(findings, FINDINGS_MAX), status = 0;
	bool works = count > 0;

	for (int i = 0; i < count; i++)
		works = works && (findings[i].works || !findings[i].needed);
	if (options->json)
		status = print_json(findings, count, works);
	else if (!options->quiet)
		print_table(findings, count, works);
	if (!status)
		status = works ? CONNPROF_OK : CONNPROF_CANNOT_OBSERVE;
	return message_flush(stdout, "standard output", status);
}
