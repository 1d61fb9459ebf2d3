/* SPDX-License-Identifier: Apache-2.0 */
/* Offloads in software, and user networking with the guest's side of the wire played by hand. */
#include "core/host/host_net.h"

#include "core/base/host_time.h"
#include "core/packet_offload.h"
#include "tests/unit/cmocka_all.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define NIC	32
#define SECONDS 1000000000ull
#define HEADERS (14 + 20 + 20)

/* ---- frames ----------------------------------------------------------------------------------- */

static uint16_t sum_of(const uint8_t *at, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i & 1 ? at[i] : (uint32_t)at[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

struct tcp4 {
	struct ether_header eth;
	struct iphdr ip;
	struct tcphdr tcp;
	uint8_t data[65000];
} __attribute__((packed));

static uint16_t tcp4_pseudo(const struct tcp4 *f)
{
	uint16_t length = (uint16_t)(ntohs(f->ip.tot_len) - 20);

	return sum_of((const uint8_t *)&f->ip.saddr, 8, IPPROTO_TCP + length);
}

static bool tcp4_is_whole(const struct tcp4 *f)
{
	size_t length = ntohs(f->ip.tot_len) - 20u;

	return sum_of((const uint8_t *)&f->ip, 20, 0) == 0xffff &&
	       sum_of((const uint8_t *)&f->tcp, length, tcp4_pseudo(f)) == 0xffff;
}

/* A segment with n bytes of a pattern; its TCP checksum is left to the NIC. */
static uint32_t tcp4_make(struct tcp4 *f, size_t n)
{
	memset(f, 0, HEADERS);
	memset(f->eth.ether_dhost, 0x52, 6);
	memset(f->eth.ether_shost, 0x54, 6);
	f->eth.ether_type = htons(ETHERTYPE_IP);
	f->ip.version = 4;
	f->ip.ihl = 5;
	f->ip.ttl = 64;
	f->ip.id = htons(77);
	f->ip.protocol = IPPROTO_TCP;
	f->ip.tot_len = htons((uint16_t)(40 + n));
	f->ip.saddr = htonl(0x0a00020f);
	f->ip.daddr = htonl(0x0a000202);
	f->ip.check = htons((uint16_t)~sum_of((uint8_t *)&f->ip, 20, 0));
	f->tcp.source = htons(6379);
	f->tcp.dest = htons(40000);
	f->tcp.seq = htonl(0xfffffff0);
	f->tcp.ack_seq = htonl(1000);
	f->tcp.doff = 5;
	f->tcp.ack = f->tcp.psh = f->tcp.fin = 1;
	f->tcp.window = htons(0xffff);
	for (size_t i = 0; i < n; i++)
		f->data[i] = (uint8_t)(i * 7 + i / 251);
	f->tcp.check = htons(tcp4_pseudo(f));
	return (uint32_t)(HEADERS + n);
}

static struct output tcp4_packet(const struct tcp4 *f, uint32_t size, uint16_t segment)
{
	return (struct output){.kind = OUTPUT_PACKET,
			       .device = NIC,
			       .data = f,
			       .size_bytes = size,
			       .needs_checksum = true,
			       .checksum_start = 34,
			       .checksum_offset = 16,
			       .header_bytes = HEADERS,
			       .gso_type = segment ? VIRTIO_NET_HDR_GSO_TCPV4 : 0,
			       .gso_size = segment};
}

/* What a sink was given. */
struct caught {
	unsigned frames;
	uint32_t size[64];
	struct tcp4 frame[64];
};

static void catch_frame(void *ctx, const uint8_t *frame, uint32_t size)
{
	struct caught *c = ctx;

	assert_in_range(c->frames, 0, 63);
	memcpy(&c->frame[c->frames], frame, size);
	c->size[c->frames++] = size;
}

static bool finish(const struct output *o, struct caught *c)
{
	const struct packet_offload left = packet_offload_of(o);

	return packet_finish(o->data, o->size_bytes, &left, catch_frame, c);
}

/* ---- offloads --------------------------------------------------------------------------------- */

static void a_plain_frame_passes(void **state)
{
	struct caught *c = calloc(1, sizeof(*c));
	uint8_t frame[60] = {1, 2, 3};
	struct output o = {.kind = OUTPUT_PACKET, .data = frame, .size_bytes = sizeof(frame)};

	(void)state;
	assert_true(finish(&o, c));
	assert_int_equal(c->frames, 1);
	assert_int_equal(c->size[0], 60);
	assert_memory_equal(&c->frame[0], frame, 60);
	free(c);
}

static void a_checksum_is_completed(void **state)
{
	struct caught *c = calloc(1, sizeof(*c));
	static const size_t sizes[] = {0, 1, 2, 99, 1460};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct tcp4 f;
		uint32_t size = tcp4_make(&f, sizes[i]);
		struct output o = tcp4_packet(&f, size, 0);

		assert_false(tcp4_is_whole(&f));
		assert_true(finish(&o, c));
		assert_true(tcp4_is_whole(&c->frame[i]));
	}
	free(c);
}

static void known_udp_checksum(void **state)
{
	/* A DNS-sized datagram whose sum was computed by hand: 192.168.0.1:1 to 192.168.0.199:2,
	 * length 12, "abcd". */
	uint8_t frame[14 + 20 + 12] = {[12] = 0x08, [14] = 0x45, [17] = 32, [23] = 17,	[26] = 192,
				       168,	    0,		 1,	    [30] = 192, 168,
				       0,	    199,	 [35] = 1,  [37] = 2,	[39] = 12,
				       [42] = 'a',  'b',	 'c',	    'd'};
	struct caught *c = calloc(1, sizeof(*c));
	struct output o = {.kind = OUTPUT_PACKET,
			   .data = frame,
			   .size_bytes = sizeof(frame),
			   .needs_checksum = true,
			   .checksum_start = 34,
			   .checksum_offset = 6};

	(void)state;
	/* c0a8+0001+c0a8+00c7+0011+000c = 18235 -> 8236; +0001+0002+000c+6162+6364 = 1470b
	 * -> 470c; its complement is b8f3. */
	frame[40] = 0x82;
	frame[41] = 0x36;
	assert_true(finish(&o, c));
	assert_int_equal(((uint8_t *)&c->frame[0])[40], 0xb8);
	assert_int_equal(((uint8_t *)&c->frame[0])[41], 0xf3);
	free(c);
}

static void check_cut(const struct caught *c, const struct tcp4 *whole, size_t n, size_t segment)
{
	size_t done = 0;

	assert_int_equal(c->frames, (n + segment - 1) / segment);
	for (unsigned i = 0; i < c->frames; i++) {
		const struct tcp4 *f = &c->frame[i];
		size_t part = c->size[i] - HEADERS;
		bool last = i + 1 == c->frames;

		assert_true(part == segment || last);
		assert_int_equal(ntohs(f->ip.tot_len), 40 + part);
		assert_true(tcp4_is_whole(f));
		assert_int_equal(ntohl(f->tcp.seq), (uint32_t)(0xfffffff0 + done));
		assert_int_equal(ntohs(f->ip.id), 77 + i);
		assert_int_equal(f->tcp.fin, last);
		assert_int_equal(f->tcp.psh, last);
		assert_memory_equal(f->data, whole->data + done, part);
		done += part;
	}
	assert_int_equal(done, n);
}

static void a_large_segment_is_cut(void **state)
{
	static const size_t sizes[] = {1, 1448, 1449, 10000, 64000};
	struct caught *c = calloc(1, sizeof(*c));
	struct tcp4 *f = calloc(1, sizeof(*f));

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		uint32_t size = tcp4_make(f, sizes[i]);
		struct output o = tcp4_packet(f, size, 1448);

		c->frames = 0;
		assert_true(finish(&o, c));
		check_cut(c, f, sizes[i], 1448);
	}
	free(f);
	free(c);
}

