/*
 * memory.c - an arena, a region or a list: see memory.h.
 */
#include "sim/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN_LOG = 4, ALIGN_BYTES = 1 << ALIGN_LOG };

static void fill(void *block, uint8_t junk, size_t size)
{
    memset(block, junk, size < MEMORY_JUNK_BYTES ? size : MEMORY_JUNK_BYTES);
}

#ifdef SIM_MEMORY_TRACKED

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MEMORY_ASAN
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define MEMORY_ASAN
#endif

#ifdef MEMORY_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(address, size) __asan_poison_memory_region(address, size)
#define UNPOISON(address, size) __asan_unpoison_memory_region(address, size)
#else
#define POISON(address, size) ((void)(address), (void)(size))
#define UNPOISON(address, size) ((void)(address), (void)(size))
#endif

/* Lies before what the process sees, and is poisoned while it does, so that an underrun is found
 * as an overrun is. */
struct memory_block {
    struct memory_block *previous, *next;
    size_t size;
    size_t unused; /* The size is a multiple of ALIGN_BYTES. */
};

_Static_assert(sizeof(struct memory_block) % ALIGN_BYTES == 0, "blocks behind it are misaligned");

static void kind_init(struct memory *memory)
{
    memory->live = NULL;
}

static void *kind_alloc(struct memory *memory, size_t size)
{
    struct memory_block *block = malloc(sizeof *block + size);

    assert(block != NULL);
    block->previous = NULL;
    block->next = memory->live;
    block->size = size;
    if (block->next != NULL) {
        UNPOISON(block->next, sizeof *block);
        block->next->previous = block;
        POISON(block->next, sizeof *block);
    }
    memory->live = block;
    POISON(block, sizeof *block);
    return block + 1;
}

static void unlink_block(struct memory *memory, struct memory_block *block)
{
    if (block->next != NULL) {
        UNPOISON(block->next, sizeof *block);
        block->next->previous = block->previous;
        POISON(block->next, sizeof *block);
    }
    if (block->previous != NULL) {
        UNPOISON(block->previous, sizeof *block);
        block->previous->next = block->next;
        POISON(block->previous, sizeof *block);
    } else {
        memory->live = block->next;
    }
}

static void kind_free(struct memory *memory, void *bytes, size_t size)
{
    struct memory_block *block = (struct memory_block *)bytes - 1;

    UNPOISON(block, sizeof *block);
    assert(block->size == size);
    unlink_block(memory, block);
    free(block);
}

static void kind_reset(struct memory *memory)
{
    while (memory->live != NULL) {
        struct memory_block *block = memory->live;
        UNPOISON(block, sizeof *block);
        memory->live = block->next;
        free(block);
    }
}

static void kind_destroy(struct memory *memory)
{
    kind_reset(memory);
}

#else

#include <jemalloc/jemalloc.h>
#include <sys/types.h>

enum { CHUNK_BYTES_MIN = 256 * 1024 };

struct memory_chunk {
    struct memory_chunk *previous, *next;
    size_t capacity;
    size_t unused; /* The size is a multiple of ALIGN_BYTES. */
};

_Static_assert(sizeof(struct memory_chunk) % ALIGN_BYTES == 0, "bytes behind it are misaligned");

/* ---- The arena ---- */

static void arena_init(struct memory *memory)
{
    size_t size = sizeof memory->arena, mib_count = 3;
    size_t decay_mib[3];
    ssize_t never = -1;

    int failed = mallctl("arenas.create", &memory->arena, &size, NULL, 0);
    failed |= mallctlnametomib("arena.0.reset", memory->reset_mib, &mib_count);
    memory->reset_mib[1] = memory->arena;
    /* Pages stay: giving them back and getting them again would cost more than the run. */
    failed |= mallctlnametomib("arena.0.dirty_decay_ms", decay_mib, &mib_count);
    decay_mib[1] = memory->arena;
    failed |= mallctlbymib(decay_mib, mib_count, NULL, NULL, &never, sizeof never);
    assert(!failed);
    (void)failed;
}

static void *arena_alloc(struct memory *memory, size_t size)
{
    void *block = mallocx(size, MALLOCX_LG_ALIGN(ALIGN_LOG) | MALLOCX_ARENA(memory->arena) |
                                    MALLOCX_TCACHE_NONE);

    assert(block != NULL);
    memory->touched = 1;
    return block;
}

