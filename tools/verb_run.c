/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `understudy run`: one guest, from its power button to its exit code.  A guest that resets itself
 * gets a new machine in the same process; disks are flushed in between, networks and consoles stay.
 */
#include "core/base/checksum.h"
#include "core/base/host_time.h"
#include "core/machine/outside.h"
#include "tools/controls.h"
#include "tools/images.h"
#include "tools/last_words.h"
#include "tools/run_options.h"
#include "tools/verb.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_CODE_MASK 0xff /* what a process can end with */

struct run {
	struct run_options options;
	struct log log;
	struct images images;
	struct machine_config config;
	struct outside *outside;
	struct controls controls;
	struct last_words words[2]; /* on the UART and the console */
	struct outputs gate;	    /* listens to what passes to the outside's */
	struct machine *machine;
	/* over all lives of the guest */
	uint64_t instructions, guest_ns, cpu_ns;
	unsigned lives;
	const char *reason;
};

/* ---- the machine's description ---- */

/* A NIC's address unless the user gives one: its own for each guest, host and network, and the same
 * whenever that guest is run again. */
static void make_mac(struct nic_config *nic, const struct run_options *o, unsigned n)
{
	char text[1024] = "";
	uint64_t sum;

	gethostname(text, 256);
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "/%s/%s", o->name,
		 o->nic[n].spec);
	sum = checksum64(text, strlen(text), n);
	memcpy(nic->mac, &sum, sizeof(nic->mac));
	nic->mac[0] = 0x02; /* locally administered, one station */
}

static void describe_disks(struct run *r, struct outside_config *where)
{
	const struct run_options *o = &r->options;

	r->config.n_disks = o->n_disks;
	for (unsigned n = 0; n < o->n_disks; n++) {
		struct disk_config *d = &r->config.disk[n];

		d->queues = (uint16_t)o->disk[n].queues;
		d->read_only = o->disk[n].read_only;
		d->shared = o->disk[n].shared;
		if (o->disk[n].serial)
			memcpy(d->serial, o->disk[n].serial, strlen(o->disk[n].serial));
		where->disk_path[n] = o->disk[n].path;
	}
}

static void describe_nics(struct run *r, struct outside_config *where)
{
	const struct run_options *o = &r->options;

	r->config.n_nics = o->n_nics;
	for (unsigned n = 0; n < o->n_nics; n++) {
		make_mac(&r->config.nic[n], o, n);
		if (o->nic[n].has_mac)
			memcpy(r->config.nic[n].mac, o->nic[n].mac, sizeof(o->nic[n].mac));
		where->nic_spec[n] = o->nic[n].spec;
	}
}

static void leave(void *ctx)
{
	controls_force(ctx);
}

static int start_time(const struct run_options *o, uint64_t *seconds, struct err *err)
{
	if (strcmp(o->rtc, "utc"))
		return args_number(o->rtc, seconds, err) ? err_wrap(err, "--rtc") : 0;
	*seconds = host_time_realtime_ns() / NS_PER_SECOND;
	return 0;
}

static int describe(struct run *r, struct outside_config *where, struct err *err)
{
	const struct run_options *o = &r->options;
	bool console = strcmp(o->console, "none") != 0;

	*where = (struct outside_config){.uart = strcmp(o->serial, "none") ? o->serial : NULL,
					 .console = console ? o->console : NULL,
					 .log = &r->log,
					 .leave = leave,
					 .leave_ctx = &r->controls};
	r->config.cpu_model = o->cpu;
	r->config.memory_bytes = o->memory_bytes & ~(uint64_t)(MEM_PAGE_BYTES - 1);
	r->config.n_vcpus = (unsigned)o->cpus;
	r->config.console = console;
	r->config.rng = o->rng;
	r->config.balloon = o->balloon;
	r->config.debug_exit_port = (uint16_t)o->debug_exit_port;
	describe_disks(r, where);
	describe_nics(r, where);
	return start_time(o, &r->config.start_seconds, err);
}

/* ---- the gate ---- */

