/*
 * story_fate.h - what the end of a process did to a sector.
 */
#ifndef CMD_STORY_FATE_H
#define CMD_STORY_FATE_H

#include "cmd/story.h"

enum story_fate {
    STORY_FATE_UNKNOWN,
    STORY_FATE_SAFE,
    STORY_FATE_NOTHING,
    STORY_FATE_KEPT,
    STORY_FATE_LOST,
    STORY_FATE_GONE,
    STORY_FATE_NAMELESS,
    STORY_FATE_ZERO,
    STORY_FATE_TORN,
    STORY_FATE_OTHER,
    STORY_FATE_BACK,
    STORY_FATE_DAMAGED,
    STORY_FATE_UNREADABLE,
};

/* A sector as it was in the cache, as it was safe on the disk, and as it is afterwards. */
struct story_sector_view {
    enum story_fate fate;
    const struct story_file *was, *is; /* Its file; all zero where there is none. */
    bool has_before, has_durable, has_after;
    uint8_t before[STORY_SECTOR_BYTES], durable[STORY_SECTOR_BYTES], after[STORY_SECTOR_BYTES];
};

void story_sector_look(const struct story *story, const struct story_sector *sector,
                       struct story_sector_view *ret_view);

/* "was not yet safe, and happens to be kept"; and for counting, "not yet safe, but kept by chance"
 */
const char *story_fate_words(enum story_fate fate);
const char *story_fate_brief(enum story_fate fate);
enum story_tone story_fate_tone(enum story_fate fate);

#endif