static void arena_reset(struct memory *memory)
{
    if (!memory->touched) return;
    int failed = mallctlbymib(memory->reset_mib, 3, NULL, NULL, NULL, 0);
    assert(!failed);
    (void)failed;
    memory->touched = 0;
}

static void arena_destroy(struct memory *memory)
{
    size_t mib[3], mib_count = 3;

    int failed = mallctlnametomib("arena.0.destroy", mib, &mib_count);
    mib[1] = memory->arena;
    failed |= mallctlbymib(mib, mib_count, NULL, NULL, NULL, 0);
    assert(!failed);
    (void)failed;
}

/* ---- The region ---- */

static void chunk_use(struct memory *memory, struct memory_chunk *chunk)
{
    memory->chunk = chunk;
    memory->next = (unsigned char *)(chunk + 1);
    memory->left = chunk->capacity;
}

/* Go on in the next chunk; one that is too small is skipped until the next reset. */
static void chunk_advance(struct memory *memory, size_t size)
{
    struct memory_chunk *chunk = memory->chunk;
    struct memory_chunk *next = chunk == NULL ? NULL : chunk->next;

    if (next == NULL || next->capacity < size) {
        size_t capacity = size < CHUNK_BYTES_MIN ? CHUNK_BYTES_MIN : size;
        struct memory_chunk *fresh = malloc(sizeof *fresh + capacity);
        assert(fresh != NULL);
        *fresh = (struct memory_chunk){.previous = chunk, .next = next, .capacity = capacity};
        if (chunk != NULL) chunk->next = fresh;
        if (next != NULL) next->previous = fresh;
        next = fresh;
    }
    chunk_use(memory, next);
}

static void *bump_alloc(struct memory *memory, size_t size)
{
    size_t room = (size + ALIGN_BYTES - 1) & ~(size_t)(ALIGN_BYTES - 1);

    assert(room >= size);
    if (room > memory->left) chunk_advance(memory, room);
    unsigned char *block = memory->next;
    memory->next += room;
    memory->left -= room;
    return block;
}

static void bump_reset(struct memory *memory)
{
    struct memory_chunk *chunk = memory->chunk;

    if (chunk == NULL) return;
    while (chunk->previous != NULL) chunk = chunk->previous;
    chunk_use(memory, chunk);
}

/* ---- Either ---- */

static void kind_init(struct memory *memory)
{
    if (memory->kind == MEMORY_ARENA) arena_init(memory);
}

static void *kind_alloc(struct memory *memory, size_t size)
{
    return memory->kind == MEMORY_BUMP ? bump_alloc(memory, size) : arena_alloc(memory, size);
}

static void kind_free(struct memory *memory, void *block, size_t size)
{
    fill(block, (uint8_t)~memory->junk, size);
    if (memory->kind == MEMORY_ARENA) dallocx(block, MALLOCX_TCACHE_NONE);
}

static void kind_reset(struct memory *memory)
{
    if (memory->kind == MEMORY_BUMP) {
        bump_reset(memory);
    } else {
        arena_reset(memory);
    }
}

static void kind_destroy(struct memory *memory)
{
    if (memory->kind == MEMORY_ARENA) {
        arena_destroy(memory);
        return;
    }
    bump_reset(memory);
    for (struct memory_chunk *chunk = memory->chunk, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
}

#endif

void memory_init(struct memory *memory, enum memory_kind kind)
{
    *memory = (struct memory){.kind = kind};
    kind_init(memory);
}

void memory_destroy(struct memory *memory)
{
    kind_destroy(memory);
}

void *memory_alloc(struct memory *memory, size_t size)
{
    assert(size > 0);
    void *block = kind_alloc(memory, size);
    fill(block, memory->junk, size);
    memory->blocks++;
    memory->bytes += size;
    return block;
}

void memory_free(struct memory *memory, void *block, size_t size)
{
    assert(memory->blocks > 0);
    assert(memory->bytes >= size);
    memory->blocks--;
    memory->bytes -= size;
    kind_free(memory, block, size);
}

void memory_reset(struct memory *memory)
{
    kind_reset(memory);
    memory->blocks = memory->bytes = 0;
}
