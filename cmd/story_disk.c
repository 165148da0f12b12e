/*
 * story_disk.c - the simulated disk, looked at and kept.
 */
#include <assert.h>
#include <string.h>

#include "cmd/story.h"

#define LOG_PATH "/log"

static struct story_file *file_named(struct story *story, struct story_disk *disk, size_t *capacity,
                                     const char *name)
{
    for (uint32_t i = 0; i < disk->count; i++) {
        if (strcmp(disk->files[i].name, name) == 0) return &disk->files[i];
    }
    disk->files = story_grown(story, disk->files, disk->count, capacity, sizeof disk->files[0]);
    struct story_file *file = &disk->files[disk->count++];
    *file = (struct story_file){.name = story_text(story, "%s", name)};
    return file;
}

/* Those of `like`, if they are the same. */
static const uint8_t *kept(struct story *story, const uint8_t *bytes, uint64_t size,
                           const uint8_t *like, uint64_t like_size)
{
    if (size == 0 || story_is_full(story)) return NULL;
    if (like != NULL && like_size == size && memcmp(like, bytes, size) == 0) return like;
    return memcpy(story_take(story, size), bytes, size);
}

/* Sector by sector, so that one which cannot be read takes no other with it. */
static void read_now(struct story *story, const struct disk *disk, disk_inode inode,
                     const struct story_file *like, struct story_file *file)
{
    file->now_size = disk_size(disk, inode);
    if (file->now_size == 0 || story_is_full(story)) return;
    uint8_t *bytes = story_take(story, file->now_size);
    for (uint64_t at = 0; at < file->now_size; at += STORY_SECTOR_BYTES) {
        uint64_t left = file->now_size - at;
        bool bad = false;

        (void)disk_read(disk, inode, at, bytes + at,
                        left < STORY_SECTOR_BYTES ? left : STORY_SECTOR_BYTES, &bad);
        if (bad) file->unreadable = true;
    }
    bool same = like != NULL && like->now != NULL && like->now_size == file->now_size &&
                memcmp(like->now, bytes, file->now_size) == 0;
    file->now = same ? like->now : bytes;
}

static void read_durable(struct story *story, const struct disk *disk, disk_inode inode,
                         struct story_file *file)
{
    const uint8_t *bytes = disk_durable(disk, inode, &file->durable_size);

    file->durable = kept(story, bytes, file->durable_size, file->now, file->now_size);
}

void story_disk_take(struct story *story, struct disk *disk, const struct story_disk *like,
                     struct story_disk *ret_disk)
{
    size_t capacity = 0;
    disk_inode inode;
    const char *name;
    int32_t dir;

    *ret_disk = (struct story_disk){.files = NULL};
    if (disk_dir_find(disk, LOG_PATH, &dir) != WAL_OK) return;
    for (size_t i = 0; (name = disk_entry(disk, dir, i, &inode)) != NULL; i++) {
        if (inode < 0) continue;
        struct story_file *file = file_named(story, ret_disk, &capacity, name);
        file->named = true;
        read_now(story, disk, inode, like != NULL ? story_file_find(like, name) : NULL, file);
        read_durable(story, disk, inode, file);
    }
    for (size_t i = 0; (name = disk_durable_entry(disk, dir, i, &inode)) != NULL; i++) {
        if (inode < 0) continue;
        struct story_file *file = file_named(story, ret_disk, &capacity, name);
        file->named_durably = true;
        read_durable(story, disk, inode, file); /* Maybe another file than the one now. */
    }
}

const struct story_file *story_file_find(const struct story_disk *disk, const char *name)
{
    for (uint32_t i = 0; i < disk->count; i++) {
        if (strcmp(disk->files[i].name, name) == 0) return &disk->files[i];
    }
    return NULL;
}

bool story_sector_bytes(const uint8_t *bytes, uint64_t size, uint64_t sector,
                        uint8_t ret_bytes[STORY_SECTOR_BYTES])
{
    uint64_t at = sector * STORY_SECTOR_BYTES;

    memset(ret_bytes, 0, STORY_SECTOR_BYTES);
    if (bytes == NULL || at >= size) return false;
    memcpy(ret_bytes, bytes + at, size - at < STORY_SECTOR_BYTES ? size - at : STORY_SECTOR_BYTES);
    return true;
}
