/*
 * sim_policy_test.c - which policy finds which planted race.
 *
 * Four tasks of very different length take their steps, and each pattern is an order of some of
 * them that a bug could need. No policy finds all; for each there is one that it finds and one that
 * it does not, which is why a seed draws its policy.
 */
#include "tests/sim_machine.h"

enum { A, B, C, D, TASKS, SEEDS = 2000, ALL_STEPS = 98 };

static const uint32_t steps[TASKS] = {[A] = 60, [B] = 20, [C] = 6, [D] = 12};

static struct {
    struct machine *machine;
    uint32_t when[TASKS][64]; /* Each step's place in the order of all. */
    uint8_t who[ALL_STEPS];
    uint32_t taken;
} run;

struct worker {
    unsigned number;
    uint32_t steps;
};

static void take_steps(void *arg)
{
    const struct worker *worker = arg;
    struct machine *machine = run.machine;

    sim_set_left(machine->world, worker->steps);
    /* All begin at the same moment. */
    err_ignore(io_sleep(machine->io, 1000000 - io_monotonic_ns(machine->io), NULL));
    for (uint32_t i = 0; i < worker->steps; i++) {
        sim_set_left(machine->world, worker->steps - i);
        run.who[run.taken] = (uint8_t)worker->number;
        run.when[worker->number][i] = run.taken++;
        (void)io_monotonic_ns(machine->io);
    }
}

static void run_four(struct machine *machine)
{
    static const char *const names[TASKS] = {"a", "b", "c", "d"};
    static struct worker workers[TASKS];
    struct wal_task *tasks[TASKS];

    run.machine = machine;
    run.taken = 0;
    for (unsigned i = 0; i < TASKS; i++) {
        workers[i] = (struct worker){i, steps[i]};
        assert_ok(io_spawn(machine->io, names[i], take_steps, &workers[i], &tasks[i]));
    }
    for (unsigned i = 0; i < TASKS; i++) io_join(machine->io, tasks[i]);
}

/* ---- Patterns ---- */

static bool before(unsigned task, uint32_t i, unsigned other, uint32_t j)
{
    return run.when[task][i - 1] < run.when[other][j - 1];
}

/* A task makes ten steps while everyone else could run. */
static bool ten_in_a_row(void)
{
    uint32_t row = 1;

    for (uint32_t i = 1; i < steps[C] + 20; i++) {
        row = run.who[i] == run.who[i - 1] ? row + 1 : 1;
        if (row == 10) return true;
    }
    return false;
}

static bool all_of_a_before_any_of_c(void)
{
    return before(A, steps[A], C, 1);
}

static bool b_within_two_steps_of_a(void)
{
    return before(A, 30, B, 10) && before(B, 10, A, 31);
}

/* One window inside another. */
static bool nested_windows(void)
{
    return before(A, 30, C, 3) && before(C, 3, B, 10) && before(B, 10, C, 4) && before(C, 4, A, 32);
}

static bool four_rounds_in_turn(void)
{
    for (uint32_t i = 0; i < 16; i++) {
        if (run.who[i] != run.who[i % 4]) return false;
    }
    return run.who[0] != run.who[1] && run.who[0] != run.who[2] && run.who[1] != run.who[2];
}

/* One step of each at once, in the order opposite to the one in which they came. */
static bool one_step_each_backwards(void)
{
    return run.who[0] == D && run.who[1] == C && run.who[2] == B && run.who[3] == A;
}

/* The shortest of all overtakes the longest early. */
static bool early_overtaking(void)
{
    return before(C, 5, A, 3);
}

enum { MISSED = 1, FOUND = 2 }; /* 0: either. */

static const enum sim_policy policies[] = {SIM_POLICY_FIRST,  SIM_POLICY_PCT,
                                           SIM_POLICY_URW,    SIM_POLICY_STICKY,
                                           SIM_POLICY_RANDOM, SIM_POLICY_ROUND_ROBIN};
enum { POLICIES = sizeof policies / sizeof policies[0] };

/* clang-format off */
static const struct {
    const char *name;
    bool (*happened)(void);
    int expected[POLICIES];
} patterns[] = {
    /* first, pct, urw, sticky, random, in turn */
    { "ten in a row", ten_in_a_row,
      { 0, FOUND, 0, FOUND, MISSED, MISSED } },
    { "all of A before any of C", all_of_a_before_any_of_c,
      { 0, FOUND, MISSED, 0, MISSED, MISSED } },
    { "B within two steps of A", b_within_two_steps_of_a,
      { MISSED, 0, FOUND, 0, MISSED, MISSED } },
    { "nested windows", nested_windows,
      { MISSED, MISSED, FOUND, MISSED, MISSED, MISSED } },
    { "four rounds in turn", four_rounds_in_turn,
      { MISSED, MISSED, MISSED, MISSED, MISSED, FOUND } },
    { "one each backwards", one_step_each_backwards,
      { MISSED, MISSED, 0, 0, FOUND, MISSED } },
    { "early overtaking", early_overtaking,
      { MISSED, FOUND, 0, FOUND, FOUND, MISSED } },
};
/* clang-format on */
enum { PATTERNS = sizeof patterns / sizeof patterns[0] };

