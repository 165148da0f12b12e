/*
 * squall_bench.c - squall bench: how fast the simulation is.
 *
 * What is compared is measured interleaved, over the same seeds, in several rounds; the median of
 * the rounds counts. Runs do nothing but compute, so what is measured is the processor time of one
 * process pinned to one core: that does not depend on what else the machine does.
 */
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

/* What is told. */
static const struct {
    const char *name;
    const char *unit;
    enum series_name series;
    bool images; /* Images for the time that they take beyond that of `like`; else seeds. */
    double goal;
} benches[] = {
    {"small_seeds", "seeds/s", SERIES_SMALL, false, 20000},
    {"crash_images", "images/s", SERIES_SMALL_IMAGES, true, 100000},
    {"log_lifecycles", "lifecycles/s", SERIES_LIFECYCLE, false, 3000},
};

enum { BENCHES = sizeof benches / sizeof benches[0] };

struct sample {
    uint64_t ns, seeds, images, operations, crashes, log_bytes;
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

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

static double median_of_rounds(const struct bench *bench, size_t i)
{
    double values[ROUNDS];

    for (int round = 0; round < ROUNDS; round++) values[round] = value_of_round(bench, i, round);
    qsort(values, ROUNDS, sizeof values[0], by_value);
    return values[ROUNDS / 2];
}

static void tell(const struct bench *bench, size_t i, FILE *people, FILE *json)
{
    const struct sample *sample = &bench->samples[benches[i].series][0];
    double value = median_of_rounds(bench, i), seeds = (double)sample->seeds;
    double operations = (double)sample->operations / seeds,
           crashes = (double)sample->crashes / seeds;
    double log_bytes = (double)sample->log_bytes / seeds;

    fprintf(people,
            "%-15s %9.0f %-12s  goal %7.0f  %5.2f of it   a seed: %.1f operations, %.1f crashes, "
            "%.0f log bytes",
            benches[i].name, value, benches[i].unit, benches[i].goal, value / benches[i].goal,
            operations, crashes, log_bytes);
    if (benches[i].images) fprintf(people, ", %.1f images", (double)sample->images / seeds);
    fputc('\n', people);
    if (json == NULL) return;
    fprintf(json,
            "{\"type\":\"bench\",\"name\":\"%s\",\"value\":%.1f,\"unit\":\"%s\",\"ratio\":null,"
            "\"goal\":%.0f,\"met\":%s,\"seeds\":%" PRIu64
            ",\"operations\":%.2f,\"crashes\":%.2f,\"log_bytes\":%.1f}\n",
            benches[i].name, value, benches[i].unit, benches[i].goal,
            value >= benches[i].goal ? "true" : "false", sample->seeds, operations, crashes,
            log_bytes);
}

/* ---- Arguments ---- */

enum { KEY_JSON = 0x100, KEY_FOR };

static const struct argp_option options[] = {
    {.name = "json",
     .key = KEY_JSON,
     .arg = "FILE",
     .doc = "Write JSON Lines; - is standard output"},
    {.name = "for", .key = KEY_FOR, .arg = "TIME", .doc = "So long for each measurement [2s]"},
    {0},
};

struct bench_arguments {
    bool named[BENCHES];
    bool any;
    const char *json;
    uint64_t for_ns;
};

static void take_name(struct bench_arguments *arguments, const char *name)
{
    const char *names[BENCHES];

    for (size_t i = 0; i < BENCHES; i++) {
        names[i] = benches[i].name;
        if (strcmp(names[i], name) != 0) continue;
        arguments->named[i] = arguments->any = true;
        return;
    }
    squall_unknown("benchmark", name, names, BENCHES);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct bench_arguments *arguments = state->input;

    switch (key) {
    case KEY_JSON: arguments->json = arg; return 0;
    case KEY_FOR:
        squall_refuse(state, "--for", arg, duration_parse(arg, &arguments->for_ns));
        return 0;
    case ARGP_KEY_ARG: take_name(arguments, arg); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static void prepare(struct bench *bench, struct bench_arguments *arguments,
                    struct scenario_set sets[SERIES_COUNT])
{
    for (size_t i = 0; i < BENCHES; i++) {
        if (!arguments->any) arguments->named[i] = true;
        if (!arguments->named[i]) continue;
        bench->wanted[benches[i].series] = true;
        bench->wanted[series_rows[benches[i].series].like] = true;
    }
    for (int s = 0; s < SERIES_COUNT; s++) {
        char *name = squall_path("%s", series_rows[s].scenario);
        scenario_set_named(&sets[s], &name, 1);
        bench->scenarios[s] = sets[s].choices[0].scenario;
        free(name);
    }
    bench->runner = runner_create();
}

int squall_bench(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "[NAME...]",
        .doc = "Measure the simulation on one core.\v"
               "Names: small_seeds, crash_images, log_lifecycles. Values are per second of "
               "processor time, the median of five rounds. Exit status: 0 measured, 1 a property "
               "was broken, 2 usage.",
    };
    struct bench_arguments arguments = {.for_ns = TIME_NS};
    struct scenario_set sets[SERIES_COUNT];
    struct bench bench = {.runner = NULL};
    struct output_file json;

    squall_parse(&argp, argc, argv, &arguments);
    if (!output_file_open(&json, arguments.json)) return SQUALL_USAGE;
    prepare(&bench, &arguments, sets);
    pin();
    measure_all(&bench, arguments.for_ns / ROUNDS);
    for (size_t i = 0; i < BENCHES; i++) {
        if (arguments.named[i]) tell(&bench, i, json.out == stdout ? stderr : stdout, json.out);
    }
    runner_destroy(bench.runner);
    for (int s = 0; s < SERIES_COUNT; s++) scenario_set_free(&sets[s]);
    return output_file_close(&json) ? SQUALL_HELD : SQUALL_FAILED;
}
