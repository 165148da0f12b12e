/*
 * sweep.c - the master of a sweep: forks workers, hears of failures, and buries the dead.
 *
 * It waits in ppoll, outside of which the signals that it wants are blocked: so none is missed, and
 * nothing else needs to expect one. Workers ignore SIGINT and SIGTERM (a terminal sends them to the
 * whole group) and die with the master.
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
#include <unistd.h>

#include "cmd/death.h"
#include "cmd/squall.h"
#include "cmd/sweep_shared.h"

#define TICK_NS UINT64_C(100000000)
#define NOTICED_NS_MAX UINT64_C(1000000000) /* A longer tick means that we were stopped, too. */
#define HUNG_NS UINT64_C(20000000000)       /* Without progress. */
#define GRACE_NS UINT64_C(2000000000)       /* For workers to end after an interrupt. */
enum { BARREN_MAX = 8 }; /* Workers in a row that die before they run anything. */

struct child {
    pid_t pid; /* 0: none. */
    int said;  /* What it wrote to standard error; -1: it goes where ours goes. */
    uint64_t runs_seen;
    uint64_t still_ns; /* How long it has not been making progress. */
    uint32_t barren;
    bool hung;
};

struct master {
    const struct sweep *sweep;
    struct sweep_shared *shared;
    size_t shared_bytes;
    struct child *children;
    struct sweep_tally *tallies;
    uint32_t jobs;
    int failures[2]; /* A pipe. */
    uint64_t now_ns;
    uint64_t stopping_ns; /* How long we have been waiting for workers after an interrupt. */
    bool killed;          /* What dies now was killed by us. */
    bool broken;
    sigset_t wanted, before;
    struct sigaction old_actions[3];
};

static const int signals[] = {SIGINT, SIGTERM, SIGCHLD};
static volatile sig_atomic_t interrupts; /* A signal handler has no other place. */

static void note_signal(int number)
{
    if (number != SIGCHLD && interrupts < 2) interrupts++;
}

static void catch_signals(struct master *master)
{
    interrupts = 0;
    sigemptyset(&master->wanted);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        sigaddset(&master->wanted, signals[i]);
    }
    sigprocmask(SIG_BLOCK, &master->wanted, &master->before);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction action = {.sa_handler = note_signal};
        sigaction(signals[i], &action, &master->old_actions[i]);
        sigdelset(&master->before, signals[i]);
    }
}

static void release_signals(struct master *master)
{
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        sigaction(signals[i], &master->old_actions[i], NULL);
    }
    sigprocmask(SIG_SETMASK, &master->before, NULL);
}

/* ---- A worker is born ---- */

_Noreturn static void be_worker(struct master *master, uint32_t number)
{
    struct sweep_worker worker = {.sweep = master->sweep,
                                  .shared = master->shared,
                                  .slot = &master->shared->slots[number],
                                  .failures_fd = master->failures[1]};

    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    sigprocmask(SIG_SETMASK, &master->before, NULL);
    close(master->failures[0]);
    if (master->children[number].said >= 0) death_speak_to(master->children[number].said);
    if (master->sweep->trace) setvbuf(stdout, NULL, _IOLBF, 0); /* So that death takes no line. */
    sweep_work(&worker);
}

static void spawn(struct master *master, uint32_t number)
{
    struct child *child = &master->children[number];
    pid_t parent = getpid();

    if (child->said >= 0) death_forget(child->said);
    fflush(NULL);
    child->runs_seen = sweep_slot_state(&master->shared->slots[number])->runs;
    child->still_ns = 0;
    child->hung = false;
    child->pid = fork();
    if (child->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(SQUALL_FAILED);
        be_worker(master, number);
    }
    if (child->pid > 0) return;
    squall_say("cannot fork: %s", strerror(errno));
    child->pid = 0;
    master->broken = true;
}

/* ---- A worker dies ---- */

static void stop_all(struct master *master)
{
    for (size_t i = 0; i < master->sweep->part_count; i++) {
        atomic_store(&master->shared->parts[i].stop, true);
    }
}

/* The seed that it was at fails, and counts as done. */
static void blame_seed(struct master *master, uint32_t number, int status)
{
    const struct child *child = &master->children[number];
    struct sweep_slot *slot = &master->shared->slots[number];
    struct sweep_state state = *sweep_slot_state(slot);
    const struct sweep_part *part = &master->sweep->parts[state.part];
    struct sweep_failure failure = {.part = state.part, .property = SWEEP_WORKER};

    failure.position = state.at;
    failure.seed = sweep_part_seed(part, state.at);
    death_cause(status, child->hung ? HUNG_NS : 0, failure.text, SWEEP_TEXT_BYTES);
    death_words(child->said, failure.detail, SWEEP_TEXT_BYTES);
    state.runs++;
    state.at++;
    state.tally.seeds++;
    state.tally.failures++;
    sweep_digest_add(&state.tally.digest,
                     sweep_seed_digest(part->scenario, failure.seed, SWEEP_WORKER, failure.digest));
    sweep_slot_publish(slot, &state);
    sweep_count_failure(master->shared, master->sweep, state.part);
    master->sweep->on_failure(master->sweep->context, &failure);
}

