/*
 * honesty_run_test.c - ways for a run and its judges to be dishonest, each with a specimen.
 *
 * As in honesty_test.c: the line above a test is that of the list of such ways, and each question
 * is asked of the harness as it is and of one that has the fault.
 */
#include "tests/honesty_bench.h"

#include <time.h>

#include "faults/fault.h"
#include "tests/honesty_lies.h"

enum { SEEDS = 40, STALE_SEEDS = 400 /* One in twenty shows stale bytes. */ };
enum { SEEDS_ALONE = 400 /* One in sixty would heed a bookmark that an earlier one left. */ };
enum { PWRITE_RARE_BYTES = 14000 /* In one run of sixteen. */ };

/* ---- A run is a function of its seed ---- */

static bool same_digest(struct sim_digest a, struct sim_digest b)
{
    return a.low == b.low && a.high == b.high;
}

/* A device whose reads are short by the clock on the wall. */
static enum wal_err pread_by_the_clock(struct wal_io *io, struct wal_file file, uint64_t offset,
                                       void *buffer, size_t len, size_t *ret_len)
{
    struct timespec now;

    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    if (len > 1 && (now.tv_nsec >> 5 & 1) != 0) len--;
    return bench_now->honest->pread(io, file, offset, buffer, len, ret_len);
}

/* Seeds that stale bytes concern: *ret_stale; those that end otherwise when run later. */
static unsigned changed_by_waiting(struct bench *bench, uint64_t seeds, unsigned *ret_stale)
{
    unsigned changed = 0;

    *ret_stale = 0;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        const struct run_options options = {.seed = seed, .images = 2};
        struct sim_digest first = bench_run(bench, &options).digest;
        *ret_stale += runner_struck(bench->runner)[25] + runner_struck(bench->runner)[43] > 0;
        assert_int_equal(usleep(200), 0);
        changed += !same_digest(first, bench_run(bench, &options).digest);
    }
    return changed;
}

/* "Staleness that depends on the wall clock, so that a seed doesn't reproduce it." */
static void staleness_does_not_depend_on_the_clock(void **state)
{
    struct bench *bench = *state;
    unsigned stale;

    bench_take(bench, "everything");
    assert_int_equal(changed_by_waiting(bench, STALE_SEEDS, &stale), 0);
    assert_true(stale > 5);
    bench->ops.pread = pread_by_the_clock;
    assert_true(changed_by_waiting(bench, SEEDS, &stale) > SEEDS / 2);
}

/* A log in whose course something shows that must not. Time passes, and the trace has it. */
static void *alloc_by_address(struct wal_io *io, size_t size)
{
    void *memory = bench_now->honest->alloc(io, size);

    if (((uintptr_t)memory >> 12 & 1) != 0) (void)bench_now->honest->monotonic_ns(io);
    return memory;
}

static void *alloc_by_its_bytes(struct wal_io *io, size_t size)
{
    uint8_t *memory = bench_now->honest->alloc(io, size);

    if (memory != NULL && (memory[0] & 1) != 0) (void)bench_now->honest->monotonic_ns(io);
    return memory;
}

static enum wal_err pwrite_by_count(struct wal_io *io, struct wal_file file, uint64_t offset,
                                    const void *buffer, size_t len, size_t *ret_len)
{
    if (++bench_now->count % 7 == 0) (void)bench_now->honest->monotonic_ns(io);
    return bench_now->honest->pwrite(io, file, offset, buffer, len, ret_len);
}

/* Something that is left of earlier runs, and that few runs ask for. */
static enum wal_err pwrite_remembers(struct wal_io *io, struct wal_file file, uint64_t offset,
                                     const void *buffer, size_t len, size_t *ret_len)
{
    if (len >= PWRITE_RARE_BYTES && bench_now->count++ > 0)
        (void)bench_now->honest->monotonic_ns(io);
    return bench_now->honest->pwrite(io, file, offset, buffer, len, ret_len);
}

