/*
 * host_task.c - tasks are threads.
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

void host_task_fill(struct wal_io_ops *ops)
{
    ops->spawn = task_spawn;
    ops->join = task_join;
}
