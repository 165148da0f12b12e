/*
 * story_memory.c - memory that a child process fills and its parent reads.
 *
 * One mapping, shared and at the same address in both; what is taken is never given back. Pages
 * that are not used cost nothing.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "cmd/story.h"

enum { ALIGN = 16 };
#define MEMORY_BYTES (UINT64_C(2) << 30)
#define MEMORY_ENOUGH (UINT64_C(1) << 30)

struct story_memory {
    uint64_t used;
};

struct story *story_create(void)
{
    void *mapping = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (mapping == MAP_FAILED) return NULL;
    struct story_memory *memory = mapping;
    memory->used = (sizeof *memory + ALIGN - 1) / ALIGN * ALIGN;
    struct story start = {.memory = memory};
    struct story *story = story_take(&start, sizeof *story);
    story->memory = memory;
    return story;
}

void story_destroy(struct story *story)
{
    if (story != NULL) (void)munmap(story->memory, MEMORY_BYTES);
}

bool story_is_full(const struct story *story)
{
    return story->memory->used > MEMORY_ENOUGH;
}

void *story_take(struct story *story, size_t bytes)
{
    struct story_memory *memory = story->memory;
    uint8_t *taken = (uint8_t *)memory + memory->used;

    assert(bytes < MEMORY_BYTES - memory->used - ALIGN);
    memory->used += (bytes + ALIGN - 1) / ALIGN * ALIGN;
    return taken; /* As the kernel gave it: zeros. */
}

void *story_grown(struct story *story, void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) return array;
    *capacity = *capacity == 0 ? 64 : 2 * *capacity;
    void *bigger = story_take(story, *capacity * size);
    if (count > 0) memcpy(bigger, array, count * size);
    return bigger;
}

const char *story_text(struct story *story, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    assert(len >= 0);
    char *text = story_take(story, (size_t)len + 1);
    va_start(arguments, format);
    (void)vsnprintf(text, (size_t)len + 1, format, arguments);
    va_end(arguments);
    return text;
}