static void a_large_segment_over_ipv6_is_cut(void **state)
{
	uint8_t frame[14 + 40 + 20 + 3000] = {[12] = 0x86, 0xdd, 0x60};
	struct caught *c = calloc(1, sizeof(*c));
	struct output o = {.kind = OUTPUT_PACKET,
			   .data = frame,
			   .size_bytes = sizeof(frame),
			   .needs_checksum = true,
			   .checksum_start = 54,
			   .checksum_offset = 16,
			   .gso_type = VIRTIO_NET_HDR_GSO_TCPV6,
			   .gso_size = 1400};

	(void)state;
	memset(frame + 22, 0xfe, 32); /* addresses */
	frame[18] = (20 + 3000) >> 8;
	frame[19] = (20 + 3000) & 0xff;
	frame[20] = IPPROTO_TCP;
	frame[54 + 12] = 5 << 4;
	memset(frame + 74, 0x3c, 3000);
	assert_true(finish(&o, c));
	assert_int_equal(c->frames, 3);
	for (unsigned i = 0; i < 3; i++) {
		const uint8_t *f = (const uint8_t *)&c->frame[i];
		uint16_t length = (uint16_t)(c->size[i] - 54);
		uint16_t pseudo = sum_of(f + 22, 32, IPPROTO_TCP + length);

		assert_int_equal(f[18] << 8 | f[19], length);
		assert_int_equal(sum_of(f + 54, length, pseudo), 0xffff);
	}
	free(c);
}

