/*
 * The only reader of the host's clocks. Guest time never comes from here: it is computed from the
 * instant, and corrections to it come in through the inputs door.
 */
#ifndef CORE_BASE_HOST_TIME_H
#define CORE_BASE_HOST_TIME_H

#include <stdint.h>

#define NS_PER_SECOND 1000000000ull

/* Nanoseconds of a clock that never steps; the zero point means nothing. Does not block. */
uint64_t host_time_monotonic_ns(void);

/* Nanoseconds since 1970 in UTC, as the host believes; may step. Does not block. */
uint64_t host_time_realtime_ns(void);

/* Nanoseconds of CPU that this thread has used. Does not block. */
uint64_t host_time_thread_cpu_ns(void);

/* Blocks until the monotonic clock reads at least deadline_ns, through any signals. */
void host_time_sleep_until(uint64_t deadline_ns);

#endif
