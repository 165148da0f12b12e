/*
 * explore_pool.c - worker processes that explore a scenario together.
 */
#include "cmd/explore_pool.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/repro_file.h"
#include "cmd/squall.h"

enum {
    HANGS_SECONDS = 120, /* A run takes microseconds. */
    CLOCK_EVERY = 64,    /* Runs between two looks at the clock. */
    TICK_US = 50000,
};

struct slot {
    _Alignas(64) struct explore_count count;
    _Atomic uint64_t unit; /* Plus 1; 0: none. */
    uint64_t units_done;
};

struct shared {
    _Atomic uint64_t next;
    _Atomic bool stop;
    atomic_flag busy; /* Somebody puts down a failure. */
    struct explore_failure failures[EXPLORE_FAILURES_KEPT];
    uint32_t failure_count;
    struct slot slots[EXPLORE_JOBS_MAX + 1]; /* The last one counts those that died. */
};

struct worker {
    const struct explore_job *job;
    struct shared *shared;
    struct slot *slot;
    uint32_t runs;
    const char *careful; /* Write each run there before it begins. */
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

/* ---- Failures ---- */

/* Keeps those of the lowest units. */
static void put_down(struct shared *shared, const struct explore_failure *failure)
{
    while (atomic_flag_test_and_set(&shared->busy)) usleep(10);
    uint32_t at = shared->failure_count;
    while (at > 0 && shared->failures[at - 1].unit > failure->unit) at--;
    if (at < EXPLORE_FAILURES_KEPT) {
        uint32_t kept = shared->failure_count < EXPLORE_FAILURES_KEPT ? shared->failure_count
                                                                      : EXPLORE_FAILURES_KEPT - 1;
        memmove(&shared->failures[at + 1], &shared->failures[at],
                (kept - at) * sizeof *shared->failures);
        shared->failures[at] = *failure;
        shared->failure_count = kept + 1;
    }
    atomic_flag_clear(&shared->busy);
}

static void reproducer_path(const struct explore_job *job, uint64_t unit,
                            char path[EXPLORE_PATH_BYTES])
{
    (void)snprintf(path, EXPLORE_PATH_BYTES, "%s/failures/%s-unit-%" PRIu64 ".repro",
                   squall_build(), scenario_name(job->scenario), unit + 1);
}

static void put_down_broken(struct worker *worker, uint64_t unit, const struct run_case *run_case,
                            const struct run_result *result)
{
    struct explore_failure failure = {.unit = unit};

    (void)snprintf(failure.property, sizeof failure.property, "%s", result->property->name);
    (void)snprintf(failure.what, sizeof failure.what, "%s", result->failure);
    reproducer_path(worker->job, unit, failure.path);
    if (!repro_file_write(failure.path, run_case)) failure.path[0] = '\0';
    put_down(worker->shared, &failure);
}

/* ---- Workers ---- */

static bool is_enough(void *context)
{
    struct worker *worker = context;
    const struct explore_job *job = worker->job;

    if (worker->runs++ % CLOCK_EVERY != 0) return false;
    alarm(HANGS_SECONDS);
    if (atomic_load(&worker->shared->stop)) return true;
    return job->until_ns != 0 && squall_now_ns() >= job->until_ns;
}

static void before_run(void *context, const struct run_case *run_case)
{
    const struct worker *worker = context;
    FILE *out = fopen(worker->careful, "w");

    if (out == NULL) return;
    char *text = case_text(run_case);
    fputs(text, out);
    free(text);
    (void)fclose(out); /* If it is not whole, the failure has no reproducer; it is one even so. */
}

static struct explorer *explorer_of(struct worker *worker)
{
    struct explore_options options = worker->job->options;

    options.stop = is_enough;
    options.next = worker->careful != NULL ? before_run : NULL;
    options.context = worker;
    return explorer_create(worker->job->scenario, &options);
}

static void visit(struct worker *worker, struct explorer *explorer, uint64_t unit,
                  struct run_case *run_case)
{
    struct run_result result;

    atomic_store(&worker->slot->unit, unit + 1);
    bool held = explorer_visit(explorer, unit, &worker->slot->count, run_case, &result);
    if (!held) put_down_broken(worker, unit, run_case, &result);
    worker->slot->units_done++;
    atomic_store(&worker->slot->unit, 0);
}

static _Noreturn void work(struct worker *worker)
{
    struct explorer *explorer = explorer_of(worker);
    struct run_case run_case = {.seed = 0};
    uint64_t units = explorer_units(explorer);

    signal(SIGINT, SIG_IGN); /* The master tells. */
    signal(SIGTERM, SIG_IGN);
    while (!atomic_load(&worker->shared->stop)) {
        uint64_t unit = atomic_fetch_add(&worker->shared->next, 1);
        if (unit >= units) break;
        visit(worker, explorer, unit, &run_case);
    }
    case_free(&run_case);
    explorer_destroy(explorer);
    _exit(0);
}

static _Noreturn void work_carefully(struct worker *worker, uint64_t unit)
{
    struct explorer *explorer = explorer_of(worker);
    struct run_case run_case = {.seed = 0};
    struct explore_count count = {.runs = 0};
    struct run_result result;

    (void)explorer_visit(explorer, unit, &count, &run_case, &result); /* It is there to die. */
    _exit(0);
}

/* ---- The master ---- */

struct master {
    const struct explore_job *job;
    struct shared *shared;
    pid_t pids[EXPLORE_JOBS_MAX];
    uint32_t alive;
    bool broken;
};

static bool start(struct master *master, uint32_t i)
{
    struct worker worker = {
        .job = master->job, .shared = master->shared, .slot = &master->shared->slots[i]};

    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) work(&worker);
    if (pid < 0) {
        squall_say("cannot start a worker: %s", strerror(errno));
        master->broken = true;
        atomic_store(&master->shared->stop, true);
        return false;
    }
    master->pids[i] = pid;
    master->alive++;
    return true;
}

