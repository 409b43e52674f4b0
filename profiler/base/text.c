/* SPDX-License-Identifier: BSD-2-Clause */
/* text.c - cleaning and parsing of text. */
#include "base/text.h"

#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Length of the valid UTF-8 sequence at s (RFC 3629: no overlong forms, no surrogates), its code point in *rune; 0: none. */
static size_t utf8_sequence(const unsigned char *s, size_t left, uint32_t *rune)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = s[0] < 0x80 ? 1 : (s[0] & 0xe0) == 0xc0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : (s[0] & 0xf8) == 0xf0 ? 4 : 0;
	uint32_t r = n == 1 ? s[0] : s[0] & (0x7fu >> n);

	if (n == 0 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		r = r << 6 | (s[i] & 0x3f);
	}
	if (r < least[n] || r > 0x10ffff || (r >= 0xd800 && r <= 0xdfff))
		return 0;
	*rune = r;
	return n;
}

static bool printable(uint32_t rune)
{
	return rune >= 0x20 && !(rune >= 0x7f && rune <= 0x9f) && !(rune >= 0x200e && rune <= 0x200f) &&
	       !(rune >= 0x2028 && rune <= 0x202e) && !(rune >= 0x2066 && rune <= 0x2069) && rune != 0xfeff;
}

size_t text_clean(char *out, size_t size, const char *text, size_t length)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t at = 0, last = 0, i = 0;

	while (i < length) {
		uint32_t rune = 0;
		size_t n = utf8_sequence(s + i, length - i, &rune);
		bool good = n && printable(rune);
		size_t width = good ? n : 1;

		if (at + width + (i + (n ? n : 1) < length ? 3 : 0) >= size) { /* keep room for the mark of a cut */
			at = at + 4 <= size ? at : last;
			memcpy(out + at, "\xe2\x80\xa6", 3);
			at += 3;
			break;
		}
		last = at;
		if (good)
			memcpy(out + at, s + i, n);
		else
			out[at] = '?';
		at += width;
		i += n ? n : 1;
	}
	out[at] = '\0';
	return at;
}

int text_duration(const char *text, uint64_t *ns)
{
	static const struct { const char *unit; double ns; } units[] = {
		{"", 1e9}, {"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9},
	};
	char *end;
	double value;

	if (!((*text >= '0' && *text <= '9') || *text == '.') || strpbrk(text, "xXpP"))
		return -EINVAL;
	value = strtod(text, &end);
	if (end == text)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(end, units[i].unit)) {
			value *= units[i].ns;
			if (!isfinite(value) || value > 315360000e9)
				return -EINVAL;
			*ns = (uint64_t)value;
			return 0;
		}
	return -EINVAL;
}

int text_number(const char *text, uint64_t low, uint64_t high, uint64_t *out)
{
	unsigned long long value;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end || value < low || value > high)
		return -EINVAL;
	*out = value;
	return 0;
}

int text_match(const char *pattern, const char *text)
{
	return fnmatch(pattern, text, 0) == 0;
}

bool text_ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), wanted = strlen(end);

	return length >= wanted && !strcmp(text + length - wanted, end);
}

const char *text_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
