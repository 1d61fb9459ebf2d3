/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/host_disk.h"

#include "core/base/host_time.h"
#include "tests/unit/cmocka_all.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define DISK	16
#define SECTORS 2048
#define SECONDS 1000000000ull

/* A disk in a temporary file, and the machine's side of it. Run once for each way. */
struct bench {
	const struct disk_io_ops *io;
	char path[64];
	struct mailbox *mailbox;
	struct log log;
	struct host_disk *disk;
	struct output_backend backend;
	uint64_t number;
};

static bool way_is_open(const struct disk_io_ops *io)
{
	struct disk_io *probe = io->open(0, NULL);

	if (probe)
		io->close(probe);
	return probe != NULL;
}

static struct host_disk *bench_open_disk(struct bench *b, bool read_only, struct err *err)
{
	struct host_disk_options options = {.path = b->path,
					    .read_only = read_only,
					    .device = DISK,
					    .mailbox = b->mailbox,
					    .log = &b->log,
					    .io = b->io};

	return host_disk_open(&options, err);
}

static void bench_start(struct bench *b, bool read_only)
{
	struct err err = {0};

	b->disk = bench_open_disk(b, read_only, &err);
	if (!b->disk)
		fail_msg("%s", err.text);
	b->backend = host_disk_backend(b->disk);
}

static void bench_prepare(struct bench *b, const struct disk_io_ops *io, off_t size_bytes)
{
	int fd;

	*b = (struct bench){.io = io};
	if (!way_is_open(io)) {
		print_message("skipped: %s is not available on this host\n", io->name);
		skip();
	}
	strcpy(b->path, "/tmp/host_disk.XXXXXX");
	fd = mkstemp(b->path);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size_bytes), 0);
	close(fd);
	b->mailbox = mailbox_create(NULL, NULL, NULL);
	log_open(&b->log, -1, LOG_INFO);
}

static void bench_end(struct bench *b)
{
	struct err err = {0};

	assert_int_equal(host_disk_close(b->disk, &err), 0);
	mailbox_destroy(b->mailbox);
	log_close(&b->log);
	unlink(b->path);
}

static void bench_send(struct bench *b, struct output o)
{
	o.kind = OUTPUT_DISK;
	o.device = DISK;
	o.value = ++b->number;
	b->backend.send(b->backend.ctx, &o);
}

/* The next completion. */
static struct input bench_answer(struct bench *b)
{
	struct input in = {0};
	uint64_t end = host_time_monotonic_ns() + 20 * SECONDS;

	while (!mailbox_take(b->mailbox, &in)) {
		assert_true(host_time_monotonic_ns() < end);
		mailbox_wait(b->mailbox, end);
	}
	return in;
}

static struct input bench_do(struct bench *b, struct output o)
{
	struct input in;

	bench_send(b, o);
	in = bench_answer(b);
	assert_int_equal(in.kind, INPUT_DISK);
	assert_int_equal(in.device, DISK);
	assert_int_equal(in.value, b->number);
	return in;
}

static struct input bench_write(struct bench *b, uint64_t sector, const void *data, uint32_t size)
{
	return bench_do(b, (struct output){.command = DISK_WRITE,
					   .sector = sector,
					   .data = data,
					   .size_bytes = size});
}

static struct input bench_read(struct bench *b, uint64_t sector, uint32_t size)
{
	return bench_do(
		b, (struct output){.command = DISK_READ, .sector = sector, .size_bytes = size});
}

static bool log_says(struct bench *b, const char *words)
{
	char text[LOG_TAIL_BYTES];

	log_tail(&b->log, text, sizeof(text));
	return strstr(text, words) != NULL;
}

static bool all_are(const void *data, size_t n, uint8_t value)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < n; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