/* It died between two seeds: nobody is to blame, but it must not go on for ever. */
static void blame_nobody(struct master *master, uint32_t number, int status)
{
    struct child *child = &master->children[number];
    char text[SWEEP_TEXT_BYTES], words[SWEEP_TEXT_BYTES];

    if (++child->barren < BARREN_MAX) return;
    death_cause(status, child->hung ? HUNG_NS : 0, text, sizeof text);
    death_words(child->said, words, sizeof words);
    squall_say("workers die before they run anything: %s\n%s", text, words);
    master->broken = true;
    stop_all(master);
}

/* A worker that ended well may have been told something by a library or a sanitizer. */
static void pass_on_words(const struct child *child)
{
    char words[SWEEP_TEXT_BYTES];

    death_words(child->said, words, sizeof words);
    if (words[0] != '\0') fputs(words, stderr);
}

static void bury(struct master *master, uint32_t number, int status)
{
    struct child *child = &master->children[number];
    const struct sweep_slot *slot = &master->shared->slots[number];

    child->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        pass_on_words(child);
        return;
    }
    if (master->killed) return;
    if (atomic_load(&slot->running) == sweep_slot_state(slot)->runs + 1) {
        child->barren = 0;
        blame_seed(master, number, status);
    } else {
        blame_nobody(master, number, status);
    }
    if (!master->broken) spawn(master, number);
}

static void reap(struct master *master)
{
    for (uint32_t i = 0; i < master->jobs; i++) {
        int status;

        if (master->children[i].pid == 0) continue;
        if (waitpid(master->children[i].pid, &status, WNOHANG) != master->children[i].pid) continue;
        bury(master, i, status);
    }
}

/* ---- Watching ---- */

static void hear_failures(struct master *master)
{
    struct sweep_failure failure;
    ssize_t got;

    /* Writes of this size are atomic, so there is always a whole one or none. */
    _Static_assert(sizeof failure <= 4096, "more than PIPE_BUF");
    while ((got = read(master->failures[0], &failure, sizeof failure)) > 0) {
        assert(got == (ssize_t)sizeof failure);
        master->sweep->on_failure(master->sweep->context, &failure);
    }
}

static void watch(struct master *master, uint64_t passed_ns)
{
    for (uint32_t i = 0; i < master->jobs && !master->sweep->patient; i++) {
        struct child *child = &master->children[i];
        uint64_t runs = sweep_slot_state(&master->shared->slots[i])->runs;

        if (child->pid == 0) continue;
        child->still_ns = runs == child->runs_seen ? child->still_ns + passed_ns : 0;
        if (runs != child->runs_seen) child->barren = 0;
        child->runs_seen = runs;
        if (child->still_ns < HUNG_NS || child->hung) continue;
        child->hung = true;
        kill(child->pid, SIGKILL);
    }
}

static void obey(struct master *master, uint64_t passed_ns)
{
    for (size_t i = 0; i < master->sweep->part_count; i++) {
        uint64_t deadline_ns = master->sweep->parts[i].deadline_ns;
        if (deadline_ns == 0 || master->now_ns < deadline_ns) continue;
        atomic_store(&master->shared->parts[i].stop, true);
    }
    if (interrupts == 0) return;
    stop_all(master);
    master->stopping_ns += passed_ns;
    if (interrupts < 2 && master->stopping_ns < GRACE_NS) return;
    master->killed = true;
    for (uint32_t i = 0; i < master->jobs; i++) {
        if (master->children[i].pid != 0) kill(master->children[i].pid, SIGKILL);
    }
}

static void sum_up(const struct master *master)
{
    for (size_t part = 0; part < master->sweep->part_count; part++) {
        struct sweep_tally *sum = &master->tallies[part];
        *sum = (struct sweep_tally){.seeds = 0};
        for (uint32_t i = 0; i < master->jobs; i++) {
            const struct sweep_slot *slot = &master->shared->slots[i];
            const struct sweep_state *state = sweep_slot_state(slot);
            if (part < state->part) sweep_tally_add(sum, &slot->left[part]);
            if (part == state->part) sweep_tally_add(sum, &state->tally);
        }
    }
}

