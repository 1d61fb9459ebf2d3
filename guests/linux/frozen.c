/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into initdb while a guest's disk is being made: a world in which time and chance stand
 * still, so that the same packages give the same cluster.
 */
#include <string.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>

#define FROZEN_SECONDS 946684800 /* the year 2000 */

int clock_gettime(clockid_t clock, struct timespec *now)
{
	(void)clock;
	now->tv_sec = FROZEN_SECONDS;
	now->tv_nsec = 0;
	return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	(void)zone;
	now->tv_sec = FROZEN_SECONDS;
	now->tv_usec = 0;
	return 0;
}

time_t time(time_t *now)
{
	if (now)
		*now = FROZEN_SECONDS;
	return FROZEN_SECONDS;
}

pid_t getpid(void)
{
	return 70;
}

/* OpenSSL's, which PostgreSQL takes its secrets from: there are none to keep here. */
int RAND_bytes(unsigned char *data, int size);
int RAND_bytes(unsigned char *data, int size)
{
	memset(data, 0x70, (size_t)size);
	return 1;
}

int RAND_status(void);
int RAND_status(void)
{
	return 1;
}
