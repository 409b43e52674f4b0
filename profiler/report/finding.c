/* SPDX-License-Identifier: BSD-2-Clause */
/* finding.c - what the formats of CI have in common. */
#include "report/finding.h"

#include <string.h>
#include <unistd.h>

/* Would the path, taken literally, lead out of the folder it starts in? */
static bool climbs(const char *path)
{
	for (const char *at = path; (at = strstr(at, "..")); at += 2)
		if ((at == path || at[-1] == '/') && (at[2] == '/' || !at[2]))
			return true;
	return false;
}

/* The part below the current directory, or NULL. */
static const char *below_here(const char *path)
{
	char here[FINDING_PATH];
	size_t length;

	if (*path == '<' || climbs(path)) /* <string>, <frozen …>: no file at all */
		return NULL;
	if (*path != '/')
		return path;
	if (!getcwd(here, sizeof(here)))
		return NULL;
	length = strlen(here);
	if (length == 1)
		return path + 1;
	return !strncmp(path, here, length) && path[length] == '/' && path[length + 1] ? path + length + 1 : NULL;
}

void finding_place(const struct connprof_recording *recording, const struct site_row *site, struct finding_place *out)
{
	const struct frame *frame = stacks_frame(recording->stacks, site->call_site);
	const char *path = "", *below;

	if (frame)
		path = strings_get(recording->strings, frame->file ? frame->file : frame->module);
	below = *path ? below_here(path) : NULL;
	snprintf(out->path, sizeof(out->path), "%s", below ? below : path);
	out->below = below != NULL;
	out->line = frame && frame->file ? frame->line : 0;
}

const char *finding_text(const struct connprof_recording *recording, const struct site_row *site, char out[FINDING_TEXT])
{
	const char *words = strings_get(recording->strings, site->explanation);
	const char *remedy = strings_get(recording->strings, site->remedy);
	char place[PLACE_TEXT];

	if (*words)
		snprintf(out, FINDING_TEXT, "%s%s%s", words, *remedy ? " What to do: " : "", remedy);
	else
		snprintf(out, FINDING_TEXT, "%s: %llu connections opened%s%s", site_place(recording, site, place),
			 (unsigned long long)site->connects, *remedy ? ". What to do: " : "", remedy);
	return out;
}

size_t finding_ordinal(const struct connprof_recording *recording, size_t index)
{
	size_t before = 0;

	for (size_t i = 0; i < index; i++)
		before += recording->sites[i].rule && recording->sites[i].fingerprint == recording->sites[index].fingerprint;
	return before;
}

const char *finding_accepted(const struct site_row *site)
{
	return site->accepted == ACCEPTED_BASELINE ? "in the baseline" : site->accepted == ACCEPTED_SUPPRESSED ? "suppressed" : NULL;
}

unsigned finding_kind(const struct site_row *site)
{
	if (!site->rule || !site->decides)
		return 0;
	return site->accepted ? FINDING_ACCEPTED : FINDING_COUNTS;
}

size_t finding_count(const struct connprof_recording *recording, unsigned kind)
{
	size_t count = 0;

	for (size_t i = 0; i < recording->site_count; i++)
		count += finding_kind(&recording->sites[i]) == kind;
	return count;
}

const char *finding_inconclusive(const struct connprof_recording *recording)
{
	const char *note = strings_get(recording->strings, recording->verdict_note);

	if (recording->verdict == VERDICT_FINDINGS || recording->verdict == VERDICT_CLEAN)
		return NULL;
	return *note ? note : "not enough was seen";
}
