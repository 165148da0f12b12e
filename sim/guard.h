/*
 * guard.h - bytes with nothing behind them: who reads one too many dies of it, in every build.
 *
 * For handing bytes to a decoder that must not look further. A sanitizer sees the same in memory
 * from malloc, but only where all is built with it.
 */
#ifndef SIM_GUARD_H
#define SIM_GUARD_H

#include <stddef.h>
#include <stdint.h>

struct sim_guard {
    uint8_t *mapping; /* Pages, the last of which cannot be touched. */
    size_t bytes;     /* Of those before it. */
};

/* Room for so many bytes, at least. */
void sim_guard_init(struct sim_guard *guard, size_t bytes);
void sim_guard_free(struct sim_guard *guard);

/* Where len bytes go so that the guard follows them; len is at most what init was told. The bytes
 * may be aligned in no way. */
uint8_t *sim_guard_place(const struct sim_guard *guard, size_t len);

#endif