/* A guest that has printed its panic and will not reset itself is ended. */
static void listen(struct run *r, const struct output *output)
{
	struct last_words *w = &r->words[output->device == DEVICE_CONSOLE];
	bool before = w->said[WORDS_PANIC_END];

	last_words_feed(w, output->data, output->size_bytes);
	if (w->said[WORDS_PANIC_END] && !before)
		outside_post(r->outside,
			     &(struct input){.kind = INPUT_ACTION, .value = ACTION_POWER_OFF});
}

static void emit(void *ctx, struct instant now, const struct output *output)
{
	struct run *r = ctx;
	const struct outputs *next = outside_outputs(r->outside);

	next->emit(next->ctx, now, output);
	if (output->kind == OUTPUT_CONSOLE)
		listen(r, output);
}

/* ---- lives ---- */

/* What does not fit has a limit that the user can move. */
static int does_not_fit(const struct run *r, struct err *err)
{
	const struct err why = *err;

	return err_set(err, why.code, "%.200s (--mem is %llu MiB)", why.text,
		       (unsigned long long)r->config.memory_bytes >> 20);
}

static int boot(struct run *r, struct err *err)
{
	struct vcpu_state bsp;
	int failed;

	r->machine = machine_create(&r->config, &interpret_engine, outside_inputs(r->outside),
				    &r->gate, err);
	if (!r->machine)
		return err->code;
	machine_get_vcpu(r->machine, 0, &bsp);
	failed = boot_load(machine_memory(r->machine), &r->config, &r->images.boot, &bsp, err);
	if (failed == ERR_LIMIT)
		return does_not_fit(r, err);
	return failed ? failed : machine_set_vcpu(r->machine, 0, &bsp, err);
}

static bool said(const struct run *r, enum last_words_kind kind)
{
	return r->words[0].said[kind] || r->words[1].said[kind];
}

/* What the end of a life means for the whole run; -1: it goes on with another life. */
static int judge(struct run *r, enum machine_end end)
{
	if (atomic_load(&r->controls.forced)) {
		r->reason = "ended from outside";
		return VERB_FORCED;
	}
	if (end == MACHINE_EXIT) {
		r->reason = "debug exit";
		return machine_exit_code(r->machine) & EXIT_CODE_MASK;
	}
	if (said(r, WORDS_PANIC)) {
		r->reason = "kernel panic";
		return VERB_PANIC;
	}
	if (end == MACHINE_FAULT && !said(r, WORDS_RESTART)) {
		r->reason = "triple fault";
		return VERB_TRIPLE_FAULT;
	}
	if (end == MACHINE_OFF) {
		r->reason = "powered off";
		return VERB_OK;
	}
	r->reason = "reset";
	return r->options.no_reboot ? VERB_RESET : -1;
}

/* From machine_create() to machine_destroy(). */
static int live(struct run *r, int *code, struct err *err)
{
	uint64_t cpu_ns = host_time_thread_cpu_ns();
	enum machine_end end = MACHINE_PAUSED;
	int failed = boot(r, err);

	if (!failed && !r->lives)
		failed = outside_start(r->outside, err);
	if (!failed) {
		outside_attach(r->outside, r->machine);
		while (end == MACHINE_PAUSED || end == MACHINE_REACHED)
			end = machine_run(r->machine, UINT64_MAX);
		outside_attach(r->outside, NULL);
		*code = judge(r, end);
		r->lives++;
		r->instructions += machine_now(r->machine).instructions;
		r->guest_ns += machine_guest_ns(r->machine);
		r->cpu_ns += host_time_thread_cpu_ns() - cpu_ns;
	}
	machine_destroy(r->machine);
	r->machine = NULL;
	return failed;
}

static int next_life(struct run *r, struct err *err)
{
	log_info(&r->log, "%s: reset; starting again", r->options.name);
	memset(r->words, 0, sizeof(r->words));
	r->config.start_seconds += r->guest_ns / NS_PER_SECOND;
	if (!strcmp(r->options.rtc, "utc"))
		r->config.start_seconds = host_time_realtime_ns() / NS_PER_SECOND;
	return outside_restart(r->outside, err);
}

static int live_on(struct run *r, int *code, struct err *err)
{
	int failed;

	for (;;) {
		failed = live(r, code, err);
		if (failed || *code >= 0)
			return failed;
		failed = next_life(r, err);
		if (failed)
			return failed;
	}
}

