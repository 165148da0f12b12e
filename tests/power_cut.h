/*
 * power_cut.h - what is left when the power of power.h goes, or only the process.
 */
#ifndef TESTS_POWER_CUT_H
#define TESTS_POWER_CUT_H

#include "tests/power.h"

enum power_image { POWER_LOSE_ALL, POWER_KEEP_ALL, POWER_KEEP_SOME };

static inline bool power_keeps(struct power *p, enum power_image image)
{
    return image == POWER_KEEP_ALL || (image == POWER_KEEP_SOME && power_draw(p, 2) == 0);
}

static inline void power_crash_inode(struct power *p, struct power_inode *inode,
                                     enum power_image image)
{
    for (size_t i = 0; i < POWER_SECTORS; i++) {
        if (inode->dirty[i] && power_keeps(p, image)) {
            power_sector_safe(inode, i);
        } else if (inode->dirty[i] && image == POWER_KEEP_SOME && power_draw(p, 8) == 0) {
            /* Torn: a sector that was being written may hold half of each. Not one of before. */
            size_t cut = (size_t)power_draw(p, POWER_SECTOR);
            memcpy(inode->safe + i * POWER_SECTOR, inode->now + i * POWER_SECTOR, cut);
        }
        inode->dirty[i] = false;
    }
    if (power_keeps(p, image)) inode->safe_size = inode->now_size;
    memset(inode->safe + inode->safe_size, 0, POWER_FILE_BYTES - inode->safe_size);
    memcpy(inode->now, inode->safe, POWER_FILE_BYTES);
    inode->now_size = inode->safe_size;
}

/* The power comes back. Nothing of the library may be running. */
static inline void power_crash(struct power *p, enum power_image image)
{
    int kept = 0;

    if (image == POWER_KEEP_ALL) kept = p->pending_count;
    if (image == POWER_KEEP_SOME) kept = (int)power_draw(p, (uint64_t)p->pending_count + 1);
    for (int i = 0; i < kept; i++) power_apply(&p->safe, &p->pending[i]);
    p->pending_count = 0;
    p->now = p->safe;
    if (image == POWER_KEEP_ALL) p->dir_safe = p->dir_now;
    p->dir_now = p->dir_safe;
    if (!p->dir_now) p->now = p->safe = (struct power_names){.count = 0};
    for (int i = 0; i < p->inode_count; i++) power_crash_inode(p, &p->inodes[i], image);
    p->dead = false;
    p->cut_at = 0;
}

/* Only the process died. */
static inline void power_restart(struct power *p)
{
    p->dead = false;
    p->cut_at = 0;
}

#endif
