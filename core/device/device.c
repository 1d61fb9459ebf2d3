/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device/device.h"

void device_no_input(struct device *d, const struct input *in)
{
	(void)d;
	(void)in;
}

void device_nothing(struct device *d)
{
	(void)d;
}

int device_save(const struct device *d, struct byte_sink sink, struct err *err)
{
	int failed = state_save(d->state, d, sink, err);

	return failed ? err_wrap(err, "saving %s", d->name) : 0;
}

int device_load(struct device *d, struct byte_reader *reader, struct err *err)
{
	int failed = state_load(d->state, d, reader, err);

	return failed ? err_wrap(err, "loading %s", d->name) : 0;
}