static void nonsense_is_not_sent(void **state)
{
	struct caught *c = calloc(1, sizeof(*c));
	struct tcp4 *f = calloc(1, sizeof(*f));
	uint32_t size = tcp4_make(f, 5000);
	struct output good = tcp4_packet(f, size, 1448), o = good;

	(void)state;
#define REFUSED(change)                      \
	do {                                 \
		o = good;                    \
		change;                      \
		assert_false(finish(&o, c)); \
	} while (0)
	REFUSED(o.gso_size = 0);
	REFUSED(o.gso_size = 1);
	REFUSED(o.gso_type = VIRTIO_NET_HDR_GSO_UDP);
	REFUSED(o.gso_type = VIRTIO_NET_HDR_GSO_TCPV6);
	REFUSED(o.gso_type = 0; o.checksum_start = 0xffff; o.checksum_offset = 0xffff);
	REFUSED(o.gso_type = 0; o.checksum_start = (uint16_t)(size - 17));
	REFUSED(o.size_bytes = 40);
	REFUSED(o.size_bytes = PACKET_FRAME_MAX_BYTES + 1);
	REFUSED(f->tcp.doff = 4);
	f->tcp.doff = 5;
	REFUSED(f->ip.ihl = 4);
	f->ip.ihl = 5;
	REFUSED(f->ip.tot_len = htons(60000));
	assert_int_equal(c->frames, 0);
	free(f);
	free(c);
}

static void what_a_host_leaves_undone_is_done(void **state)
{
	struct caught *c = calloc(1, sizeof(*c));
	struct tcp4 *f = calloc(1, sizeof(*f));
	uint32_t size = tcp4_make(f, 500);

	(void)state;
	packet_finish_captured((uint8_t *)f, size, catch_frame, c);
	assert_int_equal(c->frames, 1);
	assert_true(tcp4_is_whole(&c->frame[0]));
	/* Now that it is whole, it stays as it is. */
	*f = c->frame[0];
	packet_finish_captured((uint8_t *)f, size, catch_frame, c);
	assert_memory_equal(&c->frame[1], f, size);
	/* A damaged one too: it is not ours to mend. */
	f->data[3] ^= 1;
	packet_finish_captured((uint8_t *)f, size, catch_frame, c);
	assert_memory_equal(&c->frame[2], f, size);
	/* Merged segments are cut to what fits a wire. */
	c->frames = 0;
	size = tcp4_make(f, 20000);
	packet_finish_captured((uint8_t *)f, size, catch_frame, c);
	check_cut(c, f, 20000, 1460);
	free(f);
	free(c);
}

/* ---- user networking -------------------------------------------------------------------------- */

static const uint8_t guest_mac[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};