enum { BY_ADDRESS = 1, BY_BYTES = 2, BY_ORDER = 4 };

static struct sim_digest digest_with(struct bench *bench, uint64_t seed, uint8_t junk, bool bump)
{
    const struct run_options options = {.seed = seed, .junk = junk, .bump_memory = bump};

    return bench_run(bench, &options).digest;
}

/* In a runner, and at a door, that have seen nothing yet. */
static struct sim_digest digest_alone(struct bench *bench, uint64_t seed)
{
    struct runner *worn = bench->runner;
    const uint64_t count = bench->count;

    bench->runner = runner_create();
    bench->count = 0;
    sim_io(bench->runner->world)->ops = &bench->ops;
    struct sim_digest digest = digest_with(bench, seed, 0, false);
    runner_destroy(bench->runner);
    bench->runner = worn;
    bench->count = count;
    return digest;
}

/* What the outcome depends on beside the seed. */
static unsigned depends(struct bench *bench)
{
    struct sim_digest plain[SEEDS];
    unsigned on = 0;

    for (uint64_t seed = 0; seed < SEEDS_ALONE; seed++) {
        struct sim_digest worn = digest_with(bench, seed, 0, false);
        if (!same_digest(worn, digest_alone(bench, seed))) on |= BY_ORDER;
    }

    for (uint64_t seed = 0; seed < SEEDS; seed++) plain[seed] = digest_with(bench, seed, 0, false);
    for (uint64_t seed = SEEDS; seed-- > 0;) {
        if (!same_digest(plain[seed], digest_with(bench, seed, 0, false))) on |= BY_ORDER;
    }
    for (uint64_t seed = 0; seed < SEEDS && (on & BY_ORDER) == 0; seed++) {
        if (!same_digest(plain[seed], digest_with(bench, seed, 0xff, false))) on |= BY_BYTES;
        if (!same_digest(plain[seed], digest_with(bench, seed, 0, true))) on |= BY_ADDRESS;
    }
    return on;
}

/* "A seed whose outcome depends on memory addresses, hash order, uninitialised bytes or earlier
 * seeds." */
static void a_seed_depends_on_nothing_but_itself(void **state)
{
    struct bench *bench = *state;

    bench_take(bench, "everything");
    assert_int_equal(depends(bench), 0);
    bench->ops.alloc = alloc_by_address; /* As an order by pointers or their hashes does. */
    assert_int_not_equal(depends(bench) & (BY_ADDRESS | BY_ORDER), 0);
    bench->ops.alloc = alloc_by_its_bytes;
    assert_int_equal(depends(bench), BY_BYTES);
    bench_be_honest(bench);
    bench->ops.pwrite = pwrite_by_count;
    assert_int_equal(depends(bench), BY_ORDER);
    bench_be_honest(bench);
    bench->ops.pwrite = pwrite_remembers;
    assert_int_equal(depends(bench), BY_ORDER);
}

/* How many of the runs are the same as an earlier one. */
static unsigned repeated(struct bench *bench, bool ignore_seed)
{
    struct sim_digest digests[SEEDS];
    unsigned count = 0;

    for (uint64_t i = 0; i < SEEDS; i++) {
        const struct run_options options = {.seed = ignore_seed ? 7 : 1 + i};
        digests[i] = bench_run(bench, &options).digest;
        for (uint64_t j = 0; j < i; j++) {
            if (!same_digest(digests[i], digests[j])) continue;
            count++;
            break;
        }
    }
    return count;
}

/* What `squall replay` prints of a seed. */
static void replayed(const char *seed, char *ret_text, size_t size)
{
    const char *squall = getenv("SQUALL");
    char command[1200];

    (void)snprintf(command, sizeof command, "%s replay everything:%s", squall, seed);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t len = fread(ret_text, 1, size - 1, pipe);
    ret_text[len] = '\0';
    assert_int_equal(pclose(pipe), 0);
    assert_non_null(strstr(ret_text, "digest "));
}

