/*
 * host_task.c - tasks are threads, and so are their locks.
 *
 * What pthread says is wrong about a mutex is a bug of the caller, and asserts.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "wal/host/host_errno.h"
#include "wal/host/host_parts.h"

enum { THREAD_NAME_BYTES = 16 /* Linux's limit, with the terminator. */ };

struct wal_task {
    pthread_t thread;
    void (*entry)(void *arg);
    void *arg;
};

struct wal_mutex {
    pthread_mutex_t mutex;
};

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
    int failed = pthread_mutex_destroy(&mutex->mutex);

    (void)io;
    assert(failed == 0);
    free(mutex);
}

void host_mutex_lock(struct wal_io *io, struct wal_mutex *mutex)
{
    int failed = pthread_mutex_lock(&mutex->mutex);

    (void)io;
    assert(failed == 0);
}

void host_mutex_unlock(struct wal_io *io, struct wal_mutex *mutex)
{
    int failed = pthread_mutex_unlock(&mutex->mutex);

    (void)io;
    assert(failed == 0);
}

void host_task_fill(struct wal_io_ops *ops)
{
    ops->spawn = task_spawn;
    ops->join = task_join;
    ops->mutex_create = task_mutex_create;
    ops->mutex_destroy = task_mutex_destroy;
    ops->mutex_lock = host_mutex_lock;
    ops->mutex_unlock = host_mutex_unlock;
}
