/* SPDX-License-Identifier: Apache-2.0 */
/* Taps and captures, in a network namespace of the test's own; needs root. */
#include "core/host/host_net.h"

#include "core/base/host_time.h"
#include "core/packet_offload.h"
#include "tests/unit/cmocka_all.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define NIC	32
#define SECONDS 1000000000ull

static const uint8_t guest_mac[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};

struct wire {
	struct event_loop *loop;
	struct mailbox *mailbox;
	struct log log;
	struct host_net *net;
	struct output_backend out;
};

/* Whether a command works; what it prints is of no interest. */
static bool run(const char *command)
{
	char quiet[256];

	snprintf(quiet, sizeof(quiet), "{ %s; } >/dev/null 2>&1", command);
	return system(quiet) == 0;
}

/* A namespace of our own, left with the process. */
static bool namespace_enter(void)
{
	return !unshare(CLONE_NEWNET) && run("ip link set lo up");
}

static void need(bool has, const char *what)
{
	if (has)
		return;
	print_message("skipped: %s\n", what);
	skip();
}

static void wire_open(struct wire *w, const char *spec)
{
	struct host_net_options options = {.spec = spec, .device = NIC};
	struct err err = {0};

	w->loop = event_loop_create(NULL);
	assert_int_equal(event_loop_start(w->loop, NULL), 0);
	w->mailbox = mailbox_create(NULL, NULL, NULL);
	log_open(&w->log, -1, LOG_INFO);
	options.loop = w->loop;
	options.mailbox = w->mailbox;
	options.log = &w->log;
	w->net = host_net_open(&options, &err);
	if (!w->net && err.code == ERR_UNSUPPORTED)
		need(false, err.text);
	if (!w->net)
		fail_msg("%s", err.text);
	w->out = host_net_backend(w->net);
}

static void wire_close(struct wire *w)
{
	host_net_close(w->net);
	event_loop_destroy(w->loop);
	mailbox_destroy(w->mailbox);
	log_close(&w->log);
}

static void wire_expect(struct wire *w, enum input_kind kind, struct input *in)
{
	uint64_t end = host_time_monotonic_ns() + 10 * SECONDS;

	for (;;) {
		assert_true(host_time_monotonic_ns() < end);
		if (!mailbox_take(w->mailbox, in))
			mailbox_wait(w->mailbox, end);
		else if (in->kind == kind)
			return;
	}
}

static bool log_says(struct wire *w, const char *words)
{
	char text[LOG_TAIL_BYTES];

	log_tail(&w->log, text, sizeof(text));
	return strstr(text, words) != NULL;
}

static uint16_t sum_of(const uint8_t *at, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i & 1 ? at[i] : (uint32_t)at[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void put_be16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* "hello" by UDP from the guest, 10.9.0.2, to the host, its checksum left to the NIC. */
static void wire_send_hello(struct wire *w, const uint8_t *host_mac, uint16_t port)
{
	uint8_t f[14 + 20 + 8 + 5] = {
		[12] = 8, [14] = 0x45, [17] = 33, [22] = 64, 17, [26] = 10,   9,	0,
		2,	  10,	       9,	  0,	     1,	 [34] = 0x10, [39] = 13};
	struct output o = {.kind = OUTPUT_PACKET,
			   .device = NIC,
			   .data = f,
			   .size_bytes = sizeof(f),
			   .needs_checksum = true,
			   .checksum_start = 34,
			   .checksum_offset = 6};

	memcpy(f, host_mac, 6);
	memcpy(f + 6, guest_mac, 6);
	put_be16(f + 24, (uint16_t)~sum_of(f + 14, 20, 0));
	put_be16(f + 36, port);
	memcpy(f + 42, "hello", 5);
	put_be16(f + 40, sum_of(f + 26, 8, 17 + 13));
	w->out.send(w->out.ctx, &o);
}

static void wire_find_host(struct wire *w, uint8_t mac[6])
{
	uint8_t arp[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, [12] = 8, 6, 0, 1, 8, 0, 6, 4, 0, 1};
	struct output o = {
		.kind = OUTPUT_PACKET, .device = NIC, .data = arp, .size_bytes = sizeof(arp)};
	struct input in;
	const uint8_t *reply;

	memcpy(arp + 6, guest_mac, 6);
	memcpy(arp + 22, guest_mac, 6);
	memcpy(arp + 28, "\x0a\x09\x00\x02", 4);
	memcpy(arp + 38, "\x0a\x09\x00\x01", 4);
	w->out.send(w->out.ctx, &o);
	do {
		wire_expect(w, INPUT_PACKET, &in);
		reply = in.data;
	} while (reply[12] != 8 || reply[13] != 6 || reply[21] != 2);
	memcpy(mac, reply + 22, 6);
}

/* The guest finds the host, says hello by UDP and gets its echo, whole. */
static void talk(struct wire *w)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a090001)};
	socklen_t length = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct timeval patience = {.tv_sec = 10};
	const uint8_t *echo;
	uint8_t mac[6];
	char text[16];
	struct input in;

	assert_int_equal(bind(fd, (void *)&a, sizeof(a)), 0);
	getsockname(fd, (void *)&a, &length);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	wire_find_host(w, mac);
	wire_send_hello(w, mac, ntohs(a.sin_port));
	assert_int_equal(recvfrom(fd, text, sizeof(text), 0, (void *)&a, &length), 5);
	assert_memory_equal(text, "hello", 5);
	assert_int_equal(sendto(fd, "olleh!", 6, 0, (void *)&a, length), 6);
	do {
		wire_expect(w, INPUT_PACKET, &in);
		echo = in.data;
	} while (echo[12] != 8 || echo[13] != 0 || echo[23] != 17);
	assert_memory_equal(echo + 42, "olleh!", 6);
	if (!packet_offload_get(&in).needs_checksum)
		assert_int_equal(sum_of(echo + 34, 14, sum_of(echo + 26, 8, 17 + 14)), 0xffff);
	close(fd);
}

