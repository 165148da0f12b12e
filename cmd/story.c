/*
 * story.c - one run, made in a child process and collected.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/death.h"
#include "cmd/squall.h"
#include "cmd/story.h"

enum {
    HANG_S = 60,
    TEXT_BYTES = 512,
    CHILD_DIFFERS = 9, /* The case does not do what the run did that it was made of. */
};

/* How the child goes about it; the next one is for those that die of it before they say a word. */
enum way {
    WITHOUT_LOOKING, /* As below, but the next process shall meet what was found by a look beside
                        the run, if it does: then its recovery is in the story, call by call. */
    AS_A_CASE,       /* Make the run, write it down, and watch that. */
    AT_ONCE,         /* Watch the run itself: it did not live to be written down. */
};

static void finish(struct story *story, struct runner *runner, const struct run_result *result)
{
    struct run_case written = {.seed = 0};

    runner_export(runner, &written);
    char *text = case_text(&written);
    story->case_text = story_text(story, "%s", text);
    story->bug = story_text(story, "%s", written.bug);
    story->config = written.config;
    memcpy(story->struck, runner_struck(runner), sizeof story->struck);
    free(text);
    case_free(&written);
    story->result = *result;
    story->ended = true;
}

static void watch_run(struct story *story, struct runner *runner, const struct scenario *scenario,
                      const struct run_options *from, struct run_result *ret_result)
{
    struct run_options options = *from;
    struct story_watch watch = {.story = story, .runner = runner};

    story_watch(&watch, &options);
    runner_run(runner, scenario, &options, ret_result);
    story_watch_end(&watch, ret_result);
    finish(story, runner, ret_result);
}

static bool take_looks_away(struct run_case *run_case)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < run_case->decision_count; i++) {
        if (run_case->decisions[i].kind == SIM_KIND_LOOK) continue;
        run_case->decisions[kept++] = run_case->decisions[i];
    }
    bool any = kept < run_case->decision_count;
    run_case->decision_count = kept;
    return any;
}

/* The case to be watched, broken as `first` is. */
static void choose_case(struct runner *runner, const struct run_result *first,
                        struct run_options *options, struct run_case *bare)
{
    const struct run_case *whole = options->replay;
    struct run_result result;

    case_copy(bare, whole);
    if (first->property == NULL || !take_looks_away(bare)) return;
    options->replay = bare;
    runner_run(runner, NULL, options, &result);
    bool same =
        result.property == first->property && strcmp(result.verdict.why, first->verdict.why) == 0;
    if (!same) options->replay = whole;
}

/* Returns the exit status. */
static int tell_as_a_case(struct story *story, struct runner *runner,
                          const struct story_request *request, enum way way)
{
    struct run_options options = {.replay = request->run_case};
    struct run_case made = {.seed = 0}, bare = {.seed = 0};
    struct run_result first = {.property = NULL}, again;

    if (request->run_case == NULL) {
        runner_run(runner, request->scenario, request->options, &first);
        runner_export(runner, &made);
        options.property_mask = request->options->property_mask;
        options.replay = &made;
    } else if (way == WITHOUT_LOOKING) {
        runner_run(runner, NULL, &options, &first);
    }
    if (way == WITHOUT_LOOKING) choose_case(runner, &first, &options, &bare);
    watch_run(story, runner, NULL, &options, &again);
    case_free(&made);
    case_free(&bare);
    return request->run_case == NULL && again.property != first.property ? CHILD_DIFFERS : 0;
}

static _Noreturn void child(struct story *story, const struct story_request *request, enum way way,
                            int said)
{
    struct runner *runner = runner_create();
    struct run_result result;
    int status = 0;

    if (said >= 0) death_speak_to(said);
    alarm(HANG_S);
    if (way == AT_ONCE) {
        watch_run(story, runner, request->scenario, request->options, &result);
    } else {
        status = tell_as_a_case(story, runner, request, way);
    }
    runner_destroy(runner);
    _exit(status);
}

static void say_death(struct story *story, int status, int said)
{
    char text[TEXT_BYTES];

    death_words(said, text, sizeof text);
    story->last_words = story_text(story, "%s", text);
    const bool hung = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
    death_cause(status, hung ? HANG_S * UINT64_C(1000000000) : 0, text, sizeof text);
    story->death = story_text(story, "%s", text);
}

/* Runs the child. -1: it could not be. */
static int collect(struct story *story, const struct story_request *request, enum way way)
{
    int said = death_file();
    int status = -1;

    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) child(story, request, way, said);
    while (pid > 0 && waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) pid = -1;
    }
    if (pid > 0 && !story->ended) say_death(story, status, said);
    if (said >= 0) close(said);
    return pid > 0 ? status : -1;
}

const char *story_collect(struct story *story, const struct story_request *request)
{
    const enum way last = request->run_case == NULL ? AT_ONCE : AS_A_CASE;
    int status;

    for (enum way way = WITHOUT_LOOKING;; way++) {
        status = collect(story, request, way);
        if (status < 0 || story->event_count > 0 || way == last) break;
    }
    story->token = request->token;
    story->replay = request->replay;
    if (status < 0) return "a child process could not be made";
    if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_DIFFERS) {
        return "the run, written down as a case, does something else; this is a defect of squall";
    }
    story_find(story);
    story_tell(story);
    return NULL;
}
