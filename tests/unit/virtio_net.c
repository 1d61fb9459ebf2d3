/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device/virtio/virtio_net.h"

#include <linux/virtio_mmio.h>
#include <linux/virtio_net.h>
#include <stdlib.h>

#include "core/base/seeded.h"
#include "core/packet_offload.h"
#include "tests/support/virtio_driver.h"
#include "tests/unit/cmocka_all.h"

#define MIB	(1ull << 20)
#define ALL	(~0ull)
#define HEADER	sizeof(struct virtio_net_hdr_v1)
#define RX	0
#define TX	1
#define CONTROL 2
#define MERGED	VIRTIO_BIT(VIRTIO_NET_F_MRG_RXBUF)

struct fixture {
	struct board *board;
	struct device *device;
	struct driver driver;
};

static struct fixture fixture_make(bool offload, uint64_t wanted)
{
	struct virtio_net_options options = {.mac = {2, 0, 0, 1, 2, 3},
					     .checksum_offload = offload,
					     .segmentation_offload = offload};
	struct fixture f = {.board = board_create(16 * MIB)};

	options.slot = f.board->slot;
	f.device = virtio_net_create(&f.board->env, &options, NULL);
	assert_non_null(f.device);
	assert_int_equal(driver_probe(&f.driver, f.board, wanted, 3, 64), 0xf);
	return f;
}

static void fixture_free(struct fixture *f)
{
	f->device->ops->destroy(f->device);
	board_destroy(f->board);
}

static void frame_send(struct fixture *f, const struct virtio_net_hdr_v1 *header, const void *frame,
		       uint32_t bytes)
{
	uint64_t at = board_alloc(f->board, HEADER + bytes, 4);
	const struct driver_buffer parts[3] = {{at, HEADER, false},
					       {at + HEADER, bytes / 2, false},
					       {at + HEADER + bytes / 2, bytes - bytes / 2, false}};

	board_put(f->board, at, header, HEADER);
	board_put(f->board, at + HEADER, frame, bytes);
	driver_add(&f->driver, TX, parts, 3);
	driver_kick(&f->driver, TX);
}

static uint64_t buffer_add(struct fixture *f, uint32_t bytes)
{
	uint64_t at = board_alloc(f->board, bytes, 4);
	const struct driver_buffer buffer = {at, bytes, true};

	driver_add(&f->driver, RX, &buffer, 1);
	return at;
}

static void frame_arrives(struct fixture *f, const void *frame, uint32_t bytes,
			  const struct packet_offload *offload)
{
	struct input in = {
		.kind = INPUT_PACKET, .device = BOARD_NUMBER, .data = frame, .size_bytes = bytes};

	if (offload)
		packet_offload_put(&in, offload);
	f->device->ops->input(f->device, &in);
}

static void happens(struct fixture *f, enum input_kind kind, uint64_t value)
{
	const struct input in = {.kind = kind, .device = BOARD_NUMBER, .value = value};

	f->device->ops->input(f->device, &in);
}

static void features_follow_the_backend(void **state)
{
	struct fixture f = fixture_make(false, ALL);
	uint64_t offered = driver_offered(&f.driver);

	(void)state;
	assert_false(offered & VIRTIO_BIT(VIRTIO_NET_F_CSUM));
	assert_false(offered & VIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO4));
	assert_true(offered & VIRTIO_BIT(VIRTIO_NET_F_MAC));
	assert_true(offered & VIRTIO_BIT(VIRTIO_NET_F_CTRL_VQ));
	assert_int_equal(driver_config(&f.driver, 0, 1), 2);
	assert_int_equal(driver_config(&f.driver, 5, 1), 3);
	assert_int_equal(driver_config(&f.driver, 6, 2), VIRTIO_NET_S_LINK_UP);
	assert_int_equal(driver_config(&f.driver, 8, 2), 0);
	fixture_free(&f);
	f = fixture_make(true, ALL);
	offered = driver_offered(&f.driver);
	assert_true(offered & VIRTIO_BIT(VIRTIO_NET_F_CSUM));
	assert_true(offered & VIRTIO_BIT(VIRTIO_NET_F_GUEST_CSUM));
	assert_true(offered & VIRTIO_BIT(VIRTIO_NET_F_HOST_TSO6));
	assert_true(offered & VIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO4));
	fixture_free(&f);
}

