/*
 * disk_script.h - a chooser with its answers written down, and file contents in shorthand.
 *
 * A content is said in runs: "A512.100B12" is 512 times 'A', 100 zeros and 12 times 'B'; "?512" is
 * 512 bytes that may be anything.
 */
#ifndef TESTS_DISK_SCRIPT_H
#define TESTS_DISK_SCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/disk.h"

enum { SCRIPT_ANSWERS_MAX = 16, SCRIPT_BYTES_MAX = 32768 };

/* What to answer to DISK_ASK_MODE when all modes are allowed. */
enum { SCRIPT_LOSE = 0, SCRIPT_KEEP = 35, SCRIPT_PREFIX = 45, SCRIPT_OMIT = 65, SCRIPT_EACH = 75 };

struct script {
    uint32_t answers[DISK_QUESTION_COUNT][SCRIPT_ANSWERS_MAX];
    uint32_t count[DISK_QUESTION_COUNT];
    uint32_t asked[DISK_QUESTION_COUNT];
    struct disk_about about;
    struct disk_about told[DISK_QUESTION_COUNT][SCRIPT_ANSWERS_MAX]; /* With each question. */
};

/* The next of the question's answers; 0 when there are no more. */
static inline uint32_t script_choose(void *context, enum disk_question question, uint32_t bound)
{
    struct script *script = context;
    uint32_t i = script->asked[question]++;
    uint32_t answer = i < script->count[question] ? script->answers[question][i] : 0;

    if (i < SCRIPT_ANSWERS_MAX) script->told[question][i] = script->about;
    if (answer >= bound) fail_msg("answer %u to question %d, bound %u", answer, question, bound);
    return answer;
}

static inline void script_say(struct script *script, enum disk_question question, uint32_t answer)
{
    assert_true(script->count[question] < SCRIPT_ANSWERS_MAX);
    script->answers[question][script->count[question]++] = answer;
}

static inline struct disk_chooser script_chooser(struct script *script)
{
    memset(script->asked, 0, sizeof script->asked);
    return (struct disk_chooser){
        .choose = script_choose, .context = script, .about = &script->about};
}

#define assert_ok(call) assert_int_equal(call, WAL_OK)

static inline size_t script_run(const char **content, char *ret_letter)
{
    char *end;

    *ret_letter = **content;
    unsigned long len = strtoul(*content + 1, &end, 10);
    assert_true(end > *content + 1);
    *content = end;
    return len;
}

static inline void script_shorten(const uint8_t *bytes, size_t len, char *ret_text, size_t cap)
{
    size_t used = 0;

    ret_text[0] = '\0';
    for (size_t i = 0; i < len && used + 40 < cap;) {
        size_t run = 1;
        while (i + run < len && bytes[i + run] == bytes[i]) run++;
        bool plain = bytes[i] >= 'A' && bytes[i] <= 'Z';
        int wrote = bytes[i] == 0 ? snprintf(ret_text + used, cap - used, ".%zu", run)
                    : plain       ? snprintf(ret_text + used, cap - used, "%c%zu", bytes[i], run)
                                  : snprintf(ret_text + used, cap - used, "x%zu", run);
        used += (size_t)wrote;
        i += run;
    }
}

static inline bool script_equal(const uint8_t *bytes, size_t len, const char *content)
{
    size_t at = 0;
    char letter;

    while (*content != '\0') {
        size_t run = script_run(&content, &letter);
        for (size_t i = 0; i < run; i++, at++) {
            uint8_t wanted = letter == '.' ? 0 : (uint8_t)letter;
            if (at >= len || (letter != '?' && bytes[at] != wanted)) return false;
        }
    }
    return at == len;
}

static inline void script_assert_bytes(const uint8_t *bytes, size_t len, const char *content,
                                       const char *file, int line)
{
    char got[400];

    if (script_equal(bytes, len, content)) return;
    script_shorten(bytes, len, got, sizeof got);
    print_error("got %s, expected %s\n", got, content);
    _fail(file, line);
}

/* The inode of a name in the root directory; -1: there is none. */
static inline disk_inode script_find(struct disk *disk, const char *name)
{
    disk_inode inode = -1;

    enum wal_err err = disk_open(disk, 0, name, false, false, &inode);
    if (err == WAL_NOTFOUND) return -1;
    assert_ok(err);
    return inode;
}

