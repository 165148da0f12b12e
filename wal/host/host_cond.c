/*
 * host_cond.c - conditions, cancelling, and sleep: whatever waits, on a futex.
 *
 * A condition is a count of wake-ups. Who waits notes the count while it still holds the mutex,
 * lets go and sleeps as long as the count is that; so a wake-up after it let go is not missed. To
 * fire a cancel flag counts at every condition that is waited for with it. This is why it is not
 * pthread's: there one has to hold the waiter's mutex to wake it surely, and who fires a flag knows
 * of no mutex. It also has a signal that wakes one who waits, and surely (glibc's bug 25847).
 *
 * The flag is set before its mutex is taken, and who waits looks at it behind having noted the
 * count and put itself on the list: one of the two sees the other.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "wal/host/host_errno.h"
#include "wal/host/host_parts.h"

enum { NS_PER_S = 1000000000 };

struct wal_cond {
    atomic_uint count;
    atomic_uint waiters;
};

/* Somebody who waits for a condition and for a cancel flag; on its stack. */
struct cancel_waiter {
    struct wal_cond *cond;
    struct cancel_waiter *next;
};

struct wal_cancel {
    pthread_mutex_t mutex; /* Guards the list. Taken after the waiter's own, never before. */
    struct cancel_waiter *first;
    atomic_bool fired;
};

enum wal_err host_futex_wait(atomic_uint *number, unsigned noted, uint64_t deadline_ns)
{
    struct timespec deadline = {
        .tv_sec = (time_t)(deadline_ns / NS_PER_S),
        .tv_nsec = (long)(deadline_ns % NS_PER_S),
    };
    const struct timespec *until = deadline_ns == WAL_NO_DEADLINE ? NULL : &deadline;

    /* This one takes a point on the monotonic clock, the plain one a duration. */
    long failed = syscall(SYS_futex, number, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, noted, until,
                          NULL, FUTEX_BITSET_MATCH_ANY);
    if (failed == 0) return WAL_OK;
    assert(errno == EAGAIN || errno == EINTR || errno == ETIMEDOUT);
    return errno == ETIMEDOUT ? WAL_TIMEOUT : WAL_OK;
}

void host_futex_wake(atomic_uint *number, int how_many)
{
    long failed =
        syscall(SYS_futex, number, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, how_many, NULL, NULL, 0);
    assert(failed >= 0);
}

static void cond_wake(struct wal_cond *cond, int how_many)
{
    atomic_fetch_add(&cond->count, 1);
    if (atomic_load(&cond->waiters) > 0) host_futex_wake(&cond->count, how_many);
}

static enum wal_err cond_create(struct wal_io *io, struct wal_cond **ret_cond)
{
    struct wal_cond *cond = malloc(sizeof(*cond));

    (void)io;
    if (cond == NULL) return WAL_NOMEM;
    atomic_init(&cond->count, 0);
    atomic_init(&cond->waiters, 0);
    *ret_cond = cond;
    return WAL_OK;
}

static void cond_destroy(struct wal_io *io, struct wal_cond *cond)
{
    (void)io;
    assert(atomic_load(&cond->waiters) == 0);
    free(cond);
}

static void cancel_hold(struct wal_cancel *cancel)
{
    int failed = pthread_mutex_lock(&cancel->mutex);

    assert(failed == 0);
}

static void cancel_release(struct wal_cancel *cancel)
{
    int failed = pthread_mutex_unlock(&cancel->mutex);

    assert(failed == 0);
}

static void cancel_list(struct wal_cancel *cancel, struct cancel_waiter *waiter)
{
    cancel_hold(cancel);
    waiter->next = cancel->first;
    cancel->first = waiter;
    cancel_release(cancel);
}

static void cancel_unlist(struct wal_cancel *cancel, const struct cancel_waiter *waiter)
{
    cancel_hold(cancel);
    struct cancel_waiter **at = &cancel->first;
    while (*at != waiter) at = &(*at)->next;
    *at = waiter->next;
    cancel_release(cancel);
}