static void all_commands(void **state)
{
	struct bench b;
	uint8_t data[8192];
	struct input in;

	bench_prepare(&b, *state, SECTORS * 512);
	bench_start(&b, false);
	assert_int_equal(host_disk_sectors(b.disk), SECTORS);
	assert_string_equal(host_disk_way(b.disk), b.io->name);
	memset(data, 0xa5, sizeof(data));
	assert_int_equal(bench_write(&b, 8, data, sizeof(data)).extra, DISK_OK);
	assert_int_equal(bench_do(&b, (struct output){.command = DISK_FLUSH}).extra, DISK_OK);
	in = bench_read(&b, 8, sizeof(data));
	assert_int_equal(in.extra, DISK_OK);
	assert_int_equal(in.size_bytes, sizeof(data));
	assert_memory_equal(in.data, data, sizeof(data));
	in = bench_do(&b, (struct output){.command = DISK_DISCARD, .sector = 9, .sectors = 2});
	assert_int_equal(in.extra, DISK_OK);
	in = bench_do(&b, (struct output){.command = DISK_WRITE_ZEROES,
					  .sector = 15,
					  .sectors = 3000 - 15});
	assert_int_equal(in.extra, DISK_ERROR);
	in = bench_do(&b, (struct output){.command = DISK_WRITE_ZEROES,
					  .sector = 15,
					  .sectors = SECTORS - 15});
	assert_int_equal(in.extra, DISK_OK);
	in = bench_read(&b, 8, sizeof(data));
	assert_true(all_are(in.data, 512, 0xa5));
	assert_true(all_are((const uint8_t *)in.data + 512, 1024, 0));
	assert_true(all_are((const uint8_t *)in.data + 1536, 2048, 0xa5));
	assert_true(all_are((const uint8_t *)in.data + 7 * 512, 512, 0));
	bench_end(&b);
}

static void many_at_once(void **state)
{
	enum { N = 600 };
	struct bench b;
	uint8_t data[4096];
	bool seen[2 * N + 1] = {false};

	bench_prepare(&b, *state, N * sizeof(data));
	bench_start(&b, false);
	for (int i = 0; i < N; i++) {
		memset(data, i, sizeof(data));
		bench_send(&b, (struct output){.command = DISK_WRITE,
					       .sector = (uint64_t)i * 8,
					       .data = data,
					       .size_bytes = sizeof(data)});
		bench_send(&b, (struct output){.command = DISK_READ,
					       .sector = (uint64_t)i * 8,
					       .size_bytes = sizeof(data)});
	}
	for (int i = 0; i < 2 * N; i++) {
		struct input in = bench_answer(&b);

		assert_in_range(in.value, 1, 2 * N);
		assert_false(seen[in.value]);
		seen[in.value] = true;
		assert_int_equal(in.extra, DISK_OK);
		/* A read sees the write before it, however fast both were sent. */
		if (in.value % 2 == 0)
			assert_true(all_are(in.data, in.size_bytes, (uint8_t)(in.value / 2 - 1)));
	}
	bench_end(&b);
}

static void the_same_sector_keeps_its_order(void **state)
{
	struct bench b;
	uint8_t data[512];

	bench_prepare(&b, *state, SECTORS * 512);
	bench_start(&b, false);
	for (int i = 0; i < 200; i++) {
		memset(data, i, sizeof(data));
		bench_send(&b, (struct output){.command = DISK_WRITE,
					       .sector = 5,
					       .data = data,
					       .size_bytes = sizeof(data)});
	}
	for (int i = 0; i < 200; i++)
		assert_int_equal(bench_answer(&b).value, i + 1);
	assert_true(all_are(bench_read(&b, 5, 512).data, 512, 199));
	bench_end(&b);
}

static void a_second_writer_is_refused(void **state)
{
	struct bench b;
	struct err err = {0};

	bench_prepare(&b, *state, SECTORS * 512);
	bench_start(&b, false);
	assert_null(bench_open_disk(&b, false, &err));
	assert_says(&err, b.path);
	assert_says(&err, "in use");
	assert_null(bench_open_disk(&b, true, &err));
	assert_says(&err, "in use");
	assert_int_equal(host_disk_close(b.disk, NULL), 0);

	bench_start(&b, true);
	assert_null(bench_open_disk(&b, false, &err));
	assert_int_equal(host_disk_close(bench_open_disk(&b, true, &err), NULL), 0);
	bench_end(&b);
}

static void a_read_only_disk_is_not_written(void **state)
{
	struct bench b;
	uint8_t data[512] = {1};

	bench_prepare(&b, *state, SECTORS * 512);
	bench_start(&b, true);
	assert_int_equal(bench_write(&b, 0, data, sizeof(data)).extra, DISK_ERROR);
	assert_int_equal(bench_do(&b, (struct output){.command = DISK_DISCARD, .sectors = 1}).extra,
			 DISK_ERROR);
	assert_true(all_are(bench_read(&b, 0, 512).data, 512, 0));
	bench_end(&b);
}

static void what_is_not_there_cannot_be_asked_for(void **state)
{
	struct bench b;

	bench_prepare(&b, *state, SECTORS * 512);
	bench_start(&b, false);
	assert_int_equal(bench_read(&b, SECTORS, 512).extra, DISK_ERROR);
	assert_int_equal(bench_read(&b, SECTORS - 1, 1024).extra, DISK_ERROR);
	assert_int_equal(bench_read(&b, UINT64_MAX, 512).extra, DISK_ERROR);
	assert_int_equal(bench_read(&b, 0, 100).extra, DISK_ERROR);
	assert_int_equal(bench_read(&b, 0, INPUT_DATA_MAX_BYTES + 512).extra, DISK_ERROR);
	assert_int_equal(bench_read(&b, SECTORS - 1, 512).extra, DISK_OK);
	bench_end(&b);
}

