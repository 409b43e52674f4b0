/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * top_draw.c - connprof top on the terminal: the only user of ncurses.
 *
 * Names are UTF-8; what the terminal's character set lacks becomes '?'. Every line is cut at the edge, so that a terminal of any
 * size shows whole lines.
 */
#include <locale.h>
#include <math.h>
#include <ncurses.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "top.h"

#define HEAD_LINES 4   /* three of numbers, the columns' names */
#define FOOT_LINES 1
#define BAR_WIDTH 50

int top_screen_begin(void)
{
	setlocale(LC_CTYPE, "");
	if (!newterm(NULL, stdout, stdin))
		return -1;
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	return 0;
}

void top_screen_end(void)
{
	endwin();
}

int top_screen_key(void)
{
	static const struct { int from, to; } keys[] = {
		{ERR, TOP_KEY_NONE}, {KEY_UP, TOP_KEY_UP}, {KEY_DOWN, TOP_KEY_DOWN}, {KEY_PPAGE, TOP_KEY_PAGE_UP},
		{KEY_NPAGE, TOP_KEY_PAGE_DOWN}, {KEY_RESIZE, TOP_KEY_RESIZE}, {KEY_LEFT, '<'}, {KEY_RIGHT, '>'},
	};
	int key = getch();

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].from == key)
			return keys[i].to;
	return key >= 0 && key < 256 ? key : TOP_KEY_NONE;
}

size_t top_screen_rows(void)
{
	return LINES > HEAD_LINES + FOOT_LINES ? (size_t)(LINES - HEAD_LINES - FOOT_LINES) : 1;
}

/* As much of text as fits from column x to the edge. */
static void put(int y, int x, const char *text)
{
	wchar_t wide[512];
	size_t count = 0, used;
	int columns = COLS - x;
	mbstate_t state = {0};

	if (y >= LINES || columns <= 0)
		return;
	while (*text && count < sizeof(wide) / sizeof(wide[0]) - 1) {
		int width;

		used = mbrtowc(&wide[count], text, strlen(text), &state);
		if (used == (size_t)-1 || used == (size_t)-2) {
			memset(&state, 0, sizeof(state));
			wide[count] = L'?';
			used = 1;
		}
		width = wcwidth(wide[count]);
		if (width < 0) {
			wide[count] = L'?';
			width = 1;
		}
		if ((columns -= width) < 0)
			break;
		count++;
		text += used;
	}
	mvaddnwstr(y, x, wide, (int)count);
}

static void put_head(const struct top *top)
{
	const struct connprof_requests *requests = &top->requests;
	const struct connprof_progress *progress = &top->progress;
	double seconds = top->seconds_since > 0 ? top->seconds_since : 1;
	char line[512];
	int used;

	snprintf(line, sizeof(line), "%s  %.0f s  %llu samples  lost %llu  %u process%s%s", top->title, progress->seconds,
		 (unsigned long long)progress->samples, (unsigned long long)progress->lost, progress->processes,
		 progress->processes == 1 ? "" : "es", top->ended ? "  the target has ended" : top->paused ? "  paused" : "");
	attron(A_BOLD);
	put(0, 0, line);
	attroff(A_BOLD);
	used = snprintf(line, sizeof(line), "%llu requests (%.0f/s)", (unsigned long long)requests->observed,
			(double)top->requests_since / seconds);
	if (!isnan(requests->p50_ms))
		snprintf(line + used, sizeof(line) - (size_t)used, "  p50 %.1f  p99 %.1f  max %.1f ms  over 0.5 s: %llu",
				 requests->p50_ms, requests->p99_ms, requests->max_ms, (unsigned long long)requests->over_500ms);
	put(1, 0, line);
	snprintf(line, sizeof(line), "%llu connections (%.0f/s)", (unsigned long long)progress->connections,
		 (double)top->connections_since / seconds);
	put(2, 0, line);
}

static int put_column_heads(const struct top *top, const struct top_view *view)
{
	int x = 0;

	attron(A_REVERSE);
	mvhline(HEAD_LINES - 1, 0, ' ', COLS);
	for (unsigned c = 0; c < top_column_count(view); c++) {
		const struct top_column *column = &view->columns[c];
		char text[32];

		snprintf(text, sizeof(text), "%*s", column->width, column->name);
		if (view->sorted && c == top->sort)
			attron(A_BOLD | A_UNDERLINE);
		put(HEAD_LINES - 1, x, text);
		attroff(A_BOLD | A_UNDERLINE);
		x += column->width;
	}
	put(HEAD_LINES - 1, x + 2, view->text);
	attroff(A_REVERSE);
	return x + 2;
}

static void put_row(const struct top *top, const struct top_view *view, const struct top_item *item, int y, int text_x, double most)
{
	int x = 0;

	if (*item->item.mark)
		attron(A_BOLD);
	for (unsigned c = 0; c < top_column_count(view); c++) {
		const struct top_column *column = &view->columns[c];
		double value = top_value(top, item, column);
		char number[48], cell[64];

		snprintf(number, sizeof(number), "%.*f%s", column->digits, value, column->unit);
		snprintf(cell, sizeof(cell), "%*s", column->width, isnan(value) ? "-" : number);
		put(y, x, cell);
		x += column->width;
	}
	if (view->bars) {
		unsigned last = view->columns[top_column_count(view) - 1].value;
		int width = most > 0 ? (int)(BAR_WIDTH * item->item.values[last] / most + 0.5) : 0;

		for (int i = 0; i < width; i++)
			put(y, text_x + i, "#");
	} else {
		char text[sizeof(item->item.text) + sizeof(item->item.mark) + 8];

		if (*item->item.mark)
			snprintf(text, sizeof(text), "! %s  (%s)", item->item.text, item->item.mark);
		else
			snprintf(text, sizeof(text), "%s", item->item.text);
		put(y, text_x, text);
	}
	attroff(A_BOLD);
}

void top_screen_draw(const struct top *top)
{
	const struct top_view *view = &top_views[top->view];
	size_t rows = top_screen_rows();
	double most = 0;
	int text_x;

	erase();
	put_head(top);
	text_x = put_column_heads(top, view);
	for (size_t i = 0; view->bars && i < top->count; i++)
		most = fmax(most, top->items[i].item.values[view->columns[top_column_count(view) - 1].value]);
	if (!top->count)
		put(HEAD_LINES, 2, "nothing yet");
	for (size_t i = 0; i < rows && top->first + i < top->count; i++)
		put_row(top, view, &top->items[top->first + i], HEAD_LINES + (int)i, text_x, most);
	put(LINES - 1, 0, *top->notice ? top->notice
		: "Tab or 1-3 view   < > sort   arrows scroll   p pause   w write a recording   q quit");
	refresh();
}