/* "A replay command that ignores its seed." */
static void another_seed_is_another_run(void **state)
{
    struct bench *bench = *state;
    char one[256], again[256], other[256];

    bench_take(bench, "everything");
    assert_int_equal(repeated(bench, false), 0);
    assert_int_equal(repeated(bench, true), SEEDS - 1);

    if (getenv("SQUALL") == NULL) skip(); /* Run by ctest, which says where it is. */
    replayed("0x5", one, sizeof one);
    replayed("5", again, sizeof again);
    replayed("6", other, sizeof other);
    assert_string_equal(one, again);
    assert_string_not_equal(one, other);
}

/* ---- Faults ---- */

/* Rows that strike by themselves, and often; runner_test.c has the others. */
static bool strikes_often(const struct fault *fault)
{
    bool aims = fault->target != FAULT_TARGET_ANY && fault->target != FAULT_TARGET_WITNESSED;

    return fault->phases != 0 && fault->with == 0 && !aims;
}

/* Faults of the scenario that have not struck yet, the last of them in *ret_number. */
static unsigned not_struck(const struct bench *bench, const uint64_t *struck, uint32_t *ret_number)
{
    unsigned count = 0;

    for (size_t i = 0; i < faults_count; i++) {
        uint32_t number = faults_all[i].number;
        if (!strikes_often(&faults_all[i]) || !bench->scenario->faults[number]) continue;
        if (struck[number] > 0) continue;
        *ret_number = number;
        count++;
    }
    return count;
}

/* Some of them strike once in hundreds of seeds: so it is as many seeds as it takes. */
static unsigned never_struck(struct bench *bench, unsigned seeds_max, uint32_t *ret_number)
{
    uint64_t struck[FAULT_NUMBER_COUNT] = {0};
    unsigned count = 1;

    for (uint64_t seed = 1; seed <= seeds_max && count > 0; seed++) {
        (void)bench_run(bench, &(struct run_options){.seed = seed});
        for (uint32_t i = 0; i < FAULT_NUMBER_COUNT; i++) {
            struck[i] += runner_struck(bench->runner)[i];
        }
        count = not_struck(bench, struck, ret_number);
    }
    return count;
}

/* "A property whose assertion is never reached; a fault that is armed and never strikes." */
static void every_armed_fault_strikes(void **state)
{
    struct bench *bench = *state;
    uint32_t number = 0;

    bench_take(bench, "everything");
    if (never_struck(bench, 5000, &number) != 0) fail_msg("F%02u never strikes", number);
    bench_write(bench, "[scenario]\nstory = Nothing crashes, so nothing crashes in recovery.\n"
                       "[mix]\nappend = 1\n[workload]\nend-power-off-percent = 0\n"
                       "[faults]\nfaults = F16 F37\n");
    assert_int_equal(never_struck(bench, 200, &number), 1);
    assert_int_equal(number, 37);
}

/* ---- Properties ---- */

/* Fold the history of the last run with a lie in the place of event `at` (after it, if the lie is
 * an event of another kind). True if a property of the mask breaks. */
static bool breaks(struct property_suite *suite, const struct history *history, size_t at,
                   told_lie *lie, uint64_t mask)
{
    struct history_event event = history->events[at];
    struct history_observation seen = {0};
    struct history_record records[512];
    struct verdict verdict = {0};
    const enum history_kind kind = event.kind;

    if (event.observation != NULL) {
        seen = *event.observation;
        if (seen.count > sizeof records / sizeof records[0]) return false;
        if (seen.count > 0) memcpy(records, seen.records, seen.count * sizeof records[0]);
        seen.records = records;
        event.observation = &seen;
    }
    if (!lie(&event, &seen, records)) return false;
    if (event.kind != kind && event.kind != HISTORY_REPAIRED) event.observation = NULL;
    property_suite_begin(suite, mask);
    for (size_t i = 0; i < history->count; i++) {
        bool told = i == at && event.kind == kind;
        const struct history_event *next = told ? &event : &history->events[i];
        if (property_suite_step(suite, next, &verdict) != NULL) return true;
        if (i != at || told) continue;
        if (property_suite_step(suite, &event, &verdict) != NULL) return true;
    }
    return false;
}

