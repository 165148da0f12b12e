/*
 * odometer.h - all answers to all questions of a crash, one image after the other.
 *
 * Each image is drawn with the answers of the one before but for the last that can still change;
 * what a new answer makes the disk ask for the first time begins with the tamest. So every legal
 * combination comes once, whatever is asked because of it.
 *
 * A question whose other answers nobody could notice is not turned: if the recoveries of all images
 * with its first answer (and the same answers before it) looked at nothing that it decides about,
 * they would have gone the same way with any other. Who recovers images says what was looked at
 * (odometer_saw); who does not visits all.
 *
 * Answers that stand for many are tried at three places (where a chunk is torn) or two (which
 * garbage, whose stale bytes). Modes other than "each chunk on its own" leave nothing that it
 * cannot leave, and are left out where it is allowed.
 */
#ifndef SCENARIOS_ODOMETER_H
#define SCENARIOS_ODOMETER_H

#include "sim/disk.h"
#include "sim/disk_watch.h"

enum { ODOMETER_DIGITS_MAX = 512, ODOMETER_LISTED_MAX = 8 };

struct odometer_digit {
    enum disk_question question;
    uint32_t bound;
    uint32_t count, at;                   /* Answers to try, and which it is now. */
    uint32_t listed[ODOMETER_LISTED_MAX]; /* They are these, */
    bool all;                             /* or all from 0 on. */
    bool seen;                            /* Somebody could have noticed another answer. */
    struct disk_about about;
};

struct odometer {
    const struct disk *disk;
    uint32_t modes; /* disk_chooser.modes */
    struct odometer_digit digits[ODOMETER_DIGITS_MAX];
    uint32_t count, asked;
    struct disk_about about; /* Of the question that is being asked. */
    bool overflown;          /* Some crash asked more: what came after was answered tamely. */
    uint64_t spared;         /* Answers that were not tried because nobody could have noticed. */
};

/* Before the first image of this disk. */
void odometer_begin(struct odometer *odometer, const struct disk *disk, uint32_t modes);

/* Who answers for the image that is drawn next. */
struct disk_chooser odometer_chooser(struct odometer *odometer);

/* What the recovery of the image just drawn looked at; NULL: at everything. */
void odometer_saw(struct odometer *odometer, const struct disk_watch *watch);

/* On to the next image. False: there is none. */
bool odometer_next(struct odometer *odometer);

/* An answer to DISK_ASK_MODE that means this mode; false: it is not allowed. */
bool odometer_mode(uint32_t modes, enum disk_crash_mode mode, uint32_t *ret_answer);

#endif
