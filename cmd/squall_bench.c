/*
 * squall_bench.c - squall bench: how fast the simulation is, and, by way of bench_log, the log.
 *
 * What is compared is measured interleaved, over the same seeds, in several rounds; the median of
 * the rounds counts. Runs do nothing but compute, so what is measured is the processor time of one
 * process pinned to one core: that does not depend on what else the machine does.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cmd/bench_rows.h"
#include "cmd/output_file.h"
#include "cmd/report.h"
#include "cmd/scenario_set.h"
#include "cmd/seeds.h"
#include "cmd/squall.h"

enum { ROUNDS = 5, IMAGES = 8 };
#define TIME_NS UINT64_C(2000000000) /* For each series, in all rounds together. */
#define CALIBRATION_NS UINT64_C(50000000)

/* What is run: the same seeds of a scenario, again and again. */
enum series_name { SERIES_SMALL, SERIES_SMALL_IMAGES, SERIES_LIFECYCLE, SERIES_COUNT };

static const struct {
    const char *scenario;
    uint32_t images;
    enum series_name like; /* Runs the same seeds as this one. */
} series_rows[SERIES_COUNT] = {
    [SERIES_SMALL] = {"bench_small", 0, SERIES_SMALL},
    [SERIES_SMALL_IMAGES] = {"bench_small", IMAGES, SERIES_SMALL},
    [SERIES_LIFECYCLE] = {"bench_lifecycle", 0, SERIES_LIFECYCLE},
};

/* What is told of them. */
static const struct {
    const char *name; /* Of its row. */
    enum series_name series;
    bool images; /* Images for the time that they take beyond that of `like`; else seeds. */
} benches[] = {
    {"small_seeds", SERIES_SMALL, false},
    {"crash_images", SERIES_SMALL_IMAGES, true},
    {"log_lifecycles", SERIES_LIFECYCLE, false},
};

enum { BENCHES = sizeof benches / sizeof benches[0] };

struct sample {
    uint64_t ns, seeds, images, operations, crashes, pending, log_bytes;
};

struct bench {
    struct runner *runner;
    struct scenario *scenarios[SERIES_COUNT];
    uint64_t seeds[SERIES_COUNT]; /* In each round. */
    struct sample samples[SERIES_COUNT][ROUNDS];
    bool wanted[SERIES_COUNT];
};

static uint64_t cpu_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* One seed. A broken property ends the program: the speed of a wrong thing is no number. */
static void run_one(struct bench *bench, enum series_name series, uint64_t seed,
                    struct sample *sample)
{
    const struct run_options options = {.seed = seed, .images = series_rows[series].images};
    struct run_result result;

    runner_run(bench->runner, bench->scenarios[series], &options, &result);
    if (result.property != NULL) {
        squall_say("%s:0x%" PRIx64 " breaks %s: %s", series_rows[series].scenario, seed,
                   result.property->name, result.failure);
        exit(SQUALL_BROKEN);
    }
    sample->seeds++;
    sample->images += result.images;
    sample->operations += result.operations;
    sample->crashes += result.crashes;
    sample->pending += result.crashes_pending;
    sample->log_bytes += result.log_bytes;
}

static struct sample measure(struct bench *bench, enum series_name series)
{
    struct sample sample = {.ns = 0};
    uint64_t begin_ns = cpu_now_ns();

    for (uint64_t seed = 1; seed <= bench->seeds[series]; seed++) {
        run_one(bench, series, seed, &sample);
    }
    sample.ns = cpu_now_ns() - begin_ns;
    return sample;
}

/* How many seeds fill a round; it warms up, too. */
static void calibrate(struct bench *bench, enum series_name series, uint64_t round_ns)
{
    struct sample sample = {.ns = 0};
    uint64_t begin_ns = cpu_now_ns(), passed_ns = 0;

    for (uint64_t seed = 1; passed_ns < CALIBRATION_NS; seed++) {
        run_one(bench, series, seed, &sample);
        passed_ns = cpu_now_ns() - begin_ns;
    }
    bench->seeds[series] =
        1 + (uint64_t)((double)sample.seeds * (double)round_ns / (double)passed_ns);
}

static void pin(void)
{
    cpu_set_t set;
    int cpu = sched_getcpu();

    if (cpu < 0) return;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) squall_say("cannot be pinned to one core");
}

