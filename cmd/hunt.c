/*
 * hunt.c - looking for the first failing seed with other builds of squall.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cmd/hunt.h"
#include "cmd/json_read.h"
#include "cmd/squall.h"

#define TICK_NS 50000000
#define SOUND "/proc/self/exe"

static volatile sig_atomic_t interrupted; /* A signal handler has no other place. */

static void note_signal(int number)
{
    (void)number;
    interrupted = 1;
}

/* ---- A hunt ---- */

static void become_run(const struct hunt *hunt)
{
    char *seeds =
        squall_path("0x%" PRIx64 "..0x%" PRIx64, hunt->first, hunt->first + hunt->count - 1);

    execl(hunt->program, "squall", "run", "everything", "--stop-at-first", "--jobs", "1", "--json",
          "-", "--seeds", seeds, hunt->policy != NULL ? "--policy" : NULL, hunt->policy,
          (char *)NULL);
}

/* Not `run`, which tries first what failed earlier. */
static void become_sound(const struct hunt *hunt)
{
    char *token = squall_path("everything:%s", hunt->seed);

    execl(SOUND, "squall", "replay", token, hunt->policy != NULL ? "--policy" : NULL, hunt->policy,
          (char *)NULL);
}

static void become_shrink(const struct hunt *hunt)
{
    char *token = squall_path("everything:%s", hunt->seed);

    execl(hunt->program, "squall", "shrink", token, "-o", hunt->reproducer, "--bug", hunt->name,
          "--no-others", "--json", "-", (char *)NULL);
}

static bool is_sound(enum hunt_stage stage)
{
    return stage == HUNT_STAGE_SOUND || stage == HUNT_STAGE_SOUND_REPLAY;
}

_Noreturn static void become(const struct hunt *hunt)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!is_sound(hunt->stage)) setenv("SQUALL_BUILD", hunt->folder, 1);
    if (dup2(fileno(hunt->said), STDOUT_FILENO) < 0 || dup2(STDOUT_FILENO, STDERR_FILENO) < 0) {
        _exit(SQUALL_FAILED);
    }
    switch (hunt->stage) {
    case HUNT_STAGE_RUN: become_run(hunt); break;
    case HUNT_STAGE_SOUND: become_sound(hunt); break;
    case HUNT_STAGE_SHRINK: become_shrink(hunt); break;
    case HUNT_STAGE_REPLAY:
    case HUNT_STAGE_SOUND_REPLAY:
        execl(is_sound(hunt->stage) ? SOUND : hunt->program, "squall", "replay", hunt->reproducer,
              (char *)NULL);
        break;
    }
    squall_say("%s: %s", is_sound(hunt->stage) ? SOUND : hunt->program, strerror(errno));
    _exit(SQUALL_FAILED);
}

static void start(struct hunt *hunt)
{
    hunt->said = tmpfile();
    fflush(NULL);
    hunt->pid = hunt->said != NULL ? fork() : -1;
    if (hunt->pid == 0) become(hunt);
    hunt->end = hunt->pid > 0 ? HUNT_RUNNING : HUNT_BROKEN;
    if (hunt->pid < 0) squall_say("cannot start a hunt for %s: %s", hunt->name, strerror(errno));
}

/* True if it says what it has shrunk. */
static bool read_shrunk(struct hunt *hunt)
{
    char *line = NULL;
    size_t bytes = 0;

    rewind(hunt->said);
    while (!hunt->shrunk && getline(&line, &bytes, hunt->said) > 0) {
        hunt->shrunk = json_is_type(line, "shrunk") &&
                       json_number(line, "operations", &hunt->shrunk_operations) &&
                       json_number(line, "decisions", &hunt->shrunk_decisions) &&
                       json_number(line, "seconds", &hunt->shrink_s);
    }
    free(line);
    return hunt->shrunk;
}

/* True if there is a summary. */
static bool read_result(struct hunt *hunt)
{
    char *line = NULL;
    size_t bytes = 0;
    bool summary = false;

    rewind(hunt->said);
    while (getline(&line, &bytes, hunt->said) > 0) {
        double seeds;
        if (json_is_type(line, "failure")) {
            (void)json_text(line, "property", hunt->property, sizeof hunt->property);
            (void)json_text(line, "seed", hunt->seed, sizeof hunt->seed);
        }
        if (!json_is_type(line, "summary") || !json_number(line, "seeds", &seeds)) continue;
        if (!json_number(line, "wall_s", &hunt->seconds)) continue;
        hunt->seeds = (uint64_t)seeds;
        summary = true;
    }
    free(line);
    return summary;
}

