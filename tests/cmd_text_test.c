/*
 * cmd_text_test.c - what the commands read and print: near names, JSON, records out of a stream.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "cmd/json.h"
#include "cmd/nearest.h"
#include "cmd/walctl_input.h"

/* ---- Near names ---- */

static void a_mistyped_name_finds_the_one_that_was_meant(void **state)
{
    const char *const names[] = {"append", "dump", "verify", "stat"};

    (void)state;
    assert_string_equal(nearest_name("apend", names, 4), "append");
    assert_string_equal(nearest_name("append", names, 4), "append");
    assert_string_equal(nearest_name("dmup", names, 4), "dump");
    assert_string_equal(nearest_name("state", names, 4), "stat");
    assert_string_equal(nearest_name("verfyi", names, 4), "verify");
}

static void of_names_equally_near_the_first_is_given(void **state)
{
    const char *const names[] = {"dunk", "dumb", "dump"};

    (void)state;
    assert_string_equal(nearest_name("dumx", names, 3), "dumb");
}

static void a_name_unlike_all_others_finds_none(void **state)
{
    const char *const names[] = {"append", "dump", "verify", "stat"};
    char longest[200];

    (void)state;
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_null(nearest_name("restore", names, 4));
    assert_null(nearest_name("", names, 4));
    assert_null(nearest_name(longest, names, 4));
    assert_null(nearest_name("dump", names, 0));
}

/* ---- JSON ---- */

static void assert_prints(void (*print)(FILE *, const char *, size_t), const char *bytes,
                          size_t len, const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    print(out, bytes, len);
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
}

static void a_json_string_escapes_what_it_must(void **state)
{
    (void)state;
    assert_prints(json_string, "", 0, "\"\"");
    assert_prints(json_string, "plain 1", 7, "\"plain 1\"");
    assert_prints(json_string, "a\"\\\n\r\t\x01\0z", 9, "\"a\\\"\\\\\\n\\r\\t\\u0001\\u0000z\"");
    assert_prints(json_string, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\x80", 9,
                  "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\x80\"");
    assert_prints(json_string, "a\xffz", 3, "\"a\\ufffdz\"");
}