struct wire {
	struct event_loop *loop;
	struct mailbox *mailbox;
	struct log log;
	struct host_net *net;
	struct output_backend out;
	uint8_t gateway_mac[6];
	char dump[64];
};

static int wire_start(void **state)
{
	struct wire *w = calloc(1, sizeof(*w));

	w->loop = event_loop_create(NULL);
	event_loop_start(w->loop, NULL);
	w->mailbox = mailbox_create(NULL, NULL, NULL);
	log_open(&w->log, -1, LOG_INFO);
	*state = w;
	return 0;
}

static int wire_end(void **state)
{
	struct wire *w = *state;

	host_net_close(w->net);
	event_loop_destroy(w->loop);
	mailbox_destroy(w->mailbox);
	log_close(&w->log);
	free(w);
	return 0;
}

static struct host_net *wire_try(struct wire *w, const char *spec, struct err *err)
{
	struct host_net_options options = {.spec = spec,
					   .device = NIC,
					   .loop = w->loop,
					   .mailbox = w->mailbox,
					   .log = &w->log};

	return host_net_open(&options, err);
}

static void wire_open(struct wire *w, const char *spec)
{
	struct err err = {0};

	w->net = wire_try(w, spec, &err);
	if (!w->net && err.code == ERR_UNSUPPORTED) {
		print_message("skipped: %s\n", err.text);
		skip();
	}
	if (!w->net)
		fail_msg("%s", err.text);
	w->out = host_net_backend(w->net);
}

static void wire_send(struct wire *w, const void *frame, size_t n)
{
	struct output o = {
		.kind = OUTPUT_PACKET, .device = NIC, .data = frame, .size_bytes = (uint32_t)n};

	w->out.send(w->out.ctx, &o);
}

/* The next frame of an ether type; answers ARP requests for the guest on the way. */
static uint32_t wire_receive(struct wire *w, uint16_t type, void *frame, size_t room)
{
	uint64_t end = host_time_monotonic_ns() + 10 * SECONDS;
	struct input in;

	for (;;) {
		const uint8_t *data;

		assert_true(host_time_monotonic_ns() < end);
		if (!mailbox_take(w->mailbox, &in)) {
			mailbox_wait(w->mailbox, end);
			continue;
		}
		assert_int_equal(in.kind, INPUT_PACKET);
		assert_int_equal(in.device, NIC);
		assert_true(packet_offload_get(&in).checksum_good);
		data = in.data;
		if (data[12] == 8 && data[13] == 6 && data[21] == 1 && type != ETHERTYPE_ARP) {
			uint8_t reply[60];

			memcpy(reply, data, 42);
			memset(reply + 42, 0, 18);
			memcpy(reply, data + 6, 6);
			memcpy(reply + 6, guest_mac, 6);
			reply[21] = 2;
			memcpy(reply + 22, guest_mac, 6);
			memcpy(reply + 28, data + 38, 4);
			memcpy(reply + 32, data + 22, 10);
			wire_send(w, reply, sizeof(reply));
		}
		if (data[12] != type >> 8 || data[13] != (type & 0xff) || in.size_bytes > room)
			continue;
		memcpy(frame, data, in.size_bytes);
		return in.size_bytes;
	}
}

static void wire_find_gateway(struct wire *w)
{
	uint8_t arp[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, [12] = 8, 6, 0, 1, 8, 0, 6, 4, 0, 1};
	uint8_t reply[100];

	memcpy(arp + 6, guest_mac, 6);
	memcpy(arp + 22, guest_mac, 6);
	memcpy(arp + 28, "\x0a\x00\x02\x0f", 4);
	memcpy(arp + 38, "\x0a\x00\x02\x02", 4);
	wire_send(w, arp, sizeof(arp));
	wire_receive(w, ETHERTYPE_ARP, reply, sizeof(reply));
	assert_int_equal(reply[21], 2);
	assert_memory_equal(reply + 28, "\x0a\x00\x02\x02", 4);
	memcpy(w->gateway_mac, reply + 22, 6);
}