static enum wal_err cond_wait(struct wal_io *io, struct wal_cond *cond, struct wal_mutex *mutex,
                              uint64_t deadline_ns, struct wal_cancel *cancel)
{
    struct cancel_waiter waiter = {.cond = cond};
    enum wal_err err = WAL_OK;

    atomic_fetch_add(&cond->waiters, 1);
    unsigned noted = atomic_load(&cond->count);
    if (cancel != NULL) cancel_list(cancel, &waiter);
    if (cancel == NULL || !atomic_load(&cancel->fired)) {
        host_mutex_unlock(io, mutex);
        err = host_futex_wait(&cond->count, noted, deadline_ns);
        host_mutex_lock(io, mutex);
    }
    if (cancel != NULL) {
        cancel_unlist(cancel, &waiter);
        if (atomic_load(&cancel->fired)) err = WAL_CANCELLED;
    }
    atomic_fetch_sub(&cond->waiters, 1);
    return err;
}

static void cond_signal(struct wal_io *io, struct wal_cond *cond)
{
    (void)io;
    cond_wake(cond, 1);
}

static void cond_broadcast(struct wal_io *io, struct wal_cond *cond)
{
    (void)io;
    cond_wake(cond, INT_MAX);
}

static enum wal_err cancel_create(struct wal_io *io, struct wal_cancel **ret_cancel)
{
    struct wal_cancel *cancel = malloc(sizeof(*cancel));

    (void)io;
    if (cancel == NULL) return WAL_NOMEM;

    int number = pthread_mutex_init(&cancel->mutex, NULL);
    if (number != 0) {
        free(cancel);
        return host_errno(number);
    }
    cancel->first = NULL;
    atomic_init(&cancel->fired, false);
    *ret_cancel = cancel;
    return WAL_OK;
}

static void cancel_destroy(struct wal_io *io, struct wal_cancel *cancel)
{
    int failed = pthread_mutex_destroy(&cancel->mutex);

    (void)io;
    assert(failed == 0);
    assert(cancel->first == NULL);
    free(cancel);
}

static void cancel_fire(struct wal_io *io, struct wal_cancel *cancel)
{
    (void)io;
    atomic_store(&cancel->fired, true);
    cancel_hold(cancel);
    for (const struct cancel_waiter *waiter = cancel->first; waiter != NULL;
         waiter = waiter->next) {
        cond_wake(waiter->cond, INT_MAX);
    }
    cancel_release(cancel);
}

static bool cancel_fired(struct wal_io *io, struct wal_cancel *cancel)
{
    (void)io;
    return atomic_load(&cancel->fired);
}

static void sleep_until(uint64_t deadline_ns)
{
    struct timespec deadline = {
        .tv_sec = (time_t)(deadline_ns / NS_PER_S),
        .tv_nsec = (long)(deadline_ns % NS_PER_S),
    };
    int number = 0;

    do {
        number = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL);
    } while (number == EINTR);
    assert(number == 0);
}

static enum wal_err task_sleep(struct wal_io *io, uint64_t duration_ns, struct wal_cancel *cancel)
{
    uint64_t now_ns = io->ops->monotonic_ns(io);
    uint64_t room_ns = WAL_NO_DEADLINE - 1 - now_ns;
    uint64_t deadline_ns = now_ns + (duration_ns < room_ns ? duration_ns : room_ns);
    struct wal_cond own = {0};
    struct cancel_waiter waiter = {.cond = &own};
    enum wal_err err = WAL_OK;

    if (cancel == NULL) {
        sleep_until(deadline_ns);
        return WAL_OK;
    }
    atomic_store(&own.waiters, 1);
    cancel_list(cancel, &waiter);
    while (!atomic_load(&cancel->fired) && err == WAL_OK) {
        err = host_futex_wait(&own.count, 0, deadline_ns);
    }
    cancel_unlist(cancel, &waiter);
    return atomic_load(&cancel->fired) ? WAL_CANCELLED : WAL_OK;
}

void host_cond_fill(struct wal_io_ops *ops)
{
    ops->cond_create = cond_create;
    ops->cond_destroy = cond_destroy;
    ops->cond_wait = cond_wait;
    ops->cond_signal = cond_signal;
    ops->cond_broadcast = cond_broadcast;
    ops->cancel_create = cancel_create;
    ops->cancel_destroy = cancel_destroy;
    ops->cancel_fire = cancel_fire;
    ops->cancel_fired = cancel_fired;
    ops->sleep = task_sleep;
}