static void a_tap_both_ways_until_it_goes(void **state)
{
	struct wire w;
	struct input in;

	need(*(bool *)*state, "no namespace of its own without root");
	need(run("ip tuntap add tap7 mode tap"), "no tap on this host");
	assert_true(run("ip addr add 10.9.0.1/24 dev tap7 && "
			"ip neigh add 10.9.0.2 lladdr 52:54:00:12:34:56 dev tap7"));
	wire_open(&w, "tap:tap7");
	wire_send_hello(&w, guest_mac, 1);
	assert_true(log_says(&w, "the interface is down"));
	assert_true(run("ip link set tap7 up"));
	assert_true(run("ip neigh replace 10.9.0.2 lladdr 52:54:00:12:34:56 dev tap7"));
	talk(&w);
	assert_true(run("ip link del tap7"));
	wire_expect(&w, INPUT_LINK, &in);
	assert_int_equal(in.device, NIC);
	assert_int_equal(in.value, 0);
	assert_true(log_says(&w, "tap:tap7: the interface has gone"));
	wire_send_hello(&w, guest_mac, 1);
	wire_close(&w);
}

static void a_tap_belongs_to_one(void **state)
{
	struct host_net_options options = {.spec = "tap:tap8", .device = NIC};
	struct err err = {0};
	struct wire w;

	need(*(bool *)*state, "no namespace of its own without root");
	need(run("ip tuntap add tap8 mode tap"), "no tap on this host");
	wire_open(&w, "tap:tap8");
	options.loop = w.loop;
	options.mailbox = w.mailbox;
	assert_null(host_net_open(&options, &err));
	assert_says(&err, "tap:tap8");
	assert_says(&err, strerror(EBUSY));
	wire_close(&w);
}

static void a_captured_interface_both_ways_until_it_goes(void **state)
{
	struct wire w;
	struct input in;

	need(*(bool *)*state, "no namespace of its own without root");
	need(run("ip link add wire7 type veth peer name host7"), "no veth on this host");
	assert_true(run("ip addr add 10.9.0.1/24 dev host7 && ip link set host7 up && "
			"ip link set wire7 up && sysctl -q -w net.ipv6.conf.wire7.disable_ipv6=1; "
			"ip neigh replace 10.9.0.2 lladdr 52:54:00:12:34:56 dev host7"));
	wire_open(&w, "pcap:wire7");
	talk(&w);
	assert_true(run("ip link del wire7"));
	wire_expect(&w, INPUT_LINK, &in);
	assert_int_equal(in.value, 0);
	assert_true(log_says(&w, "pcap:wire7: the interface has gone"));
	wire_close(&w);
}

int main(void)
{
	bool alone = namespace_enter();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(a_tap_both_ways_until_it_goes, &alone),
		cmocka_unit_test_prestate(a_tap_belongs_to_one, &alone),
		cmocka_unit_test_prestate(a_captured_interface_both_ways_until_it_goes, &alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
