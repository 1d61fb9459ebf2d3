/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine's thread only copies a request into `arrived` and wakes the disk's own thread, which
 * does all the rest: it keeps requests in `waiting`, oldest first, until nothing older stands in
 * their way, has them carried out (`working`), tries again what was done in part, and posts the
 * completion.
 */
#include "core/host/host_disk.h"

#include "core/base/host_time.h"
#include "core/host/host_thread.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOLD_MAX     8
#define ZERO_BYTES   (1u << 20)
#define ROOM_LOOK_NS 20000000ull
#define PATH_BYTES   512

struct request {
	struct disk_io_request io; /* what is at work now: the whole or what remains of it */
	struct request *next;
	enum disk_command command;
	uint64_t number;
	uint64_t start_bytes, length_bytes, done_bytes;
	bool keep_space; /* DISK_WRITE_ZEROES that may not deallocate */
	bool zero_by_writing;
	uint8_t data[];
};

struct request_list {
	struct request *first, **last;
};

struct host_disk {
	char path[PATH_BYTES];
	uint16_t device;
	bool read_only;
	int fd;
	uint64_t size_bytes; /* as it was when opened */
	uint64_t sectors;
	struct mailbox *mailbox;
	struct log *log;
	const struct disk_io_ops *ops;
	struct disk_io *io;
	pthread_t thread;
	pthread_mutex_t lock; /* guards arrived */
	struct request_list arrived;
	atomic_bool closing;
	_Atomic uint64_t bytes; /* data of all requests under way */

	/* the disk's thread */
	struct request_list waiting;
	struct request *working;
	unsigned n_working;
	bool stopped; /* the device was told to */
	int told[TOLD_MAX];
	unsigned n_told;
	uint8_t *zeros; /* ZERO_BYTES, once needed */
};

static void list_init(struct request_list *list)
{
	list->first = NULL;
	list->last = &list->first;
}

static void list_put(struct request_list *list, struct request *r)
{
	r->next = NULL;
	*list->last = r;
	list->last = &r->next;
}

/* ---- submitting: the machine's thread --------------------------------------------------------- */

static uint64_t output_sectors(const struct output *o)
{
	switch (o->command) {
	case DISK_READ:
	case DISK_WRITE: return o->size_bytes / DISK_SECTOR_BYTES;
	case DISK_DISCARD:
	case DISK_WRITE_ZEROES: return o->sectors;
	case DISK_FLUSH: break;
	}
	return 0;
}

static bool output_is_sound(const struct host_disk *d, const struct output *o)
{
	uint64_t sectors = output_sectors(o);
	bool moves = o->command == DISK_READ || o->command == DISK_WRITE;

	if (o->command == DISK_FLUSH)
		return true;
	if (o->command > DISK_WRITE_ZEROES || (d->read_only && o->command != DISK_READ))
		return false;
	if (moves && (o->size_bytes % DISK_SECTOR_BYTES || o->size_bytes > INPUT_DATA_MAX_BYTES))
		return false;
	return sectors <= d->sectors && o->sector <= d->sectors - sectors;
}

static void disk_send(void *ctx, const struct output *o)
{
	struct host_disk *d = ctx;
	bool moves = o->command == DISK_READ || o->command == DISK_WRITE;
	uint64_t data_bytes = moves ? o->size_bytes : 0;
	struct request *r = NULL;

	if (o->kind != OUTPUT_DISK)
		return;
	if (output_is_sound(d, o))
		r = malloc(sizeof(*r) + data_bytes);
	if (!r) {
		mailbox_post(d->mailbox, &(struct input){.kind = INPUT_DISK,
							 .device = d->device,
							 .value = o->value,
							 .extra = DISK_ERROR});
		return;
	}
	*r = (struct request){.command = o->command,
			      .number = o->value,
			      .keep_space = o->command == DISK_WRITE_ZEROES && !o->extra,
			      .start_bytes = o->sector * DISK_SECTOR_BYTES,
			      .length_bytes = output_sectors(o) * DISK_SECTOR_BYTES};
	if (o->command == DISK_FLUSH)
		r->start_bytes = 0;
	if (o->command == DISK_WRITE)
		memcpy(r->data, o->data, data_bytes);
	atomic_fetch_add(&d->bytes, data_bytes);
	pthread_mutex_lock(&d->lock);
	list_put(&d->arrived, r);
	pthread_mutex_unlock(&d->lock);
	d->ops->wake(d->io);
}