static void frames_go_out(void **state)
{
	const struct virtio_net_hdr_v1 header = {0};
	struct fixture f = fixture_make(false, ALL);
	const struct output *out = &f.board->output[0].output;
	uint8_t frame[1514];
	uint32_t bytes;
	uint16_t head;

	(void)state;
	memset(frame, 0xab, sizeof(frame));
	frame_send(&f, &header, frame, sizeof(frame));
	assert_int_equal(f.board->n_outputs, 1);
	assert_int_equal(out->kind, OUTPUT_PACKET);
	assert_int_equal(out->device, BOARD_NUMBER);
	assert_int_equal(out->size_bytes, sizeof(frame));
	assert_memory_equal(out->data, frame, sizeof(frame));
	assert_false(out->needs_checksum);
	assert_true(driver_used(&f.driver, TX, &head, &bytes));
	assert_int_equal(bytes, 0);
	assert_int_equal(virtio_net_counters(f.device).sent, 1);
	fixture_free(&f);
}

static void offloads_travel_with_the_frame(void **state)
{
	struct virtio_net_hdr_v1 header = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					   .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
					   .hdr_len = 54,
					   .gso_size = 1448,
					   .csum_start = 34,
					   .csum_offset = 16};
	uint8_t *frame = calloc(1, 65536);
	struct fixture f = fixture_make(true, ALL);
	const struct output *out = &f.board->output[0].output;

	(void)state;
	frame_send(&f, &header, frame, 65536);
	assert_int_equal(f.board->n_outputs, 1);
	assert_int_equal(out->size_bytes, 65536);
	assert_true(out->needs_checksum);
	assert_int_equal(out->gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	assert_int_equal(out->gso_size, 1448);
	assert_int_equal(out->header_bytes, 54);
	assert_int_equal(out->checksum_start, 34);
	assert_int_equal(out->checksum_offset, 16);
	/* What cannot be done is dropped. */
	header.csum_start = 65535;
	frame_send(&f, &header, frame, 60);
	header.csum_start = 34;
	header.gso_size = 0;
	frame_send(&f, &header, frame, 60);
	header.gso_size = 1000;
	header.gso_type = VIRTIO_NET_HDR_GSO_UDP;
	frame_send(&f, &header, frame, 60);
	header.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	header.hdr_len = 61;
	frame_send(&f, &header, frame, 60);
	assert_int_equal(f.board->n_outputs, 1);
	assert_int_equal(virtio_net_counters(f.device).send_dropped, 4);
	fixture_free(&f);
	f = fixture_make(true, MERGED);
	frame_send(&f, &header, frame, 60);
	assert_int_equal(f.board->n_outputs, 0);
	assert_int_equal(virtio_net_counters(f.device).send_dropped, 1);
	fixture_free(&f);
	free(frame);
}

static void frames_that_break_the_device(void **state)
{
	const struct driver_buffer little = {0x1000, HEADER - 1, false};
	const struct driver_buffer much = {0x1000, HEADER + VIRTIO_NET_FRAME_MAX_BYTES + 1, false};
	struct fixture f = fixture_make(true, ALL);

	(void)state;
	driver_add(&f.driver, TX, &little, 1);
	driver_kick(&f.driver, TX);
	assert_int_equal(driver_read(&f.driver, VIRTIO_MMIO_STATUS), 0x4f);
	fixture_free(&f);
	f = fixture_make(true, ALL);
	driver_add(&f.driver, TX, &much, 1);
	driver_kick(&f.driver, TX);
	assert_int_equal(driver_read(&f.driver, VIRTIO_MMIO_STATUS), 0x4f);
	assert_int_equal(f.board->n_outputs, 0);
	fixture_free(&f);
}

