/* SPDX-License-Identifier: BSD-2-Clause */
/* page.c - the parts of a self-contained HTML page. */
#include "report/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "report/markup.h"

static const char style[] =
	"body{font:15px/1.5 system-ui,sans-serif;color:#1b1f24;background:#fff;max-width:1260px;margin:1.5em auto;padding:0 1em}"
	"h1{font-size:1.5em;margin:0 0 .3em}h2{font-size:1.15em;margin:1.8em 0 .4em;border-bottom:1px solid #d0d7de;padding-bottom:.2em}"
	"table{border-collapse:collapse;font-size:.92em;margin:.4em 0}th,td{text-align:left;padding:.25em .9em .25em 0;vertical-align:top}"
	"th{cursor:pointer;white-space:nowrap;border-bottom:1px solid #d0d7de}th:hover{text-decoration:underline}"
	"td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}tr:nth-child(even) td{background:#f6f8fa}"
	"td{overflow-wrap:anywhere}iframe{width:100%;border:1px solid #d0d7de}"
	".bad{border-left:5px solid #cf222e;background:#fff5f5;padding:.6em 1em;margin:.6em 0}"
	".good{border-left:5px solid #1a7f37;background:#f3fbf5;padding:.6em 1em;margin:.6em 0}"
	".weak{border-left:5px solid #bf8700;background:#fffbf0;padding:.6em 1em;margin:.6em 0}"
	".note{color:#59636e;font-size:.92em}.where{font-family:ui-monospace,monospace}"
	".bar{display:flex;height:1.7em;margin:.15em 0;max-width:66em}.bar b{flex:0 0 8.5em;font-weight:400;text-align:right;padding-right:.7em}"
	".bar span{overflow:hidden;white-space:nowrap;font-size:.8em;line-height:2.1em;box-sizing:border-box}"
	"nav a{margin-right:1.2em}dl{display:grid;grid-template-columns:max-content 1fr;gap:.1em 1em;margin:.4em 0}dt{font-weight:600}dd{margin:0}"
	"ol.chain{margin:.2em 0;padding-left:1.4em;font-family:ui-monospace,monospace;font-size:.88em}";

/* A click on a column's head sorts its table by it; a second one the other way round. */
static const char script[] =
	"document.addEventListener('click',function(e){var h=e.target.closest('th');if(!h)return;"
	"var t=h.closest('table'),b=t.tBodies[0],i=h.cellIndex,n=h.className==='n',d=h.dataset.up==='1'?-1:1;"
	"Array.prototype.forEach.call(t.tHead.rows[0].cells,function(c){delete c.dataset.up});h.dataset.up=d===1?'1':'0';"
	"Array.prototype.slice.call(b.rows).sort(function(x,y){var p=x.cells[i],q=y.cells[i];"
	"if(n){p=parseFloat(p.dataset.v);q=parseFloat(q.dataset.v);if(isNaN(p))return 1;if(isNaN(q))return -1;return (q-p)*d}"
	"return p.textContent.localeCompare(q.textContent)*d}).forEach(function(r){b.appendChild(r)})});";

void page_begin(FILE *stream, const char *title)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
	      "script-src 'unsafe-inline'; frame-src data:\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width\">\n<title>", stream);
	markup_put(title, stream);
	fprintf(stream, "</title>\n<style>%s</style></head>\n<body>\n<h1>", style);
	markup_put(title, stream);
	fputs("</h1>\n", stream);
}

void page_end(FILE *stream)
{
	fprintf(stream, "<p class=\"note\">connprof " CONNPROF_VERSION "</p>\n<script>%s</script>\n</body></html>\n", script);
}

void page_section(FILE *stream, const char *id, const char *heading)
{
	fprintf(stream, "<h2 id=\"%s\">", id);
	markup_put(heading, stream);
	fputs("</h2>\n", stream);
}

void page_paragraph(FILE *stream, const char *class, const char *text)
{
	fprintf(stream, "<p class=\"%s\">", class);
	markup_put(text, stream);
	fputs("</p>\n", stream);
}

/* ---- tables ---- */

void page_table_begin(FILE *stream, const char *const *columns, size_t count)
{
	fputs("<table><thead><tr>", stream);
	for (size_t i = 0; i < count; i++) {
		bool number = columns[i][0] == '#';

		fputs(number ? "<th class=\"n\">" : "<th>", stream);
		markup_put(columns[i] + number, stream);
		fputs("</th>", stream);
	}
	fputs("</tr></thead><tbody>\n", stream);
}

void page_row_begin(FILE *stream)
{
	fputs("<tr>", stream);
}

void page_cell(FILE *stream, const char *text)
{
	fputs("<td>", stream);
	markup_put(text, stream);
	fputs("</td>", stream);
}

void page_cell_number(FILE *stream, double value, int digits, const char *unit)
{
	if (isnan(value))
		fputs("<td class=\"n\" data-v=\"\">-</td>", stream);
	else
		fprintf(stream, "<td class=\"n\" data-v=\"%.9g\">%.*f%s</td>", value, digits, value, unit);
}

void page_row_end(FILE *stream)
{
	fputs("</tr>\n", stream);
}

void page_table_end(FILE *stream)
{
	fputs("</tbody></table>\n", stream);
}

/* ---- the picture ----
 *
 * It goes into a frame of its own by a data: address: such a document has no origin, so that its scripts reach nothing of the
 * page, and two pictures do not meet. (A sandbox on top leaves it blank in headless Chromium.)
 */

/* RFC 4648, section 4. */
static void put_base64(const unsigned char *bytes, size_t length, FILE *stream)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < length; i += 3) {
		size_t have = length - i < 3 ? length - i : 3;
		unsigned group = (unsigned)bytes[i] << 16 | (have > 1 ? (unsigned)bytes[i + 1] << 8 : 0) | (have > 2 ? bytes[i + 2] : 0);

		for (size_t k = 0; k < 4; k++)
			fputc(k <= have ? digits[group >> (18 - 6 * k) & 63] : '=', stream);
	}
}

/* The height flamegraph.pl wrote into the picture's first tag; 600 where it cannot be read. */
static unsigned picture_height(const char *picture)
{
	const char *tag = strstr(picture, "<svg"), *height = tag ? strstr(tag, " height=\"") : NULL;
	unsigned long pixels = height ? strtoul(height + strlen(" height=\""), NULL, 10) : 0;

	return pixels >= 50 && pixels <= 100000 ? (unsigned)pixels : 600;
}

int page_picture(FILE *stream, const struct connprof_recording *recording, const struct connprof_report_options *options,
		 const char *alternative, struct connprof_error *error)
{
	struct connprof_report_options svg = *options;
	char *picture = NULL;
	size_t length = 0;
	FILE *memory = open_memstream(&picture, &length);
	int code;

	if (!memory)
		return error_memory(error);
	svg.format = "svg";
	code = connprof_report_write(recording, CONNPROF_VIEW_PROFILE, &svg, memory, error);
	if (fclose(memory) && !code)
		code = error_memory(error);
	if (!code) {
		fprintf(stream, "<iframe height=\"%u\"", picture_height(picture) + 20);
		markup_attribute("title", alternative, stream);
		fputs(" src=\"data:image/svg+xml;base64,", stream);
		put_base64((const unsigned char *)picture, length, stream);
		fputs("\"></iframe>\n", stream);
	}
	free(picture);
	return code;
}