/* Is the lie seen through, with these properties, in one of the first seeds? */
static bool seen_through(struct bench *bench, told_lie *lie, uint64_t mask)
{
    struct property_suite *suite = property_suite_create();
    bool broken = false;

    for (uint64_t seed = 1; seed <= SEEDS && !broken; seed++) {
        assert_null(bench_run(bench, &(struct run_options){.seed = seed}).property);
        const struct history *history = runner_history(bench->runner);
        for (size_t i = 0; i < history->count && !broken; i++) {
            broken = breaks(suite, history, i, lie, mask);
        }
    }
    property_suite_destroy(suite);
    return broken;
}

/* "A property whose assertion is never reached": each is broken by a lie about what happened in a
 * real run, and a suite that never asks it says nothing. */
static void every_property_is_reached_in_real_runs(void **state)
{
    struct bench *bench = *state;

    bench_take(bench, "everything");
    for (size_t i = 0; properties_all[i] != NULL; i++) {
        size_t at = 0;
        while (at < sizeof lies / sizeof lies[0] &&
               strcmp(lies[at].property, properties_all[i]->name) != 0) {
            at++;
        }
        if (at == sizeof lies / sizeof lies[0]) fail_msg("no lie for %s", properties_all[i]->name);
        if (!seen_through(bench, lies[at].lie, UINT64_C(1) << i)) {
            fail_msg("%s is never reached", properties_all[i]->name);
        }
    }
    uint64_t determinism = 1; /* The one that nothing else implies. */
    assert_string_equal(properties_all[0]->name, "determinism");
    assert_false(seen_through(bench, it_diverged, UINT64_MAX & ~determinism));
}

/* ---- Errors ---- */

static bool accepted(struct property_suite *suite, uint64_t mask,
                     const struct history_event *events, size_t count)
{
    struct verdict verdict = {0};

    property_suite_begin(suite, mask);
    for (size_t i = 0; i < count; i++) {
        if (property_suite_step(suite, &events[i], &verdict) != NULL) return false;
    }
    return true;
}

/* Classes of errors (bits) with which an operation may fail, or an open, after this fault struck
 * and the call said that. */
static uint32_t excused_by_call(struct property_suite *suite, uint64_t mask, uint32_t fault,
                                enum history_error said)
{
    uint32_t errors = 0;

    for (uint32_t error = 1; error < HISTORY_ERROR_COUNT; error++) {
        const struct history_event fails[] = {BOOTED(1), STRUCK(1, fault, said), SUBMITTED(1),
                                              FAILED(1, 1, error)};
        const struct history_event refuses[] = {BOOTED(1), STRUCK(1, fault, said),
                                                REFUSED_AT(1, error, LOST(1, 1))};
        if (accepted(suite, mask, fails, 4) || accepted(suite, mask, refuses, 3)) {
            errors |= UINT32_C(1) << error;
        }
    }
    return errors;
}

/* The same for an open of a log with this damage. */
static uint32_t excused_by_damage(struct property_suite *suite, uint64_t mask,
                                  const struct fault *fault)
{
    const bool survivable = fault->contract == FAULT_SURVIVE;
    uint32_t errors = 0;

    for (uint32_t error = 1; error < HISTORY_ERROR_COUNT; error++) {
        const struct history_event refuses[] = {BOOTED(1),
                                                SUBMITTED(1),
                                                ACCEPTED(1, 1, 1, 1),
                                                ACKED(1, 1, 1),
                                                POWER_LOST(1),
                                                {.kind = HISTORY_DAMAGED,
                                                 .fault = fault->number,
                                                 .index = survivable,
                                                 .first_lsn = 1,
                                                 .last_lsn = 1},
                                                BOOTED(2),
                                                REFUSED_AT(2, error, LOST(1, 1))};
        if (accepted(suite, mask, refuses, sizeof refuses / sizeof refuses[0])) {
            errors |= UINT32_C(1) << error;
        }
    }
    return errors;
}

