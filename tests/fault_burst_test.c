/*
 * fault_burst_test.c - in a burst one strike is followed by others, and then it is over.
 */
#include "tests/fault_rig.h"

enum { WRITES = 20000, NEAR_WRITES = 32 };

/* How many strikes there were, and how many of them had another one just before. */
struct strikes {
    uint32_t all, near;
};

static struct strikes strikes;

static void write_on(struct machine *machine)
{
    struct wal_file file = rig_open(machine, "a");
    uint32_t last = 0;

    strikes = (struct strikes){0};
    for (uint32_t i = NEAR_WRITES; i < NEAR_WRITES + WRITES; i++) {
        if (rig_put(machine, file, 0, 'A', 8).err == WAL_OK) continue;
        strikes.all++;
        strikes.near += last != 0 && i - last <= NEAR_WRITES;
        last = i;
    }
    rig_shut(machine, file);
}

static struct strikes strikes_with(struct rig *rig, uint32_t odds, uint32_t burst_calls)
{
    rig_allow(rig, 7, odds);
    rig->plan.burst_calls = burst_calls;
    assert_int_equal(machine_fresh(rig->machine, write_on), SIM_STOP_DONE);
    return strikes;
}

static void one_strike_is_followed_by_others_for_a_while(void **state)
{
    struct rig *rig = *state;

    struct strikes alone = strikes_with(rig, 65536 / 1000, 0);
    assert_in_range(alone.all, 5, 60); /* One in a thousand, */
    assert_in_range(alone.near, 0, alone.all / 4);

    /* and after each, for 32 calls, one in thirty. */
    struct strikes burst = strikes_with(rig, 65536 / 1000, 32);
    assert_in_range(burst.near, burst.all / 3, burst.all);
    assert_in_range(burst.all, alone.all + alone.all / 3, 20 * alone.all);
}

static void a_burst_leaves_something_through(void **state)
{
    struct rig *rig = *state;

    struct strikes burst = strikes_with(rig, 65536 / 8, 1000000);
    assert_in_range(burst.all, WRITES / 5, WRITES / 3); /* One in four. */
}

static void likelier_than_a_burst_stays_as_it_is(void **state)
{
    struct rig *rig = *state;

    struct strikes burst = strikes_with(rig, 65536 / 2, 1000000);
    assert_in_range(burst.all, WRITES * 2 / 5, WRITES * 3 / 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(one_strike_is_followed_by_others_for_a_while),
        RIG_TEST(a_burst_leaves_something_through),
        RIG_TEST(likelier_than_a_burst_stays_as_it_is),
    };

    return cmocka_run_group_tests_name("fault_burst", tests, NULL, NULL);
}
