/*
 * odometer.c - all answers to all questions of a crash, one image after the other.
 */
#include "scenarios/odometer.h"

#include <assert.h>
#include <string.h>

/* Bits of disk_chooser.modes. */
enum { MODE_SIZE = 5, MODE_TORN, MODE_GARBAGE, MODE_STALE, MODE_ANSWERS = 100 };

/* Answers to DISK_ASK_CHUNK. */
enum { LOST, KEPT, ZERO, GARBAGE, STALE, TORN, CHUNK_ANSWERS };

static bool allowed(const struct odometer *odometer, unsigned mode)
{
    return odometer->modes == 0 || (odometer->modes >> mode & 1) != 0;
}

bool odometer_mode(uint32_t modes, enum disk_crash_mode mode, uint32_t *ret_answer)
{
    for (uint32_t answer = 0; answer < MODE_ANSWERS; answer++) {
        if (disk_image_mode(answer, modes) != mode) continue;
        *ret_answer = answer;
        return true;
    }
    return false;
}

static void list(struct odometer_digit *digit, uint32_t answer)
{
    for (uint32_t i = 0; i < digit->count; i++) {
        if (digit->listed[i] == answer) return;
    }
    assert(digit->count < ODOMETER_LISTED_MAX);
    if (answer < digit->bound) digit->listed[digit->count++] = answer;
}

static void list_modes(const struct odometer *odometer, struct odometer_digit *digit)
{
    uint32_t answer;

    if (odometer_mode(odometer->modes, DISK_EACH, &answer)) {
        list(digit, answer);
        return;
    }
    for (unsigned mode = DISK_LOSE_ALL; mode < DISK_EACH; mode++) {
        if (odometer_mode(odometer->modes, (enum disk_crash_mode)mode, &answer)) {
            list(digit, answer);
        }
    }
    if (digit->count == 0) list(digit, 0);
}

/* What a chunk may come to: what it cannot is the same as lost or kept (disk.h). */
static void list_fates(const struct odometer *odometer, struct odometer_digit *digit)
{
    const struct disk_profile *profile = disk_profile_of(odometer->disk);
    const struct disk_about *about = &digit->about;
    uint64_t durable_size;

    list(digit, LOST);
    list(digit, KEPT);
    if (digit->bound != CHUNK_ANSWERS) return;
    (void)disk_durable(odometer->disk, about->inode, &durable_size);
    bool tail = about->offset + about->len > durable_size;
    if (tail && profile->tail_zero && allowed(odometer, MODE_SIZE)) list(digit, ZERO);
    if (profile->tail_garbage && allowed(odometer, MODE_GARBAGE) &&
        (tail || profile->overwrite_garbage)) {
        list(digit, GARBAGE);
    }
    if (tail && profile->tail_stale && allowed(odometer, MODE_STALE)) list(digit, STALE);
    if (profile->torn_chunks && allowed(odometer, MODE_TORN)) list(digit, TORN);
}

static void list_answers(const struct odometer *odometer, struct odometer_digit *digit)
{
    switch (digit->question) {
    case DISK_ASK_MODE: list_modes(odometer, digit); return;
    case DISK_ASK_CHUNK: list_fates(odometer, digit); return;
    case DISK_ASK_CUT_BYTE: list(digit, 0); /* fallthrough */
    case DISK_ASK_CHUNK_BYTE:
        list(digit, digit->question == DISK_ASK_CUT_BYTE ? 1 : 0);
        list(digit, digit->bound / 2);
        list(digit, digit->bound - 1);
        return;
    case DISK_ASK_GARBAGE:
        list(digit, 0);
        list(digit, 1);
        return;
    case DISK_ASK_CUT:
    case DISK_ASK_OMIT:
    case DISK_ASK_SIZE:
    case DISK_ASK_NAMES:
    case DISK_ASK_NAME:
    case DISK_ASK_SPLIT:
    case DISK_ASK_SYNC_CHUNK:
    case DISK_QUESTION_COUNT: break;
    }
    digit->all = true;
    digit->count = digit->bound;
}

static uint32_t answer_of(const struct odometer_digit *digit)
{
    return digit->all ? digit->at : digit->listed[digit->at];
}

static uint32_t choose(void *context, enum disk_question question, uint32_t bound)
{
    struct odometer *odometer = context;

    if (odometer->asked == ODOMETER_DIGITS_MAX) {
        odometer->overflown = true;
        return 0;
    }
    struct odometer_digit *digit = &odometer->digits[odometer->asked++];
    if (odometer->asked <= odometer->count) {
        assert(digit->question == question);
        assert(digit->bound == bound);
        return answer_of(digit);
    }
    odometer->count = odometer->asked;
    digit->question = question;
    digit->bound = bound;
    digit->count = digit->at = 0;
    digit->all = digit->seen = false;
    digit->about = odometer->about;
    list_answers(odometer, digit);
    return answer_of(digit);
}

void odometer_begin(struct odometer *odometer, const struct disk *disk, uint32_t modes)
{
    odometer->disk = disk;
    odometer->modes = modes;
    odometer->count = odometer->asked = 0;
    odometer->overflown = false;
    odometer->spared = 0;
}

struct disk_chooser odometer_chooser(struct odometer *odometer)
{
    odometer->asked = 0;
    return (struct disk_chooser){
        .choose = choose, .context = odometer, .modes = odometer->modes, .about = &odometer->about};
}

void odometer_saw(struct odometer *odometer, const struct disk_watch *watch)
{
    for (uint32_t i = 0; i < odometer->count; i++) {
        struct odometer_digit *digit = &odometer->digits[i];
        if (!digit->seen) digit->seen = watch == NULL || disk_watch_saw(watch, &digit->about);
    }
}

bool odometer_next(struct odometer *odometer)
{
    assert(odometer->asked == odometer->count);
    while (odometer->count > 0) {
        struct odometer_digit *digit = &odometer->digits[odometer->count - 1];
        uint32_t left = digit->count - 1 - digit->at;
        if (digit->seen && left > 0) {
            digit->at++;
            return true;
        }
        odometer->spared += left;
        odometer->count--;
    }
    return false;
}