/* Again, to learn which run it was. */
static void retrace(struct master *master, uint64_t unit, const char *path)
{
    struct slot *aside = &master->shared->slots[EXPLORE_JOBS_MAX];
    struct worker worker = {
        .job = master->job, .shared = master->shared, .slot = aside, .careful = path};
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) work_carefully(&worker, unit);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    if (pid < 0 || !WIFSIGNALED(status)) (void)unlink(path);
}

static void died(struct master *master, uint32_t i, int status)
{
    struct slot *slot = &master->shared->slots[i];
    uint64_t unit = atomic_load(&slot->unit);
    struct explore_failure failure = {.unit = unit - 1, .property = "worker"};

    if (unit == 0 || !WIFSIGNALED(status)) {
        squall_say("a worker ended by itself");
        master->broken = true;
        atomic_store(&master->shared->stop, true);
        return;
    }
    const char *name = sigabbrev_np(WTERMSIG(status));
    (void)snprintf(failure.what, sizeof failure.what, "%s",
                   WTERMSIG(status) == SIGALRM ? "hung" : "killed by SIG");
    if (WTERMSIG(status) != SIGALRM) {
        size_t len = strlen(failure.what);
        (void)snprintf(failure.what + len, sizeof failure.what - len, "%s",
                       name != NULL ? name : "?");
    }
    reproducer_path(master->job, unit - 1, failure.path);
    retrace(master, unit - 1, failure.path);
    if (access(failure.path, R_OK) != 0) failure.path[0] = '\0';
    put_down(master->shared, &failure);
    slot->count.failures++;
    slot->units_done++;
    atomic_store(&slot->unit, 0);
    (void)start(master, i); /* If not, it has said so. */
}

static void reap(struct master *master)
{
    int status;

    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        for (uint32_t i = 0; i < master->job->jobs; i++) {
            if (master->pids[i] != pid) continue;
            master->pids[i] = 0;
            master->alive--;
            if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) died(master, i, status);
        }
    }
}

static void sum_up(const struct master *master, struct explore_outcome *outcome)
{
    const struct shared *shared = master->shared;

    memset(&outcome->count, 0, sizeof outcome->count);
    outcome->units_done = 0;
    for (uint32_t i = 0; i < master->job->jobs; i++) {
        explore_count_add(&outcome->count, &shared->slots[i].count);
        outcome->units_done += shared->slots[i].units_done;
    }
    memcpy(outcome->failures, shared->failures, sizeof outcome->failures);
    outcome->failure_count = shared->failure_count;
}

static void supervise(struct master *master, struct explore_outcome *outcome)
{
    const struct explore_job *job = master->job;

    while (master->alive > 0) {
        usleep(TICK_US);
        reap(master);
        outcome->out_of_time = job->until_ns != 0 && squall_now_ns() >= job->until_ns;
        if (interrupted || outcome->out_of_time) atomic_store(&master->shared->stop, true);
        sum_up(master, outcome);
        if (job->progress != NULL) job->progress(job->context, outcome);
    }
    outcome->interrupted = interrupted != 0;
    outcome->broken = master->broken;
}

static uint64_t count_units(const struct explore_job *job)
{
    struct explorer *explorer = explorer_create(job->scenario, &job->options);
    uint64_t units = explorer_units(explorer);

    explorer_destroy(explorer);
    return units;
}

void explore_pool_run(const struct explore_job *job, struct explore_outcome *ret_outcome)
{
    struct master master = {.job = job};
    struct sigaction action = {.sa_handler = on_signal}, old_int, old_term;

    memset(ret_outcome, 0, sizeof *ret_outcome);
    ret_outcome->units = count_units(job);
    master.shared = mmap(NULL, sizeof *master.shared, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (master.shared == MAP_FAILED) {
        squall_say("no memory to share: %s", strerror(errno));
        ret_outcome->broken = true;
        return;
    }
    char *folder = squall_path("%s/failures", squall_build());
    (void)repro_file_folder(folder); /* If not, failures are without reproducers; it said why. */
    free(folder);
    interrupted = 0;
    (void)sigaction(SIGINT, &action, &old_int);
    (void)sigaction(SIGTERM, &action, &old_term);
    for (uint32_t i = 0; i < job->jobs && !master.broken; i++) (void)start(&master, i);
    supervise(&master, ret_outcome);
    (void)sigaction(SIGINT, &old_int, NULL);
    (void)sigaction(SIGTERM, &old_term, NULL);
    (void)munmap(master.shared, sizeof *master.shared);
}
