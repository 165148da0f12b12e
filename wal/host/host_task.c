/*
 * host_task.c - tasks are threads; conditions wait on the monotonic clock.
 *
 * What pthread says is wrong about a mutex or a condition is a bug of the caller, and asserts.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "wal/host/host_errno.h"
#include "wal/host/host_parts.h"

enum {
    NS_PER_S = 1000000000,
    THREAD_NAME_BYTES = 16, /* Linux's limit, with the terminator. */
};

struct wal_task {
    pthread_t thread;
    void (*entry)(void *arg);
    void *arg;
};

struct wal_mutex {
    pthread_mutex_t mutex;
};

struct wal_cond {
    pthread_cond_t cond;
};

struct wal_cancel {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    atomic_bool fired; /* Set under the mutex, so that no sleeper misses it; polled without. */
};

static struct timespec timespec_of(uint64_t ns)
{
    return (struct timespec){
        .tv_sec = (time_t)(ns / NS_PER_S),
        .tv_nsec = (long)(ns % NS_PER_S),
    };
}

static void *task_main(void *arg)
{
    struct wal_task *task = arg;

    task->entry(task->arg);
    return NULL;
}

/* Signals are for the program's own threads; all but those that a thread's own instruction
 * raises, which the kernel would answer with death. */
static void task_signals(sigset_t *ret_set)
{
    static const int own[] = {SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP};

    sigfillset(ret_set);
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) sigdelset(ret_set, own[i]);
}

static enum wal_err task_spawn(struct wal_io *io, const char *name, void (*entry)(void *arg),
                               void *arg, struct wal_task **ret_task)
{
    struct wal_task *task = malloc(sizeof(*task));
    char short_name[THREAD_NAME_BYTES] = {0};
    sigset_t blocked, before;

    (void)io;
    if (task == NULL) return WAL_NOMEM;
    task->entry = entry;
    task->arg = arg;

    task_signals(&blocked);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    int number = pthread_create(&task->thread, NULL, task_main, task);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number != 0) {
        free(task);
        /* EAGAIN here is a limit on threads or memory, not something to try again at once. */
        return number == EAGAIN ? WAL_NOMEM : host_errno(number);
    }
    strncpy(short_name, name, sizeof(short_name) - 1);
    pthread_setname_np(task->thread, short_name); /* For debuggers only: it may fail. */
    *ret_task = task;
    return WAL_OK;
}

static void task_join(struct wal_io *io, struct wal_task *task)
{
    int failed = pthread_join(task->thread, NULL);

    (void)io;
    assert(failed == 0);
    free(task);
}

/* Error checking: locking twice and unlocking another's lock assert instead of hanging. */
static enum wal_err mutex_init(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attr;
    int number = pthread_mutexattr_init(&attr);

    if (number != 0) return host_errno(number);
    number = pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    if (number == 0) number = pthread_mutex_init(mutex, &attr);
    pthread_mutexattr_destroy(&attr);
    return number == 0 ? WAL_OK : host_errno(number);
}

static void mutex_fini(pthread_mutex_t *mutex)
{
    int failed = pthread_mutex_destroy(mutex);

    assert(failed == 0);
}

static void mutex_hold(pthread_mutex_t *mutex)
{
    int failed = pthread_mutex_lock(mutex);

    assert(failed == 0);
}

static void mutex_release(pthread_mutex_t *mutex)
{
    int failed = pthread_mutex_unlock(mutex);

    assert(failed == 0);
}

static enum wal_err task_mutex_create(struct wal_io *io, struct wal_mutex **ret_mutex)
{
    struct wal_mutex *mutex = malloc(sizeof(*mutex));

    (void)io;
    if (mutex == NULL) return WAL_NOMEM;

    enum wal_err err = mutex_init(&mutex->mutex);
    if (err) {
        free(mutex);
        return err;
    }
    *ret_mutex = mutex;
    return WAL_OK;
}

static void task_mutex_destroy(struct wal_io *io, struct wal_mutex *mutex)
{
    (void)io;
    mutex_fini(&mutex->mutex);
    free(mutex);
}

static void task_mutex_lock(struct wal_io *io, struct wal_mutex *mutex)
{
    (void)io;
    mutex_hold(&mutex->mutex);
}

static void task_mutex_unlock(struct wal_io *io, struct wal_mutex *mutex)
{
    (void)io;
    mutex_release(&mutex->mutex);
}

static enum wal_err cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    int number = pthread_condattr_init(&attr);

    if (number != 0) return host_errno(number);
    number = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    if (number == 0) number = pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
    return number == 0 ? WAL_OK : host_errno(number);
}

static void cond_fini(pthread_cond_t *cond)
{
    int failed = pthread_cond_destroy(cond);

    assert(failed == 0);
}

