/*
 * disk_profile.c - what file systems promise, one row each.
 *
 * The rows are those of the fault papers' table; two columns it leaves open are decided here. A
 * torn chunk: a file system that writes in place writes a block in sectors and can be cut in it;
 * one that copies on write or journals data shows a block whole or not at all. Garbage from a lost
 * overwrite: the papers give it to no file system by name, so only the two that stand for no real
 * one have it.
 */
#include "sim/disk.h"

#include <string.h>

#define FAILS(how) (UINT32_C(1) << DISK_FSYNC_##how)

const struct disk_profile disk_profiles[] = {
    {
        .name = "strict",
        .story = "Sectors are old or new, sizes follow data, names are durable at once.",
        .chunk_bytes = 512,
        .tail_lost = true,
        .names_durable_at_once = true,
        .name_order = DISK_NAMES_IN_ORDER,
        .overwrite_powersafe = true,
        .fsync_failures = FAILS(CLEAN),
    },
    {
        .name = "weak",
        .story = "Everything that POSIX leaves open and a correct log must survive.",
        .chunk_bytes = 512,
        .size_before_data = true,
        .tail_lost = true,
        .tail_zero = true,
        .tail_garbage = true,
        .tail_stale = true,
        .torn_chunks = true,
        .overwrite_garbage = true,
        .name_order = DISK_NAMES_IN_ORDER,
        .overwrite_powersafe = true,
        .fsync_failures = FAILS(NEW_IN_CACHE) | FAILS(REVERT),
    },
    {
        .name = "ext4-ordered",
        .story = "Data goes out before the size that covers it; holes in what arrived are zeros.",
        .chunk_bytes = 4096,
        .tail_lost = true,
        .tail_zero = true,
        .torn_chunks = true,
        .name_order = DISK_NAMES_IN_ORDER,
        .overwrite_powersafe = true,
        .fsync_failures = FAILS(NEW_IN_CACHE),
    },
    {
        .name = "ext4-writeback",
        .story = "The size may arrive before the data and expose what the blocks held before.",
        .chunk_bytes = 4096,
        .size_before_data = true,
        .tail_garbage = true,
        .tail_stale = true,
        .torn_chunks = true,
        .name_order = DISK_NAMES_IN_ORDER,
        .overwrite_powersafe = true,
        .fsync_failures = FAILS(NEW_IN_CACHE),
    },
    {
        .name = "xfs",
        .story =
            "Blocks are unwritten until their data arrived: a lost one below the size is zeros.",
        .chunk_bytes = 4096,
        .tail_zero = true,
        .torn_chunks = true,
        .name_order = DISK_NAMES_IN_ORDER,
        .overwrite_powersafe = true,
        .fsync_failures = FAILS(NEW_IN_CACHE),
    },
    {
        .name = "btrfs",
        .story = "Blocks are copied on write; directory operations are reordered; a failed sync "
                 "takes the cache back.",
        .chunk_bytes = 4096,
        .tail_lost = true,
        .name_order = DISK_NAMES_SUBSET,
        .overwrite_powersafe = true,
        .fsync_failures = FAILS(REVERT),
    },
    {
        .name = "ext4-data-journal",
        .story = "A sync that failed says so only at the next one.",
        .chunk_bytes = 4096,
        .negative = true,
        .tail_lost = true,
        .name_order = DISK_NAMES_IN_ORDER,
        .overwrite_powersafe = true,
        .fsync_failures = FAILS(LATE),
    },
    {
        .name = "hostile",
        .story = "Worse than any file system: torn writes hurt their neighbours, renames lose both "
                 "names.",
        .chunk_bytes = 512,
        .negative = true,
        .size_before_data = true,
        .tail_lost = true,
        .tail_zero = true,
        .tail_garbage = true,
        .tail_stale = true,
        .torn_chunks = true,
        .overwrite_garbage = true,
        .name_order = DISK_NAMES_SUBSET,
        .rename_may_split = true,
        .fsync_failures = FAILS(NEW_IN_CACHE) | FAILS(LATE) | FAILS(REVERT) | FAILS(CLEAN),
    },
};

const size_t disk_profile_count = sizeof disk_profiles / sizeof disk_profiles[0];

const struct disk_profile *disk_profile_find(const char *name)
{
    for (size_t i = 0; i < disk_profile_count; i++) {
        if (strcmp(disk_profiles[i].name, name) == 0) return &disk_profiles[i];
    }
    return NULL;
}
