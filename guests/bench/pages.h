/* SPDX-License-Identifier: Apache-2.0 */
/* The one benchmark that only a guest can run: page-table churn. */
#ifndef GUESTS_BENCH_PAGES_H
#define GUESTS_BENCH_PAGES_H

#include <stdint.h>

#define BENCH_PAGES_ROUNDS 300

uint64_t bench_pages(unsigned rounds);

#endif