static void each_policy_finds_a_race_that_others_miss(void **state)
{
    struct machine *machine = *state;
    uint32_t hits[PATTERNS][POLICIES] = {{0}};

    machine->options.still_time = true;
    machine->options.switch_odds = 65536 / 30;
    for (size_t p = 0; p < POLICIES; p++) {
        machine->options.policy = policies[p];
        for (machine->options.seed = 1; machine->options.seed <= SEEDS; machine->options.seed++) {
            assert_int_equal(machine_fresh(machine, run_four), SIM_STOP_DONE);
            assert_int_equal(run.taken, ALL_STEPS);
            for (size_t i = 0; i < PATTERNS; i++) hits[i][p] += patterns[i].happened();
        }
    }
    print_message("%-26s", "seeds of 2000 that hit");
    for (size_t p = 0; p < POLICIES; p++) print_message(" %11s", sim_policy_name(policies[p]));
    for (size_t i = 0; i < PATTERNS; i++) {
        print_message("\n%-26s", patterns[i].name);
        for (size_t p = 0; p < POLICIES; p++) print_message(" %11u", hits[i][p]);
    }
    print_message("\n");
    for (size_t i = 0; i < PATTERNS; i++) {
        for (size_t p = 0; p < POLICIES; p++) {
            if (patterns[i].expected[p] == FOUND) assert_true(hits[i][p] > 0);
            if (patterns[i].expected[p] == MISSED) assert_int_equal(hits[i][p], 0);
        }
    }
}

/* ---- What is left ---- */

static uint32_t told;

static void ask_who_runs(void *arg)
{
    const struct worker *worker = arg;
    struct machine *machine = run.machine;

    if (worker->steps > 0) sim_set_left(machine->world, worker->steps);
    err_ignore(io_sleep(machine->io, 1000000 - io_monotonic_ns(machine->io), NULL));
    run.who[run.taken++] = (uint8_t)worker->number;
}

/* Who of three runs first: one has 6 left, one 3, one never said. */
static void race_for_the_first(struct machine *machine)
{
    static struct worker workers[3] = {{0, 6}, {1, 3}, {2, 0}};
    struct wal_task *tasks[3];

    run.machine = machine;
    run.taken = 0;
    for (unsigned i = 0; i < 3; i++)
        assert_ok(io_spawn(machine->io, "t", ask_who_runs, &workers[i], &tasks[i]));
    for (unsigned i = 0; i < 3; i++) io_join(machine->io, tasks[i]);
    told = run.who[0];
}

static void a_random_walk_goes_by_what_is_left(void **state)
{
    struct machine *machine = *state;
    uint32_t first[3] = {0};

    machine->options.still_time = true;
    machine->options.policy = SIM_POLICY_URW;
    for (machine->options.seed = 1; machine->options.seed <= 5000; machine->options.seed++) {
        assert_int_equal(machine_fresh(machine, race_for_the_first), SIM_STOP_DONE);
        first[told]++;
    }
    assert_in_range(first[0], 2850, 3150); /* 6 in 10 */
    assert_in_range(first[1], 1380, 1620);
    assert_in_range(first[2], 420, 580);
}

/* ---- Replay ---- */

static void what_any_policy_chose_replays_under_any_other(void **state)
{
    struct machine *machine = *state;
    struct sim_record record = {0};

    machine->options.still_time = true;
    machine->options.switch_odds = 65536 / 10;
    for (unsigned p = 0; p < SIM_POLICY_COUNT; p++) {
        machine->options.policy = (enum sim_policy)p;
        machine->options.replay = NULL;
        machine->options.seed = 5;
        assert_int_equal(machine_fresh(machine, run_four), SIM_STOP_DONE);
        struct sim_digest digest = sim_world_digest(machine->world);
        assert_true(sim_record_copy(&record, sim_world_record(machine->world)));
        assert_true(p == SIM_POLICY_FIRST || record.count > 5);
        machine->options.policy = (enum sim_policy)((p + 1) % SIM_POLICY_COUNT);
        machine->options.replay = &record;
        assert_int_equal(machine_fresh(machine, run_four), SIM_STOP_DONE);
        assert_same_digest(sim_world_digest(machine->world), digest);
    }
    sim_record_free(&record);
}

static void policies_have_names_and_shares(void **state)
{
    uint32_t total = 0;
    enum sim_policy policy;

    (void)state;
    for (unsigned p = 0; p < SIM_POLICY_COUNT; p++) {
        assert_true(sim_policy_parse(sim_policy_name((enum sim_policy)p), &policy));
        assert_int_equal(policy, p);
        total += sim_policy_weight((enum sim_policy)p);
    }
    assert_int_equal(total, 100);
    assert_int_equal(sim_policy_weight(SIM_POLICY_FIRST), 0);
    assert_false(sim_policy_parse("", &policy));
    assert_false(sim_policy_parse("PCT", &policy));
    assert_false(sim_policy_parse("round", &policy));
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, machine_setup, machine_teardown)
    const struct CMUnitTest tests[] = {
        ROW(each_policy_finds_a_race_that_others_miss),
        ROW(a_random_walk_goes_by_what_is_left),
        ROW(what_any_policy_chose_replays_under_any_other),
        ROW(policies_have_names_and_shares),
    };
#undef ROW
    return cmocka_run_group_tests_name("sim_policy", tests, NULL, NULL);
}
