/* SPDX-License-Identifier: BSD-2-Clause */
/* fingerprint.c - FNV-1a, 64 bits, over normalised names with a separator behind each. */
#include "model/fingerprint.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/sites.h"
#include "protocol/protocol.h"

#define FNV_BASIS 0xcbf29ce484222325u /* the FNV-1a parameters for 64 bits */
#define FNV_PRIME 0x100000001b3u

static uint64_t hash_bytes(uint64_t hash, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * FNV_PRIME;
	return (hash ^ 0xff) * FNV_PRIME; /* a byte no UTF-8 text holds: "ab","c" is not "a","bc" */
}

static bool hexadecimal(const char *text, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!isxdigit((unsigned char)text[i]))
			return false;
	return true;
}

/* Length of a name without what the compiler adds and changes from build to build: .constprop.0, .isra.0, .cold, Rust's
 * ::h and 16 digits. A name that is an address has no length at all. */
static size_t lasting_length(const char *name)
{
	static const char *const suffixes[] = {".constprop.", ".isra.", ".part.", ".cold", ".llvm."};
	const char *rust = strstr(name, "::h"), *found;
	size_t length = strlen(name);

	if (!strncmp(name, "0x", 2) || (*name == '[' && strstr(name, "+0x")))
		return 0;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if ((found = strstr(name, suffixes[i])) && found != name && (size_t)(found - name) < length)
			length = (size_t)(found - name);
	for (; rust; rust = strstr(rust + 1, "::h"))
		if (strlen(rust) == strlen("::h") + 16 && hexadecimal(rust + 3, 16) && (size_t)(rust - name) < length)
			length = (size_t)(rust - name);
	return length;
}

/* The application's frames, as many as tell call sites apart; of a stack that has none, the frames of any code. */
static uint64_t hash_frames(uint64_t hash, const struct connprof_recording *recording, const struct site_row *row,
			    struct appframes *appframes, bool own_only)
{
	const char *before = "";
	size_t count = 0, taken = 0;
	const uint32_t *frames = stacks_get(recording->stacks, row->stack, &count, NULL);

	for (size_t i = 0; i < count && taken < SITE_FRAMES_MAX; i++) {
		const struct frame *frame = stacks_frame(recording->stacks, frames[i]);
		const char *name = frame ? strings_get(recording->strings, frame->function) : "";

		if (!frame || (frame->flags & (FRAME_INTERPRETER | FRAME_INLINED)) || (own_only && !appframes_own(appframes, frames[i])))
			continue;
		if (!strcmp(name, before)) /* recursion: how deep it was does not matter */
			continue;
		hash = hash_bytes(hash, name, lasting_length(name));
		before = name;
		taken++;
	}
	return hash;
}

uint64_t fingerprint_of(const struct connprof_recording *recording, const struct site_row *row, struct appframes *appframes)
{
	const char *rule = rule_name(row->rule), *protocol = protocol_name((enum protocol_id)row->protocol);
	uint64_t hash = FNV_BASIS;

	hash = hash_bytes(hash, rule ? rule : "", rule ? strlen(rule) : 0);
	hash = hash_bytes(hash, protocol, strlen(protocol));
	hash = hash_frames(hash, recording, row, appframes, row->call_site != 0);
	return hash ? hash : 1;
}

const char *fingerprint_text(uint64_t fingerprint, char out[FINGERPRINT_TEXT])
{
	snprintf(out, FINGERPRINT_TEXT, "%016" PRIx64, fingerprint);
	return out;
}

int fingerprint_parse(const char *text, uint64_t *out)
{
	if (strlen(text) != FINGERPRINT_TEXT - 1 || !hexadecimal(text, FINGERPRINT_TEXT - 1))
		return -EINVAL;
	return sscanf(text, "%16" SCNx64, out) == 1 ? 0 : -EINVAL;
}