static unsigned bits(uint32_t word)
{
    unsigned count = 0;

    for (; word != 0; word &= word - 1) count++;
    return count;
}

/* How many errors at most does one fault of the catalogue excuse? Those that are to be survived
 * must excuse none, and those that may cost an error at least one. */
static unsigned most_excused(struct property_suite *suite, uint64_t mask)
{
    unsigned most = 0;

    for (size_t i = 0; i < faults_count; i++) {
        const struct fault *fault = &faults_all[i];
        bool at_rest = fault->sort == FAULT_AT_REST;
        if (fault->contract == FAULT_BEYOND || fault->number == 49) continue; /* Of a copy. */
        uint32_t errors = at_rest ? excused_by_damage(suite, mask, fault) : 0;
        for (uint32_t said = 0; !at_rest && said < HISTORY_ERROR_COUNT; said++) {
            uint32_t these = excused_by_call(suite, mask, fault->number, said);
            if (bits(these) > most) most = bits(these);
            errors |= these;
        }
        if (bits(errors) > most && at_rest) most = bits(errors);
        if (fault->contract == FAULT_SURVIVE && errors != 0) return HISTORY_ERROR_COUNT;
        if (fault->contract == FAULT_DETECT && errors == 0) {
            fail_msg("%s may cost an error, and none is excused", fault->id);
        }
    }
    return most;
}

/* To a repair what cannot be read is damage, and what it gives up for that is judged. */
static uint64_t all_but_who_judges_errors(void)
{
    static const char *const judges[] = {"liveness", "honest-corruption", "honest-repair"};
    uint64_t mask = UINT64_MAX;

    for (unsigned i = 0; properties_all[i] != NULL; i++) {
        for (size_t j = 0; j < sizeof judges / sizeof judges[0]; j++) {
            if (strcmp(properties_all[i]->name, judges[j]) == 0) mask &= ~(UINT64_C(1) << i);
        }
    }
    return mask;
}

/* A device that reports errors of which the harness knows nothing. */
static enum wal_err pread_with_errors(struct wal_io *io, struct wal_file file, uint64_t offset,
                                      void *buffer, size_t len, size_t *ret_len)
{
    if (++bench_now->count % 50 == 0) return WAL_IO;
    return bench_now->honest->pread(io, file, offset, buffer, len, ret_len);
}

static unsigned blamed(struct bench *bench, uint64_t mask)
{
    unsigned count = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        const struct run_options options = {.seed = seed, .property_mask = mask};
        count += bench_run(bench, &options).property != NULL;
    }
    return count;
}

/* "A plan that may corrupt, under which any error at all is accepted." */
static void no_plan_excuses_every_error(void **state)
{
    struct bench *bench = *state;
    struct property_suite *suite = property_suite_create();
    uint64_t forgiving = all_but_who_judges_errors();

    assert_in_range(most_excused(suite, UINT64_MAX), 1, 3);
    assert_int_equal(most_excused(suite, forgiving), HISTORY_ERROR_COUNT);
    property_suite_destroy(suite);

    bench_take(bench, "rot");
    assert_int_equal(blamed(bench, UINT64_MAX), 0);
    bench->ops.pread = pread_with_errors;
    assert_true(blamed(bench, UINT64_MAX) > SEEDS / 4);
    assert_int_equal(blamed(bench, forgiving), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(staleness_does_not_depend_on_the_clock),
        BENCH_TEST(a_seed_depends_on_nothing_but_itself),
        BENCH_TEST(another_seed_is_another_run),
        BENCH_TEST(every_armed_fault_strikes),
        BENCH_TEST(every_property_is_reached_in_real_runs),
        BENCH_TEST(no_plan_excuses_every_error),
    };

    return cmocka_run_group_tests_name("honesty_run", tests, NULL, NULL);
}