/* ---- the end ---- */

static void tell_json(const struct run *r, int code)
{
	double mips = r->cpu_ns ? (double)r->instructions * 1e3 / (double)r->cpu_ns : 0;
	json_t *j = json_pack("{ss ss si sf sI sf si}", "name", r->options.name, "reason",
			      r->reason, "exit_code", code, "guest_seconds",
			      (double)r->guest_ns / NS_PER_SECOND, "instructions",
			      (json_int_t)r->instructions, "mips", mips, "lives", (int)r->lives);
	char *text = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(6));

	if (text)
		fprintf(stderr, "%s\n", text);
	free(text);
	json_decref(j);
}

static void tell(struct run *r, int code)
{
	if (r->options.json)
		tell_json(r, code);
	else
		log_write(&r->log, code == VERB_OK ? LOG_INFO : LOG_WARN,
			  "%s: %s after %.1f s, exit code %d", r->options.name, r->reason,
			  (double)r->guest_ns / NS_PER_SECOND, code);
}

/* ---- the verb ---- */

static int write_pidfile(const char *path, struct err *err)
{
	FILE *file = fopen(path, "we");

	if (!file)
		return err_system(err, "--pidfile: %s", path);
	fprintf(file, "%d\n", (int)getpid());
	return fclose(file) ? err_system(err, "--pidfile: %s", path) : 0;
}

static void tell_paths(struct run *r)
{
	if (outside_uart_path(r->outside)[0])
		log_info(&r->log, "%s: ttyS0 is at %s", r->options.name,
			 outside_uart_path(r->outside));
	if (outside_console_path(r->outside)[0])
		log_info(&r->log, "%s: hvc0 is at %s", r->options.name,
			 outside_console_path(r->outside));
}

static int open_outside(struct run *r, struct err *err)
{
	struct outside_config where;
	int failed = describe(r, &where, err);

	if (failed)
		return failed;
	r->outside = outside_open(&where, &r->config, err);
	if (!r->outside)
		return err->code;
	r->gate = (struct outputs){.emit = emit, .ctx = r};
	tell_paths(r);
	return controls_listen(&r->controls, r->outside, &r->log, err);
}

static int run_guest(struct run *r, int *code, struct err *err)
{
	int failed = images_open(&r->images, &r->options, err), refused;

	if (!failed)
		failed = open_outside(r, err);
	if (!failed && r->options.pidfile)
		failed = write_pidfile(r->options.pidfile, err);
	if (!failed) {
		failed = live_on(r, code, err);
		if (r->options.pidfile)
			unlink(r->options.pidfile);
	}
	controls_close(&r->controls);
	refused = outside_close(r->outside, failed ? NULL : err);
	images_close(&r->images);
	return failed ? failed : refused;
}

static int set_up(struct run *r, int argc, char **argv, bool *help, struct err *err)
{
	int failed = run_options_parse(&r->options, argc, argv, help, err), level;

	if (failed || *help)
		return failed;
	level = log_level_parse(r->options.log_level);
	if (level < 0)
		return err_set(err, ERR_INVALID,
			       "--log-level: '%s' is none of error, warn, info, "
			       "debug, trace",
			       r->options.log_level);
	log_open(&r->log, STDERR_FILENO, (enum log_level)level);
	return 0;
}

static int run(int argc, char **argv)
{
	struct run *r = calloc(1, sizeof(*r));
	int code = VERB_FAILED;
	struct err err;
	bool help = false;

	err_clear(&err);
	if (!r)
		return verb_complain(&verb_run, "no memory");
	if (set_up(r, argc, argv, &help, &err)) {
		free(r);
		return verb_complain(&verb_run, err.text);
	}
	if (help) {
		args_help(&run_args, stdout);
		free(r);
		return VERB_OK;
	}
	controls_block(&r->controls);
	if (run_guest(r, &code, &err))
		code = verb_complain(&verb_run, err.text);
	else
		tell(r, code);
	log_close(&r->log);
	free(r);
	return code;
}

const struct verb verb_run = {
	.args = &run_args,
	.brief = "run a guest until it powers off",
	.run = run,
};