static void the_gateway_answers_arp_and_dhcp(void **state)
{
	struct wire *w = *state;
	uint8_t f[14 + 20 + 8 + 300] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, [12] = 8, 0};
	uint8_t reply[2000], *ip = f + 14, *udp = f + 34, *dhcp = f + 42;
	uint32_t n;

	wire_open(w, "user");
	wire_find_gateway(w);
	memcpy(f + 6, guest_mac, 6);
	memcpy(ip, "\x45\x00\x01\x48\x00\x00\x00\x00\x40\x11\x00\x00\x00\x00\x00\x00", 16);
	memset(ip + 16, 0xff, 4);
	n = (uint16_t)~sum_of(ip, 20, 0);
	ip[10] = (uint8_t)(n >> 8);
	ip[11] = (uint8_t)n;
	memcpy(udp, "\x00\x44\x00\x43\x01\x34\x00\x00", 8);
	memcpy(dhcp, "\x01\x01\x06\x00\x12\x34\x56\x78", 8);
	memcpy(dhcp + 28, guest_mac, 6);
	memcpy(dhcp + 236, "\x63\x82\x53\x63\x35\x01\x01\xff", 8);
	wire_send(w, f, sizeof(f));
	n = wire_receive(w, ETHERTYPE_IP, reply, sizeof(reply));
	assert_true(n > 14 + 20 + 8 + 240);
	assert_int_equal(reply[42], 2);
	assert_memory_equal(reply + 42 + 4, "\x12\x34\x56\x78", 4);
	assert_memory_equal(reply + 42 + 16, "\x0a\x00\x02\x0f", 4);
}

static int free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (void *)&a, n), 0);
	getsockname(fd, (void *)&a, &n);
	close(fd);
	return ntohs(a.sin_port);
}

static int dial(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)port),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (void *)&a, sizeof(a)), 0);
	return fd;
}

/* The guest's answer to a segment: flags and n bytes of data, one large segment for the NIC. */
static void answer(struct wire *w, const struct tcp4 *to, bool syn, uint32_t seq, size_t n,
		   struct tcp4 *f)
{
	uint32_t size = tcp4_make(f, n), got = ntohs(to->ip.tot_len) - 20u - to->tcp.doff * 4u;
	struct output o;

	memcpy(f->eth.ether_dhost, to->eth.ether_shost, 6);
	memcpy(f->eth.ether_shost, guest_mac, 6);
	f->ip.saddr = to->ip.daddr;
	f->ip.daddr = to->ip.saddr;
	f->ip.check = 0;
	f->ip.check = htons((uint16_t)~sum_of((uint8_t *)&f->ip, 20, 0));
	f->tcp.source = to->tcp.dest;
	f->tcp.dest = to->tcp.source;
	f->tcp.seq = htonl(seq);
	f->tcp.ack_seq = htonl(ntohl(to->tcp.seq) + got + to->tcp.syn);
	f->tcp.fin = 0;
	f->tcp.psh = n > 0;
	f->tcp.syn = syn;
	f->tcp.check = htons(tcp4_pseudo(f));
	o = tcp4_packet(f, size, n > 1460 ? 1460 : 0);
	w->out.send(w->out.ctx, &o);
}

