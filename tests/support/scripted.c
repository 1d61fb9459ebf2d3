/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/scripted.h"

#include "core/base/checksum.h"
#include "core/guest_time.h"
#include "core/x86/vcpu_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CLOCK_EVERY_MAX	  2000000u /* instructions between clock corrections */
#define PACKET_EVERY_MAX  5000000u
#define DELAY_MAX	  200000u /* instructions until a request completes */
#define CLOCK_AHEAD_NS	  20000u
#define IDLE_STEP_NS	  10000000u /* when nothing at all is due */
#define FRAME_BYTES_MIN	  60u
#define FRAME_BYTES_MAX	  1514u
#define ENTROPY_BYTES_MAX 4096u
#define ETHERTYPE_LOCAL	  0x88b5 /* IEEE 802: for experiments */

/* ---- what is to come -------------------------------------------------------------------------- */

static void insert(struct scripted *s, uint64_t at, const struct input *in, const void *data)
{
	struct scripted_pending p = {.at = at, .in = *in};
	unsigned n = s->n_pending;

	assert(n < SCRIPTED_PENDING_MAX);
	if (in->size_bytes) {
		p.data = malloc(in->size_bytes);
		assert(p.data);
		memcpy(p.data, data, in->size_bytes);
	}
	p.in.data = p.data;
	for (; n && s->pending[n - 1].at > at; n--)
		s->pending[n] = s->pending[n - 1];
	s->pending[n] = p;
	s->n_pending++;
}

static void later(struct scripted *s, struct instant now, const struct input *in, const void *data)
{
	insert(s, now.instructions + seeded_below(&s->random, DELAY_MAX), in, data);
}

static bool take_pending(struct scripted *s, struct instant now, struct input *in)
{
	if (!s->n_pending || s->pending[0].at > now.instructions)
		return false;
	free(s->handed_out);
	*in = s->pending[0].in;
	s->handed_out = s->pending[0].data;
	s->n_pending--;
	memmove(s->pending, s->pending + 1, s->n_pending * sizeof(s->pending[0]));
	return true;
}

/* ---- the trace -------------------------------------------------------------------------------- */

static uint64_t sum_input(const struct input *in)
{
	const uint64_t words[] = {in->kind, in->device, in->value, in->extra, in->size_bytes};
	uint64_t sum = checksum64(words, sizeof(words), 0);

	return in->size_bytes ? checksum64(in->data, in->size_bytes, sum) : sum;
}

static uint64_t digest_vcpus(struct machine *m)
{
	struct digest d;

	digest_start(&d);
	for (unsigned n = 0; n < machine_config(m)->n_vcpus; n++) {
		const char name[] = {'v', (char)('0' + n / 10), (char)('0' + n % 10), 0};
		struct vcpu_state state;

		machine_get_vcpu(m, n, &state);
		digest_add_state(&d, name, &vcpu_table, &state);
	}
	return digest_value(&d);
}

static void note(struct scripted *s, struct instant now, const struct input *in)
{
	struct scripted_event *e;

	if (s->n_events == s->room_events) {
		s->room_events = s->room_events ? 2 * s->room_events : 1024;
		s->event = realloc(s->event, s->room_events * sizeof(*s->event));
		assert(s->event);
	}
	e = &s->event[s->n_events++];
	*e = (struct scripted_event){.at = now,
				     .kind = in->kind,
				     .came_in = sum_input(in),
				     .went_out = s->went_out,
				     .vcpus = digest_vcpus(s->machine)};
	if (s->n_events % s->options.digest_every)
		return;
	e->whole = malloc(sizeof(*e->whole));
	assert(e->whole && !machine_digest(s->machine, e->whole, NULL));
}

static int differ(size_t n, const struct scripted_event *a, const struct scripted_event *b,
		  struct err *err)
{
	char at[INSTANT_TEXT_BYTES];

	instant_format(a->at, at);
	if (instant_compare(a->at, b->at) || a->kind != b->kind || a->came_in != b->came_in)
		return err_set(err, ERR_MISMATCH, "event %zu at %s: another input", n, at);
	if (a->went_out != b->went_out)
		return err_set(err, ERR_MISMATCH, "event %zu at %s: other outputs before it", n,
			       at);
	if (a->vcpus != b->vcpus)
		return err_set(err, ERR_MISMATCH, "event %zu at %s: vCPUs differ", n, at);
	if (a->whole && b->whole && digest_compare(a->whole, b->whole, err))
		return err_wrap(err, "event %zu at %s", n, at);
	return 0;
}