static void measure_all(struct bench *bench, uint64_t round_ns)
{
    for (int s = 0; s < SERIES_COUNT; s++) {
        if (!bench->wanted[s]) continue;
        enum series_name like = series_rows[s].like;
        if (like == (enum series_name)s) calibrate(bench, like, round_ns);
        bench->seeds[s] = bench->seeds[like];
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int s = 0; s < SERIES_COUNT; s++) {
            if (!bench->wanted[s]) continue;
            bench->samples[s][round] = measure(bench, (enum series_name)s);
        }
    }
}

/* ---- Telling ---- */

static double value_of_round(const struct bench *bench, size_t i, int round)
{
    enum series_name series = benches[i].series;
    const struct sample *sample = &bench->samples[series][round];

    if (!benches[i].images) return report_per_s(sample->seeds, sample->ns);
    const struct sample *without = &bench->samples[series_rows[series].like][round];
    return sample->ns > without->ns ? report_per_s(sample->images, sample->ns - without->ns) : 0;
}

static double median_of_rounds(const struct bench *bench, size_t i)
{
    double values[ROUNDS];

    for (int round = 0; round < ROUNDS; round++) values[round] = value_of_round(bench, i, round);
    return bench_median(values, ROUNDS);
}

static void tell(const struct bench *bench, size_t i, FILE *people, FILE *json)
{
    const struct sample *sample = &bench->samples[benches[i].series][0];
    struct bench_result result = {.value = median_of_rounds(bench, i)};
    double seeds = (double)sample->seeds;
    double operations = (double)sample->operations / seeds,
           crashes = (double)sample->crashes / seeds, pending = (double)sample->pending / seeds;
    double log_bytes = (double)sample->log_bytes / seeds;
    double images = (double)sample->images / seeds;

    (void)snprintf(
        result.note, sizeof result.note,
        "a seed: %.1f operations, %.1f crashes (%.1f with bytes pending), %.0f log bytes, "
        "%.1f images",
        operations, crashes, pending, log_bytes, images);
    (void)snprintf(result.json, sizeof result.json,
                   ",\"seeds\":%" PRIu64 ",\"operations\":%.2f,\"crashes\":%.2f,"
                   "\"crashes_pending\":%.2f,\"log_bytes\":%.1f,\"images\":%.2f",
                   sample->seeds, operations, crashes, pending, log_bytes, images);
    bench_tell(bench_row(bench_row_named(benches[i].name)), &result, people, json);
}

struct bench_arguments {
    bool wanted[BENCH_ROWS_MAX];
    bool any;
    bool large;
    const char *json;
    const char *dir;
    const char *mode;
    uint64_t for_ns;
};

/* ---- The log ---- */

/* Run bench_log for these rows. It writes where squall would have. */
static int run_log_rows(char **names, size_t count, const struct bench_arguments *arguments,
                        const struct output_file *json)
{
    char *argv[BENCH_ROWS_MAX + 8], *program = squall_path("%s/bench_log", squall_build());
    size_t n = 0;
    int status = 0;

    argv[n++] = program;
    argv[n++] = squall_path("--for=%" PRIu64 "ms", arguments->for_ns / 1000000);
    if (arguments->dir != NULL) argv[n++] = squall_path("--dir=%s", arguments->dir);
    if (arguments->mode != NULL) argv[n++] = squall_path("--mode=%s", arguments->mode);
    if (json->out != NULL) argv[n++] = squall_path("--json-fd=%d", fileno(json->out));
    for (size_t i = 0; i < count; i++) argv[n++] = names[i];
    argv[n] = NULL;
    if (json->out != NULL) fflush(json->out);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (json->out != NULL) (void)fcntl(fileno(json->out), F_SETFD, 0);
        execv(program, argv);
        squall_say("%s cannot be run", program);
        _exit(SQUALL_FAILED);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid) return SQUALL_FAILED;
    for (size_t i = 1; i + count < n; i++) free(argv[i]);
    free(program);
    return WIFEXITED(status) ? WEXITSTATUS(status) : SQUALL_FAILED;
}

/* ---- Arguments ---- */

enum { KEY_JSON = 0x100, KEY_FOR, KEY_DIR, KEY_MODE, KEY_LARGE };