static void an_image_that_became_short(void **state)
{
	struct bench b;
	struct input in;

	bench_prepare(&b, *state, SECTORS * 512);
	bench_start(&b, false);
	assert_int_equal(truncate(b.path, 100 * 512 + 100), 0);
	assert_int_equal(bench_read(&b, 99, 512).extra, DISK_OK);
	in = bench_read(&b, 99, 4096);
	assert_int_equal(in.extra, DISK_ERROR);
	assert_int_equal(in.size_bytes, 0);
	assert_true(log_says(&b, "shorter"));
	assert_true(log_says(&b, b.path));
	bench_end(&b);
}

static void a_ragged_end_reads_as_zeros_and_can_be_written(void **state)
{
	struct bench b;
	uint8_t data[512];

	bench_prepare(&b, *state, 1024 + 100);
	bench_start(&b, false);
	assert_int_equal(host_disk_sectors(b.disk), 3);
	assert_true(all_are(bench_read(&b, 1, 1024).data, 1024, 0));
	memset(data, 7, sizeof(data));
	assert_int_equal(bench_write(&b, 2, data, 512).extra, DISK_OK);
	assert_true(all_are(bench_read(&b, 2, 512).data, 512, 7));
	bench_end(&b);
}

static void a_full_host_is_a_full_disk(void **state)
{
	struct rlimit before, small;
	struct bench b;
	uint8_t data[512] = {1};

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	small = (struct rlimit){.rlim_cur = 100 * 512, .rlim_max = before.rlim_max};
	bench_prepare(&b, *state, SECTORS * 512);
	setrlimit(RLIMIT_FSIZE, &small);
	bench_start(&b, false);
	assert_int_equal(bench_write(&b, 99, data, 512).extra, DISK_OK);
	assert_int_equal(bench_write(&b, 100, data, 512).extra, DISK_FULL);
	assert_true(log_says(&b, "full disk"));
	assert_int_equal(bench_write(&b, 50, data, 512).extra, DISK_OK);
	bench_end(&b);
	setrlimit(RLIMIT_FSIZE, &before);
}

static void a_full_mailbox_loses_nothing(void **state)
{
	struct bench b;
	struct input filler = {.kind = INPUT_PACKET, .device = 32}, in;
	unsigned answers = 0;

	bench_prepare(&b, *state, SECTORS * 512);
	bench_start(&b, false);
	while (mailbox_post(b.mailbox, &filler))
		;
	for (int i = 0; i < 50; i++)
		bench_send(&b, (struct output){.command = DISK_READ, .size_bytes = 512});
	while (answers < 50) {
		in = bench_answer(&b);
		answers += in.kind == INPUT_DISK;
	}
	bench_end(&b);
}

static void close_carries_out_what_was_sent(void **state)
{
	struct bench b;
	struct input filler = {.kind = INPUT_PACKET};
	uint8_t data[512], back[512];
	int fd;

	bench_prepare(&b, *state, SECTORS * 512);
	bench_start(&b, false);
	while (mailbox_post(b.mailbox, &filler))
		;
	memset(data, 9, sizeof(data));
	for (uint64_t i = 0; i < 300; i++)
		bench_send(&b, (struct output){.command = DISK_WRITE,
					       .sector = i,
					       .data = data,
					       .size_bytes = 512});
	assert_int_equal(host_disk_close(b.disk, NULL), 0);
	b.disk = NULL;
	fd = open(b.path, O_RDONLY);
	for (int i = 0; i < 300; i++) {
		assert_int_equal(pread(fd, back, 512, i * 512), 512);
		assert_memory_equal(back, data, 512);
	}
	close(fd);
	bench_end(&b);
}

static void a_device_that_sends_too_much_is_told(void **state)
{
	enum { N = 80 };
	struct bench b;
	struct input filler = {.kind = INPUT_PACKET};
	unsigned answers = 0, stops = 0, goes = 0;
	uint8_t *data = calloc(1, 1 << 20);

	bench_prepare(&b, *state, 2 << 20);
	bench_start(&b, false);
	/* No completion gets through before all have been sent. */
	while (mailbox_post(b.mailbox, &filler))
		;
	for (int i = 0; i < N; i++)
		bench_send(&b, (struct output){
				       .command = DISK_WRITE, .data = data, .size_bytes = 1 << 20});
	while (answers < N || goes < stops) {
		struct input in = bench_answer(&b);

		answers += in.kind == INPUT_DISK;
		stops += in.kind == INPUT_FLOW && in.value == 1;
		goes += in.kind == INPUT_FLOW && in.value == 0;
	}
	assert_int_equal(stops, goes);
	assert_true(stops >= 1);
	free(data);
	bench_end(&b);
}

