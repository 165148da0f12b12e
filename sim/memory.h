/*
 * memory.h - the memory of a simulated process: all of it can be dropped at once.
 *
 * A crash runs no destructor, so nothing is saved by accident; what is left after a clean end is
 * counted. Fresh memory is filled with junk, freed memory with its complement; large blocks only at
 * their beginning (MEMORY_JUNK_BYTES), since filling all of them was a tenth of a small run. Two
 * kinds:
 *
 *     MEMORY_ARENA   a jemalloc arena; freed memory is used again
 *     MEMORY_BUMP    a region that only grows until it is dropped: for short lives
 *
 * Built with SIM_MEMORY_TRACKED (sanitizers, Valgrind) both are malloc with a list of what is live.
 * Memory of the real machine is never short: if it is, that is the end.
 */
#ifndef SIM_MEMORY_H
#define SIM_MEMORY_H

#include <stddef.h>
#include <stdint.h>

enum { MEMORY_JUNK_BYTES = 2048 };

enum memory_kind { MEMORY_ARENA, MEMORY_BUMP };

struct memory_chunk;
struct memory_block;

struct memory {
    enum memory_kind kind;
    uint8_t junk;
    size_t blocks; /* Live now. */
    size_t bytes;
    unsigned arena;
    size_t reset_mib[3];        /* Of the arena's reset. */
    int touched;                /* The arena was allocated from since it was reset. */
    struct memory_chunk *chunk; /* Being filled; those before it are full, those after it empty. */
    unsigned char *next;        /* Its free part, */
    size_t left;                /* so large. */
    struct memory_block *live;
};

void memory_init(struct memory *memory, enum memory_kind kind);
void memory_destroy(struct memory *memory);

/* Aligned to 16. */
void *memory_alloc(struct memory *memory, size_t size);
void memory_free(struct memory *memory, void *block, size_t size);

/* Drop all. */
void memory_reset(struct memory *memory);

#endif
