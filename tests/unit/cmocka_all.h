/* cmocka's header wants these before it. */
#ifndef TESTS_UNIT_CMOCKA_ALL_H
#define TESTS_UNIT_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Fails unless the sentence of an error has the given words in it. */
#define assert_says(err, words)                                                     \
	do {                                                                        \
		if (!strstr((err)->text, words))                                    \
			fail_msg("\"%s\" does not say \"%s\"", (err)->text, words); \
	} while (0)

#endif
