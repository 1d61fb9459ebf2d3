/* SPDX-License-Identifier: Apache-2.0 */
/* Checksums as in RFC 1071; IPv4 RFC 791, IPv6 RFC 8200, TCP RFC 9293, UDP RFC 768. */
#include "core/packet_offload.h"

#include <string.h>

#define ETH_BYTES	12 /* the two addresses; the type follows */
#define ETHERTYPE_VLAN	0x8100
#define ETHERTYPE_IPV4	0x0800
#define ETHERTYPE_IPV6	0x86dd
#define PROTOCOL_TCP	6
#define PROTOCOL_UDP	17
#define TCP_FIN		0x01
#define TCP_PSH		0x08
#define TCP_CWR		0x80
#define TCP_CHECKSUM_AT 16
#define UDP_CHECKSUM_AT 6

static uint16_t get_be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void put_be16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t get_be32(const uint8_t *at)
{
	return (uint32_t)get_be16(at) << 16 | get_be16(at + 2);
}

static void put_be32(uint8_t *at, uint32_t value)
{
	put_be16(at, (uint16_t)(value >> 16));
	put_be16(at + 2, (uint16_t)value);
}

static uint64_t sum_add(uint64_t sum, const uint8_t *at, size_t n)
{
	for (; n >= 2; n -= 2, at += 2)
		sum += get_be16(at);
	return n ? sum + ((uint64_t)*at << 8) : sum;
}

static uint16_t sum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Where things are in a frame that holds TCP or UDP over IP, unfragmented. */
struct layout {
	uint32_t ip, l4; /* offsets */
	uint32_t end;	 /* of the IP packet; the frame may be padded beyond */
	bool is_v6;
	uint8_t protocol;
};

static bool layout_ipv4(const uint8_t *frame, uint32_t size, struct layout *at)
{
	const uint8_t *ip = frame + at->ip;
	uint32_t header = (ip[0] & 15u) * 4, total = get_be16(ip + 2);

	/* A fragment has no transport header of its own. */
	if (ip[0] >> 4 != 4 || header < 20 || total < header || total > size - at->ip ||
	    (get_be16(ip + 6) & 0x3fff))
		return false;
	at->protocol = ip[9];
	at->l4 = at->ip + header;
	at->end = at->ip + total;
	return true;
}

static bool layout_ipv6(const uint8_t *frame, uint32_t size, struct layout *at)
{
	const uint8_t *ip = frame + at->ip;
	uint32_t payload = get_be16(ip + 4);

	if (ip[0] >> 4 != 6 || size - at->ip < 40 || payload > size - at->ip - 40)
		return false;
	at->is_v6 = true;
	at->protocol = ip[6];
	at->l4 = at->ip + 40;
	at->end = at->l4 + payload;
	return true;
}

static bool layout_find(const uint8_t *frame, uint32_t size, struct layout *at)
{
	uint32_t type_at = ETH_BYTES;
	uint16_t type;
	bool found = false;

	*at = (struct layout){0};
	if (size < ETH_BYTES + 2 + 4 + 20)
		return false;
	if (get_be16(frame + type_at) == ETHERTYPE_VLAN)
		type_at += 4;
	type = get_be16(frame + type_at);
	at->ip = type_at + 2;
	if (type == ETHERTYPE_IPV4)
		found = layout_ipv4(frame, size, at);
	else if (type == ETHERTYPE_IPV6)
		found = layout_ipv6(frame, size, at);
	if (!found)
		return false;
	if (at->protocol == PROTOCOL_UDP)
		return at->end - at->l4 >= 8;
	return at->protocol == PROTOCOL_TCP && at->end - at->l4 >= 20;
}

static uint64_t sum_pseudo(const uint8_t *frame, const struct layout *at)
{
	uint64_t sum = at->protocol + (at->end - at->l4);

	return at->is_v6 ? sum_add(sum, frame + at->ip + 8, 32)
			 : sum_add(sum, frame + at->ip + 12, 8);
}

/* The sender has put the pseudo header's sum where the checksum belongs. */
static bool checksum_complete(const uint8_t *frame, uint32_t size, const struct packet_offload *o,
			      uint8_t *to, packet_sink *sink, void *ctx)
{
	uint32_t start = o->checksum_start, field = start + o->checksum_offset;
	uint16_t sum;

	if (field + 2u > size)
		return false;
	memcpy(to, frame, size);
	sum = (uint16_t)~sum_fold(sum_add(0, to + start, size - start));
	/* UDP says "no checksum" by 0; the other zero of one's complement means the same sum. */
	put_be16(to + field, sum ? sum : 0xffff);
	sink(ctx, to, size);
	return true;
}

/* A TCP segment to be cut. */
struct cut {
	const uint8_t *frame;
	struct layout at;
	uint32_t header_bytes;	/* Ethernet to TCP options */
	uint32_t segment_bytes; /* payload in each but the last */
};