static void show_output(struct hunt *hunt)
{
    char line[512];

    squall_say("the hunt for %s failed:", hunt->name);
    rewind(hunt->said);
    while (fgets(line, sizeof line, hunt->said) != NULL) fputs(line, stderr);
}

static void finish_run(struct hunt *hunt, int code)
{
    bool summary = read_result(hunt);

    if (summary && code == SQUALL_HELD) {
        hunt->end = HUNT_NOTHING;
    } else if (summary && code == SQUALL_BROKEN && hunt->property[0] != '\0') {
        hunt->end = HUNT_FOUND;
    } else if (code == SQUALL_INTERRUPTED) {
        hunt->end = HUNT_UNFINISHED;
    } else {
        hunt->end = HUNT_BROKEN;
    }
}

/* A case in which our log goes another way is stale, and holds. */
static enum hunt_end end_of_sound(int code)
{
    if (code == SQUALL_HELD || code == SQUALL_STALE) return HUNT_FOUND;
    return code == SQUALL_BROKEN ? HUNT_UNSOUND : HUNT_BROKEN;
}

static void finish(struct hunt *hunt, int status)
{
    const enum hunt_stage last =
        hunt->reproducer != NULL ? HUNT_STAGE_SOUND_REPLAY : HUNT_STAGE_SOUND;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : SQUALL_FAILED;

    hunt->pid = 0;
    switch (hunt->stage) {
    case HUNT_STAGE_RUN: finish_run(hunt, code); break;
    case HUNT_STAGE_SHRINK:
        hunt->end = code == SQUALL_BROKEN && read_shrunk(hunt) ? HUNT_FOUND : HUNT_BROKEN;
        break;
    case HUNT_STAGE_REPLAY: hunt->end = code == SQUALL_BROKEN ? HUNT_FOUND : HUNT_BROKEN; break;
    case HUNT_STAGE_SOUND:
    case HUNT_STAGE_SOUND_REPLAY: hunt->end = end_of_sound(code); break;
    }
    if (hunt->end == HUNT_BROKEN) show_output(hunt);
    fclose(hunt->said);
    hunt->said = NULL;
    if (hunt->end != HUNT_FOUND || hunt->stage == last) return;
    hunt->stage++;
    start(hunt);
}

/* ---- All of them ---- */

static void stop_running(struct hunt *hunts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (hunts[i].end == HUNT_WAITING) hunts[i].end = HUNT_UNFINISHED;
        if (hunts[i].end == HUNT_RUNNING) kill(hunts[i].pid, SIGTERM);
    }
}

/* Returns how many are running. */
static unsigned look_after(struct hunt *hunts, size_t count, unsigned jobs, size_t *ret_finished)
{
    unsigned running = 0;

    *ret_finished = 0;
    for (size_t i = 0; i < count; i++) {
        int status;
        if (hunts[i].end != HUNT_RUNNING) continue;
        if (waitpid(hunts[i].pid, &status, WNOHANG) == hunts[i].pid) finish(&hunts[i], status);
        if (hunts[i].end == HUNT_RUNNING) running++;
    }
    for (size_t i = 0; i < count; i++) {
        if (running < jobs && hunts[i].end == HUNT_WAITING) {
            start(&hunts[i]);
            running++;
        }
        if (hunts[i].end > HUNT_RUNNING) (*ret_finished)++;
    }
    return running;
}

bool hunt_all(struct hunt *hunts, size_t count, unsigned jobs, uint64_t deadline_ns,
              void (*on_tick)(void *context, size_t finished), void *context)
{
    const struct timespec nap = {.tv_nsec = TICK_NS};
    struct sigaction action = {.sa_handler = note_signal}, old_int, old_term;
    size_t finished = 0;
    bool stopping = false;

    interrupted = 0;
    sigaction(SIGINT, &action, &old_int);
    sigaction(SIGTERM, &action, &old_term);
    while (look_after(hunts, count, jobs, &finished) > 0) {
        on_tick(context, finished);
        bool late = deadline_ns != 0 && squall_now_ns() >= deadline_ns;
        if (!stopping && (interrupted || late)) {
            stopping = true;
            stop_running(hunts, count);
        }
        nanosleep(&nap, NULL);
    }
    sigaction(SIGINT, &old_int, NULL);
    sigaction(SIGTERM, &old_term, NULL);
    return interrupted == 0;
}
