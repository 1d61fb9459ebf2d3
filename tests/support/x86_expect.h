/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of core/x86 say about a struct x86_world_ram; include cmocka before. */
#ifndef TESTS_SUPPORT_X86_EXPECT_H
#define TESTS_SUPPORT_X86_EXPECT_H

#include "tests/support/x86_setup.h"

/* status is X86_FAULT and the exception waiting is vector, with this error code. */
#define assert_raised(w, status, vector_, error_)                 \
	do {                                                      \
		assert_int_equal(status, X86_FAULT);              \
		assert_int_equal((w)->cpu.event.vector, vector_); \
		assert_true((w)->cpu.event.has_error);            \
		assert_int_equal((w)->cpu.event.error, error_);   \
	} while (0)

/* The same for an exception without one. */
#define assert_raised_plain(w, status, vector_)                   \
	do {                                                      \
		assert_int_equal(status, X86_FAULT);              \
		assert_int_equal((w)->cpu.event.vector, vector_); \
		assert_false((w)->cpu.event.has_error);           \
	} while (0)

#define assert_segment(w, seg_, selector_, base_, limit_, attr_)          \
	do {                                                              \
		assert_int_equal((w)->cpu.seg[seg_].selector, selector_); \
		assert_int_equal((w)->cpu.seg[seg_].base, base_);         \
		assert_int_equal((w)->cpu.seg[seg_].limit, limit_);       \
		assert_int_equal((w)->cpu.seg[seg_].attr, attr_);         \
	} while (0)

#endif