static inline void script_assert_shows(struct disk *disk, const char *name, const char *content,
                                       const char *file, int line)
{
    static uint8_t bytes[SCRIPT_BYTES_MAX];
    disk_inode inode = script_find(disk, name);
    bool bad;

    if (inode < 0) {
        print_error("there is no %s\n", name);
        _fail(file, line);
    }
    size_t len = disk_read(disk, inode, 0, bytes, sizeof bytes, &bad);
    script_assert_bytes(bytes, len, content, file, line);
}

/* The file `name` reads as `content`; its durable bytes are `content`. */
#define assert_shows(disk, name, content) \
    script_assert_shows(disk, name, content, __FILE__, __LINE__)
#define assert_durable(disk, inode, content)                                                   \
    do {                                                                                       \
        uint64_t durable_size;                                                                 \
        const uint8_t *durable_bytes = disk_durable(disk, inode, &durable_size);               \
        script_assert_bytes(durable_bytes, (size_t)durable_size, content, __FILE__, __LINE__); \
    } while (0)
#define assert_absent(disk, name) assert_int_equal(script_find(disk, name), -1)

static inline void script_write(struct disk *disk, disk_inode inode, uint64_t offset,
                                const char *content)
{
    static uint8_t bytes[SCRIPT_BYTES_MAX];
    size_t len = 0;
    bool full;
    char letter;

    while (*content != '\0') {
        size_t run = script_run(&content, &letter);
        memset(bytes + len, letter == '.' ? 0 : letter, run);
        len += run;
    }
    assert_int_equal(disk_write(disk, inode, offset, bytes, len, &full), len);
    assert_false(full);
}

static inline void script_sync(struct disk *disk, disk_inode inode)
{
    disk_sync_end(disk, inode, disk_sync_begin(disk, inode));
}

static inline void script_sync_dir(struct disk *disk, int32_t dir)
{
    disk_sync_dir_end(disk, dir, disk_sync_dir_begin(disk, dir));
}

static inline disk_inode script_create(struct disk *disk, const char *name)
{
    disk_inode inode;

    assert_ok(disk_open(disk, 0, name, true, true, &inode));
    return inode;
}

/* A file whose name and content are durable. */
static inline disk_inode script_durable_file(struct disk *disk, const char *name,
                                             const char *content)
{
    disk_inode inode = script_create(disk, name);

    if (*content != '\0') script_write(disk, inode, 0, content);
    script_sync(disk, inode);
    script_sync_dir(disk, 0);
    return inode;
}

/* ---- A disk, an image of it, and the script by which it is drawn ---- */

struct fixture {
    struct disk *disk;
    struct disk *image;
    struct script script;
    struct disk_crash_tally tally;
};

static inline int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    fixture->disk = disk_create();
    fixture->image = disk_create();
    *state = fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;

    disk_destroy(fixture->disk);
    disk_destroy(fixture->image);
    free(fixture);
    return 0;
}

static inline struct disk *disk_of(void **state)
{
    struct fixture *fixture = *state;

    return fixture->disk;
}

static inline struct disk *begin(void **state, const char *profile)
{
    struct fixture *fixture = *state;

    disk_reset(fixture->disk, disk_profile_find(profile), UINT64_MAX);
    return fixture->disk;
}

static inline void say(void **state, enum disk_question question, uint32_t answer)
{
    struct fixture *fixture = *state;

    script_say(&fixture->script, question, answer);
}

static inline struct disk *draw_hashed(void **state, uint64_t *ret_hash)
{
    struct fixture *fixture = *state;
    const struct disk_chooser chooser = script_chooser(&fixture->script);

    *ret_hash = disk_image(fixture->disk, &chooser, fixture->image, &fixture->tally);
    assert_int_equal(disk_pending(fixture->image), 0);
    return fixture->image;
}

static inline struct disk *draw(void **state)
{
    uint64_t hash;

    return draw_hashed(state, &hash);
}

/* What the i-th question of this sort was about. */
static inline const struct disk_about *told(void **state, enum disk_question question, uint32_t i)
{
    struct fixture *fixture = *state;

    assert_in_range(i + 1, 1, fixture->script.asked[question]);
    return &fixture->script.told[question][i];
}

static inline const struct disk_crash_tally *tally(void **state)
{
    struct fixture *fixture = *state;

    return &fixture->tally;
}

static inline void forget_script(void **state)
{
    struct fixture *fixture = *state;

    memset(&fixture->script, 0, sizeof fixture->script);
}

/* A draw with one mode and the answers that follow from it. */
static inline struct disk *draw_mode(void **state, uint32_t mode, enum disk_question question,
                                     uint32_t answer)
{
    forget_script(state);
    say(state, DISK_ASK_MODE, mode);
    say(state, question, answer);
    return draw(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
