/*
 * bench_log.c - the benchmarks of the log: which there are, and where they write.
 *
 * squall bench runs this program; by hand it measures what it is told, or all.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cmd/seeds.h"
#include "cmd/squall.h"
#include "tests/bench/bench_log.h"

static const struct {
    const char *name;
    bench_measure *measure;
} measures[] = {
    {"append_sync_1_128", bench_sync_128},
    {"append_sync_1_1024", bench_sync_1024},
    {"append_sync_1_16384", bench_sync_16384},
    {"append_group_16", bench_group_16},
    {"append_group_64", bench_group_64},
    {"append_async", bench_async},
    {"append_nosync_128", bench_nosync_128},
    {"replay_128", bench_replay_128},
    {"replay_1024", bench_replay_1024},
    {"replay_streamed_128", bench_streamed_128},
    {"replay_streamed_1024", bench_streamed_1024},
    {"open_clean_1mb", bench_open_1mb},
    {"open_clean_100mb", bench_open_100mb},
    {"open_clean_10gb", bench_open_10gb},
    {"recover_1mb", bench_recover_1mb},
    {"recover_100mb", bench_recover_100mb},
    {"recover_10gb", bench_recover_10gb},
};

struct arguments {
    struct bench_setup setup;
    bool wanted[BENCH_ROWS_MAX];
    bool any;
    FILE *json;
    FILE *people;
};

enum { KEY_FOR = 0x100, KEY_DIR, KEY_JSON_FD, KEY_SPOIL, KEY_MODE };

static const struct argp_option options[] = {
    {.name = "for", .key = KEY_FOR, .arg = "TIME", .doc = "So long for each measurement [2s]"},
    {.name = "dir",
     .key = KEY_DIR,
     .arg = "DIR",
     .doc = "Where files are made, and removed again [the build folder]"},
    {.name = "mode",
     .key = KEY_MODE,
     .arg = "MODE",
     .doc = "How appends that are waited for write: plain, buffered, direct or dsync [dsync]"},
    {.name = "json-fd", .key = KEY_JSON_FD, .arg = "N", .doc = "Write JSON Lines there"},
    {.name = "spoil",
     .key = KEY_SPOIL,
     .doc = "Write one wrong record, to see that what is measured is checked"},
    {0},
};

static void take_json(struct arguments *arguments, const char *text, struct argp_state *state)
{
    uint64_t fd = 0;

    squall_refuse(state, "--json-fd", text, count_parse(text, 1, 1000, &fd));
    arguments->json = fdopen((int)fd, "a");
    if (arguments->json == NULL) argp_error(state, "--json-fd %s is not open", text);
    if (fd == STDOUT_FILENO) arguments->people = stderr;
}

static void take_mode(struct arguments *arguments, const char *text)
{
    const char *names[BENCH_MODES];

    for (int i = 0; i < BENCH_MODES; i++) {
        names[i] = bench_mode_name((enum bench_mode)i);
        if (strcmp(names[i], text) != 0) continue;
        arguments->setup.mode = (enum bench_mode)i;
        return;
    }
    program_unknown("mode", text, names, BENCH_MODES);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (key) {
    case KEY_FOR:
        squall_refuse(state, "--for", arg, duration_parse(arg, &arguments->setup.for_ns));
        return 0;
    case KEY_DIR: arguments->setup.dir = arg; return 0;
    case KEY_MODE: take_mode(arguments, arg); return 0;
    case KEY_JSON_FD: take_json(arguments, arg, state); return 0;
    case KEY_SPOIL: arguments->setup.spoil = true; return 0;
    case ARGP_KEY_ARG: arguments->wanted[bench_row_named(arg)] = arguments->any = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* Not all file systems have direct writes. */
static void settle_mode(struct bench_setup *setup, FILE *people)
{
    char *path = bench_path(setup, "direct");
    int fd = open(path, O_RDWR | O_CREAT | O_DIRECT, 0666);

    if (fd < 0 && setup->mode >= BENCH_DIRECT) {
        fprintf(people, "no direct writes here: buffered ones are measured\n");
        setup->mode = BENCH_BUFFERED;
    }
    if (fd >= 0) close(fd);
    (void)unlink(path);
    free(path);
}

/* What the kernel calls the file system that a directory lies on, with its device. */
static void describe(const char *dir, char *text, size_t size)
{
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    struct stat stat_buffer;
    char line[1024], type[64], source[256];
    unsigned major = 0, minor = 0;

    (void)snprintf(text, size, "an unknown file system");
    if (mounts == NULL || stat(dir, &stat_buffer) != 0) return;
    while (fgets(line, sizeof line, mounts) != NULL) {
        const char *rest = strstr(line, " - ");
        if (rest == NULL || sscanf(line, "%*d %*d %u:%u", &major, &minor) != 2) continue;
        if (makedev(major, minor) != stat_buffer.st_dev) continue;
        if (sscanf(rest, " - %63s %255s", type, source) != 2) continue;
        (void)snprintf(text, size, "%s on %s", type, source);
    }
    fclose(mounts);
}

/* Also if a benchmark ends the program. */
static char *place;

static void place_remove(void)
{
    if (!bench_try_remove(place)) fprintf(stderr, "bench_log: %s stays behind\n", place);
    free(place);
}

static void place_make(const char *dir)
{
    place = squall_path("%s/bench-XXXXXX", dir != NULL ? dir : squall_build());

    if (mkdtemp(place) == NULL) bench_die("nothing can be made in %s", place);
    (void)atexit(place_remove);
}

static bench_measure *measure_named(const char *name)
{
    for (size_t i = 0; i < sizeof measures / sizeof measures[0]; i++) {
        if (strcmp(measures[i].name, name) == 0) return measures[i].measure;
    }
    bench_die("%s is measured by squall bench", name);
}

int main(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "[NAME...]",
        .doc = "Measure the log on a real disk, in turns with a bare loop.",
    };
    struct arguments arguments = {.setup = {.mode = BENCH_DSYNC, .for_ns = 2 * BENCH_NS_PER_S},
                                  .people = stdout};
    char where[400];

    squall_parse(&argp, argc, argv, &arguments);
    place_make(arguments.setup.dir);
    describe(place, where, sizeof where);
    fprintf(arguments.people, "the log, in %s, %s:\n", place, where);
    arguments.setup.dir = place;
    settle_mode(&arguments.setup, arguments.people);
    for (size_t i = 0; i < bench_row_count(); i++) {
        const struct bench_row *row = bench_row(i);
        struct bench_result result = {.value = 0};

        if (arguments.any ? !arguments.wanted[i] : !row->log || row->large) continue;
        measure_named(row->name)(&arguments.setup, &result);
        bench_tell(row, &result, arguments.people, arguments.json);
    }
    return SQUALL_HELD;
}