static bool anybody_alive(const struct master *master)
{
    for (uint32_t i = 0; i < master->jobs; i++) {
        if (master->children[i].pid != 0) return true;
    }
    return false;
}

static void tick(struct master *master)
{
    struct pollfd heard = {.fd = master->failures[0], .events = POLLIN};
    const struct timespec patience = {.tv_nsec = TICK_NS};

    (void)ppoll(&heard, 1, &patience, &master->before); /* Whatever woke us, we look around. */
    uint64_t now_ns = squall_now_ns(), passed_ns = now_ns - master->now_ns;
    if (passed_ns > NOTICED_NS_MAX) passed_ns = NOTICED_NS_MAX;
    master->now_ns = now_ns;
    hear_failures(master);
    reap(master);
    watch(master, passed_ns);
    obey(master, passed_ns);
    sum_up(master);
    master->sweep->on_tick(master->sweep->context, master->tallies);
}

/* ---- Beginning and end ---- */

static uint32_t useful_jobs(const struct sweep *sweep)
{
    uint64_t seeds = 0;

    for (size_t i = 0; i < sweep->part_count && seeds < SWEEP_JOBS_MAX; i++) {
        uint64_t count = sweep->parts[i].count;
        seeds += count < SWEEP_JOBS_MAX ? count : SWEEP_JOBS_MAX;
    }
    uint64_t jobs = sweep->jobs < seeds ? sweep->jobs : seeds;
    return jobs < 1 ? 1 : (uint32_t)jobs;
}

static bool prepare(struct master *master)
{
    master->children = calloc(master->jobs, sizeof master->children[0]);
    master->shared_bytes = sizeof *master->shared + master->jobs * sizeof master->shared->slots[0];
    master->shared =
        mmap(NULL, master->shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (master->shared == MAP_FAILED || master->children == NULL) {
        squall_say("no memory for %u workers", master->jobs);
        return false;
    }
    if (pipe2(master->failures, O_CLOEXEC) != 0 ||
        fcntl(master->failures[0], F_SETFL, O_NONBLOCK) != 0) {
        squall_say("no pipe: %s", strerror(errno));
        return false;
    }
    for (uint32_t i = 0; i < master->jobs; i++) {
        master->children[i].said = master->sweep->trace ? -1 : death_file();
    }
    return true;
}

/* What a failed prepare left behind, too: then there were no workers. */
static void clean_up(struct master *master)
{
    for (uint32_t i = 0; master->children != NULL && i < master->jobs; i++) {
        if (master->children[i].said > 0) close(master->children[i].said);
    }
    if (master->failures[0] > 0) close(master->failures[0]);
    if (master->failures[1] > 0) close(master->failures[1]);
    free(master->children);
    if (master->shared != MAP_FAILED) munmap(master->shared, master->shared_bytes);
}

static enum sweep_end how_it_ended(const struct master *master)
{
    const struct sweep *sweep = master->sweep;

    if (master->broken) return SWEEP_BROKEN;
    if (interrupts > 0) return SWEEP_INTERRUPTED;
    for (size_t i = 0; i < sweep->part_count; i++) {
        const struct sweep_part *part = &sweep->parts[i];
        bool enough = part->failures_max != 0 && master->tallies[i].failures >= part->failures_max;
        if (master->tallies[i].seeds == part->count) continue;
        if (part->count == UINT64_MAX && !enough) continue;
        if (atomic_load(&master->shared->parts[i].stop)) return SWEEP_STOPPED;
        squall_say("only %ju of %ju seeds were run", (uintmax_t)master->tallies[i].seeds,
                   (uintmax_t)part->count);
        return SWEEP_BROKEN;
    }
    return SWEEP_COMPLETE;
}

static enum sweep_end run_workers(struct master *master)
{
    catch_signals(master);
    for (uint32_t i = 0; i < master->jobs; i++) spawn(master, i);
    while (anybody_alive(master)) tick(master);
    hear_failures(master);
    sum_up(master);
    enum sweep_end end = how_it_ended(master);
    release_signals(master);
    return end;
}

enum sweep_end sweep_run(const struct sweep *sweep, struct sweep_tally *ret_tallies)
{
    struct master master = {.sweep = sweep,
                            .jobs = useful_jobs(sweep),
                            .tallies = ret_tallies,
                            .now_ns = squall_now_ns()};

    assert(sweep->part_count > 0 && sweep->part_count <= SWEEP_PARTS_MAX);
    enum sweep_end end = prepare(&master) ? run_workers(&master) : SWEEP_BROKEN;
    clean_up(&master);
    return end;
}
