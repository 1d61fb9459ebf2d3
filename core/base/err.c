#include "core/base/err.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void err_clear(struct err *err)
{
	err->code = ERR_NONE;
	err->text[0] = '\0';
}

static void text_append(struct err *err, const char *text)
{
	size_t used = strlen(err->text);
	size_t part = strnlen(text, sizeof(err->text) - 1 - used);

	memcpy(err->text + used, text, part);
	err->text[used + part] = '\0';
}

int err_set(struct err *err, int code, const char *format, ...)
{
	va_list args;

	assert(code != ERR_NONE);
	if (!err)
		return code;
	err->code = code;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return code;
}

int err_system(struct err *err, const char *format, ...)
{
	int reason = errno;
	char words[64];
	va_list args;

	if (!err)
		return ERR_SYSTEM;
	err->code = ERR_SYSTEM;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	text_append(err, ": ");
	text_append(err, strerror_r(reason, words, sizeof(words)));
	return ERR_SYSTEM;
}

int err_wrap(struct err *err, const char *format, ...)
{
	char sentence[ERR_TEXT_BYTES];
	va_list args;

	if (!err)
		return ERR_INVALID;
	assert(err->code != ERR_NONE);
	memcpy(sentence, err->text, sizeof(sentence));
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	text_append(err, ": ");
	text_append(err, sentence);
	return err->code;
}