static void unusable_files_are_named(void **state)
{
	static const struct {
		const char *path, *says;
	} cases[] = {
		{"/nonexistent/disk.img", "/nonexistent/disk.img"},
		{"/tmp", "/tmp"},
		{"/dev/null", "neither a file nor a block device"},
	};
	struct bench b;
	struct err err = {0};

	bench_prepare(&b, *state, 0);
	assert_null(bench_open_disk(&b, false, &err));
	assert_says(&err, "empty");
	unlink(b.path);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		strcpy(b.path, cases[i].path);
		assert_null(bench_open_disk(&b, false, &err));
		assert_says(&err, cases[i].says);
	}
	mailbox_destroy(b.mailbox);
	log_close(&b.log);
}

/* The path of a loop device on a file; "" where there is none to be had. */
static void loop_attach(const char *file, char path[64])
{
	char command[128];
	FILE *out;

	snprintf(command, sizeof(command), "losetup --find --show %s 2>/dev/null", file);
	out = popen(command, "r");
	path[0] = 0;
	if (!out)
		return;
	if (!fgets(path, 64, out))
		path[0] = 0;
	pclose(out);
	path[strcspn(path, "\n")] = 0;
}

static void a_block_device(void **state)
{
	struct bench b;
	struct err err = {0};
	char file[64], command[96];
	uint8_t data[4096];

	bench_prepare(&b, *state, SECTORS * 512);
	strcpy(file, b.path);
	loop_attach(file, b.path);
	if (!b.path[0]) {
		unlink(file);
		mailbox_destroy(b.mailbox);
		print_message("skipped: no loop device can be had (not root?)\n");
		skip();
	}
	bench_start(&b, false);
	assert_int_equal(host_disk_sectors(b.disk), SECTORS);
	memset(data, 0x5a, sizeof(data));
	assert_int_equal(bench_write(&b, 16, data, sizeof(data)).extra, DISK_OK);
	assert_int_equal(bench_do(&b, (struct output){.command = DISK_FLUSH}).extra, DISK_OK);
	assert_int_equal(
		bench_do(&b, (struct output){.command = DISK_DISCARD, .sector = 17, .sectors = 3})
			.extra,
		DISK_OK);
	assert_int_equal(bench_do(&b, (struct output){.command = DISK_WRITE_ZEROES,
						      .sector = 22,
						      .sectors = 100})
				 .extra,
			 DISK_OK);
	assert_true(all_are(bench_read(&b, 16, 512).data, 512, 0x5a));
	assert_true(all_are(bench_read(&b, 17, 1536).data, 1536, 0));
	assert_true(all_are(bench_read(&b, 20, 1024).data, 1024, 0x5a));
	assert_true(all_are(bench_read(&b, 22, 1024).data, 1024, 0));
	assert_null(bench_open_disk(&b, false, &err));
	assert_says(&err, b.path);
	snprintf(command, sizeof(command), "losetup --detach %s", b.path);
	assert_int_equal(host_disk_close(b.disk, &err), 0);
	assert_int_equal(system(command), 0);
	b.disk = NULL;
	strcpy(b.path, file);
	bench_end(&b);
}

int main(void)
{
#define BOTH(f)                                                         \
	{"io_uring: " #f, f, NULL, NULL, (void *)&disk_io_uring},       \
	{                                                               \
		"threads: " #f, f, NULL, NULL, (void *)&disk_io_threads \
	}
	const struct CMUnitTest tests[] = {
		BOTH(all_commands),
		BOTH(many_at_once),
		BOTH(the_same_sector_keeps_its_order),
		BOTH(a_second_writer_is_refused),
		BOTH(a_read_only_disk_is_not_written),
		BOTH(what_is_not_there_cannot_be_asked_for),
		BOTH(an_image_that_became_short),
		BOTH(a_ragged_end_reads_as_zeros_and_can_be_written),
		BOTH(a_full_host_is_a_full_disk),
		BOTH(a_full_mailbox_loses_nothing),
		BOTH(close_carries_out_what_was_sent),
		BOTH(a_device_that_sends_too_much_is_told),
		BOTH(a_block_device),
		BOTH(unusable_files_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
