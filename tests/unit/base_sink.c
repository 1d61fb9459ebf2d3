#include "core/base/sink.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/host_time.h"
#include "core/base/seeded.h"
#include "core/base/sink_fd.h"
#include "core/base/sink_mem.h"
#include "tests/unit/cmocka_all.h"

static void memory_sink_collects_up_to_its_limit(void **state)
{
	struct sink_mem mem;
	struct err err;

	(void)state;
	sink_mem_init(&mem, 1000);
	for (int i = 0; i < 10; i++)
		assert_int_equal(sink_write(sink_mem(&mem), "0123456789", 10, &err), 0);
	assert_int_equal(sink_write(sink_mem(&mem), NULL, 0, &err), 0);
	assert_int_equal(sink_flush(sink_mem(&mem), &err), 0);
	assert_int_equal(mem.size, 100);
	assert_memory_equal(mem.data + 90, "0123456789", 10);

	static const uint8_t block[901];

	assert_int_equal(sink_write(sink_mem(&mem), block, 901, &err), ERR_LIMIT);
	assert_says(&err, "1 bytes more than the buffer's limit of 1000 bytes");
	assert_int_equal(mem.size, 100);
	assert_int_equal(sink_write(sink_mem(&mem), block, 900, &err), 0);
	assert_int_equal(mem.size, 1000);
	assert_true(mem.capacity <= 1000);
	sink_mem_reset(&mem);
	assert_int_equal(mem.size, 0);
	sink_mem_free(&mem);
}

static void memory_source_gives_all_then_ends(void **state)
{
	struct source_mem mem;
	char data[8];
	size_t got;

	(void)state;
	source_mem_init(&mem, "abcde", 5);
	assert_int_equal(source_read(source_mem(&mem), data, 3, &got, NULL), 0);
	assert_int_equal(got, 3);
	assert_int_equal(source_read(source_mem(&mem), data, 8, &got, NULL), 0);
	assert_int_equal(got, 2);
	assert_memory_equal(data, "de", 2);
	assert_int_equal(source_read(source_mem(&mem), data, 8, &got, NULL), 0);
	assert_int_equal(got, 0);
}

struct crossing {
	int fd;
	uint8_t data[300000];
	size_t got;
};

static void *crossing_read(void *context)
{
	struct crossing *crossing = context;
	struct source_fd source;

	source_fd_init(&source, crossing->fd);
	source_read(source_fd(&source), crossing->data, sizeof(crossing->data), &crossing->got,
		    NULL);
	return NULL;
}

static void descriptors_carry_more_than_they_buffer(void **state)
{
	static uint8_t data[300000];
	static struct crossing crossing;
	struct sink_fd sink;
	struct seeded random;
	pthread_t thread;
	int pair[2];

	(void)state;
	seeded_start(&random, 1);
	seeded_bytes(&random, data, sizeof(data));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	crossing.fd = pair[0];
	assert_int_equal(pthread_create(&thread, NULL, crossing_read, &crossing), 0);
	sink_fd_init(&sink, pair[1]);
	assert_int_equal(sink_write(sink_fd(&sink), data, sizeof(data), NULL), 0);
	assert_int_equal(sink_flush(sink_fd(&sink), NULL), 0);
	pthread_join(thread, NULL);
	assert_int_equal(crossing.got, sizeof(data));
	assert_int_equal(sink.written_bytes, sizeof(data));
	assert_memory_equal(crossing.data, data, sizeof(data));
	close(pair[0]);
	close(pair[1]);
}

static void a_closed_peer_is_an_error_not_a_signal(void **state)
{
	struct sink_fd sink;
	struct source_fd source;
	struct err err;
	int pair[2];
	char byte;
	size_t got;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	close(pair[0]);
	sink_fd_init(&sink, pair[1]);
	assert_int_equal(sink_write(sink_fd(&sink), "x", 1, &err), ERR_SYSTEM);
	assert_says(&err, "writing after 0 bytes: Broken pipe");
	source_fd_init(&source, pair[1]);
	assert_int_equal(source_read(source_fd(&source), &byte, 1, &got, &err), 0);
	assert_int_equal(got, 0);
	close(pair[1]);
	source_fd_init(&source, -1);
	assert_int_equal(source_read(source_fd(&source), &byte, 1, &got, &err), ERR_SYSTEM);
}

static void files_are_flushed(void **state)
{
	struct sink_fd sink;
	char name[] = "/tmp/sinkXXXXXX";
	int fd = mkstemp(name);

	(void)state;
	assert_true(fd >= 0);
	unlink(name);
	sink_fd_init(&sink, fd);
	assert_int_equal(sink_write(sink_fd(&sink), "abc", 3, NULL), 0);
	assert_int_equal(sink_flush(sink_fd(&sink), NULL), 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), 3);
	close(fd);
}

static void clocks_move_forward(void **state)
{
	uint64_t before_ns = host_time_monotonic_ns();

	(void)state;
	host_time_sleep_until(before_ns + 2000000);
	assert_true(host_time_monotonic_ns() >= before_ns + 2000000);
	assert_true(host_time_realtime_ns() > 1600000000ull * NS_PER_SECOND);
	host_time_thread_cpu_ns();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_sink_collects_up_to_its_limit),
		cmocka_unit_test(memory_source_gives_all_then_ends),
		cmocka_unit_test(descriptors_carry_more_than_they_buffer),
		cmocka_unit_test(a_closed_peer_is_an_error_not_a_signal),
		cmocka_unit_test(files_are_flushed),
		cmocka_unit_test(clocks_move_forward),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
