/* SPDX-License-Identifier: BSD-2-Clause */
/* numbers.h - small numbers for large ones (addresses of a target's objects): the same for the same, from 1 in order of arrival. */
#ifndef CONNPROF_BASE_NUMBERS_H
#define CONNPROF_BASE_NUMBERS_H

#include <stdint.h>

#define NUMBERS_MAX (1u << 20)

struct numbers;

struct numbers *numbers_new(void); /* NULL when out of memory */
void numbers_free(struct numbers *numbers);
/* 0 for 0, when out of memory, and for what is new past NUMBERS_MAX. */
uint32_t numbers_get(struct numbers *numbers, uint64_t value);

#endif