static void a_full_gate_stops_sending(void **state)
{
	const struct virtio_net_hdr_v1 header = {0};
	struct fixture f = fixture_make(false, ALL);
	uint8_t frame[60] = {0};

	(void)state;
	happens(&f, INPUT_FLOW, 1);
	for (unsigned i = 0; i < 3; i++)
		frame_send(&f, &header, frame, sizeof(frame));
	assert_int_equal(f.board->n_outputs, 0);
	happens(&f, INPUT_FLOW, 0);
	assert_int_equal(f.board->n_outputs, 3);
	fixture_free(&f);
}

static void frames_come_in(void **state)
{
	struct fixture f = fixture_make(false, 0);
	struct virtio_net_hdr_v1 header;
	uint8_t frame[1514], seen[1514];
	uint64_t at;
	uint32_t bytes;
	uint16_t head;

	(void)state;
	memset(frame, 0xcd, sizeof(frame));
	frame_arrives(&f, frame, sizeof(frame), NULL);
	assert_int_equal(virtio_net_counters(f.device).receive_dropped, 1);
	at = buffer_add(&f, 1526);
	frame_arrives(&f, frame, sizeof(frame), NULL);
	assert_true(f.board->line);
	assert_true(driver_used(&f.driver, RX, &head, &bytes));
	assert_int_equal(bytes, HEADER + sizeof(frame));
	board_get(f.board, at, &header, HEADER);
	board_get(f.board, at + HEADER, seen, sizeof(seen));
	assert_memory_equal(seen, frame, sizeof(frame));
	assert_int_equal(header.num_buffers, 1);
	assert_int_equal(header.flags, 0);
	/* Too large for the buffer that is there, which then waits for another. */
	buffer_add(&f, 100);
	frame_arrives(&f, frame, sizeof(frame), NULL);
	frame_arrives(&f, frame, 10, NULL);
	assert_int_equal(virtio_net_counters(f.device).receive_dropped, 3);
	frame_arrives(&f, frame, 60, NULL);
	assert_int_equal(virtio_net_counters(f.device).received, 2);
	fixture_free(&f);
}

static void large_frames_fill_several_buffers(void **state)
{
	const struct packet_offload offload = {.needs_checksum = true,
					       .gso_type = VIRTIO_NET_HDR_GSO_TCPV6,
					       .gso_size = 1428,
					       .header_bytes = 74,
					       .checksum_start = 54,
					       .checksum_offset = 16};
	struct fixture f = fixture_make(true, ALL);
	uint8_t *frame = malloc(10000), *seen = malloc(10000);
	struct virtio_net_hdr_v1 header;
	uint64_t at[3];
	struct seeded s;
	uint32_t bytes;
	uint16_t head;

	(void)state;
	seeded_start(&s, 1);
	seeded_bytes(&s, frame, 10000);
	at[0] = buffer_add(&f, 4096);
	at[1] = buffer_add(&f, 4096);
	frame_arrives(&f, frame, 10000, &offload);
	assert_int_equal(virtio_net_counters(f.device).receive_dropped, 1);
	assert_false(driver_used(&f.driver, RX, &head, &bytes));
	at[2] = buffer_add(&f, 4096);
	frame_arrives(&f, frame, 10000, &offload);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(driver_used(&f.driver, RX, &head, &bytes));
		assert_int_equal(head, i);
		assert_int_equal(bytes, i < 2 ? 4096 : HEADER + 10000 - 8192);
	}
	board_get(f.board, at[0], &header, HEADER);
	assert_int_equal(header.num_buffers, 3);
	assert_int_equal(header.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(header.gso_type, VIRTIO_NET_HDR_GSO_TCPV6);
	assert_int_equal(header.gso_size, 1428);
	assert_int_equal(header.csum_start, 54);
	board_get(f.board, at[0] + HEADER, seen, 4096 - HEADER);
	board_get(f.board, at[1], seen + 4096 - HEADER, 4096);
	board_get(f.board, at[2], seen + 8192 - HEADER, 10000 - 8192 + HEADER);
	assert_memory_equal(seen, frame, 10000);
	free(frame);
	free(seen);
	fixture_free(&f);
}

