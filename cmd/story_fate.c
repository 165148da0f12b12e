/*
 * story_fate.c - what the end of a process did to a sector, in words.
 */
#include <string.h>

#include "cmd/story_fate.h"

static const struct {
    const char *words;
    const char *brief;
    enum story_tone tone;
} fates[] = {
    [STORY_FATE_UNKNOWN] = {"nobody looked at it afterwards", "not looked at again", STORY_PLAIN},
    [STORY_FATE_SAFE] = {"was safe on the disk and is unchanged", "safe and unchanged", STORY_GOOD},
    [STORY_FATE_NOTHING] = {"held nothing, and holds nothing", "empty", STORY_PLAIN},
    [STORY_FATE_KEPT] = {"was not yet safe, and happens to be kept",
                         "not yet safe, but kept by chance", STORY_RISK},
    [STORY_FATE_LOST] = {"was not yet safe, and is lost: the older bytes are back",
                         "not yet safe, and lost", STORY_BAD},
    [STORY_FATE_GONE] = {"was not yet safe, and is lost: the file ends before it",
                         "not yet safe, and lost", STORY_BAD},
    [STORY_FATE_NAMELESS] = {"is lost with its file, whose name was not yet safe",
                             "lost with the name of their file", STORY_BAD},
    [STORY_FATE_ZERO] = {"was not yet safe, and zeros stand in its place",
                         "not yet safe, and zeros now", STORY_BAD},
    [STORY_FATE_TORN] = {"was not yet safe, and only a first part of it is kept",
                         "not yet safe, and torn: kept up to some byte", STORY_BAD},
    [STORY_FATE_OTHER] = {"was not yet safe, and holds neither the old bytes nor the new ones",
                          "not yet safe, and garbage or older bytes now", STORY_BAD},
    [STORY_FATE_BACK] = {"shows bytes that had been cut off or overwritten, but not yet safely",
                         "with bytes that had been taken away, but not yet safely", STORY_BAD},
    [STORY_FATE_DAMAGED] = {"was safe on the disk, and has changed even so",
                            "safe, and changed even so", STORY_BAD},
    [STORY_FATE_UNREADABLE] = {"cannot be read any more", "unreadable", STORY_BAD},
};

const char *story_fate_words(enum story_fate fate)
{
    return fates[fate].words;
}

const char *story_fate_brief(enum story_fate fate)
{
    return fates[fate].brief;
}

enum story_tone story_fate_tone(enum story_fate fate)
{
    return fates[fate].tone;
}

static bool is_zero(const uint8_t bytes[STORY_SECTOR_BYTES])
{
    for (uint32_t i = 0; i < STORY_SECTOR_BYTES; i++) {
        if (bytes[i] != 0) return false;
    }
    return true;
}

static bool same(const uint8_t a[STORY_SECTOR_BYTES], const uint8_t b[STORY_SECTOR_BYTES])
{
    return memcmp(a, b, STORY_SECTOR_BYTES) == 0;
}

/* The new bytes up to somewhere, then others. */
static bool is_torn(const uint8_t was[STORY_SECTOR_BYTES], const uint8_t is[STORY_SECTOR_BYTES],
                    const uint8_t old[STORY_SECTOR_BYTES])
{
    uint32_t at = 0;

    while (at < STORY_SECTOR_BYTES && was[at] == is[at]) at++;
    return memcmp(was, old, at) != 0 && memcmp(is + at, old + at, STORY_SECTOR_BYTES - at) == 0;
}

static enum story_fate fate_of_pending(const struct story_sector_view *view)
{
    if (same(view->after, view->before)) return STORY_FATE_KEPT;
    if (!view->has_after) return STORY_FATE_GONE;
    if (same(view->after, view->durable)) return STORY_FATE_LOST;
    if (is_torn(view->before, view->after, view->durable)) return STORY_FATE_TORN;
    return is_zero(view->after) ? STORY_FATE_ZERO : STORY_FATE_OTHER;
}

/* Did somebody damage bytes at rest between this end of a process and the row that broke? */
static bool was_damaged(const struct story *story, const struct story_stop *stop)
{
    for (uint32_t i = stop->facts; i < story->fact_count; i++) {
        if (i == story->broken_fact) break;
        if (story->facts[i].row.kind == HISTORY_DAMAGED) return true;
    }
    return false;
}

static enum story_fate fate_of(const struct story *story, const struct story_stop *stop,
                               const struct story_file *was, const struct story_file *is,
                               const struct story_sector_view *view)
{
    if (!stop->has_after) return STORY_FATE_UNKNOWN;
    if (is != NULL && is->unreadable && !same(view->after, view->before)) {
        return STORY_FATE_UNREADABLE;
    }
    if (was != NULL && (is == NULL || !is->named)) return STORY_FATE_NAMELESS;
    if (!view->has_before && !view->has_after) return STORY_FATE_NOTHING;
    if (!same(view->before, view->durable)) return fate_of_pending(view);
    if (same(view->after, view->before)) return STORY_FATE_SAFE;
    return was_damaged(story, stop) ? STORY_FATE_DAMAGED : STORY_FATE_BACK;
}

void story_sector_look(const struct story *story, const struct story_sector *sector,
                       struct story_sector_view *ret_view)
{
    static const struct story_file none = {.name = NULL};
    struct story_sector_view *view = ret_view;

    memset(view, 0, sizeof *view);
    if (story->broken_stop == STORY_NONE) return;
    const struct story_stop *stop = &story->stops[story->broken_stop];
    const struct story_file *was = story_file_find(&stop->before, sector->file);
    const struct story_file *is = story_file_find(&stop->after, sector->file);
    view->was = was != NULL ? was : &none;
    view->is = is != NULL ? is : &none;
    view->has_before =
        story_sector_bytes(view->was->now, view->was->now_size, sector->sector, view->before);
    view->has_durable = story_sector_bytes(view->was->durable, view->was->durable_size,
                                           sector->sector, view->durable);
    view->has_after =
        story_sector_bytes(view->is->now, view->is->now_size, sector->sector, view->after);
    view->fate = fate_of(story, stop, was, is, view);
}