static void text_is_what_json_gives_back_unchanged(void **state)
{
    static const struct {
        const char *bytes;
        bool text;
    } rows[] = {
        {"", true},
        {"ascii\x7f", true},
        {"\xc2\x80", true},
        {"\xed\x9f\xbf", true},
        {"\xee\x80\x80", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"\x80", false},     /* A continuation alone. */
        {"\xc0\xaf", false}, /* Overlong. */
        {"\xc1\xbf", false},
        {"\xe0\x9f\xbf", false},
        {"\xf0\x8f\xbf\xbf", false},
        {"\xed\xa0\x80", false},     /* A surrogate. */
        {"\xf4\x90\x80\x80", false}, /* Above the last character. */
        {"\xf5\x80\x80\x80", false},
        {"\xe2\x82", false}, /* Cut short. */
        {"\xe2\x82z", false},
        {"ok\xff", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (json_is_text(rows[i].bytes, strlen(rows[i].bytes)) != rows[i].text) {
            fail_msg("row %zu: expected %d", i, rows[i].text);
        }
    }
}

static void base64_pads_to_four(void **state)
{
    (void)state;
    assert_prints(json_base64, "", 0, "\"\"");
    assert_prints(json_base64, "f", 1, "\"Zg==\"");
    assert_prints(json_base64, "fo", 2, "\"Zm8=\"");
    assert_prints(json_base64, "foo", 3, "\"Zm9v\"");
    assert_prints(json_base64, "foob", 4, "\"Zm9vYg==\"");
    assert_prints(json_base64, "\xff\xfe\x00\x3e\x3f", 5, "\"//4APj8=\"");
}

/* ---- Records out of a stream ---- */

enum { LIMIT = 8 };

struct stream {
    struct input input;
    int to;                   /* What the input reads is written here. */
    int stop_to[INPUT_STOPS]; /* And what stops it, here. */
};

static int setup(void **state)
{
    struct stream *stream = calloc(1, sizeof(*stream));
    int ends[2];

    if (stream == NULL || pipe(ends) != 0) return -1;
    stream->to = ends[1];
    stream->input = (struct input){.fd = ends[0], .limit = LIMIT};
    for (int i = 0; i < INPUT_STOPS; i++) {
        if (pipe(ends) != 0) return -1;
        stream->stop_to[i] = ends[1];
        stream->input.stop_fds[i] = ends[0];
    }
    signal(SIGPIPE, SIG_IGN);
    *state = stream;
    return 0;
}

static int teardown(void **state)
{
    struct stream *stream = *state;

    input_free(&stream->input);
    close(stream->input.fd);
    if (stream->to >= 0) close(stream->to);
    for (int i = 0; i < INPUT_STOPS; i++) {
        close(stream->input.stop_fds[i]);
        close(stream->stop_to[i]);
    }
    free(stream);
    return 0;
}

static void put(struct stream *stream, const char *bytes, size_t len)
{
    assert_int_equal(write(stream->to, bytes, len), (ssize_t)len);
}

static void end(struct stream *stream)
{
    close(stream->to);
    stream->to = -1;
}

static enum input_result next(struct input *input, const char **ret_bytes, size_t *ret_len)
{
    enum input_result result = INPUT_MORE;

    while (result == INPUT_MORE) {
        result = input_take(input, ret_bytes, ret_len);
        if (result == INPUT_MORE) result = input_fill(input);
    }
    return result;
}

static void assert_record(struct stream *stream, const char *expected)
{
    const char *bytes = NULL;
    size_t len = 0;

    assert_int_equal(next(&stream->input, &bytes, &len), INPUT_RECORD);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(bytes, expected, len);
}

static void assert_ends(struct stream *stream, enum input_result expected, uint64_t number)
{
    const char *bytes = NULL;
    size_t len = 0;

    assert_int_equal(next(&stream->input, &bytes, &len), expected);
    assert_int_equal(stream->input.number, number);
}

static void lines_may_be_empty_and_the_last_unfinished(void **state)
{
    struct stream *stream = *state;

    put(stream, "one\n\n12345678\nla", 16);
    end(stream);
    assert_record(stream, "one");
    assert_record(stream, "");
    assert_record(stream, "12345678");
    assert_record(stream, "la");
    assert_ends(stream, INPUT_END, 4);
}

static void a_line_that_comes_in_pieces_is_one_record(void **state)
{
    struct stream *stream = *state;
    const char *bytes = NULL;
    size_t len = 0;

    put(stream, "12", 2);
    assert_int_equal(input_fill(&stream->input), INPUT_MORE);
    assert_int_equal(input_take(&stream->input, &bytes, &len), INPUT_MORE);
    put(stream, "34\n5\n67", 7);
    assert_record(stream, "1234");
    assert_record(stream, "5");
    put(stream, "\n", 1);
    assert_record(stream, "67");
    end(stream);
    assert_ends(stream, INPUT_END, 3);
}

static void a_line_over_the_limit_is_named_before_it_ends(void **state)
{
    struct stream *stream = *state;

    put(stream, "ok\n123456789", 12);
    assert_record(stream, "ok");
    assert_ends(stream, INPUT_TOO_LONG, 2);
}

static void an_empty_stream_holds_no_record(void **state)
{
    struct stream *stream = *state;

    end(stream);
    assert_ends(stream, INPUT_END, 0);
}

static void prefixed_records_hold_any_bytes(void **state)
{
    struct stream *stream = *state;
    const char *bytes = NULL;
    size_t len = 0;

    stream->input.framing = INPUT_LENGTH_PREFIXED;
    put(stream, "\3\0\0\0a\n\0\0\0\0\0\1\0\0\0", 15);
    assert_int_equal(next(&stream->input, &bytes, &len), INPUT_RECORD);
    assert_int_equal(len, 3);
    assert_memory_equal(bytes, "a\n\0", 3);
    assert_record(stream, "");
    put(stream, "z", 1);
    assert_record(stream, "z");
    end(stream);
    assert_ends(stream, INPUT_END, 3);
}

static void a_prefixed_record_cut_short_is_not_one(void **state)
{
    struct stream *stream = *state;

    stream->input.framing = INPUT_LENGTH_PREFIXED;
    put(stream, "\1\0\0\0x\2\0\0\0y", 10);
    end(stream);
    assert_record(stream, "x");
    assert_ends(stream, INPUT_CUT, 2);
}

static void a_prefix_cut_short_is_not_the_end(void **state)
{
    struct stream *stream = *state;

    stream->input.framing = INPUT_LENGTH_PREFIXED;
    put(stream, "\1\0", 2);
    end(stream);
    assert_ends(stream, INPUT_CUT, 1);
}

static void a_prefix_over_the_limit_is_refused_unread(void **state)
{
    struct stream *stream = *state;

    stream->input.framing = INPUT_LENGTH_PREFIXED;
    put(stream, "\xff\xff\xff\xff", 4);
    assert_ends(stream, INPUT_TOO_LONG, 1);
}

static void a_record_larger_than_the_first_buffer_arrives_whole(void **state)
{
    enum { BIG = (1 << 20) + 70000 };
    struct stream *stream = *state;
    const char *bytes = NULL;
    size_t len = 0, put_len = 0;
    char *big = malloc(BIG);

    assert_non_null(big);
    for (size_t i = 0; i < BIG; i++) big[i] = (char)('a' + i % 23);
    big[BIG - 1] = '\n';
    stream->input.limit = BIG;
    while (input_take(&stream->input, &bytes, &len) == INPUT_MORE) {
        size_t piece = BIG - put_len < 30000 ? BIG - put_len : 30000;

        put(stream, big + put_len, piece);
        put_len += piece;
        assert_int_equal(input_fill(&stream->input), INPUT_MORE);
    }
    assert_int_equal(len, BIG - 1);
    assert_memory_equal(bytes, big, len);
    free(big);
}

static void a_stop_comes_before_bytes_that_wait(void **state)
{
    struct stream *stream = *state;

    put(stream, "one\ntwo\n", 8);
    assert_record(stream, "one");
    put(stream, "three\n", 6);
    assert_int_equal(write(stream->stop_to[0], "x", 1), 1);
    assert_record(stream, "two");
    assert_ends(stream, INPUT_STOPPED, 2);
}

static void any_stop_ends_the_wait_for_input(void **state)
{
    struct stream *stream = *state;

    assert_int_equal(write(stream->stop_to[1], "x", 1), 1);
    assert_ends(stream, INPUT_STOPPED, 0);
}

static void a_stream_that_cannot_be_read_says_why(void **state)
{
    struct stream *stream = *state;
    int fd = stream->input.fd;

    stream->input.fd = stream->to; /* The wrong end. */
    assert_int_equal(write(stream->to, "x", 1), 1);
    close(fd); /* So that the wrong end is ready. */
    assert_ends(stream, INPUT_FAILED, 0);
    assert_int_not_equal(stream->input.error, 0);
    stream->input.fd = -1;
}

#define STREAM_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mistyped_name_finds_the_one_that_was_meant),
        cmocka_unit_test(of_names_equally_near_the_first_is_given),
        cmocka_unit_test(a_name_unlike_all_others_finds_none),
        cmocka_unit_test(a_json_string_escapes_what_it_must),
        cmocka_unit_test(text_is_what_json_gives_back_unchanged),
        cmocka_unit_test(base64_pads_to_four),
        STREAM_TEST(lines_may_be_empty_and_the_last_unfinished),
        STREAM_TEST(a_line_that_comes_in_pieces_is_one_record),
        STREAM_TEST(a_line_over_the_limit_is_named_before_it_ends),
        STREAM_TEST(an_empty_stream_holds_no_record),
        STREAM_TEST(prefixed_records_hold_any_bytes),
        STREAM_TEST(a_prefixed_record_cut_short_is_not_one),
        STREAM_TEST(a_prefix_cut_short_is_not_the_end),
        STREAM_TEST(a_prefix_over_the_limit_is_refused_unread),
        STREAM_TEST(a_record_larger_than_the_first_buffer_arrives_whole),
        STREAM_TEST(a_stop_comes_before_bytes_that_wait),
        STREAM_TEST(any_stop_ends_the_wait_for_input),
        STREAM_TEST(a_stream_that_cannot_be_read_says_why),
    };

    return cmocka_run_group_tests_name("cmd_text", tests, NULL, NULL);
}
