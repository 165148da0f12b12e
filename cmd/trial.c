/*
 * trial.c - the process that asks for runs and hears of them.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cmd/death.h"
#include "cmd/squall.h"
#include "cmd/trial_shared.h"

#define PATIENCE_NS UINT64_C(20000000000)
#define SLICE_NS UINT64_C(20000000)
enum { WALL_PER_CPU = 10, WORDS_MS = 2000 };

struct trial {
    struct trial_shared *shared;
    size_t bytes;
    int requests, replies; /* Our ends of the two pipes; -1: there is no child. */
    int said;
    pid_t pid;
    uint64_t runs;
};

/* ---- Shared memory ---- */

bool trial_fits(const struct run_case *run_case)
{
    return run_case->operation_count <= TRIAL_OPERATIONS_MAX &&
           run_case->who_count <= TRIAL_WHOS_MAX &&
           run_case->decision_count <= TRIAL_DECISIONS_MAX &&
           run_case->milestone_count <= TRIAL_MILESTONES_MAX;
}

static size_t case_bytes(void)
{
    return TRIAL_OPERATIONS_MAX * sizeof(struct operation) +
           TRIAL_WHOS_MAX * sizeof(struct sim_who) +
           TRIAL_DECISIONS_MAX * sizeof(struct case_decision) +
           TRIAL_MILESTONES_MAX * sizeof(struct case_milestone);
}

/* An empty case with room of its own, so that it never asks for memory. */
static struct run_case case_at(unsigned char *memory)
{
    struct run_case run_case = {.operation_capacity = TRIAL_OPERATIONS_MAX,
                                .who_capacity = TRIAL_WHOS_MAX,
                                .decision_capacity = TRIAL_DECISIONS_MAX,
                                .milestone_capacity = TRIAL_MILESTONES_MAX};

    run_case.operations = (struct operation *)(void *)memory;
    memory += TRIAL_OPERATIONS_MAX * sizeof(struct operation);
    run_case.whos = (struct sim_who *)(void *)memory;
    memory += TRIAL_WHOS_MAX * sizeof(struct sim_who);
    run_case.milestones = (struct case_milestone *)(void *)memory;
    memory += TRIAL_MILESTONES_MAX * sizeof(struct case_milestone);
    run_case.decisions = (struct case_decision *)(void *)memory;
    return run_case;
}

struct trial *trial_begin(void)
{
    struct trial *trial = calloc(1, sizeof *trial);

    if (trial == NULL) abort();
    _Static_assert(sizeof(struct trial_shared) < 8192, "two pages are reserved for it");
    trial->bytes = 8192 + 2 * case_bytes();
    trial->shared = mmap(NULL, trial->bytes, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (trial->shared == MAP_FAILED) abort();
    unsigned char *memory = (unsigned char *)trial->shared + 8192;
    trial->shared->asked = case_at(memory);
    trial->shared->effective = case_at(memory + case_bytes());
    trial->requests = trial->replies = -1;
    trial->said = death_file();
    return trial;
}

/* ---- The child ---- */

static void close_pipes(struct trial *trial)
{
    if (trial->requests >= 0) close(trial->requests);
    if (trial->replies >= 0) close(trial->replies);
    trial->requests = trial->replies = -1;
}

static void wait_for_end(struct trial *trial, int *ret_status)
{
    while (waitpid(trial->pid, ret_status, 0) < 0 && errno == EINTR) continue;
    trial->pid = 0;
    close_pipes(trial);
}

static void dismiss(struct trial *trial)
{
    int status;

    if (trial->pid == 0) return;
    kill(trial->pid, SIGKILL);
    wait_for_end(trial, &status);
}

_Noreturn static void be_child(struct trial *trial, const int requests[2], const int replies[2])
{
    signal(SIGINT, SIG_IGN); /* A terminal sends them to the whole group; the parent decides. */
    signal(SIGTERM, SIG_IGN);
    close(requests[1]);
    close(replies[0]);
    if (trial->said >= 0) death_speak_to(trial->said);
    trial_serve(trial->shared, requests[0], replies[1]);
}

static bool spawn(struct trial *trial)
{
    int requests[2], replies[2];
    pid_t parent = getpid();

    if (pipe2(requests, O_CLOEXEC) != 0 || pipe2(replies, O_CLOEXEC) != 0) {
        squall_say("no pipe: %s", strerror(errno));
        return false;
    }
    if (trial->said >= 0) death_forget(trial->said);
    fflush(NULL);
    trial->pid = fork();
    if (trial->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(SQUALL_FAILED);
        be_child(trial, requests, replies);
    }
    close(requests[0]);
    close(replies[1]);
    trial->requests = requests[1];
    trial->replies = replies[0];
    if (trial->pid > 0) return true;
    squall_say("cannot fork: %s", strerror(errno));
    trial->pid = 0;
    close_pipes(trial);
    return false;
}

void trial_end(struct trial *trial)
{
    if (trial == NULL) return;
    dismiss(trial);
    if (trial->said >= 0) close(trial->said);
    munmap(trial->shared, trial->bytes);
    free(trial);
}

/* ---- A run ---- */

enum reply { REPLY_DONE, REPLY_DEATH, REPLY_NONE };

/* A byte, or the end of the pipe, within so many milliseconds. */
static enum reply hear(struct trial *trial, int ms)
{
    struct pollfd heard = {.fd = trial->replies, .events = POLLIN};
    char byte;

