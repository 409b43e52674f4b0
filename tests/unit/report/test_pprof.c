/* SPDX-License-Identifier: BSD-2-Clause */
/* test_pprof.c - the recording as a pprof file: what is written reads back the same, pprof itself reads it, hostile files do no harm. */
#include "sample.h"

#include <zlib.h>

static char *written(const struct connprof_recording *r, size_t *size)
{
	struct connprof_report_options options = {.format = "pprof"};

	return render(r, CONNPROF_VIEW_PROFILE, &options, size);
}

static struct connprof_recording *read_back(const char *bytes, size_t size)
{
	struct connprof_recording *r = NULL;
	struct connprof_error error = {0};
	char path[32];

	temporary(path, bytes, size);
	if (pprof_load(path, &r, &error))
		fail_msg("%s", error.text);
	unlink(path);
	return r;
}

static void same(const struct connprof_recording *a, const struct connprof_recording *b, enum connprof_view view,
		 struct connprof_report_options options)
{
	char *x = render(a, view, &options, NULL), *y = render(b, view, &options, NULL);

	assert_string_equal(x, y);
	free(x);
	free(y);
}

static char *summary(const struct connprof_recording *r)
{
	char *out = NULL;
	size_t size;
	FILE *stream = open_memstream(&out, &size);

	assert_int_equal(connprof_report_summary(r, stream, NULL), 0);
	fclose(stream);
	return out;
}

/* Where no connections were followed it is not said that there were none. */
static void assert_no_sites(const struct connprof_recording *r)
{
	struct connprof_error error = {0};

	assert_true(connprof_report_write(r, CONNPROF_VIEW_SITES, NULL, stdout, &error) < 0);
	assert_int_equal(error.status, CONNPROF_CANNOT_OBSERVE);
	assert_non_null(strstr(error.text, "holds no connections"));
}

static void assert_round_trip(struct connprof_recording *r)
{
	size_t size, again_size;
	char *bytes = written(r, &size), *again, *x, *y;
	struct connprof_recording *back = read_back(bytes, size);

	same(r, back, CONNPROF_VIEW_PROFILE, (struct connprof_report_options){.format = "folded"});
	same(r, back, CONNPROF_VIEW_PROFILE, (struct connprof_report_options){.format = "folded", .threads = true, .native = true});
	same(r, back, CONNPROF_VIEW_PROFILE, (struct connprof_report_options){.format = "folded", .functions = true});
	same(r, back, CONNPROF_VIEW_PROFILE, (struct connprof_report_options){.format = "svg"});
	same(r, back, CONNPROF_VIEW_PROFILE, (struct connprof_report_options){.format = "speedscope"});
	same(r, back, CONNPROF_VIEW_VERDICT, (struct connprof_report_options){.format = "text"});
	same(r, back, CONNPROF_VIEW_VERDICT, (struct connprof_report_options){.format = "json"});
	same(r, back, CONNPROF_VIEW_DIAGNOSIS, (struct connprof_report_options){.format = "json"});
	if (r->collect & CONNPROF_CONNECTIONS) {
		same(r, back, CONNPROF_VIEW_SITES, (struct connprof_report_options){.format = "text"});
		same(r, back, CONNPROF_VIEW_SITES, (struct connprof_report_options){.format = "json"});
	} else {
		assert_no_sites(r);
		assert_no_sites(back);
	}
	x = summary(r);
	y = summary(back);
	assert_string_equal(x, y);
	again = written(back, &again_size);
	assert_int_equal(size, again_size);
	assert_memory_equal(bytes, again, size);
	free(x);
	free(y);
	free(bytes);
	free(again);
	connprof_recording_free(back);
}

static void test_every_report_is_the_same_after_writing_and_reading(void **state)
{
	struct connprof_recording *r = sample_recording();

	(void)state;
	assert_round_trip(r);
	verdict(r);
	assert_round_trip(r);
	series(r);
	assert_round_trip(r);
	r->server = (struct server_row){.asked = true, .address = text(r, "redis://127.0.0.1:6379"), .connections_received = 4815,
					.connections_seen = 4812, .clients_listed = UNKNOWN_COUNT,
					.clients_matched = UNKNOWN_COUNT, .note = text(r, "3 were not ours")};
	assert_round_trip(r);
	connprof_recording_free(r);
}

static void test_an_empty_recording_comes_back_empty(void **state)
{
	struct connprof_recording *r = empty_recording();

	(void)state;
	assert_round_trip(r);
	connprof_recording_free(r);
}