int scripted_compare(const struct scripted *a, const struct scripted *b, struct err *err)
{
	size_t both = a->n_events < b->n_events ? a->n_events : b->n_events;

	for (size_t n = 0; n < both; n++)
		if (differ(n, &a->event[n], &b->event[n], err))
			return ERR_MISMATCH;
	if (a->n_events != b->n_events)
		return err_set(err, ERR_MISMATCH, "%zu events and %zu", a->n_events, b->n_events);
	if (a->went_out != b->went_out)
		return err_set(err, ERR_MISMATCH, "outputs after the last event differ");
	return 0;
}

/* ---- inputs ----------------------------------------------------------------------------------- */

static void clock_input(struct scripted *s, uint64_t ns, struct input *in)
{
	*in = (struct input){.kind = INPUT_CLOCK, .value = ns};
	in->extra = seeded_range(&s->random, GUEST_TIME_SLOPE_ONE / 2, 4 * GUEST_TIME_SLOPE_ONE);
}

static bool take_clock(struct scripted *s, struct instant now, uint64_t guest_ns, struct input *in)
{
	if (s->jump_ns) {
		clock_input(s, s->jump_ns, in);
		s->jump_ns = 0;
		return true;
	}
	if (now.instructions < s->next_clock)
		return false;
	clock_input(s, guest_ns + seeded_below(&s->random, CLOCK_AHEAD_NS), in);
	s->next_clock = now.instructions + seeded_range(&s->random, 1, CLOCK_EVERY_MAX);
	return true;
}

/* A broadcast that nobody understands: enough for the guest's driver to have work. */
static void make_packet(struct scripted *s, struct instant now)
{
	uint8_t frame[FRAME_BYTES_MAX];
	struct input in = {.kind = INPUT_PACKET, .device = DEVICE_NIC0};

	if (!s->options.packets || now.instructions < s->next_packet)
		return;
	in.size_bytes = (uint32_t)seeded_range(&s->random, FRAME_BYTES_MIN, FRAME_BYTES_MAX);
	seeded_bytes(&s->random, frame, in.size_bytes);
	memset(frame, 0xff, 6);
	frame[6] = 0x02;
	frame[12] = ETHERTYPE_LOCAL >> 8;
	frame[13] = ETHERTYPE_LOCAL & 0xff;
	insert(s, now.instructions, &in, frame);
	s->next_packet = now.instructions + seeded_range(&s->random, 1, PACKET_EVERY_MAX);
}

static uint64_t due(void *ctx)
{
	const struct scripted *s = ctx;
	uint64_t at = s->next_clock;

	if (s->n_pending && s->pending[0].at < at)
		at = s->pending[0].at;
	if (s->options.packets && s->next_packet < at)
		at = s->next_packet;
	return at;
}

static bool take(void *ctx, struct instant now, uint64_t guest_ns, struct input *in)
{
	struct scripted *s = ctx;

	make_packet(s, now);
	if (s->n_events == s->options.events_max)
		*in = (struct input){.kind = INPUT_ACTION, .value = ACTION_POWER_OFF};
	else if (!take_clock(s, now, guest_ns, in) && !take_pending(s, now, in))
		return false;
	note(s, now, in);
	return true;
}

/* Nothing runs: the next thing to come comes now, or time jumps to the guest's next deadline. */
static void idle(void *ctx, struct instant now, uint64_t guest_ns, uint64_t wake_ns)
{
	struct scripted *s = ctx;

	if (s->n_pending && seeded_chance(&s->random, 1, 2))
		s->pending[0].at = now.instructions;
	else
		s->jump_ns = wake_ns == UINT64_MAX ? guest_ns + IDLE_STEP_NS : wake_ns;
}

/* ---- outputs ---------------------------------------------------------------------------------- */

