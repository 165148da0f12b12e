/*
 * fault_clock_test.c - the clock on the wall is set, and time itself goes on as it did.
 */
#include "tests/fault_rig.h"

static void look_at_the_clock(struct machine *machine)
{
    static const int64_t year_ns = INT64_C(31536000) * 1000000000;
    const int64_t jump_ns[] = {0,          -1000000000,   -3600000000000, -year_ns,
                               1000000000, 3600000000000, year_ns};
    const struct rig *rig = rig_of(machine);

    uint64_t before_ns = io_monotonic_ns(machine->io);
    uint64_t wall_ns = io_wall_ns(machine->io);
    uint64_t later_ns = io_wall_ns(machine->io);
    uint64_t after_ns = io_monotonic_ns(machine->io);
    int64_t shown_ns = (int64_t)(wall_ns - machine->options.wall_start_ns - before_ns);
    int64_t late_ns = shown_ns - jump_ns[rig->outcome];
    assert_true(late_ns >= 0 && late_ns < 50000);
    assert_true(later_ns >= wall_ns && later_ns - wall_ns < 50000); /* It stays so. */
    assert_true(after_ns >= before_ns && after_ns - before_ns < 50000);
}

static void F50_the_clock_on_the_wall_is_set(void **state)
{
    struct rig *rig = *state;

    rig->machine->options.wall_start_ns = UINT64_C(1700000000000000000);
    for (uint32_t outcome = 0; outcome <= 6; outcome++) {
        rig_order(rig, 50, SIM_CALL_WALL, 0, outcome);
        assert_int_equal(machine_fresh(rig->machine, look_at_the_clock), SIM_STOP_DONE);
        assert_struck(rig, 50, outcome != 0);
    }
}

static bool mine(const struct fault *fault)
{
    return fault->calls == SIM_CALL_BIT(WALL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(F50_the_clock_on_the_wall_is_set),
    };

    rig_assert_covered(tests, sizeof tests / sizeof tests[0], mine);
    return cmocka_run_group_tests_name("fault_clock", tests, NULL, NULL);
}