static void a_connection_comes_in(void **state)
{
	struct wire *w = *state;
	struct tcp4 *in = calloc(1, sizeof(*in)), *f = calloc(1, sizeof(*f));
	uint8_t *got = malloc(8000);
	char spec[160];
	int port = free_port(), fd;
	ssize_t n = 0;

	strcpy(w->dump, "/tmp/host_net.XXXXXX");
	close(mkstemp(w->dump));
	snprintf(spec, sizeof(spec), "user,hostfwd=tcp:127.0.0.1:%d-:6379,dump=%s", port, w->dump);
	wire_open(w, spec);
	wire_find_gateway(w);
	fd = dial(port);
	wire_receive(w, ETHERTYPE_IP, in, sizeof(*in));
	assert_true(in->tcp.syn);
	assert_int_equal(ntohs(in->tcp.dest), 6379);
	assert_int_equal(ntohl(in->ip.daddr), 0x0a00020f);
	answer(w, in, true, 5000, 0, f);
	assert_int_equal(send(fd, "PING\r\n", 6, 0), 6);
	do {
		wire_receive(w, ETHERTYPE_IP, in, sizeof(*in));
		assert_true(tcp4_is_whole(in));
	} while (ntohs(in->ip.tot_len) - 20 - in->tcp.doff * 4 != 6);
	assert_memory_equal((uint8_t *)&in->tcp + in->tcp.doff * 4, "PING\r\n", 6);
	answer(w, in, false, 5001, 8000, f);
	while (n < 8000) {
		ssize_t part = recv(fd, got + n, (size_t)(8000 - n), 0);

		assert_true(part > 0);
		n += part;
	}
	assert_memory_equal(got, f->data, 8000);
	close(fd);

	host_net_close(w->net);
	w->net = NULL;
	fd = open(w->dump, O_RDONLY);
	assert_int_equal(read(fd, got, 8000), 8000);
	assert_memory_equal(got, "\xd4\xc3\xb2\xa1", 4);
	close(fd);
	unlink(w->dump);
	free(got);
	free(f);
	free(in);
}

static void specs_that_make_no_sense(void **state)
{
	static const struct {
		const char *spec, *says;
	} cases[] = {
		{"", "unknown"},
		{"users", "users"},
		{"user,hostfwd=tcp:1:2", "hostfwd=tcp:1:2"},
		{"user,hostfwd=sctp::1-:2", "sctp"},
		{"user,hostfwd=tcp::0-:2", "hostfwd"},
		{"user,hostfwd=tcp::1x-:2", "hostfwd"},
		{"user,hostfwd=tcp:300.0.0.1:1-:2", "hostfwd"},
		{"user,speed=9", "speed=9"},
		{"none,x", "option x"},
		{"tap", "name of an interface"},
		{"tap:a-name-that-is-too-long", "name of an interface"},
		{"none,dump=/nonexistent/x.pcap", "/nonexistent/x.pcap"},
		{"pcap:nosuchinterface", "nosuchinterface"},
	};
	struct wire *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {0};

		assert_null(wire_try(w, cases[i].spec, &err));
		if (err.code != ERR_UNSUPPORTED)
			assert_says(&err, cases[i].says);
	}
}

static void a_port_in_use_is_named(void **state)
{
	struct wire *w = *state;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct err err = {0};
	char spec[80];

	assert_int_equal(bind(fd, (void *)&a, n), 0);
	assert_int_equal(listen(fd, 1), 0);
	getsockname(fd, (void *)&a, &n);
	snprintf(spec, sizeof(spec), "user,hostfwd=tcp:127.0.0.1:%d-:80", ntohs(a.sin_port));
	assert_null(wire_try(w, spec, &err));
	if (err.code != ERR_UNSUPPORTED) {
		assert_says(&err, "hostfwd=tcp:127.0.0.1:");
		assert_says(&err, strerror(EADDRINUSE));
	}
	close(fd);
}

static void none_takes_everything(void **state)
{
	struct wire *w = *state;
	uint8_t frame[60] = {0};

	wire_open(w, "none");
	wire_send(w, frame, sizeof(frame));
}

int main(void)
{
#define WIRE(f) cmocka_unit_test_setup_teardown(f, wire_start, wire_end)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_frame_passes),
		cmocka_unit_test(a_checksum_is_completed),
		cmocka_unit_test(known_udp_checksum),
		cmocka_unit_test(a_large_segment_is_cut),
		cmocka_unit_test(a_large_segment_over_ipv6_is_cut),
		cmocka_unit_test(nonsense_is_not_sent),
		cmocka_unit_test(what_a_host_leaves_undone_is_done),
		WIRE(the_gateway_answers_arp_and_dhcp),
		WIRE(a_connection_comes_in),
		WIRE(specs_that_make_no_sense),
		WIRE(a_port_in_use_is_named),
		WIRE(none_takes_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