/* ---- completing ------------------------------------------------------------------------------- */

/* Posts, however long the machine takes to make room; gives up only when it has gone. */
static void disk_post(struct host_disk *d, const struct input *in)
{
	while (!mailbox_post(d->mailbox, in)) {
		if (atomic_load(&d->closing))
			return;
		mailbox_wait_room(d->mailbox, in->size_bytes,
				  host_time_monotonic_ns() + ROOM_LOOK_NS);
	}
}

static void disk_tell(struct host_disk *d, const struct request *r, int why)
{
	static const char *const doing[] = {"read", "write", "flush", "discard", "write of zeros"};

	for (unsigned i = 0; i < d->n_told; i++)
		if (d->told[i] == why)
			return;
	if (d->n_told < TOLD_MAX)
		d->told[d->n_told++] = why;
	if (why == ENODATA)
		log_error(d->log,
			  "disk %s: the image has become shorter than it was; the guest sees read "
			  "errors beyond its end",
			  d->path);
	else
		log_error(d->log, "disk %s: %s at byte %llu failed: %s; the guest sees %s", d->path,
			  doing[r->command], (unsigned long long)r->start_bytes, strerror(why),
			  why == ENOSPC || why == EDQUOT || why == EFBIG ? "a full disk"
									 : "a disk error");
}

static enum disk_result result_of(int why)
{
	if (!why)
		return DISK_OK;
	return why == ENOSPC || why == EDQUOT || why == EFBIG ? DISK_FULL : DISK_ERROR;
}

static void request_finish(struct host_disk *d, struct request *r, int why)
{
	bool moves = r->command == DISK_READ || r->command == DISK_WRITE;
	struct input in = {.kind = INPUT_DISK,
			   .device = d->device,
			   .value = r->number,
			   .extra = result_of(why)};

	if (why)
		disk_tell(d, r, why);
	if (r->command == DISK_READ && !why) {
		in.data = r->data;
		in.size_bytes = (uint32_t)r->length_bytes;
	}
	disk_post(d, &in);
	atomic_fetch_sub(&d->bytes, moves ? r->length_bytes : 0);
	free(r);
}

/* ---- carrying out ----------------------------------------------------------------------------- */

static bool request_writes(const struct request *r)
{
	return r->command != DISK_READ && r->command != DISK_FLUSH;
}

static bool requests_conflict(const struct request *a, const struct request *b)
{
	if (!request_writes(a) && !request_writes(b))
		return false;
	return a->start_bytes < b->start_bytes + b->length_bytes &&
	       b->start_bytes < a->start_bytes + a->length_bytes;
}

/* Hands what is left of r to the host. */
static void request_submit(struct host_disk *d, struct request *r)
{
	uint64_t left = r->length_bytes - r->done_bytes;
	struct disk_io_request *io = &r->io;

	io->offset_bytes = r->start_bytes + r->done_bytes;
	io->length_bytes = left;
	io->buffer = r->data + r->done_bytes;
	switch (r->command) {
	case DISK_READ: io->kind = DISK_IO_READ; break;
	case DISK_WRITE: io->kind = DISK_IO_WRITE; break;
	case DISK_FLUSH: io->kind = DISK_IO_SYNC; break;
	case DISK_DISCARD:
	case DISK_WRITE_ZEROES:
		io->kind = r->keep_space ? DISK_IO_ZERO : DISK_IO_PUNCH;
		if (r->zero_by_writing)
			io->kind = DISK_IO_WRITE;
		io->buffer = d->zeros;
		if (r->zero_by_writing && left > ZERO_BYTES)
			io->length_bytes = ZERO_BYTES;
		break;
	}
	d->ops->submit(d->io, io);
}

/* The file system cannot do that by itself: zeros will do.  False: no memory for them. */
static bool request_zero_by_writing(struct host_disk *d, struct request *r)
{
	if (!d->zeros)
		d->zeros = calloc(1, ZERO_BYTES);
	r->zero_by_writing = true;
	return d->zeros != NULL;
}

