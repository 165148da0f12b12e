/*
 * runner_reach_test.c - what a run says of the faults that struck it: where, and by which
 * decisions.
 */
#include <stdlib.h>
#include <unistd.h>

#include "scenarios/scenario.h"
#include "tests/sim_machine.h"

enum { IMAGES = 4 };

static const char *scenario_path(const char *name, char *path, size_t size)
{
    const char *root = getenv("SQUALL_ROOT");

    (void)snprintf(path, size, "%s/scenarios/%s.ini", root != NULL ? root : ".", name);
    return path;
}

static struct scenario *load(const char *name)
{
    char path[1024], message[SCENARIO_MESSAGE_BYTES];
    struct scenario *scenario = scenario_load(scenario_path(name, path, sizeof path), message);

    if (scenario == NULL) fail_msg("%s", message);
    return scenario;
}

static int set_up(void **state)
{
    *state = runner_create();
    return 0;
}

static int tear_down(void **state)
{
    runner_destroy(*state);
    return 0;
}

/* May a strike of this fault consist of decisions of this kind? */
static bool kind_fits(const struct fault *fault, uint32_t kind)
{
    switch (fault->sort) {
    case FAULT_AT_CALL:
    case FAULT_AT_REST: return kind == SIM_KIND_FAULT + fault->number;
    case FAULT_AT_CRASH: return kind >= SIM_KIND_IMAGE && kind < SIM_KIND_FAULT;
    case FAULT_BY_WORLD: break;
    case FAULT_ALWAYS:
    case FAULT_SORT_COUNT: return false;
    }
    if (fault->number == 28) return kind >= SIM_KIND_IMAGE && kind < SIM_KIND_FAULT;
    return kind == (fault->number == 19 ? SIM_KIND_ALLOC : SIM_KIND_CRASH);
}

static void a_strike_names_the_decisions_it_consists_of(void **state)
{
    struct runner *runner = *state;
    struct scenario *scenario = load("everything");
    struct run_result result;
    uint32_t strikes = 0, count;

    for (uint64_t seed = 1; seed <= 300; seed++) {
        const struct run_options options = {.seed = seed};
        runner_run(runner, scenario, &options, &result);
        const struct sim_record *record = runner_record(runner);
        const struct fault_strike *all = runner_strikes(runner, &count);
        for (uint32_t i = 0; i < count; i++) {
            const struct fault *fault = fault_find(faults_all[all[i].number - 1].id);
            assert_int_equal(fault->number, all[i].number);
            assert_true(all[i].decisions > 0);
            assert_true(all[i].decision + all[i].decisions <= record->count);
            for (uint32_t j = 0; j < all[i].decisions; j++) {
                const struct sim_decision *decision = &record->decisions[all[i].decision + j];
                if (kind_fits(fault, decision->kind)) continue;
                fail_msg("%s: a decision of kind %u", fault->id, decision->kind);
            }
            strikes++;
        }
    }
    scenario_free(scenario);
    assert_true(strikes > 3000);
}

static void phases_add_up_and_are_where_such_a_fault_can_strike(void **state)
{
    static const struct {
        uint32_t number, phases;
    } only[] = {{16, 1U << FAULT_RECOVERY | 1U << FAULT_READ | 1U << FAULT_CUT},
                {37, 1U << FAULT_RECOVERY},
                {49, 1U << FAULT_READ},
                {41, 1U << FAULT_REST},
                {1, ~(1U << FAULT_READ | 1U << FAULT_REST)}};
    struct runner *runner = *state;
    struct scenario *scenario = load("everything");
    struct run_result result;

    for (uint64_t seed = 1; seed <= 300; seed++) {
        const struct run_options options = {.seed = seed};
        runner_run(runner, scenario, &options, &result);
        for (size_t i = 0; i < faults_count; i++) {
            uint32_t number = faults_all[i].number, sum = 0;
            const struct fault_reach *reach = runner_reach(runner, number);
            for (unsigned phase = 0; phase < FAULT_PHASE_COUNT; phase++) {
                sum += reach[phase].struck;
                bool possible = true;
                for (size_t j = 0; j < sizeof only / sizeof only[0]; j++) {
                    if (only[j].number == number) possible = only[j].phases >> phase & 1;
                }
                if (!possible) assert_int_equal(reach[phase].struck, 0);
            }
            assert_int_equal(sum, runner_struck(runner)[number]);
        }
    }
    scenario_free(scenario);
}

/* The scenario torn_neighbours, with groups that are padded to whole blocks instead of packed. */
static void padded_groups_survive_torn_neighbours(void **state)
{
    struct runner *runner = *state;
    const char *folder = getenv("TMPDIR");
    char from[1024], to[1024], line[256], message[SCENARIO_MESSAGE_BYTES];
    struct run_result result;
    uint32_t torn = 0;

    (void)scenario_path("torn_neighbours", from, sizeof from);
    (void)snprintf(to, sizeof to, "%s/padded_groups_%d.ini", folder != NULL ? folder : "/tmp",
                   (int)getpid());
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    assert_non_null(in);
    assert_non_null(out);
    while (fgets(line, sizeof line, in) != NULL) {
        bool packed = strcmp(line, "block-bytes = 8\n") == 0;
        assert_true(fputs(packed ? "block-bytes = 512|4096\n" : line, out) >= 0);
    }
    assert_int_equal(fclose(out), 0);
    (void)fclose(in);
    struct scenario *scenario = scenario_load(to, message);
    (void)unlink(to);
    if (scenario == NULL) fail_msg("%s", message);
    for (uint64_t seed = 1; seed <= 300; seed++) {
        const struct run_options options = {.seed = seed, .images = IMAGES};
        runner_run(runner, scenario, &options, &result);
        if (result.property != NULL) fail_msg("%s", result.failure);
        torn += runner_struck(runner)[27];
    }
    scenario_free(scenario);
    assert_true(torn > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_strike_names_the_decisions_it_consists_of),
        cmocka_unit_test(phases_add_up_and_are_where_such_a_fault_can_strike),
        cmocka_unit_test(padded_groups_survive_torn_neighbours),
    };

    return cmocka_run_group_tests_name("runner_reach", tests, set_up, tear_down);
}
