/*
 * walctl_input.c - records out of a stream of bytes.
 *
 * One buffer, read into in big pieces. It grows only for a record that does not fit, and the limit
 * on records bounds it.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/walctl_input.h"

enum {
    BUFFER_BYTES_FIRST = 1 << 20,
    PREFIX_BYTES = 4,
};

static enum input_result take_line(struct input *input, const char **ret_bytes, size_t *ret_len)
{
    const char *line = input->buffer + input->begin;
    size_t held = input->end - input->begin;
    const char *newline = NULL;

    if (held > input->searched) {
        newline = memchr(line + input->searched, '\n', held - input->searched);
    }
    if (newline == NULL && !input->ended && held <= input->limit) {
        input->searched = held;
        return INPUT_MORE;
    }
    if (newline == NULL && held == 0) return INPUT_END;

    size_t len = newline == NULL ? held : (size_t)(newline - line);
    input->number++;
    if (len > input->limit) return INPUT_TOO_LONG;
    input->begin += newline == NULL ? len : len + 1;
    input->searched = 0;
    *ret_bytes = line;
    *ret_len = len;
    return INPUT_RECORD;
}

static enum input_result take_prefixed(struct input *input, const char **ret_bytes, size_t *ret_len)
{
    size_t held = input->end - input->begin;
    uint32_t len = 0;

    if (held == 0 && input->ended) return INPUT_END;
    if (held < PREFIX_BYTES && !input->ended) return INPUT_MORE;
    if (held >= PREFIX_BYTES) {
        const unsigned char *prefix = (const unsigned char *)input->buffer + input->begin;

        for (int i = PREFIX_BYTES - 1; i >= 0; i--) len = len << 8 | prefix[i];
        if (len <= input->limit && held - PREFIX_BYTES < len && !input->ended) return INPUT_MORE;
    }
    input->number++;
    if (held < PREFIX_BYTES) return INPUT_CUT;
    if (len > input->limit) return INPUT_TOO_LONG;
    if (held - PREFIX_BYTES < len) return INPUT_CUT;
    *ret_bytes = input->buffer + input->begin + PREFIX_BYTES;
    *ret_len = len;
    input->begin += PREFIX_BYTES + len;
    return INPUT_RECORD;
}

enum input_result input_take(struct input *input, const char **ret_bytes, size_t *ret_len)
{
    if (input->buffer == NULL) return INPUT_MORE;
    switch (input->framing) {
    case INPUT_LINES: return take_line(input, ret_bytes, ret_len);
    case INPUT_LENGTH_PREFIXED: return take_prefixed(input, ret_bytes, ret_len);
    }
    return INPUT_FAILED;
}

static enum input_result failed(struct input *input, int error)
{
    input->error = error;
    return INPUT_FAILED;
}

/* Room for at least one byte behind what is held. */
static bool make_room(struct input *input)
{
    size_t held = input->end - input->begin;

    if (input->begin > 0) memmove(input->buffer, input->buffer + input->begin, held);
    input->begin = 0;
    input->end = held;
    if (held < input->size) return true;

    size_t size = input->size == 0 ? BUFFER_BYTES_FIRST : 2 * input->size;
    char *buffer = realloc(input->buffer, size);
    if (buffer == NULL) return false;
    input->buffer = buffer;
    input->size = size;
    return true;
}

enum input_result input_fill(struct input *input)
{
    if (!make_room(input)) return failed(input, ENOMEM);

    /* The stop comes first: input that never pauses must not hide it. */
    struct pollfd polled[INPUT_STOPS + 1] = {
        {input->stop_fds[0], POLLIN, 0}, {input->stop_fds[1], POLLIN, 0}, {input->fd, POLLIN, 0}};
    if (poll(polled, INPUT_STOPS + 1, -1) < 0) {
        return errno == EINTR ? INPUT_MORE : failed(input, errno);
    }
    if (polled[0].revents != 0 || polled[1].revents != 0) return INPUT_STOPPED;

    ssize_t got = read(input->fd, input->buffer + input->end, input->size - input->end);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return INPUT_MORE;
    if (got < 0) return failed(input, errno);
    if (got == 0) input->ended = true;
    input->end += (size_t)got;
    return INPUT_MORE;
}

void input_free(struct input *input)
{
    free(input->buffer);
    input->buffer = NULL;
}