static void offloads_need_a_driver_that_agreed(void **state)
{
	const struct packet_offload undone = {
		.needs_checksum = true, .checksum_start = 34, .checksum_offset = 6};
	const struct packet_offload good = {.checksum_good = true};
	const struct packet_offload odd = {.gso_type = 77};
	struct fixture f = fixture_make(true, MERGED);
	struct virtio_net_hdr_v1 header;
	uint8_t frame[60] = {0};
	uint64_t at = buffer_add(&f, 2048);

	(void)state;
	/* For another the device does it. */
	frame_arrives(&f, frame, sizeof(frame), &undone);
	board_get(f.board, at, &header, HEADER);
	assert_int_equal(header.flags, 0);
	board_get(f.board, at + HEADER, frame, sizeof(frame));
	assert_int_equal(frame[40], 0xff);
	assert_int_equal(frame[41], 0xff);
	frame_arrives(&f, frame, sizeof(frame), &odd);
	assert_int_equal(virtio_net_counters(f.device).receive_dropped, 1);
	at = buffer_add(&f, 2048);
	frame_arrives(&f, frame, sizeof(frame), &good);
	board_get(f.board, at, &header, HEADER);
	assert_int_equal(header.flags, 0);
	fixture_free(&f);
	f = fixture_make(true, ALL);
	at = buffer_add(&f, 2048);
	frame_arrives(&f, frame, sizeof(frame), &good);
	board_get(f.board, at, &header, HEADER);
	assert_int_equal(header.flags, VIRTIO_NET_HDR_F_DATA_VALID);
	fixture_free(&f);
}

static void the_link_goes_down_and_up(void **state)
{
	struct fixture f = fixture_make(false, ALL);
	uint32_t generation = driver_read(&f.driver, VIRTIO_MMIO_CONFIG_GENERATION);
	uint8_t frame[60] = {0};

	(void)state;
	buffer_add(&f, 2048);
	happens(&f, INPUT_LINK, 0);
	assert_int_equal(driver_interrupt(&f.driver), VIRTIO_MMIO_INT_CONFIG);
	assert_int_not_equal(driver_read(&f.driver, VIRTIO_MMIO_CONFIG_GENERATION), generation);
	assert_int_equal(driver_config(&f.driver, 6, 2), 0);
	frame_arrives(&f, frame, sizeof(frame), NULL);
	assert_int_equal(virtio_net_counters(f.device).receive_dropped, 1);
	happens(&f, INPUT_LINK, 0);
	assert_false(f.board->line);
	happens(&f, INPUT_LINK, 1);
	assert_int_equal(driver_config(&f.driver, 6, 2), 1);
	frame_arrives(&f, frame, sizeof(frame), NULL);
	assert_int_equal(virtio_net_counters(f.device).received, 1);
	fixture_free(&f);
}

static uint8_t command(struct fixture *f, uint8_t class, uint8_t cmd, const void *data,
		       uint32_t bytes)
{
	const uint8_t header[2] = {class, cmd};
	uint64_t at = board_alloc(f->board, 64, 4);
	const struct driver_buffer parts[3] = {
		{at, 2, false}, {at + 2, bytes, false}, {at + 60, 1, true}};
	uint32_t used_bytes;
	uint16_t head;
	uint8_t ack;

	board_put(f->board, at, header, 2);
	if (bytes)
		board_put(f->board, at + 2, data, bytes);
	driver_add(&f->driver, CONTROL, parts, 3);
	driver_kick(&f->driver, CONTROL);
	assert_true(driver_used(&f->driver, CONTROL, &head, &used_bytes));
	assert_int_equal(used_bytes, 1);
	board_get(f->board, at + 60, &ack, 1);
	return ack;
}

