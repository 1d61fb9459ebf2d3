/*
 * Repeatable random numbers (xoshiro256** started through splitmix64) for faults, pacing and tests.
 * The caller owns the state; the same seed gives the same numbers on every host and in every
 * version, because seeds are printed by failing tests and typed in again. Not for secrets.
 */
#ifndef CORE_BASE_SEEDED_H
#define CORE_BASE_SEEDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seeded {
	uint64_t word[4];
};

/* Starts a sequence; any seed is good, 0 too. */
void seeded_start(struct seeded *seeded, uint64_t seed);

/* Starts a sequence of its own that depends on the parent's state; the parent moves on by one. */
void seeded_fork(struct seeded *child, struct seeded *parent);

/* All 64 bits are equally good. */
uint64_t seeded_u64(struct seeded *seeded);

/* From 0 to bound - 1, each as likely; bound is not 0. */
uint64_t seeded_below(struct seeded *seeded, uint64_t bound);

/* From low to high, both included, each as likely; low <= high. */
uint64_t seeded_range(struct seeded *seeded, uint64_t low, uint64_t high);

/* True `hits` times out of `tries`; tries is not 0. */
bool seeded_chance(struct seeded *seeded, uint64_t hits, uint64_t tries);

/* Fills data with size_bytes random bytes. */
void seeded_bytes(struct seeded *seeded, void *data, size_t size_bytes);

#endif
