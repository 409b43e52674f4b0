/* SPDX-License-Identifier: BSD-2-Clause */
/* test_html.c - the profile as a page: functions by samples, names escaped, nothing loaded from outside, the picture whole. */
#include "sample.h"

#include "report/hot.h"
#include "report/page.h"

static char *page(const struct connprof_recording *r, const char *title)
{
	struct connprof_report_options options = {.format = "html", .title = title};

	return render(r, CONNPROF_VIEW_PROFILE, &options, NULL);
}

static void test_functions_are_counted_once_a_stack_and_sorted_by_their_own_samples(void **state)
{
	struct connprof_recording *r = sample_recording();
	struct connprof_report_options options = {.functions = true};
	struct lines *lines = lines_new(r, &options);
	struct hot_row *rows;
	int count = hot_functions(r, lines, 100, &rows);

	(void)state;
	assert_int_equal(count, 7); /* the row without a stack has no function */
	assert_string_equal(lines_name(lines, rows[0].name), "tcp_sendmsg_[k]");
	assert_int_equal(rows[0].self, 50);
	assert_string_equal(lines_name(lines, rows[1].name), "[libz.so.1]");
	assert_int_equal(rows[1].self, 30);
	assert_string_equal(lines_name(lines, rows[2].name), "deep (app/deep.py)");
	assert_int_equal(rows[2].self, 19);
	for (int i = 3; i < 7; i++) { /* both lines of Connection.send are one function */
		assert_int_equal(rows[i].self, 0);
		assert_int_equal(rows[i].total, i < 6 ? 50 : 30);
	}
	free(rows);
	assert_int_equal(hot_functions(r, lines, 2, &rows), 2);
	free(rows);
	lines_free(lines);
	connprof_recording_free(r);
}

static void test_recursion_is_counted_once(void **state)
{
	struct connprof_recording *r = empty_recording();
	struct connprof_report_options options = {.functions = true};
	uint32_t again = python(r, "again", "/srv/app/deep.py", 3);
	struct lines *lines;
	struct hot_row *rows;

	(void)state;
	row(r, stack(r, END_ROOT, 3, again, again, again), MASTER, MASTER, "m", 7);
	lines = lines_new(r, &options);
	assert_int_equal(hot_functions(r, lines, 10, &rows), 1);
	assert_int_equal(rows[0].total, 7);
	assert_int_equal(rows[0].self, 7);
	free(rows);
	lines_free(lines);
	connprof_recording_free(r);
}

static void test_names_are_escaped_and_the_page_may_load_nothing(void **state)
{
	struct connprof_recording *r = sample_recording();
	char *out;

	(void)state;
	row(r, stack(r, END_ROOT, 1, python(r, "</td><script>alert('1')</script>", "/srv/\"&.py", 1)), WORKER, WORKER, "m", 500);
	out = page(r, "a </title><img src=x> title");
	assert_has(out, "<title>a &lt;/title&gt;&lt;img src=x&gt; title</title>");
	assert_has(out, "&lt;/td&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; (srv/&quot;&amp;.py");
	assert_has_not(out, "<script>alert");
	assert_has(out, "default-src 'none'");
	assert_has_not(out, "http://");
	assert_has_not(out, "https://");
	free(out);
	connprof_recording_free(r);
}

/* The encoded picture in a page; to be freed. Not inlined: GCC 12 then takes open_memstream's pointer for one that dangles. */
__attribute__((noinline)) static char *encoded_picture(const char *page)
{
	static const char mark[] = ";base64,";
	const char *begin = strstr(page, mark);

	assert_non_null(begin);
	begin += strlen(mark);
	return strndup(begin, strcspn(begin, "\""));
}

/* The picture inside is what -f svg writes, to the byte. */
static void test_the_picture_is_the_svg(void **state)
{
	struct connprof_recording *r = sample_recording();
	struct connprof_report_options options = {.format = "svg", .title = "t"};
	char *out = page(r, "t"), *encoded = encoded_picture(out), *svg, *decoded, path[32], line[128];
	int status;

	(void)state;
	temporary(path, encoded, strlen(encoded));
	snprintf(line, sizeof(line), "base64 -d %s", path);
	decoded = command(line, &status);
	assert_int_equal(status, 0);
	svg = render(r, CONNPROF_VIEW_PROFILE, &options, NULL);
	assert_string_equal(decoded, svg);
	unlink(path);
	free(decoded);
	free(encoded);
	free(svg);
	free(out);
	connprof_recording_free(r);
}

static void test_no_samples_are_an_answer(void **state)
{
	struct connprof_recording *r = empty_recording();
	char *out = page(r, NULL);

	(void)state;
	assert_has(out, "no samples: nothing that was followed used the CPU");
	assert_has(out, "</html>");
	free(out);
	connprof_recording_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_functions_are_counted_once_a_stack_and_sorted_by_their_own_samples),
		cmocka_unit_test(test_recursion_is_counted_once),
		cmocka_unit_test(test_names_are_escaped_and_the_page_may_load_nothing),
		cmocka_unit_test(test_the_picture_is_the_svg),
		cmocka_unit_test(test_no_samples_are_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