static void control_commands(void **state)
{
	const uint8_t mac[6] = {6, 5, 4, 3, 2, 1};
	struct fixture f = fixture_make(false, ALL);

	(void)state;
	happens(&f, INPUT_ACTION, ACTION_ANNOUNCE);
	assert_int_equal(driver_interrupt(&f.driver), VIRTIO_MMIO_INT_CONFIG);
	assert_int_equal(driver_config(&f.driver, 6, 2),
			 VIRTIO_NET_S_LINK_UP | VIRTIO_NET_S_ANNOUNCE);
	assert_int_equal(command(&f, VIRTIO_NET_CTRL_ANNOUNCE, 0, NULL, 0), VIRTIO_NET_OK);
	assert_int_equal(driver_config(&f.driver, 6, 2), VIRTIO_NET_S_LINK_UP);
	assert_int_equal(command(&f, VIRTIO_NET_CTRL_MAC, 1, mac, 6), VIRTIO_NET_OK);
	assert_int_equal(driver_config(&f.driver, 0, 1), 6);
	assert_int_equal(command(&f, VIRTIO_NET_CTRL_MAC, 1, mac, 5), VIRTIO_NET_ERR);
	assert_int_equal(command(&f, VIRTIO_NET_CTRL_RX, 0, mac, 1), VIRTIO_NET_ERR);
	assert_int_equal(command(&f, 99, 99, mac, 6), VIRTIO_NET_ERR);
	driver_write(&f.driver, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(driver_config(&f.driver, 0, 1), 2);
	fixture_free(&f);
}

/* Frames both ways, seeded; gone on from an image in the middle, in another machine. */

static void live(struct fixture *f, struct seeded *s, unsigned steps)
{
	uint8_t frame[4000] = {0};
	uint32_t bytes;
	uint16_t head;

	for (unsigned i = 0; i < steps; i++) {
		const struct virtio_net_hdr_v1 header = {0};

		seeded_bytes(s, frame, 64);
		switch (seeded_below(s, 5)) {
		case 0: frame_send(f, &header, frame, (uint32_t)seeded_range(s, 1, 2000)); break;
		case 1: buffer_add(f, (uint32_t)seeded_range(s, 20, 2000)); break;
		case 2: frame_arrives(f, frame, (uint32_t)seeded_below(s, 4000), NULL); break;
		case 3: happens(f, INPUT_FLOW, seeded_below(s, 2)); break;
		case 4:
			while (driver_used(&f->driver, RX, &head, &bytes))
				driver_interrupt(&f->driver);
			break;
		}
	}
}

static void assert_same(const struct fixture *a, const struct fixture *b)
{
	struct err err = {0};

	if (state_compare(a->device->state, a->device, b->device, &err))
		fail_msg("%s", err.text);
	assert_true(board_memory_sum(a->board) == board_memory_sum(b->board));
	assert_true(board_outputs_sum(a->board) == board_outputs_sum(b->board));
	assert_int_equal(a->board->line, b->board->line);
}

static void goes_on_from_an_image(void **state)
{
	struct sink_mem image = {0};

	(void)state;
	for (unsigned steps = 0; steps < 60; steps += 4) {
		struct fixture a = fixture_make(true, ALL);
		struct fixture b = fixture_make(true, ALL);
		struct seeded s, again;

		seeded_start(&s, steps);
		live(&a, &s, steps);
		again = s;
		device_image(a.device, &image);
		board_put(b.board, 0, memory_page_host(a.board->memory, 0), 16 * MIB);
		b.driver = a.driver;
		b.driver.board = b.board;
		b.board->free_gpa = a.board->free_gpa;
		device_revive(b.device, &image);
		board_outputs_clear(a.board);
		assert_same(&a, &b);
		live(&a, &s, 200);
		live(&b, &again, 200);
		assert_same(&a, &b);
		assert_int_equal(driver_config(&a.driver, 6, 2), driver_config(&b.driver, 6, 2));
		fixture_free(&a);
		fixture_free(&b);
	}
	sink_mem_free(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(features_follow_the_backend),
		cmocka_unit_test(frames_go_out),
		cmocka_unit_test(offloads_travel_with_the_frame),
		cmocka_unit_test(frames_that_break_the_device),
		cmocka_unit_test(a_full_gate_stops_sending),
		cmocka_unit_test(frames_come_in),
		cmocka_unit_test(large_frames_fill_several_buffers),
		cmocka_unit_test(offloads_need_a_driver_that_agreed),
		cmocka_unit_test(the_link_goes_down_and_up),
		cmocka_unit_test(control_commands),
		cmocka_unit_test(goes_on_from_an_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
