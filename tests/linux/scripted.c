/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/linux/scripted.h"

#include "core/guest_time.h"
#include "core/machine/config.h"

#include <string.h>

#define KEYS_AT_ONCE 8

void script_start(struct script *s, const struct script_step *step)
{
	memset(s, 0, sizeof(*s));
	s->step = step;
}

static void look(struct script *s)
{
	const char *awaited = s->step[s->at].awaited, *found;

	if (s->acting || !awaited)
		return;
	found = strstr(s->console + s->seen, awaited);
	if (!found)
		return;
	s->seen = (size_t)(found - s->console) + strlen(awaited);
	s->at++;
	s->typed = 0;
	s->acting = true;
}

static void emit(void *ctx, struct instant now, const struct output *o)
{
	struct script *s = ctx;
	size_t room = SCRIPT_CONSOLE_BYTES - s->console_bytes, size = o->size_bytes;

	if (o->kind != OUTPUT_CONSOLE)
		return;
	size = size < room ? size : room;
	memcpy(s->console + s->console_bytes, o->data, size);
	s->console_bytes += size;
	if (!s->ready_instructions && strstr(s->console, "understudy: ready"))
		s->ready_instructions = now.instructions;
	look(s);
}

static uint64_t due(void *ctx)
{
	const struct script *s = ctx;

	return s->sleeping || s->acting ? 0 : UINT64_MAX;
}

static void act(struct script *s, struct input *in)
{
	const struct script_step *step = &s->step[s->at - 1];
	size_t left;

	if (!step->keys) {
		*in = (struct input){.kind = INPUT_ACTION, .value = step->action};
		s->acting = false;
	} else {
		left = strlen(step->keys) - s->typed;
		*in = (struct input){.kind = INPUT_CONSOLE,
				     .device = DEVICE_UART,
				     .data = step->keys + s->typed,
				     .size_bytes = left < KEYS_AT_ONCE ? left : KEYS_AT_ONCE};
		s->typed += in->size_bytes;
		s->acting = step->keys[s->typed];
	}
	look(s);
}

static bool take(void *ctx, struct instant now, uint64_t guest_ns, struct input *in)
{
	struct script *s = ctx;

	(void)now;
	(void)guest_ns;
	if (s->sleeping) {
		*in = (struct input){
			.kind = INPUT_CLOCK, .value = s->wake_ns, .extra = GUEST_TIME_SLOPE_ONE};
		s->sleeping = false;
	} else if (s->acting) {
		act(s, in);
	} else if (s->stuck) {
		*in = (struct input){.kind = INPUT_ACTION, .value = ACTION_POWER_OFF};
	} else {
		return false;
	}
	return true;
}

static void idle(void *ctx, struct instant now, uint64_t guest_ns, uint64_t wake_ns)
{
	struct script *s = ctx;

	(void)now;
	(void)guest_ns;
	s->stuck = wake_ns == UINT64_MAX;
	s->sleeping = !s->stuck;
	s->wake_ns = wake_ns;
}

struct inputs script_inputs(struct script *s)
{
	static const struct inputs_ops ops = {.due = due, .take = take, .idle = idle};

	return (struct inputs){&ops, s};
}

struct outputs script_outputs(struct script *s)
{
	return (struct outputs){emit, s};
}
