/*
 * Errors are values: a code that a program can branch on and one sentence that a person can act on.
 *
 * The caller owns the struct err and passes it down; a function that fails fills it in and returns
 * the code, so that `return err_set(err, ERR_LIMIT, "...")` is the usual way out. Callers that do
 * not care for the sentence pass NULL. Nobody on the way prints, exits or remembers.
 */
#ifndef CORE_BASE_ERR_H
#define CORE_BASE_ERR_H

#define ERR_TEXT_BYTES 256

enum err_code {
	ERR_NONE = 0,
	ERR_INVALID,	 /* an argument or a request makes no sense */
	ERR_RANGE,	 /* an address or index lies outside of what it indexes */
	ERR_LIMIT,	 /* a named limit would be exceeded */
	ERR_CORRUPT,	 /* data contradicts itself or its checksum */
	ERR_TORN,	 /* data ends in the middle of something */
	ERR_END,	 /* data ends where it may */
	ERR_UNSUPPORTED, /* understood, and not available here */
	ERR_MISMATCH,	 /* two things that must agree differ */
	ERR_NO_MEMORY,
	ERR_SYSTEM, /* the host's kernel refused; the sentence carries its reason */
};

struct err {
	int code; /* enum err_code; 0 when no error was set */
	char text[ERR_TEXT_BYTES];
};

/* Makes the error empty. */
void err_clear(struct err *err);

/*
 * Sets code and sentence, replacing what was there. A sentence too long is cut. err may be NULL.
 * Returns code, which must not be ERR_NONE.
 */
int err_set(struct err *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* As err_set() with ERR_SYSTEM, and appends ": " and the host's words for errno. */
int err_system(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Puts context and ": " in front of the sentence, keeping the code; the tail of a sentence that
 * grows too long is cut. Returns the code (ERR_INVALID when err is NULL, so that `return
 * err_wrap(...)` is always a failure).
 */
int err_wrap(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