static void test_numbers_come_back_exactly(void **state)
{
	struct connprof_recording *r = sample_recording(), *back;
	size_t size;
	char *bytes;

	(void)state;
	verdict(r);
	bytes = written(r, &size);
	back = read_back(bytes, size);
	assert_int_equal(back->site_count, 2);
	assert_true(back->sites[0].setup_ms.max == 1.0 / 3);
	assert_true(isnan(back->sites[1].lifetime_ms.p50));
	assert_int_equal(back->sites[0].pool_connects, 600);
	assert_int_equal(back->sites[0].pools, 590);
	assert_int_equal(back->sites[0].pooling, POOLING_OWN);
	assert_int_equal(back->sites[1].pooling, POOLING_UNKNOWN);
	assert_true(back->sites[1].requests == UNKNOWN_COUNT);
	assert_true(back->sites[0].peer_closed_open == UNKNOWN_COUNT);
	assert_int_equal(back->sites[0].protocol_confirmed, true);
	assert_memory_equal(&back->sites[1].peer, &r->sites[1].peer, sizeof(struct endpoint));
	assert_int_equal(back->start_unix_ns, 1700000000123456789u);
	assert_int_equal(back->drops[DROP_RING_FULL_SAMPLE], 5);
	assert_int_equal(back->targets[1].parent, MASTER);
	free(bytes);
	connprof_recording_free(back);
	connprof_recording_free(r);
}

/* ---- other programs ---- */

static void test_go_tool_pprof_reads_it(void **state)
{
	struct connprof_recording *r = sample_recording();
	char path[32], line[256], *out, *bytes;
	size_t size;
	int status;

	(void)state;
	free(command("go version 2>/dev/null", &status));
	if (status) {
		print_message("skipped: no go command here to read the file with (apt install golang-go)\n");
		connprof_recording_free(r);
		skip();
	}
	verdict(r);
	bytes = written(r, &size);
	temporary(path, bytes, size);
	snprintf(line, sizeof(line), "go tool pprof -top -lines %s 2>&1", path);
	out = command(line, &status);
	assert_int_equal(status, 0);
	assert_has(out, "File: python3.11");
	assert_has(out, "tcp_sendmsg");
	assert_has(out, "Connection.send /usr/lib/python3/dist-packages/redis/connection.py:300");
	free(out);
	snprintf(line, sizeof(line), "go tool pprof -top -sample_index=connects -cum %s 2>&1", path);
	out = command(line, &status);
	assert_int_equal(status, 0);
	assert_has(out, "RecommendHandler.__init__");
	free(out);
	snprintf(line, sizeof(line), "go tool pprof -raw %s 2>&1", path);
	out = command(line, &status);
	assert_int_equal(status, 0);
	assert_has(out, "thread:[MainThread]");
	free(out);
	unlink(path);
	free(bytes);
	connprof_recording_free(r);
}

static char *gzipped(const char *bytes, size_t size, size_t *out_size)
{
	z_stream z = {0};
	char *out = malloc(size + 1024);

	assert_non_null(out);
	assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)bytes;
	z.avail_in = (uInt)size;
	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)size + 1024;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	*out_size = z.total_out;
	deflateEnd(&z);
	return out;
}

/* A file as Go's runtime writes it, by hand: types cpu/nanoseconds, one sample of value 7 in main.run at /src/main.go:12. */
static const char foreign[] =
	"\x0a\x04\x08\x01\x10\x02"                     /* sample_type {1, 2} */
	"\x12\x06\x0a\x01\x01\x12\x01\x07"             /* sample {location 1, value 7} */
	"\x1a\x04\x08\x01\x28\x03"                     /* mapping {id 1, filename 3} */
	"\x22\x0d\x08\x01\x10\x01\x18\x90\x01\x22\x04\x08\x01\x10\x0c" /* location {id 1, mapping 1, address, line {1, 12}} */
	"\x2a\x08\x08\x01\x10\x04\x18\x04\x20\x05"     /* function {id 1, name 4, system_name 4, filename 5} */
	"\x32\x00" "\x32\x03" "cpu" "\x32\x0b" "nanoseconds" "\x32\x04" "/bin" "\x32\x08" "main.run" "\x32\x0c" "/src/main.go";

static void test_another_programs_profile_is_read_as_a_profile(void **state)
{
	size_t size;
	char *packed, *out;
	struct connprof_recording *r;

	(void)state;
	packed = gzipped(foreign, sizeof(foreign) - 1, &size);
	r = read_back(packed, size);
	out = render_as(r, CONNPROF_VIEW_PROFILE, "folded");
	assert_string_equal(out, "main.run (src/main.go:12) 7\n");
	assert_int_equal(r->note_count, 1);
	free(out);
	free(packed);
	connprof_recording_free(r);
}

