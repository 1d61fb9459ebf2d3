#include "core/base/err.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/unit/cmocka_all.h"

static void set_returns_code_and_keeps_sentence(void **state)
{
	struct err err;

	(void)state;
	err_clear(&err);
	assert_int_equal(err.code, ERR_NONE);
	assert_int_equal(err_set(&err, ERR_LIMIT, "%d is over %d", 7, 5), ERR_LIMIT);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_string_equal(err.text, "7 is over 5");
}

static void nobody_has_to_listen(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, ERR_RANGE, "unheard"), ERR_RANGE);
	assert_int_equal(err_system(NULL, "unheard"), ERR_SYSTEM);
	assert_int_not_equal(err_wrap(NULL, "unheard"), 0);
}

static void system_appends_the_reason(void **state)
{
	struct err err;

	(void)state;
	errno = ENOENT;
	assert_int_equal(err_system(&err, "opening %s", "disk"), ERR_SYSTEM);
	assert_string_equal(err.text, "opening disk: No such file or directory");
}

static void wrap_puts_context_in_front(void **state)
{
	struct err err;

	(void)state;
	err_set(&err, ERR_CORRUPT, "page 7 is short");
	assert_int_equal(err_wrap(&err, "image %s", "a.ckpt"), ERR_CORRUPT);
	assert_string_equal(err.text, "image a.ckpt: page 7 is short");
}

static void long_sentences_are_cut(void **state)
{
	char words[600];
	struct err err;

	(void)state;
	memset(words, 'x', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	err_set(&err, ERR_INVALID, "%s", words);
	assert_int_equal(strlen(err.text), ERR_TEXT_BYTES - 1);
	err_wrap(&err, "in front");
	assert_int_equal(strlen(err.text), ERR_TEXT_BYTES - 1);
	assert_int_equal(strncmp(err.text, "in front: xxx", 13), 0);
	err_wrap(&err, "%s", words);
	assert_int_equal(strlen(err.text), ERR_TEXT_BYTES - 1);
	errno = EIO;
	err_system(&err, "%s", words);
	assert_int_equal(strlen(err.text), ERR_TEXT_BYTES - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_returns_code_and_keeps_sentence),
		cmocka_unit_test(nobody_has_to_listen),
		cmocka_unit_test(system_appends_the_reason),
		cmocka_unit_test(wrap_puts_context_in_front),
		cmocka_unit_test(long_sentences_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