static void serve_disk(struct scripted *s, struct instant now, const struct output *o)
{
	uint64_t at = o->sector * DISK_SECTOR_BYTES;
	uint64_t bytes = o->command == DISK_DISCARD || o->command == DISK_WRITE_ZEROES
				 ? o->sectors * DISK_SECTOR_BYTES
				 : o->size_bytes;
	struct input in = {.kind = INPUT_DISK, .device = o->device, .value = o->value};
	const void *data = NULL;

	if (o->command != DISK_FLUSH &&
	    (at > s->options.disk_bytes || bytes > s->options.disk_bytes - at)) {
		in.extra = DISK_ERROR;
	} else if (o->command == DISK_READ) {
		in.size_bytes = (uint32_t)bytes;
		data = s->disk + at;
	} else if (o->command == DISK_WRITE) {
		memcpy(s->disk + at, o->data, bytes);
	} else if (o->command != DISK_FLUSH) {
		memset(s->disk + at, 0, bytes);
	}
	later(s, now, &in, data);
}

static void serve_entropy(struct scripted *s, struct instant now, const struct output *o)
{
	uint8_t bytes[ENTROPY_BYTES_MAX];
	struct input in = {.kind = INPUT_ENTROPY, .device = o->device};

	in.size_bytes = (uint32_t)(o->value < sizeof(bytes) ? o->value : sizeof(bytes));
	seeded_bytes(&s->random, bytes, in.size_bytes);
	later(s, now, &in, bytes);
}

/* What the guest sent comes back to it, as if from the one it was sent to. */
static void serve_packet(struct scripted *s, struct instant now, const struct output *o)
{
	uint8_t frame[FRAME_BYTES_MAX];
	struct input in = {.kind = INPUT_PACKET, .device = o->device};

	if (o->size_bytes < 14 || o->size_bytes > sizeof(frame))
		return;
	memcpy(frame, o->data, o->size_bytes);
	memcpy(frame, (const uint8_t *)o->data + 6, 6);
	memcpy(frame + 6, o->data, 6);
	frame[6] &= 0xfe;
	in.size_bytes = o->size_bytes;
	later(s, now, &in, frame);
}

static void serve_console(struct scripted *s, struct instant now, const struct output *o)
{
	const struct scripted_key *key = s->options.key;
	struct input in = {.kind = INPUT_CONSOLE, .device = o->device};

	for (uint32_t n = 0; n < o->size_bytes; n++) {
		if (s->n_shown == sizeof(s->shown) - 1)
			memmove(s->shown, s->shown + 1, --s->n_shown);
		s->shown[s->n_shown++] = ((const char *)o->data)[n];
	}
	s->shown[s->n_shown] = 0;
	if (!key || !key->keys || !memmem(s->shown, s->n_shown, key->after, strlen(key->after)))
		return;
	s->n_shown = 0;
	in.size_bytes = (uint32_t)strlen(key->keys);
	later(s, now, &in, key->keys);
	s->options.key++;
}

static void emit(void *ctx, struct instant now, const struct output *o)
{
	struct scripted *s = ctx;
	const uint64_t words[] = {now.instructions, now.event,	   o->kind,   o->device, o->value,
				  o->extra,	    o->size_bytes, o->sector, o->sectors};

	s->went_out = checksum64(words, sizeof(words), s->went_out);
	if (o->data && o->size_bytes)
		s->went_out = checksum64(o->data, o->size_bytes, s->went_out);
	switch (o->kind) {
	case OUTPUT_DISK: serve_disk(s, now, o); break;
	case OUTPUT_ENTROPY: serve_entropy(s, now, o); break;
	case OUTPUT_PACKET: serve_packet(s, now, o); break;
	case OUTPUT_CONSOLE: serve_console(s, now, o); break;
	case OUTPUT_POWER: s->off = true; break;
	default: break;
	}
}

/* ---- life ------------------------------------------------------------------------------------- */

static const struct inputs_ops inputs_ops = {.due = due, .take = take, .idle = idle};

void scripted_init(struct scripted *s, const struct scripted_options *options)
{
	memset(s, 0, sizeof(*s));
	s->options = *options;
	seeded_start(&s->random, options->seed);
	s->inputs = (struct inputs){&inputs_ops, s};
	s->outputs = (struct outputs){emit, s};
	if (options->disk_bytes) {
		s->disk = calloc(1, options->disk_bytes);
		assert(s->disk);
	}
}

void scripted_free(struct scripted *s)
{
	while (s->n_pending)
		free(s->pending[--s->n_pending].data);
	for (size_t n = 0; n < s->n_events; n++)
		free(s->event[n].whole);
	free(s->handed_out);
	free(s->event);
	free(s->disk);
}
