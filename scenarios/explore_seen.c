/*
 * explore_seen.c - what an explorer has seen: hashes, and for images what their recovery read.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/explore_internal.h"

enum { OTHERS = 63 };

void explore_seen_clear(struct explore_seen *seen)
{
    if (seen->count > 0) memset(seen->keys, 0, seen->capacity * sizeof *seen->keys);
    seen->count = seen->read_count = 0;
}

void explore_seen_free(struct explore_seen *seen)
{
    free(seen->keys);
    free(seen->reads);
    free(seen->read_list);
    *seen = (struct explore_seen){.count = 0};
}

static size_t slot_of(const struct explore_seen *seen, uint64_t key)
{
    size_t slot = (size_t)key & (seen->capacity - 1);

    while (seen->keys[slot] != 0 && seen->keys[slot] != key) {
        slot = (slot + 1) & (seen->capacity - 1);
    }
    return slot;
}

static void grow(struct explore_seen *seen)
{
    struct explore_seen old = *seen;

    seen->capacity = old.capacity == 0 ? 4096 : old.capacity * 2;
    seen->keys = calloc(seen->capacity, sizeof *seen->keys);
    seen->reads = calloc(seen->capacity, sizeof *seen->reads);
    assert(seen->keys != NULL);
    assert(seen->reads != NULL);
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.keys[i] == 0) continue;
        size_t slot = slot_of(seen, old.keys[i]);
        seen->keys[slot] = old.keys[i];
        seen->reads[slot] = old.reads[i];
    }
    free(old.keys);
    free(old.reads);
}

static uint64_t not_zero(uint64_t key)
{
    return key == 0 ? 1 : key; /* 0 marks a free slot. */
}

/* The key's slot; *ret_new: it was free. */
static size_t take(struct explore_seen *seen, uint64_t key, bool *ret_new)
{
    if ((seen->count + 1) * 2 > seen->capacity) grow(seen);
    size_t slot = slot_of(seen, not_zero(key));
    *ret_new = seen->keys[slot] == 0;
    if (*ret_new) {
        seen->keys[slot] = not_zero(key);
        seen->count++;
    }
    return slot;
}

bool explore_seen_add(struct explore_seen *seen, uint64_t key)
{
    bool fresh;

    (void)take(seen, key, &fresh);
    return fresh;
}

static struct explore_read read_of(const struct disk_watch *watch)
{
    struct explore_read read;

    memset(&read, 0, sizeof read); /* They are compared as bytes. */
    read.names = watch->names;
    read.others = watch->other_files;
    for (unsigned i = 0; i < DISK_WATCH_FILES; i++) {
        const struct disk_watched_file *file = &watch->files[i];
        bool more = file->beyond || file->sectors[0] >> OTHERS != 0;
        for (unsigned word = 1; word < DISK_WATCH_SECTORS / 64 && !more; word++) {
            more = file->sectors[word] != 0;
        }
        if (i < EXPLORE_READ_FILES) {
            read.sectors[i] = file->sectors[0] | (uint64_t)more << OTHERS;
            read.sizes |= (uint32_t)file->size << i;
        } else if (more || file->size || file->sectors[0] != 0) {
            read.others = 1;
        }
    }
    return read;
}

uint32_t explore_seen_pack(struct explore_seen *seen, const struct disk_watch *watch)
{
    const struct explore_read read = read_of(watch);

    for (uint32_t i = seen->read_count; i > 0; i--) {
        if (memcmp(&seen->read_list[i - 1], &read, sizeof read) == 0) return i - 1;
    }
    if (seen->read_count == seen->read_capacity) {
        seen->read_capacity = seen->read_capacity == 0 ? 64 : seen->read_capacity * 2;
        seen->read_list = realloc(seen->read_list, seen->read_capacity * sizeof *seen->read_list);
        assert(seen->read_list != NULL);
    }
    seen->read_list[seen->read_count] = read;
    return seen->read_count++;
}

void explore_seen_unpack(const struct explore_seen *seen, uint32_t index, struct disk_watch *watch)
{
    const struct explore_read *read = &seen->read_list[index];

    for (unsigned i = 0; i < DISK_WATCH_FILES; i++) {
        struct disk_watched_file *file = &watch->files[i];
        bool known = i < EXPLORE_READ_FILES;
        uint64_t sectors = known ? read->sectors[i] : read->others != 0 ? UINT64_MAX : 0;
        bool more = sectors >> OTHERS != 0;
        memset(file->sectors, more ? 0xff : 0, sizeof file->sectors);
        file->sectors[0] = sectors;
        file->beyond = more;
        file->size = known ? (read->sizes >> i & 1) != 0 : read->others != 0;
    }
    watch->other_files = read->others != 0;
    watch->names = read->names != 0;
}

bool explore_seen_find(const struct explore_seen *seen, uint64_t key, uint32_t *ret_read)
{
    if (seen->capacity == 0) return false;
    size_t slot = slot_of(seen, not_zero(key));
    if (seen->keys[slot] == 0) return false;
    *ret_read = seen->reads[slot];
    return true;
}

void explore_seen_put(struct explore_seen *seen, uint64_t key, uint32_t read)
{
    bool fresh;
    size_t slot = take(seen, key, &fresh);

    if (fresh) seen->reads[slot] = read;
}
