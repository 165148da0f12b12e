/*
 * walctl_input.h - records out of a stream of bytes.
 *
 * Taking a record and waiting for more bytes are two calls, so that the caller can do something
 * between the last record at hand and a wait that may be long.
 */
#ifndef CMD_WALCTL_INPUT_H
#define CMD_WALCTL_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum input_framing {
    INPUT_LINES,           /* A record ends with a newline, or with the stream. */
    INPUT_LENGTH_PREFIXED, /* A little-endian u32, then so many bytes. */
};

enum input_result {
    INPUT_RECORD,
    INPUT_MORE,     /* Call input_fill. */
    INPUT_END,      /* The stream ended behind a record. */
    INPUT_CUT,      /* The stream ended inside a record. */
    INPUT_TOO_LONG, /* The next record is over the limit. */
    INPUT_STOPPED,  /* Something else than the input says that it is enough. */
    INPUT_NOTROW,   /* The line is not what it has to be: not said by input_take. */
    INPUT_FAILED,   /* Reading failed: error has the errno. */
};

enum { INPUT_STOPS = 2 };

struct input {
    int fd;
    int stop_fds[INPUT_STOPS]; /* One of them readable: stop. */
    enum input_framing framing;
    size_t limit;    /* Bytes of a record. */
    uint64_t number; /* Of the last record taken, from 1; or of the one that cannot be. */
    int error;

    char *buffer;
    size_t size;
    size_t begin, end; /* What was read and not taken. */
    size_t searched;   /* Of that, bytes known to hold no newline. */
    bool ended;
};

/* The bytes are valid until the next input_fill. */
enum input_result input_take(struct input *input, const char **ret_bytes, size_t *ret_len);

/* INPUT_MORE: now take. */
enum input_result input_fill(struct input *input);

void input_free(struct input *input);

#endif