/* A call and what the compiler put into it are one location of several lines, as pprof shows them. */
static void test_inlined_frames_are_lines_of_one_location(void **state)
{
	struct connprof_recording *r = empty_recording(), *back;
	struct frame f = {.kind = FRAME_NATIVE, .module = text(r, "/srv/app/server"), .address = 0x1234, .file = text(r, "/src/a.c")};
	uint32_t ids[4];
	const uint32_t *frames;
	size_t size, count;
	char *bytes, *out;

	(void)state;
	for (int i = 0; i < 4; i++) {
		f.flags = i < 2 ? FRAME_INLINED : 0;
		f.address = i < 3 ? 0x1234 : 0x88;
		f.function = text(r, (const char *const[]){"inner", "middle", "outer", "main"}[i]);
		f.line = 10 + (uint32_t)i;
		ids[i] = stacks_add_frame(r->stacks, &f);
	}
	row(r, stacks_add(r->stacks, ids, 4, END_ROOT), MASTER, MASTER, "main", 5);
	row(r, stacks_add(r->stacks, ids + 2, 2, END_ROOT), MASTER, MASTER, "main", 2); /* the call itself, elsewhere alone */
	bytes = written(r, &size);
	back = read_back(bytes, size);
	same(r, back, CONNPROF_VIEW_PROFILE, (struct connprof_report_options){.format = "folded"});
	out = render_as(back, CONNPROF_VIEW_PROFILE, "folded");
	assert_string_equal(out, "main (src/a.c:13);outer (src/a.c:12) 2\n"
				 "main (src/a.c:13);outer (src/a.c:12);middle (src/a.c:11)_[i];inner (src/a.c:10)_[i] 5\n");
	frames = stacks_get(back->stacks, back->profile[0].stack, &count, NULL);
	assert_int_equal(count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(!!(stacks_frame(back->stacks, frames[i])->flags & FRAME_INLINED), i < 2);
	free(out);
	free(bytes);
	connprof_recording_free(r);
	connprof_recording_free(back);
}

/* ---- hostile files ---- */

static int load(const char *bytes, size_t size, struct connprof_error *error)
{
	struct connprof_recording *r = NULL;
	char path[32];
	int code;

	temporary(path, bytes, size);
	code = pprof_load(path, &r, error);
	unlink(path);
	connprof_recording_free(r);
	return code;
}

static void test_what_is_no_recording_is_refused_in_words(void **state)
{
	struct connprof_error error = {0};
	struct connprof_recording *r = NULL;

	(void)state;
	assert_int_equal(load("", 0, &error), -EINVAL);
	assert_int_equal(load("hello, this is text\n", 20, &error), -EINVAL);
	assert_has(error.text, "is not a recording");
	assert_int_equal(error.status, CONNPROF_CANNOT_OBSERVE);
	assert_int_equal(pprof_load("/nonexistent/x.pb.gz", &r, &error), -ENOENT);
	assert_null(r);
}

static void test_a_newer_connprofs_file_is_refused_as_such(void **state)
{
	static const char newer[] =
		"\x0a\x04\x08\x01\x10\x01"                 /* sample_type {1, 1} */
		"\x12\x09\x12\x01\x00\x1a\x04\x08\x02\x10\x01" /* sample {value 0, label {key 2, str 1}} */
		"\x32\x00" "\x32\x01" "x" "\x32\x14" "connprof.recording/9";
	struct connprof_error error = {0};

	(void)state;
	assert_int_equal(load(newer, sizeof(newer) - 1, &error), -EPROTO);
	assert_has(error.text, "newer connprof");
}

/* Cut anywhere, the file is refused or, where a whole field ends, read as less: never a crash (run under ASan too). */
static void test_a_cut_or_damaged_file_does_no_harm(void **state)
{
	struct connprof_recording *r = sample_recording();
	char *plain = calloc(1, 1 << 20), *bytes;
	size_t size, plain_size;
	unsigned refused = 0, seed = 1;
	char path[32];
	gzFile file;

	(void)state;
	verdict(r);
	bytes = written(r, &size);
	temporary(path, bytes, size);
	file = gzopen(path, "rb");
	plain_size = (size_t)gzread(file, plain, 1 << 20);
	gzclose(file);
	unlink(path);
	assert_true(load(bytes, size / 2, NULL) < 0);
	for (size_t cut = 0; cut < plain_size; cut += 97)
		refused += load(plain, cut, NULL) < 0;
	for (int i = 0; i < 200; i++) {
		size_t at = (size_t)rand_r(&seed) % plain_size;
		char old = plain[at];

		plain[at] = (char)rand_r(&seed);
		refused += load(plain, plain_size, NULL) < 0;
		plain[at] = old;
	}
	assert_true(refused > 20);
	free(plain);
	free(bytes);
	connprof_recording_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_report_is_the_same_after_writing_and_reading),
		cmocka_unit_test(test_an_empty_recording_comes_back_empty),
		cmocka_unit_test(test_numbers_come_back_exactly),
		cmocka_unit_test(test_go_tool_pprof_reads_it),
		cmocka_unit_test(test_another_programs_profile_is_read_as_a_profile),
		cmocka_unit_test(test_inlined_frames_are_lines_of_one_location),
		cmocka_unit_test(test_what_is_no_recording_is_refused_in_words),
		cmocka_unit_test(test_a_newer_connprofs_file_is_refused_as_such),
		cmocka_unit_test(test_a_cut_or_damaged_file_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
