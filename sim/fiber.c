/*
 * fiber.c - switching stacks, with the pool of them.
 *
 * A switch is the library's jump_fcontext, some five nanoseconds; where that library is missing
 * (SIM_FIBER_UCONTEXT, or a processor it is not used on here) it is swapcontext, some 150.
 */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#endif

#include "sim/fiber.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#if !defined(__x86_64__) && !defined(__aarch64__) && !defined(SIM_FIBER_UCONTEXT)
#define SIM_FIBER_UCONTEXT
#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN
#endif
#if __has_feature(memory_sanitizer)
#define FIBER_BIG_FRAMES
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN
#endif

#if defined(FIBER_ASAN) || defined(SIM_TSAN) || defined(SIM_MEMORY_TRACKED)
#define FIBER_BIG_FRAMES
#endif

#ifdef FIBER_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef SIM_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#ifdef SIM_FIBER_UCONTEXT
#include <ucontext.h>
#endif

enum {
#ifdef FIBER_BIG_FRAMES
    STACK_BYTES = 256 * 1024,
#else
    STACK_BYTES = 64 * 1024,
#endif
    GUARD_BYTES = 64 * 1024 /* More than a page: a large frame must not step over it. */
};

struct fiber_stack {
    struct fiber_stack *next;
    unsigned char *mapping; /* The guard, then the stack. */
#ifdef SIM_FIBER_UCONTEXT
    ucontext_t where;
#endif
};

static struct fiber_stack *stack_make(void)
{
    struct fiber_stack *stack = calloc(1, sizeof *stack);

    assert(stack != NULL);
    stack->mapping = mmap(NULL, GUARD_BYTES + STACK_BYTES, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert(stack->mapping != MAP_FAILED);
    int failed = mprotect(stack->mapping, GUARD_BYTES, PROT_NONE);
    assert(!failed);
    (void)failed;
    return stack;
}

static void stack_unmake(struct fiber_stack *stack)
{
    (void)munmap(stack->mapping, GUARD_BYTES + STACK_BYTES); /* Nothing to be done about it. */
    free(stack);
}

static struct fiber_stack *stack_take(struct fiber_pool *pool)
{
    struct fiber_stack *stack = pool->free;

    if (stack == NULL) return stack_make();
    pool->free = stack->next;
    return stack;
}

static void stack_give_back(struct fiber_pool *pool, struct fiber_stack *stack)
{
#ifdef SIM_TSAN
    /* Who uses it next has nothing to do with who did. */
    (void)pool;
    stack_unmake(stack);
#else
    stack->next = pool->free;
    pool->free = stack;
#endif
}

size_t fiber_stack_bytes(void)
{
    return STACK_BYTES;
}

void fiber_pool_free(struct fiber_pool *pool)
{
    while (pool->free != NULL) {
        struct fiber_stack *stack = pool->free;
        pool->free = stack->next;
        stack_unmake(stack);
    }
}

/* ---- What the sanitizers are told ---- */

static void leaving(struct fiber *from, struct fiber *to)
{
#ifdef FIBER_ASAN
    __sanitizer_start_switch_fiber(&from->fake_stack, to->stack_bottom, to->stack_bytes);
#endif
#ifdef SIM_TSAN
    __tsan_switch_to_fiber(to->race_fiber, __tsan_switch_to_fiber_no_sync);
#endif
    (void)from, (void)to;
}

/* `from`: who ran until now. The first switch away from a thread's own stack tells where
 * that lies. */
static void arrived(struct fiber *self, struct fiber *from)
{
#ifdef FIBER_ASAN
    __sanitizer_finish_switch_fiber(self->fake_stack, &from->stack_bottom, &from->stack_bytes);
#endif
    (void)self, (void)from;
}

#ifdef SIM_TSAN
/* memcpy and its kin are watched wherever they are called, also in the world's own memory, which
 * all tasks share; so they are not. Plain loads and stores of the code under test are what counts.
 */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "ignore_interceptors_accesses=1";
}
#endif

void fiber_race_release(void *address)
{
#ifdef SIM_TSAN
    __tsan_release(address);
#endif
    (void)address;
}