/* A read came to the end of the file: at the ragged end of the last sector that is fine. */
static int read_past_end(struct host_disk *d, struct request *r)
{
	if (r->start_bytes + r->done_bytes < d->size_bytes)
		return ENODATA;
	memset(r->data + r->done_bytes, 0, r->length_bytes - r->done_bytes);
	r->done_bytes = r->length_bytes;
	return 0;
}

/* Takes a result into account.  True: r is finished, and *why is 0 or what went wrong. */
static bool request_advance(struct host_disk *d, struct request *r, int *why)
{
	int64_t result = r->io.result;
	bool zeroes = r->io.kind == DISK_IO_PUNCH || r->io.kind == DISK_IO_ZERO;

	*why = 0;
	if (result == -EINTR || result == -EAGAIN)
		return false;
	if (zeroes && result < 0 && result != -EIO && result != -ENOSPC) {
		*why = request_zero_by_writing(d, r) ? 0 : ENOMEM;
		return *why != 0;
	}
	if (result < 0) {
		*why = (int)-result;
		return true;
	}
	if (zeroes || r->io.kind == DISK_IO_SYNC)
		return true;
	r->done_bytes += (uint64_t)result;
	if (!result && r->done_bytes < r->length_bytes)
		*why = r->io.kind == DISK_IO_READ ? read_past_end(d, r) : EIO;
	return *why || r->done_bytes == r->length_bytes;
}

static void disk_completed(struct host_disk *d, struct request *r)
{
	int why;

	if (!request_advance(d, r, &why)) {
		request_submit(d, r);
		return;
	}
	for (struct request **at = &d->working; *at; at = &(*at)->next)
		if (*at == r) {
			*at = r->next;
			break;
		}
	d->n_working--;
	request_finish(d, r, why);
}

static bool must_wait(const struct host_disk *d, const struct request *r)
{
	for (const struct request *w = d->working; w; w = w->next)
		if (requests_conflict(w, r))
			return true;
	for (const struct request *w = d->waiting.first; w != r; w = w->next)
		if (requests_conflict(w, r))
			return true;
	return false;
}

/* Starts all that may start. */
static void disk_start(struct host_disk *d)
{
	struct request **at = &d->waiting.first;

	while (*at && d->n_working < DISK_IO_DEPTH) {
		struct request *r = *at;

		if (must_wait(d, r)) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		if (!r->next)
			d->waiting.last = at;
		r->next = d->working;
		d->working = r;
		d->n_working++;
		request_submit(d, r);
	}
}

/* Takes over what the machine's thread has left. */
static void disk_collect(struct host_disk *d)
{
	pthread_mutex_lock(&d->lock);
	if (d->arrived.first) {
		*d->waiting.last = d->arrived.first;
		d->waiting.last = d->arrived.last;
		list_init(&d->arrived);
	}
	pthread_mutex_unlock(&d->lock);
}

static void disk_flow(struct host_disk *d)
{
	uint64_t bytes = atomic_load(&d->bytes);
	bool stop = d->stopped ? bytes > HOST_DISK_GO_BYTES : bytes > HOST_DISK_STOP_BYTES;

	if (stop == d->stopped)
		return;
	d->stopped = stop;
	disk_post(d, &(struct input){.kind = INPUT_FLOW, .device = d->device, .value = d->stopped});
}

static void *disk_body(void *ctx)
{
	struct host_disk *d = ctx;

	for (;;) {
		bool closing = atomic_load(&d->closing);
		struct disk_io_request *done;

		disk_collect(d);
		disk_start(d);
		disk_flow(d);
		if (closing && !d->working && !d->waiting.first)
			return NULL;
		done = d->ops->wait(d->io);
		if (done)
			disk_completed(d, (struct request *)done);
	}
}

/* ---- opening and closing ---------------------------------------------------------------------- */

static int disk_lock(struct host_disk *d, struct err *err)
{
	struct flock lock = {.l_type = d->read_only ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET};

	if (!fcntl(d->fd, F_OFD_SETLK, &lock))
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return err_set(err, ERR_SYSTEM, "disk %s is in use by another machine%s", d->path,
			       d->read_only ? " that writes to it" : "");
	return err_system(err, "disk %s cannot be locked", d->path);
}

