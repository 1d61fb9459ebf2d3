/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world outside the wall that is a function of a seed: both doors of a machine, behind which are
 * no clock, no file and no thread.  Clock corrections come at seeded instants with seeded slopes, disk
 * requests complete after seeded delays in seeded order against a disk in memory, packets come out of
 * nowhere and come back, entropy is seeded, and keys are typed when the console shows what they wait
 * for.  Two machines that are the same and have the same script go through the same events.
 *
 * What passes either door is kept as a trace: for each input the instant, what came in, all that had
 * gone out before, and a digest of the machine as it was.
 */
#ifndef TESTS_SUPPORT_SCRIPTED_H
#define TESTS_SUPPORT_SCRIPTED_H

#include "core/base/seeded.h"
#include "core/machine/machine.h"

#define SCRIPTED_PENDING_MAX 512

struct scripted_key {
	const char *after; /* typed when the console has shown this */
	const char *keys;
};

struct scripted_options {
	uint64_t seed;
	uint64_t disk_bytes;		/* of the disk that all disks are; 0: none */
	bool packets;			/* frames for NIC 0 */
	const struct scripted_key *key; /* ends in one without keys; NULL: none */
	unsigned digest_every;		/* events between digests of the whole machine */
	size_t events_max;		/* the plug is pulled after so many */
};

struct scripted_event {
	struct instant at;
	enum input_kind kind;
	uint64_t came_in;     /* checksum of the input */
	uint64_t went_out;    /* checksum of all outputs so far */
	uint64_t vcpus;	      /* digest of the vCPUs' states */
	struct digest *whole; /* owned; NULL: not taken at this event */
};

struct scripted_pending {
	uint64_t at; /* retired instructions */
	struct input in;
	void *data; /* owned */
};

struct scripted {
	struct scripted_options options;
	struct seeded random;
	struct machine *machine; /* set by the test once it is made */
	struct inputs inputs;
	struct outputs outputs;
	uint8_t *disk;
	uint64_t next_clock, next_packet;
	uint64_t jump_ns; /* 0: none; else guest time shall be this */
	struct scripted_pending pending[SCRIPTED_PENDING_MAX]; /* by instant, then age */
	unsigned n_pending;
	void *handed_out; /* data of the last input, owned */
	char shown[256];  /* the newest of the console */
	size_t n_shown;
	uint64_t went_out;
	struct scripted_event *event; /* the trace */
	size_t n_events, room_events;
	bool off; /* the guest has powered off or asked for a reset */
};

/* Asserts on lack of memory.  Free with scripted_free(). */
void scripted_init(struct scripted *s, const struct scripted_options *options);
void scripted_free(struct scripted *s);

/* Compares two traces.  0, or ERR_MISMATCH with the first event at which they differ, and how. */
int scripted_compare(const struct scripted *a, const struct scripted *b, struct err *err);

#endif