void fiber_race_acquire(void *address)
{
#ifdef SIM_TSAN
    __tsan_acquire(address);
#endif
    (void)address;
}

/* ---- Switching ---- */

#ifdef SIM_FIBER_UCONTEXT

/* makecontext passes ints only. */
static void begin(unsigned high, unsigned low)
{
    struct fiber *self = (struct fiber *)((uintptr_t)high << 32 | low);

    arrived(self, self->arrived_from);
    self->entry(self->arg);
    assert(0 && "a fiber's entry does not return");
}

static void prepare(struct fiber *fiber)
{
    ucontext_t *where = &fiber->stack->where;
    uintptr_t word = (uintptr_t)fiber;

    int failed = getcontext(where);
    assert(!failed);
    (void)failed;
    where->uc_stack.ss_sp = fiber->stack->mapping + GUARD_BYTES;
    where->uc_stack.ss_size = STACK_BYTES;
    where->uc_link = NULL;
    makecontext(where, (void (*)(void))begin, 2, (unsigned)(word >> 32), (unsigned)word);
    fiber->context = where;
}

static void jump(struct fiber *from, struct fiber *to)
{
    ucontext_t here; /* For the thread's own stack: it lives as long as the switch. */

    from->context = from->stack != NULL ? &from->stack->where : &here;
    to->arrived_from = from;
    int failed = swapcontext(from->context, to->context);
    assert(!failed);
    (void)failed;
    arrived(from, from->arrived_from);
}

#else

/* As in the library's C++ headers, which C cannot include. */
struct fiber_transfer {
    void *context;
    void *data;
};
struct fiber_transfer jump_fcontext(void *to, void *data);
void *make_fcontext(void *stack_top, size_t bytes, void (*entry)(struct fiber_transfer));

static void begin(struct fiber_transfer transfer)
{
    struct fiber *self = transfer.data;

    self->arrived_from->context = transfer.context;
    arrived(self, self->arrived_from);
    self->entry(self->arg);
    assert(0 && "a fiber's entry does not return");
}

static void prepare(struct fiber *fiber)
{
    fiber->context =
        make_fcontext(fiber->stack->mapping + GUARD_BYTES + STACK_BYTES, STACK_BYTES, begin);
}

static void jump(struct fiber *from, struct fiber *to)
{
    to->arrived_from = from;
    struct fiber_transfer transfer = jump_fcontext(to->context, to);
    from->arrived_from->context = transfer.context;
    arrived(from, from->arrived_from);
}

#endif

void fiber_init_thread(struct fiber *fiber)
{
    *fiber = (struct fiber){0};
#ifdef SIM_TSAN
    fiber->race_fiber = __tsan_get_current_fiber();
#endif
}

static void stack_assign(struct fiber *fiber, struct fiber_stack *stack)
{
    fiber->stack = stack;
    fiber->stack_bottom = stack->mapping + GUARD_BYTES;
    fiber->stack_bytes = STACK_BYTES;
    prepare(fiber);
}

void fiber_init(struct fiber *fiber, void (*entry)(void *arg), void *arg)
{
    *fiber = (struct fiber){.entry = entry, .arg = arg};
#ifdef SIM_TSAN
    /* It has seen what its maker saw by now, and not what whoever switches to it first will have
     * seen by then. The same goes for its stack. */
    stack_assign(fiber, stack_make());
    fiber->race_fiber = __tsan_create_fiber(0);
#endif
}

void fiber_switch(struct fiber_pool *pool, struct fiber *from, struct fiber *to)
{
    assert(from != to);
    if (to->stack == NULL && to->entry != NULL) stack_assign(to, stack_take(pool));
    leaving(from, to);
    jump(from, to);
}

void fiber_drop(struct fiber_pool *pool, struct fiber *fiber)
{
    struct fiber_stack *stack = fiber->stack;

#ifdef SIM_TSAN
    __tsan_destroy_fiber(fiber->race_fiber);
#endif
    if (stack == NULL) return;
#ifdef FIBER_ASAN
    /* The frames that it was killed in are still marked. */
    __asan_unpoison_memory_region(stack->mapping + GUARD_BYTES, STACK_BYTES);
#endif
    stack_give_back(pool, stack);
    fiber->stack = NULL;
    fiber->context = NULL;
}