static const struct argp_option options[] = {
    {.name = "json",
     .key = KEY_JSON,
     .arg = "FILE",
     .doc = "Write JSON Lines; - is standard output"},
    {.name = "for", .key = KEY_FOR, .arg = "TIME", .doc = "So long for each measurement [2s]"},
    {.name = "dir",
     .key = KEY_DIR,
     .arg = "DIR",
     .doc = "Where the logs are made that are measured [the build folder]"},
    {.name = "mode",
     .key = KEY_MODE,
     .arg = "MODE",
     .doc = "How appends that are waited for write: plain, buffered, direct or dsync [dsync]"},
    {.name = "large", .key = KEY_LARGE, .doc = "Also with logs of 10 GB"},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct bench_arguments *arguments = state->input;

    switch (key) {
    case KEY_JSON: arguments->json = arg; return 0;
    case KEY_FOR:
        squall_refuse(state, "--for", arg, duration_parse(arg, &arguments->for_ns));
        return 0;
    case KEY_DIR: arguments->dir = arg; return 0;
    case KEY_MODE: arguments->mode = arg; return 0;
    case KEY_LARGE: arguments->large = true; return 0;
    case ARGP_KEY_ARG: arguments->wanted[bench_row_named(arg)] = arguments->any = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* What is wanted of the simulation. True if anything is. */
static bool prepare(struct bench *bench, const struct bench_arguments *arguments,
                    struct scenario_set sets[SERIES_COUNT])
{
    bool any = false;

    for (size_t i = 0; i < BENCHES; i++) {
        if (!arguments->wanted[bench_row_named(benches[i].name)]) continue;
        bench->wanted[benches[i].series] = true;
        bench->wanted[series_rows[benches[i].series].like] = true;
        any = true;
    }
    for (int s = 0; s < SERIES_COUNT && any; s++) {
        char *name = squall_path("%s", series_rows[s].scenario);
        scenario_set_named(&sets[s], &name, 1);
        bench->scenarios[s] = sets[s].choices[0].scenario;
        free(name);
    }
    return any;
}

static void bench_simulation(const struct bench_arguments *arguments, FILE *people, FILE *json)
{
    struct scenario_set sets[SERIES_COUNT];
    struct bench bench = {.runner = NULL};
    cpu_set_t cpus;
    bool pinned = sched_getaffinity(0, sizeof cpus, &cpus) == 0;

    if (!prepare(&bench, arguments, sets)) return;
    bench.runner = runner_create();
    pin();
    measure_all(&bench, arguments->for_ns / ROUNDS);
    for (size_t i = 0; i < BENCHES; i++) {
        if (arguments->wanted[bench_row_named(benches[i].name)]) tell(&bench, i, people, json);
    }
    runner_destroy(bench.runner);
    for (int s = 0; s < SERIES_COUNT; s++) scenario_set_free(&sets[s]);
    /* What comes next has threads. */
    if (pinned && sched_setaffinity(0, sizeof cpus, &cpus) != 0) squall_say("stays on one core");
}

int squall_bench(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "[NAME...]",
        .doc = "Measure the simulation on one core, and the log on a real disk.\v"
               "The simulation: small_seeds, crash_images, log_lifecycles, per second of processor "
               "time, the median of five rounds. The log: append_sync_1_128, append_group_16, "
               "append_async, append_nosync_128, replay_128 and so on, in turns with a bare loop "
               "that writes the same bytes; the ratio is the median of the turns, with quartiles. "
               "What was measured is read back and compared. Exit status: 0 measured, 1 a "
               "property was broken or a log read back wrong, 2 usage.",
    };
    struct bench_arguments arguments = {.for_ns = TIME_NS};
    struct output_file json;
    char *log_rows[BENCH_ROWS_MAX];
    size_t log_count = 0;
    int status = SQUALL_HELD;

    squall_parse(&argp, argc, argv, &arguments);
    if (!output_file_open(&json, arguments.json)) return SQUALL_USAGE;
    for (size_t i = 0; i < bench_row_count(); i++) {
        const struct bench_row *row = bench_row(i);
        if (!arguments.any) arguments.wanted[i] = !row->large || arguments.large;
        if (arguments.wanted[i] && row->log) log_rows[log_count++] = squall_path("%s", row->name);
    }
    FILE *people = json.out == stdout ? stderr : stdout;
    bench_tell_head(people);
    bench_simulation(&arguments, people, json.out);
    if (log_count > 0) status = run_log_rows(log_rows, log_count, &arguments, &json);
    for (size_t i = 0; i < log_count; i++) free(log_rows[i]);
    if (!output_file_close(&json)) return SQUALL_FAILED;
    return status;
}
