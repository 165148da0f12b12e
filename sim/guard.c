/*
 * guard.c - bytes with nothing behind them, see guard.h.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include "sim/guard.h"

#include <assert.h>
#include <sys/mman.h>

enum { PAGE_BYTES = 65536 }; /* At least as large as any machine's. */

void sim_guard_init(struct sim_guard *guard, size_t bytes)
{
    guard->bytes = (bytes / PAGE_BYTES + 1) * PAGE_BYTES;
    guard->mapping = mmap(NULL, guard->bytes + PAGE_BYTES, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert(guard->mapping != MAP_FAILED);
    int failed = mprotect(guard->mapping + guard->bytes, PAGE_BYTES, PROT_NONE);
    assert(!failed);
    (void)failed;
}

void sim_guard_free(struct sim_guard *guard)
{
    if (guard->mapping != NULL) (void)munmap(guard->mapping, guard->bytes + PAGE_BYTES);
    guard->mapping = NULL;
}

uint8_t *sim_guard_place(const struct sim_guard *guard, size_t len)
{
    assert(len <= guard->bytes);
    return guard->mapping + guard->bytes - len;
}
