#include "core/base/frame.h"

#include <assert.h>

#include "core/base/checksum.h"

#define CHECKED_HEADER_BYTES 8

struct header {
	uint16_t type;
	uint16_t flags;
	uint32_t length;
	uint64_t header_check;
	uint64_t payload_check;
};

struct frame_chain frame_chain_start(uint64_t salt)
{
	return (struct frame_chain){.seed = salt};
}

static void chain_advance(struct frame_chain *chain, uint64_t payload_check, uint32_t length)
{
	chain->seed = payload_check;
	chain->offset_bytes += FRAME_HEADER_BYTES + (uint64_t)length;
	chain->frames++;
}

void frame_seal(struct frame_chain *chain, uint8_t header[FRAME_HEADER_BYTES], uint16_t type,
		uint16_t flags, const void *payload, uint32_t length)
{
	uint64_t header_check, payload_check;

	assert(type && !(flags & ~FRAME_FLAGS_KNOWN) && length <= FRAME_LENGTH_MAX_BYTES);
	put_le16(header, type);
	put_le16(header + 2, flags);
	put_le32(header + 4, length);
	header_check = checksum64(header, CHECKED_HEADER_BYTES, chain->seed);
	payload_check = checksum64(payload, length, header_check);
	put_le64(header + 8, header_check);
	put_le64(header + 16, payload_check);
	chain_advance(chain, payload_check, length);
}

int frame_write(struct frame_chain *chain, struct byte_sink sink, uint16_t type, uint16_t flags,
		const void *payload, size_t length, struct err *err)
{
	struct frame_chain next = *chain;
	uint8_t header[FRAME_HEADER_BYTES];
	int failed;

	if (length > FRAME_LENGTH_MAX_BYTES)
		return err_set(err, ERR_LIMIT, "a payload of %zu bytes, but a frame holds %u",
			       length, FRAME_LENGTH_MAX_BYTES);
	frame_seal(&next, header, type, flags, payload, (uint32_t)length);
	failed = sink_write(sink, header, sizeof(header), err);
	if (!failed)
		failed = sink_write(sink, payload, length, err);
	if (!failed)
		*chain = next;
	return failed;
}

static bool header_is_zero(const uint8_t *bytes)
{
	static const uint8_t zeros[FRAME_HEADER_BYTES];

	return !memcmp(bytes, zeros, sizeof(zeros));
}

static enum frame_result header_check(const struct frame_chain *chain, const uint8_t *bytes,
				      struct header *header, struct err *err)
{
	unsigned long long at = chain->offset_bytes;

	if (header_is_zero(bytes)) {
		err_set(err, ERR_TORN, "zeros instead of a frame at offset %llu", at);
		return FRAME_TORN;
	}
	header->type = get_le16(bytes);
	header->flags = get_le16(bytes + 2);
	header->length = get_le32(bytes + 4);
	header->header_check = get_le64(bytes + 8);
	header->payload_check = get_le64(bytes + 16);
	if (header->header_check != checksum64(bytes, CHECKED_HEADER_BYTES, chain->seed)) {
		err_set(err, ERR_CORRUPT, "the frame header at offset %llu fails its check", at);
		return FRAME_CORRUPT;
	}
	if (!header->type || header->flags & ~FRAME_FLAGS_KNOWN) {
		err_set(err, ERR_CORRUPT, "type %u with flags 0x%x makes no frame, at offset %llu",
			header->type, header->flags, at);
		return FRAME_CORRUPT;
	}
	if (header->length > FRAME_LENGTH_MAX_BYTES) {
		err_set(err, ERR_CORRUPT,
			"a frame of %u bytes at offset %llu, over the limit of %u", header->length,
			at, FRAME_LENGTH_MAX_BYTES);
		return FRAME_CORRUPT;
	}
	return FRAME_OK;
}

static enum frame_result payload_check(struct frame_chain *chain, const struct header *header,
				       const uint8_t *payload, struct frame *frame, struct err *err)
{
	uint64_t check = checksum64(payload, header->length, header->header_check);

	if (check != header->payload_check) {
		err_set(err, ERR_CORRUPT, "the payload of the frame at offset %llu fails its check",
			(unsigned long long)chain->offset_bytes);
		return FRAME_CORRUPT;
	}
	*frame = (struct frame){
		.type = header->type,
		.flags = header->flags,
		.length = header->length,
		.payload = payload,
	};
	chain_advance(chain, check, header->length);
	return FRAME_OK;
}

static enum frame_result torn(const struct frame_chain *chain, size_t have, size_t wanted,
			      const char *what, struct err *err)
{
	err_set(err, ERR_TORN,
		"the data ends after %zu of %zu bytes of the frame %s at offset %llu", have, wanted,
		what, (unsigned long long)chain->offset_bytes);
	return FRAME_TORN;
}

static enum frame_result ended(const struct frame_chain *chain, struct err *err)
{
	err_set(err, ERR_END, "the data ends at offset %llu",
		(unsigned long long)chain->offset_bytes);
	return FRAME_END;
}

enum frame_result frame_read(struct frame_chain *chain, struct byte_reader *reader,
			     struct frame *frame, struct err *err)
{
	struct byte_reader ahead = *reader;
	struct header header;
	enum frame_result result;
	size_t left = reader_left(reader);
	const uint8_t *bytes;

	if (!left)
		return ended(chain, err);
	if (left < FRAME_HEADER_BYTES)
		return torn(chain, left, FRAME_HEADER_BYTES, "header", err);
	bytes = reader_take(&ahead, FRAME_HEADER_BYTES);
	result = header_check(chain, bytes, &header, err);
	if (result != FRAME_OK)
		return result;
	left = reader_left(&ahead);
	if (left < header.length)
		return torn(chain, left, header.length, "payload", err);
	bytes = reader_take(&ahead, header.length);
	result = payload_check(chain, &header, bytes, frame, err);
	if (result == FRAME_OK)
		*reader = ahead;
	return result;
}

enum frame_result frame_receive(struct frame_chain *chain, struct byte_source source, void *buffer,
				size_t size_bytes, struct frame *frame, struct err *err)
{
	uint8_t bytes[FRAME_HEADER_BYTES];
	struct header header;
	enum frame_result result;
	size_t got;

	if (source_read(source, bytes, sizeof(bytes), &got, err))
		return FRAME_FAILED;
	if (!got)
		return ended(chain, err);
	if (got < sizeof(bytes))
		return torn(chain, got, sizeof(bytes), "header", err);
	result = header_check(chain, bytes, &header, err);
	if (result != FRAME_OK)
		return result;
	if (header.length > size_bytes) {
		err_set(err, ERR_LIMIT,
			"a frame of %u bytes at offset %llu, but there is room for %zu",
			header.length, (unsigned long long)chain->offset_bytes, size_bytes);
		return FRAME_FAILED;
	}
	if (source_read(source, buffer, header.length, &got, err))
		return FRAME_FAILED;
	if (got < header.length)
		return torn(chain, got, header.length, "payload", err);
	return payload_check(chain, &header, buffer, frame, err);
}
