#include "core/base/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/cmocka_all.h"

static void lines_reach_the_descriptor_by_level(void **state)
{
	char text[4096] = "";
	struct log log;
	int pipe_fd[2];
	ssize_t got;

	(void)state;
	assert_int_equal(pipe(pipe_fd), 0);
	log_open(&log, pipe_fd[1], LOG_INFO);
	log_error(&log, "broken %d", 1);
	log_info(&log, "fine");
	log_debug(&log, "quiet");
	log_write(&log, LOG_TRACE, "silent");
	log_write(NULL, LOG_ERROR, "nobody");
	got = read(pipe_fd[0], text, sizeof(text) - 1);
	assert_true(got > 0);
	assert_non_null(strstr(text, "Z error broken 1\n"));
	assert_non_null(strstr(text, "Z info  fine\n"));
	assert_null(strstr(text, "quiet"));
	assert_int_equal(text[4], '-');
	assert_int_equal(text[10], 'T');

	log_tail(&log, text, sizeof(text));
	assert_non_null(strstr(text, "debug quiet\n"));
	assert_null(strstr(text, "silent"));
	log_close(&log);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

static void tail_keeps_the_newest_whole_lines(void **state)
{
	static char text[LOG_TAIL_BYTES + 1];
	struct log *log = malloc(sizeof(*log));
	size_t length;

	(void)state;
	log_open(log, -1, LOG_INFO);
	assert_int_equal(log_tail(log, text, sizeof(text)), 0);
	for (int i = 0; i < 5000; i++)
		log_info(log, "line %d.", i);
	length = log_tail(log, text, sizeof(text));
	assert_int_equal(length, strlen(text));
	assert_true(length > LOG_TAIL_BYTES - 100 && length <= LOG_TAIL_BYTES);
	assert_int_equal(text[4], '-');
	assert_non_null(strstr(text, "line 4999.\n"));
	assert_int_equal(text[length - 1], '\n');

	length = log_tail(log, text, 100);
	assert_true(length > 0 && length < 100);
	assert_int_equal(text[4], '-');
	assert_non_null(strstr(text, "line 4999.\n"));
	assert_int_equal(log_tail(log, text, 8), 0);
	assert_int_equal(log_tail(log, text, 0), 0);
	log_close(log);
	free(log);
}

static void long_lines_are_cut(void **state)
{
	static char text[LOG_TAIL_BYTES], words[3 * LOG_LINE_BYTES];
	struct log log;

	(void)state;
	memset(words, 'w', sizeof(words) - 1);
	log_open(&log, -1, LOG_INFO);
	log_info(&log, "%s", words);
	assert_int_equal(log_tail(&log, text, sizeof(text)), LOG_LINE_BYTES);
	assert_int_equal(text[LOG_LINE_BYTES - 1], '\n');
	log_close(&log);
}

static void *chatter(void *log)
{
	for (int i = 0; i < 500; i++)
		log_info(log, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	return NULL;
}

static void threads_do_not_mix_lines(void **state)
{
	static char text[LOG_TAIL_BYTES + 1];
	struct log log;
	pthread_t threads[4];

	(void)state;
	log_open(&log, -1, LOG_INFO);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, chatter, &log), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	log_tail(&log, text, sizeof(text));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		assert_int_equal(strlen(line), 28 + 6 + 30);
		assert_string_equal(line + 34, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	}
	log_close(&log);
}

static void levels_have_names(void **state)
{
	(void)state;
	assert_int_equal(log_level_parse("error"), LOG_ERROR);
	assert_int_equal(log_level_parse("trace"), LOG_TRACE);
	assert_int_equal(log_level_parse("loud"), -1);
	assert_int_equal(log_level_parse(""), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_reach_the_descriptor_by_level),
		cmocka_unit_test(tail_keeps_the_newest_whole_lines),
		cmocka_unit_test(long_lines_are_cut),
		cmocka_unit_test(threads_do_not_mix_lines),
		cmocka_unit_test(levels_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
