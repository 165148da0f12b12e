/*
 * host_mutex.c - locks, on a futex.
 *
 * What a log does while it holds its lock takes a tenth of a microsecond; to sleep and be woken
 * takes fifty times that. So who finds the lock held looks a few times more before he sleeps: its
 * holder runs on another processor, unless he was just interrupted. pthread's own lock that does so
 * does not check, and the one that checks costs twice as much as this.
 *
 * Locking twice and unlocking another's lock are bugs of the caller, and assert.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "wal/host/host_parts.h"

enum {
    LOOKS = 20, /* About a microsecond. */

    FREE = 0,
    HELD = 1,
    AWAITED = 2, /* Held, and maybe somebody sleeps. */
};

struct wal_mutex {
    atomic_uint state;
    _Atomic(void *) owner; /* Who looks whether it is himself needs no order. */
};

/* Tells threads apart. pthread_self says the same, but is a call into another library, and with
 * three for each record they are a tenth of an append that nobody waits for. */
static void *self(void)
{
    return __builtin_thread_pointer();
}

static enum wal_err mutex_create(struct wal_io *io, struct wal_mutex **ret_mutex)
{
    struct wal_mutex *mutex = malloc(sizeof(*mutex));

    (void)io;
    if (mutex == NULL) return WAL_NOMEM;
    atomic_init(&mutex->state, FREE);
    atomic_init(&mutex->owner, NULL);
    *ret_mutex = mutex;
    return WAL_OK;
}

static void mutex_destroy(struct wal_io *io, struct wal_mutex *mutex)
{
    (void)io;
    assert(atomic_load(&mutex->state) == FREE);
    free(mutex);
}

static bool try_take(struct wal_mutex *mutex)
{
    unsigned state = FREE;

    return atomic_compare_exchange_strong_explicit(&mutex->state, &state, HELD,
                                                   memory_order_acquire, memory_order_relaxed);
}

static void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* Who has slept cannot know whether others do, and takes it as if. */
static void take_in_turn(struct wal_mutex *mutex)
{
    assert(atomic_load_explicit(&mutex->owner, memory_order_relaxed) != self());
    for (unsigned i = 0; i < LOOKS; i++) {
        pause_briefly();
        if (atomic_load_explicit(&mutex->state, memory_order_relaxed) == FREE && try_take(mutex)) {
            return;
        }
    }
    while (atomic_exchange_explicit(&mutex->state, AWAITED, memory_order_acquire) != FREE) {
        err_ignore(host_futex_wait(&mutex->state, AWAITED, WAL_NO_DEADLINE)); /* It looks again. */
    }
}

void host_mutex_lock(struct wal_io *io, struct wal_mutex *mutex)
{
    (void)io;
    if (!try_take(mutex)) take_in_turn(mutex);
    atomic_store_explicit(&mutex->owner, self(), memory_order_relaxed);
}

void host_mutex_unlock(struct wal_io *io, struct wal_mutex *mutex)
{
    (void)io;
    assert(atomic_load_explicit(&mutex->owner, memory_order_relaxed) == self());
    atomic_store_explicit(&mutex->owner, NULL, memory_order_relaxed);
    if (atomic_exchange_explicit(&mutex->state, FREE, memory_order_release) == AWAITED) {
        host_futex_wake(&mutex->state, 1);
    }
}

void host_mutex_fill(struct wal_io_ops *ops)
{
    ops->mutex_create = mutex_create;
    ops->mutex_destroy = mutex_destroy;
    ops->mutex_lock = host_mutex_lock;
    ops->mutex_unlock = host_mutex_unlock;
}