static int disk_measure(struct host_disk *d, struct err *err)
{
	struct stat st;

	if (fstat(d->fd, &st))
		return err_system(err, "disk %s", d->path);
	if (S_ISBLK(st.st_mode)) {
		if (ioctl(d->fd, BLKGETSIZE64, &d->size_bytes))
			return err_system(err, "disk %s: its size cannot be read", d->path);
	} else if (S_ISREG(st.st_mode)) {
		d->size_bytes = (uint64_t)st.st_size;
	} else {
		return err_set(err, ERR_INVALID, "disk %s is neither a file nor a block device",
			       d->path);
	}
	if (!d->size_bytes)
		return err_set(err, ERR_INVALID, "disk %s is empty; give it a size first", d->path);
	d->sectors = (d->size_bytes + DISK_SECTOR_BYTES - 1) / DISK_SECTOR_BYTES;
	return 0;
}

static int disk_open_file(struct host_disk *d, struct err *err)
{
	struct stat st;
	int flags = d->read_only ? O_RDONLY : O_RDWR;

	/* On a block device O_EXCL asks that the host has not mounted it. */
	if (!d->read_only && !stat(d->path, &st) && S_ISBLK(st.st_mode))
		flags |= O_EXCL;
	d->fd = open(d->path, flags | O_CLOEXEC);
	if (d->fd < 0)
		return err_system(err, "disk %s cannot be opened%s", d->path,
				  d->read_only ? "" : " for writing");
	if (disk_measure(d, err) || disk_lock(d, err))
		return ERR_SYSTEM;
	return 0;
}

static int disk_open_io(struct host_disk *d, const struct disk_io_ops *io, struct err *err)
{
	d->ops = io ? io : &disk_io_uring;
	d->io = d->ops->open(d->fd, err);
	if (!d->io && !io) {
		log_debug(d->log, "disk %s: %s; using threads", d->path, err ? err->text : "");
		err_clear(err);
		d->ops = &disk_io_threads;
		d->io = d->ops->open(d->fd, err);
	}
	return d->io ? 0 : ERR_SYSTEM;
}

static void disk_free(struct host_disk *d)
{
	if (d->io)
		d->ops->close(d->io);
	if (d->fd >= 0)
		close(d->fd);
	pthread_mutex_destroy(&d->lock);
	free(d->zeros);
	free(d);
}

struct host_disk *host_disk_open(const struct host_disk_options *options, struct err *err)
{
	struct host_disk *d = calloc(1, sizeof(*d));

	if (!d) {
		err_set(err, ERR_NO_MEMORY, "no memory for disk %s", options->path);
		return NULL;
	}
	if (strlen(options->path) >= sizeof(d->path)) {
		free(d);
		err_set(err, ERR_LIMIT, "disk %s: the name is too long", options->path);
		return NULL;
	}
	strcpy(d->path, options->path);
	d->fd = -1;
	d->device = options->device;
	d->read_only = options->read_only;
	d->mailbox = options->mailbox;
	d->log = options->log;
	pthread_mutex_init(&d->lock, NULL);
	list_init(&d->arrived);
	list_init(&d->waiting);
	if (disk_open_file(d, err) || disk_open_io(d, options->io, err) ||
	    host_thread_start(&d->thread, "disk", disk_body, d, err)) {
		disk_free(d);
		return NULL;
	}
	return d;
}

uint64_t host_disk_sectors(const struct host_disk *d)
{
	return d->sectors;
}

const char *host_disk_way(const struct host_disk *d)
{
	return d->ops->name;
}

struct output_backend host_disk_backend(struct host_disk *d)
{
	return (struct output_backend){.send = disk_send, .ctx = d};
}

int host_disk_close(struct host_disk *d, struct err *err)
{
	int failed = 0;

	if (!d)
		return 0;
	atomic_store(&d->closing, true);
	d->ops->wake(d->io);
	pthread_join(d->thread, NULL);
	if (!d->read_only && fdatasync(d->fd))
		failed = err_system(err, "disk %s could not be flushed", d->path);
	disk_free(d);
	return failed;
}