/* Writes the headers of the segment whose payload, n bytes, starts at done, and seals it. */
static void segment_seal(const struct cut *cut, uint8_t *to, uint32_t done, uint32_t n)
{
	struct layout at = cut->at;
	uint8_t *ip = to + at.ip, *tcp = to + at.l4;
	uint32_t total = at.end - cut->header_bytes;

	at.end = cut->header_bytes + n;
	put_be32(tcp + 4, get_be32(tcp + 4) + done);
	if (done + n < total)
		tcp[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (done)
		tcp[13] &= (uint8_t)~TCP_CWR;
	if (at.is_v6) {
		put_be16(ip + 4, (uint16_t)(at.end - at.l4));
	} else {
		put_be16(ip + 2, (uint16_t)(at.end - at.ip));
		put_be16(ip + 4, (uint16_t)(get_be16(ip + 4) + done / cut->segment_bytes));
		put_be16(ip + 10, 0);
		put_be16(ip + 10, (uint16_t)~sum_fold(sum_add(0, ip, at.l4 - at.ip)));
	}
	put_be16(tcp + TCP_CHECKSUM_AT, 0);
	put_be16(tcp + TCP_CHECKSUM_AT,
		 (uint16_t)~sum_fold(sum_add(sum_pseudo(to, &at), tcp, at.end - at.l4)));
}

static bool cut_segments(const struct cut *cut, uint8_t *to, packet_sink *sink, void *ctx)
{
	uint32_t total = cut->at.end - cut->header_bytes, done = 0;

	do {
		uint32_t n = total - done;

		if (n > cut->segment_bytes)
			n = cut->segment_bytes;
		memcpy(to, cut->frame, cut->header_bytes);
		memcpy(to + cut->header_bytes, cut->frame + cut->header_bytes + done, n);
		segment_seal(cut, to, done, n);
		sink(ctx, to, cut->header_bytes + n);
		done += n;
	} while (done < total);
	return true;
}

static bool cut_prepare(struct cut *cut, const uint8_t *frame, uint32_t size, uint32_t segment)
{
	uint32_t tcp_bytes;

	if (segment < PACKET_SEGMENT_MIN_BYTES || !layout_find(frame, size, &cut->at) ||
	    cut->at.protocol != PROTOCOL_TCP)
		return false;
	tcp_bytes = (frame[cut->at.l4 + 12] >> 4) * 4u;
	if (tcp_bytes < 20 || tcp_bytes > cut->at.end - cut->at.l4)
		return false;
	cut->frame = frame;
	cut->header_bytes = cut->at.l4 + tcp_bytes;
	cut->segment_bytes = segment;
	return true;
}

bool packet_finish(const uint8_t *frame, uint32_t size, const struct packet_offload *o,
		   packet_sink *sink, void *ctx)
{
	uint8_t scratch[PACKET_FRAME_MAX_BYTES], type = o->gso_type & (uint8_t)~PACKET_GSO_ECN;
	struct cut cut;

	if (size > sizeof(scratch))
		return false;
	if (type == PACKET_GSO_NONE && o->needs_checksum)
		return checksum_complete(frame, size, o, scratch, sink, ctx);
	if (type == PACKET_GSO_NONE) {
		sink(ctx, frame, size);
		return true;
	}
	if ((type != PACKET_GSO_TCPV4 && type != PACKET_GSO_TCPV6) ||
	    !cut_prepare(&cut, frame, size, o->gso_size) ||
	    cut.at.is_v6 != (type == PACKET_GSO_TCPV6))
		return false;
	return cut_segments(&cut, scratch, sink, ctx);
}

void packet_finish_captured(const uint8_t *frame, uint32_t size, packet_sink *sink, void *ctx)
{
	uint8_t scratch[PACKET_FRAME_MAX_BYTES];
	struct layout at;
	struct cut cut;
	uint32_t field;

	if (size > sizeof(scratch))
		return;
	if (!layout_find(frame, size, &at)) {
		sink(ctx, frame, size);
		return;
	}
	if (size > PACKET_FRAME_USUAL_BYTES &&
	    cut_prepare(&cut, frame, size, PACKET_SEGMENT_MIN_BYTES)) {
		cut.segment_bytes = PACKET_FRAME_USUAL_BYTES - 4 - cut.header_bytes;
		cut_segments(&cut, scratch, sink, ctx);
		return;
	}
	field = at.l4 + (at.protocol == PROTOCOL_TCP ? TCP_CHECKSUM_AT : UDP_CHECKSUM_AT);
	if (get_be16(frame + field) == sum_fold(sum_pseudo(frame, &at))) {
		uint16_t sum;

		memcpy(scratch, frame, size);
		sum = (uint16_t)~sum_fold(sum_add(0, scratch + at.l4, at.end - at.l4));
		put_be16(scratch + field, sum ? sum : 0xffff);
		frame = scratch;
	}
	sink(ctx, frame, size);
}