    if (poll(&heard, 1, ms) <= 0) return REPLY_NONE;
    ssize_t got = read(trial->replies, &byte, 1);
    if (got < 0 && errno == EINTR) return REPLY_NONE;
    return got == 1 ? REPLY_DONE : REPLY_DEATH;
}

static uint64_t processor_ns(pid_t pid)
{
    struct timespec used;
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) return 0;
    return (uint64_t)used.tv_sec * UINT64_C(1000000000) + (uint64_t)used.tv_nsec;
}

/* Time counts that the child had: others may want the processor, and a terminal may stop us all. */
static enum reply wait_for_reply(struct trial *trial, uint64_t patience_ns)
{
    uint64_t began_ns = 0, waited_ns = 0;

    for (;;) {
        enum reply reply = hear(trial, (int)(SLICE_NS / 1000000));
        if (reply != REPLY_NONE) return reply;
        uint64_t used_ns = processor_ns(trial->pid);
        if (waited_ns == 0) began_ns = used_ns; /* The first slice is free: it spares a call. */
        waited_ns += SLICE_NS;
        if (used_ns - began_ns >= patience_ns) return REPLY_NONE;
        if (waited_ns / WALL_PER_CPU >= patience_ns) return REPLY_NONE;
    }
}

/* Two assertions are two failures: the first thing that was said belongs to the cause. */
static void name_death(struct trial *trial, int status, struct trial_outcome *outcome)
{
    char cause[64] = "no progress, killed"; /* After whatever time: it is the same failure. */

    if (!outcome->hung) death_cause(status, 0, cause, sizeof cause);
    death_words(trial->said, outcome->words, sizeof outcome->words);
    (void)snprintf(outcome->property, sizeof outcome->property, TRIAL_WORKER);
    const char *said = strstr(outcome->words, "Assertion");
    int len = said != NULL ? (int)strcspn(said, "\n") : 0;
    (void)snprintf(outcome->why, sizeof outcome->why, len > 0 ? "%s: %.*s" : "%s%.*s", cause, len,
                   said != NULL ? said : "");
    memcpy(outcome->failure, outcome->why, sizeof outcome->failure);
}

/* Dead, or about to be. */
static void bury(struct trial *trial, enum reply reply)
{
    struct trial_outcome *outcome = &trial->shared->outcome;
    int status;

    outcome->hung = reply == REPLY_NONE;
    if (outcome->hung) {
        kill(trial->pid, SIGUSR1); /* It has a moment to write down what it did. */
        if (hear(trial, WORDS_MS) == REPLY_NONE) kill(trial->pid, SIGKILL);
    }
    wait_for_end(trial, &status);
    name_death(trial, status, outcome);
    if (!outcome->exported) return;
    struct run_case *effective = &trial->shared->effective;
    memcpy(effective->property, outcome->property, sizeof effective->property);
    memcpy(effective->why, outcome->why, sizeof effective->why);
}

static bool make_run(struct trial *trial, const struct trial_options *options,
                     struct trial_outcome *ret_outcome)
{
    struct trial_shared *shared = trial->shared;
    const uint64_t patience_ns = options->patience_ns != 0 ? options->patience_ns : PATIENCE_NS;

    shared->options = *options;
    shared->outcome = (struct trial_outcome){.property = ""};
    if (trial->pid == 0 && !spawn(trial)) return false;
    if (write(trial->requests, "r", 1) != 1) {
        squall_say("a worker cannot be reached: %s", strerror(errno));
        return false;
    }
    enum reply reply = wait_for_reply(trial, patience_ns);
    if (reply == REPLY_DEATH && !atomic_load(&shared->running)) {
        int status;
        wait_for_end(trial, &status);
        death_cause(status, 0, shared->outcome.why, sizeof shared->outcome.why);
        squall_say("a worker died before it ran anything: %s", shared->outcome.why);
        return false;
    }
    if (reply != REPLY_DONE) bury(trial, reply);
    trial->runs++;
    *ret_outcome = shared->outcome;
    return true;
}

bool trial_run(struct trial *trial, const struct run_case *run_case,
               const struct trial_options *options, struct trial_outcome *ret_outcome)
{
    if (!trial_fits(run_case)) {
        squall_say("a case with %u operations and %u decisions is too large to be tried",
                   run_case->operation_count, run_case->decision_count);
        return false;
    }
    trial->shared->scenario = NULL;
    case_copy(&trial->shared->asked, run_case);
    return make_run(trial, options, ret_outcome);
}

bool trial_generate(struct trial *trial, const struct scenario *scenario,
                    const struct run_options *run_options, const struct trial_options *options,
                    struct trial_outcome *ret_outcome)
{
    dismiss(trial); /* The child that was there may not know the scenario. */
    trial->shared->scenario = scenario;
    trial->shared->run_options = *run_options;
    return make_run(trial, options, ret_outcome);
}

const struct run_case *trial_case(const struct trial *trial)
{
    return trial->shared->outcome.exported ? &trial->shared->effective : NULL;
}

uint64_t trial_count(const struct trial *trial)
{
    return trial->runs;
}
