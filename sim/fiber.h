/*
 * fiber.h - stacks that the world switches between, all on one OS thread.
 *
 * A fiber gets its stack when it first runs, from a pool, and gives it back when it is dropped,
 * whether it came to its end or was killed in the middle. Below each stack lies a guard region that
 * cannot be touched: a task that overruns its stack kills the process that simulates it, which the
 * sweep reports as a failure of that seed.
 *
 * The sanitizers are told of every switch. For ThreadSanitizer a switch synchronises nothing: only
 * locks, spawn and join do (task.c), so it sees the races that the one thread hides.
 */
#ifndef SIM_FIBER_H
#define SIM_FIBER_H

#include <stddef.h>

struct fiber_stack;

struct fiber_pool {
    struct fiber_stack *free;
};

struct fiber {
    void *context;             /* Where it goes on; NULL: it never ran. */
    struct fiber_stack *stack; /* NULL: none yet, or the thread's own. */
    void (*entry)(void *arg);  /* Never returns. */
    void *arg;
    struct fiber *arrived_from; /* Who ran before it went on. */
    const void *stack_bottom;   /* For AddressSanitizer. */
    size_t stack_bytes;
    void *fake_stack;
    void *race_fiber; /* For ThreadSanitizer. */
};

/* The stack on which the caller runs. */
void fiber_init_thread(struct fiber *fiber);
void fiber_init(struct fiber *fiber, void (*entry)(void *arg), void *arg);

/* Go on with `to`; returns when somebody switches back. */
void fiber_switch(struct fiber_pool *pool, struct fiber *from, struct fiber *to);

/* It will not run again; it must not be the one that runs. */
void fiber_drop(struct fiber_pool *pool, struct fiber *fiber);

size_t fiber_stack_bytes(void);

void fiber_pool_free(struct fiber_pool *pool);

/* What one task did so far is seen by another that acquires the same address afterwards. */
void fiber_race_release(void *address);
void fiber_race_acquire(void *address);

#endif
