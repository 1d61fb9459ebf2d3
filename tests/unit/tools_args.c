/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines: what is understood, and what is said about the rest. */
#include "tests/unit/cmocka_all.h"

#include "tools/args.h"
#include "tools/last_words.h"
#include "tools/run_options.h"

#include <string.h>

static char *copy(char *room, const char *text)
{
	return strcpy(room, text);
}

static void sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {{"0", 0},		{"4096", 4096},	    {"512M", 512u << 20},
		    {"6G", 6ull << 30}, {"6g", 6ull << 30}, {"1T", 1ull << 40}};
	static const char *const bad[] = {"", "M", "-1", "12Q", "1MM", "1.5G", "99999999999G"};
	uint64_t bytes;

	(void)state;
	for (size_t n = 0; n < sizeof(good) / sizeof(good[0]); n++) {
		assert_int_equal(args_size(good[n].text, &bytes, NULL), 0);
		assert_int_equal(bytes, good[n].bytes);
	}
	for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++)
		assert_int_equal(args_size(bad[n], &bytes, NULL), ERR_INVALID);
}

static void cutting(void **state)
{
	char room[64], *rest = copy(room, "a,,b,c,,,d,");

	(void)state;
	assert_string_equal(args_cut(&rest), "a,b");
	assert_string_equal(args_cut(&rest), "c,");
	assert_string_equal(args_cut(&rest), "d");
	assert_string_equal(args_cut(&rest), "");
	assert_null(args_cut(&rest));
}

static void distances(void **state)
{
	(void)state;
	assert_int_equal(args_distance("kernel", "kernel"), 0);
	assert_int_equal(args_distance("kernle", "kernel"), 2);
	assert_int_equal(args_distance("", "mem"), 3);
	assert_int_equal(args_distance("mems", "mem"), 1);
}

/* Parses a command line of up to eight words. */
static int parse(struct run_options *o, struct err *err, const char *const *words)
{
	static char room[8][256];
	char *argv[8];
	bool help;
	int argc = 0;

	for (; words[argc]; argc++)
		argv[argc] = copy(room[argc], words[argc]);
	return run_options_parse(o, argc, argv, &help, err);
}

#define PARSE(o, err, ...) parse(o, err, (const char *const[]){__VA_ARGS__, NULL})

static void a_whole_command_line(void **state)
{
	struct run_options o;
	struct err err = {0};

	(void)state;
	assert_int_equal(PARSE(&o, &err, "--kernel", "vmlinux", "--mem=6G", "--cpus", "4",
			       "--no-reboot", "--rng=off"),
			 0);
	assert_string_equal(o.kernel, "vmlinux");
	assert_int_equal(o.memory_bytes, 6ull << 30);
	assert_int_equal(o.cpus, 4);
	assert_true(o.no_reboot);
	assert_false(o.rng);
	assert_string_equal(o.serial, "stdio");
}

static void disks_and_nics(void **state)
{
	struct run_options o;
	struct err err = {0};

	(void)state;
	assert_int_equal(PARSE(&o, &err, "--kernel=k", "--disk", "a,,b.img,readonly,queues=4",
			       "--disk=c", "--net", "user,mac=02:00:00:00:00:07,dump=x.pcap",
			       "--net=tap:t0"),
			 0);
	assert_int_equal(o.n_disks, 2);
	assert_string_equal(o.disk[0].path, "a,b.img");
	assert_true(o.disk[0].read_only);
	assert_int_equal(o.disk[0].queues, 4);
	assert_int_equal(o.disk[1].queues, 1);
	assert_int_equal(o.n_nics, 2);
	assert_string_equal(o.nic[0].spec, "user,dump=x.pcap");
	assert_true(o.nic[0].has_mac);
	assert_int_equal(o.nic[0].mac[5], 7);
	assert_false(o.nic[1].has_mac);
}

static void complaints(void **state)
{
	static const struct {
		const char *word[2], *said;
	} bad[] = {
		{{"--kernle", "x"}, "--kernle is unknown; did you mean --kernel?"},
		{{"kernel", "x"}, "'kernel' belongs to no option"},
		{{"--kernel"}, "--kernel needs a value: FILE"},
		{{"--no-reboot=1"}, "--no-reboot takes no value"},
		{{"--cpus", "0"}, "--cpus: at least 1"},
		{{"--cpus", "65"}, "--cpus: at most 64"},
		{{"--rng", "maybe"}, "--rng: say on or off, not 'maybe'"},
		{{"--disk", "a,redonly"}, "--disk: a: redonly is unknown; did you mean readonly?"},
		{{"--disk", "a,queues"}, "--disk: a: queues needs a value: queues=N"},
		{{"--disk", ",readonly"}, "--disk: the file's name comes first"},
		{{"--name", "x"}, "--kernel FILE is missing: what shall be booted?"},
	};

	(void)state;
	for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
		struct run_options o;
		struct err err = {0};

		assert_int_not_equal(PARSE(&o, &err, bad[n].word[0], bad[n].word[1]), 0);
		assert_string_equal(err.text, bad[n].said);
	}
}

static void bad_addresses(void **state)
{
	static const char *const bad[] = {"user,mac=",
					  "user,mac=02:00:00:00:00",
					  "user,mac=02:00:00:00:00:01:02",
					  "user,mac=01:00:00:00:00:01",
					  "user,mac=02-00-00-00-00-01",
					  "user,mac=02:00:00:00:00:100"};

	(void)state;
	for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
		struct run_options o;
		struct err err = {0};

		assert_int_equal(PARSE(&o, &err, "--kernel=k", "--net", bad[n]), ERR_INVALID);
		assert_non_null(strstr(err.text, "mac="));
	}
}

static void last_words(void **state)
{
	struct last_words w = {0};
	const char *text =
		"[  1.0] KKernel panic - not syncing: x\n[ 1.1] ---[ end Kernel panic - ";

	(void)state;
	for (const char *c = text; *c; c++)
		last_words_feed(&w, c, 1);
	assert_true(w.said[WORDS_PANIC]);
	assert_true(w.said[WORDS_PANIC_END]);
	assert_false(w.said[WORDS_RESTART]);
	last_words_feed(&w, "[   2.0] reboot: Restarting system", 34);
	assert_true(w.said[WORDS_RESTART]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),	  cmocka_unit_test(cutting),
		cmocka_unit_test(distances),	  cmocka_unit_test(a_whole_command_line),
		cmocka_unit_test(disks_and_nics), cmocka_unit_test(complaints),
		cmocka_unit_test(bad_addresses),  cmocka_unit_test(last_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
