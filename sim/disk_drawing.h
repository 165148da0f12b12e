/*
 * disk_drawing.h - one crash image while it is drawn: whom to ask, and what was found so far.
 */
#ifndef SIM_DISK_DRAWING_H
#define SIM_DISK_DRAWING_H

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "sim/disk_internal.h"

/* Bits of disk_chooser.modes above those of enum disk_crash_mode. */
enum { DISK_MODE_SIZE = 5, DISK_MODE_TORN, DISK_MODE_GARBAGE, DISK_MODE_STALE, DISK_MODE_NAMES };

enum { DISK_SEED_BOUND = 65536 };

struct disk_drawing {
    const struct disk *disk;
    const struct disk_profile *profile;
    const struct disk_chooser *chooser;
    struct disk *image;
    struct disk_crash_tally *tally;
    enum disk_crash_mode mode;
    uint64_t hash;
};

static inline bool disk_allowed(const struct disk_drawing *drawing, unsigned mode)
{
    return drawing->chooser->modes == 0 || (drawing->chooser->modes >> mode & 1) != 0;
}

/* Say what the next question is about, if anybody wants to know. */
static inline void disk_tell(const struct disk_chooser *chooser, disk_inode inode, uint64_t offset,
                             uint64_t len, uint64_t size_from, const struct disk_name_op *op)
{
    if (chooser->about == NULL) return;
    *chooser->about = (struct disk_about){
        .inode = inode,
        .offset = offset,
        .len = len,
        .size_from = size_from,
        .dir = op != NULL ? op->dir : -1,
        .kind = op != NULL ? op->kind : DISK_NAME_CREATE,
        .name = op != NULL ? op->target.name : NULL,
        .from = op != NULL ? op->from : NULL,
    };
}

static inline uint32_t disk_put(const struct disk_chooser *chooser, enum disk_question question,
                                size_t bound)
{
    uint32_t answer = chooser->choose(chooser->context, question, (uint32_t)bound);

    assert(answer < bound);
    return answer;
}

/* A question about everything. */
static inline uint32_t disk_ask(const struct disk_drawing *drawing, enum disk_question question,
                                size_t bound)
{
    if (bound < 2) return 0;
    disk_tell(drawing->chooser, -1, 0, 0, 0, NULL);
    return disk_put(drawing->chooser, question, bound);
}

/* From which byte on keeping or losing the unit, or what its chunk then brings along, decides about
 * the file because its end may move; UINT64_MAX: it does not. */
uint64_t disk_size_from(const struct disk_drawing *drawing, const struct disk_unit *unit);

static inline uint32_t disk_ask_unit(const struct disk_drawing *drawing,
                                     enum disk_question question, size_t bound,
                                     const struct disk_unit *unit)
{
    if (bound < 2) return 0;
    uint64_t size_from = UINT64_MAX;
    if (drawing->chooser->about != NULL) size_from = disk_size_from(drawing, unit);
    disk_tell(drawing->chooser, unit->inode, unit->begin, unit->end - unit->begin, size_from, NULL);
    return disk_put(drawing->chooser, question, bound);
}

/* About the bytes of a file in [begin, end), of whichever chunks. */
static inline uint32_t disk_ask_file(const struct disk_drawing *drawing,
                                     enum disk_question question, size_t bound, disk_inode inode,
                                     uint64_t begin, uint64_t end, uint64_t size_from)
{
    if (bound < 2) return 0;
    disk_tell(drawing->chooser, inode, begin, end > begin ? end - begin : 0, size_from, NULL);
    return disk_put(drawing->chooser, question, bound);
}

static inline uint32_t disk_ask_name(const struct disk_drawing *drawing,
                                     enum disk_question question, size_t bound,
                                     const struct disk_name_op *op)
{
    if (bound < 2) return 0;
    disk_tell(drawing->chooser, op->target.inode, 0, 0, UINT64_MAX, op);
    return disk_put(drawing->chooser, question, bound);
}

static inline void disk_hash_bytes(struct disk_drawing *drawing, const void *bytes, size_t len)
{
    if (len > 0) drawing->hash = XXH3_64bits_withSeed(bytes, len, drawing->hash);
}

static inline void disk_hash_words(struct disk_drawing *drawing, uint64_t a, uint64_t b)
{
    uint64_t words[] = {a, b, drawing->hash};

    drawing->hash = XXH3_64bits(words, sizeof words);
}

/* Which of the fates that leave neither old nor new a lost chunk in the tail may have. */
static inline bool disk_may_show(const struct disk_drawing *drawing, enum disk_fate fate)
{
    const struct disk_profile *profile = drawing->profile;

    switch (fate) {
    case DISK_FATE_ZERO: return profile->tail_zero && disk_allowed(drawing, DISK_MODE_SIZE);
    case DISK_FATE_GARBAGE:
        return profile->tail_garbage && disk_allowed(drawing, DISK_MODE_GARBAGE);
    case DISK_FATE_STALE: return profile->tail_stale && disk_allowed(drawing, DISK_MODE_STALE);
    case DISK_FATE_LOST:
    case DISK_FATE_KEPT:
    case DISK_FATE_TORN:
    case DISK_FATE_COUNT: break;
    }
    return false;
}

/* Size and bytes of one file, from the fates of its units (disk_settle.c). */
void disk_settle(struct disk_drawing *drawing, disk_inode inode);

#endif
