/* SPDX-License-Identifier: BSD-2-Clause */
/* liblazy.c - the object of loader.c: every call is the first of its function. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/types.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

void call_each_once(void);

static volatile long sink;
static const char *volatile text = "some text";
static const wchar_t *volatile wide = L"some text";

void call_each_once(void)
{
	const char *t = text;
	const wchar_t *w = wide;

	sink += getpid() + getppid() + (long)getuid() + (long)geteuid() + (long)getgid() + (long)getegid();
	sink += (long)strlen(t) + (long)strspn(t, "s") + (long)strcspn(t, "t") + strcmp(t, "x") + strncmp(t, "x", 1);
	sink += strcasecmp(t, "X") + strncasecmp(t, "X", 1) + strcoll(t, "x") + (long)strnlen(t, 4) + memcmp(t, "x", 1);
	sink += !!strchr(t, 'x') + !!strrchr(t, 'x') + !!strstr(t, "text") + !!strpbrk(t, "xt") + !!memchr(t, 'x', 4);
	sink += atol(t) + strtol(t, NULL, 10) + (long)strtoul(t, NULL, 10) + (long)strtod(t, NULL) + labs(sink);
	sink += (long)wcslen(w) + (long)wcsspn(w, L"s") + (long)wcscspn(w, L"t") + wcscmp(w, L"x") + wcsncmp(w, L"x", 1);
	sink += !!wcschr(w, L'x') + !!wcsrchr(w, L'x') + !!wcsstr(w, L"text") + !!wmemchr(w, L'x', 4) + (long)wcsnlen(w, 4);
	sink += (long)wcstol(w, NULL, 10) + towupper(L'x') + towlower(L'X') + iswalpha(L'x') + iswdigit(L'x') + toupper('x');
}