/* WAL_OK or WAL_TIMEOUT. */
static enum wal_err cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                    uint64_t deadline_ns)
{
    int number = 0;

    if (deadline_ns == WAL_NO_DEADLINE) {
        number = pthread_cond_wait(cond, mutex);
    } else {
        struct timespec deadline = timespec_of(deadline_ns);
        number = pthread_cond_timedwait(cond, mutex, &deadline);
    }
    assert(number == 0 || number == ETIMEDOUT);
    return number == 0 ? WAL_OK : WAL_TIMEOUT;
}

static void cond_wake_all(pthread_cond_t *cond)
{
    int failed = pthread_cond_broadcast(cond);

    assert(failed == 0);
}

static enum wal_err task_cond_create(struct wal_io *io, struct wal_cond **ret_cond)
{
    struct wal_cond *cond = malloc(sizeof(*cond));

    (void)io;
    if (cond == NULL) return WAL_NOMEM;

    enum wal_err err = cond_init(&cond->cond);
    if (err) {
        free(cond);
        return err;
    }
    *ret_cond = cond;
    return WAL_OK;
}

static void task_cond_destroy(struct wal_io *io, struct wal_cond *cond)
{
    (void)io;
    cond_fini(&cond->cond);
    free(cond);
}

static enum wal_err task_cond_wait(struct wal_io *io, struct wal_cond *cond,
                                   struct wal_mutex *mutex, uint64_t deadline_ns)
{
    (void)io;
    return cond_wait_until(&cond->cond, &mutex->mutex, deadline_ns);
}

/* Wakes all: from 2.25 until the fix of its bug 25847, glibc's pthread_cond_signal could wake
 * nobody though somebody waited. A broadcast cannot, and a spurious wake-up is allowed. */
static void task_cond_signal(struct wal_io *io, struct wal_cond *cond)
{
    (void)io;
    cond_wake_all(&cond->cond);
}

static void task_cond_broadcast(struct wal_io *io, struct wal_cond *cond)
{
    (void)io;
    cond_wake_all(&cond->cond);
}

static enum wal_err task_cancel_create(struct wal_io *io, struct wal_cancel **ret_cancel)
{
    struct wal_cancel *cancel = malloc(sizeof(*cancel));

    (void)io;
    if (cancel == NULL) return WAL_NOMEM;

    enum wal_err err = mutex_init(&cancel->mutex);
    if (err) goto undo;
    err = cond_init(&cancel->cond);
    if (err) {
        mutex_fini(&cancel->mutex);
        goto undo;
    }
    atomic_init(&cancel->fired, false);
    *ret_cancel = cancel;
    return WAL_OK;

undo:
    free(cancel);
    return err;
}

static void task_cancel_destroy(struct wal_io *io, struct wal_cancel *cancel)
{
    (void)io;
    cond_fini(&cancel->cond);
    mutex_fini(&cancel->mutex);
    free(cancel);
}

static void task_cancel_fire(struct wal_io *io, struct wal_cancel *cancel)
{
    (void)io;
    mutex_hold(&cancel->mutex);
    atomic_store(&cancel->fired, true);
    cond_wake_all(&cancel->cond);
    mutex_release(&cancel->mutex);
}

static bool task_cancel_fired(struct wal_io *io, struct wal_cancel *cancel)
{
    (void)io;
    return atomic_load(&cancel->fired);
}

static void sleep_until(uint64_t deadline_ns)
{
    struct timespec deadline = timespec_of(deadline_ns);
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
    enum wal_err err = WAL_OK;

    if (cancel == NULL) {
        sleep_until(deadline_ns);
        return WAL_OK;
    }
    mutex_hold(&cancel->mutex);
    while (!atomic_load(&cancel->fired) && err == WAL_OK) {
        err = cond_wait_until(&cancel->cond, &cancel->mutex, deadline_ns);
    }
    bool fired = atomic_load(&cancel->fired);
    mutex_release(&cancel->mutex);
    return fired ? WAL_CANCELLED : WAL_OK;
}

void host_task_fill(struct wal_io_ops *ops)
{
    ops->spawn = task_spawn;
    ops->join = task_join;
    ops->mutex_create = task_mutex_create;
    ops->mutex_destroy = task_mutex_destroy;
    ops->mutex_lock = task_mutex_lock;
    ops->mutex_unlock = task_mutex_unlock;
    ops->cond_create = task_cond_create;
    ops->cond_destroy = task_cond_destroy;
    ops->cond_wait = task_cond_wait;
    ops->cond_signal = task_cond_signal;
    ops->cond_broadcast = task_cond_broadcast;
    ops->cancel_create = task_cancel_create;
    ops->cancel_destroy = task_cancel_destroy;
    ops->cancel_fire = task_cancel_fire;
    ops->cancel_fired = task_cancel_fired;
    ops->sleep = task_sleep;
}
