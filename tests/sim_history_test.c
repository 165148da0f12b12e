/*
 * sim_history_test.c - a history keeps what it was told, where it was put.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/history.h"

enum { MANY = 3000 };

static int begin(void **state)
{
    static struct history history;

    history_init(&history);
    *state = &history;
    return 0;
}

static int end(void **state)
{
    history_free(*state);
    return 0;
}

static void fill(struct history *history, uint32_t seed)
{
    for (uint32_t i = 0; i < MANY; i++) {
        struct history_record records[5] = {{.lsn = i}, {.lsn = i + seed}};
        struct history_observation observation = {
            .instance = i, .records = records, .count = i % 6};
        struct history_event event = {.kind = HISTORY_OBSERVED, .operation = i + seed};
        if (i % 2 == 0) event.observation = &observation;
        assert_int_equal(history_add(history, &event), i);
        memset(records, 0xff, sizeof records);
        memset(&observation, 0xff, sizeof observation);
    }
}

static void check(const struct history *history, uint32_t seed)
{
    assert_int_equal(history->count, MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        const struct history_event *event = &history->events[i];
        assert_int_equal(event->operation, i + seed);
        if (i % 2 != 0) {
            assert_null(event->observation);
            continue;
        }
        assert_int_equal(event->observation->instance, i);
        assert_int_equal(event->observation->count, i % 6);
        if (i % 6 == 0) assert_null(event->observation->records);
        if (i % 6 > 0) assert_int_equal(event->observation->records[0].lsn, i);
        if (i % 6 > 1) assert_int_equal(event->observation->records[1].lsn, i + seed);
    }
}

static void events_and_observations_are_copied(void **state)
{
    fill(*state, 7);
    check(*state, 7);
}

static void a_cleared_history_is_empty_and_keeps_its_memory(void **state)
{
    struct history *history = *state;

    fill(history, 7);
    const struct history_event *events = history->events;
    const void *observation = history->events[0].observation;
    history_clear(history);
    assert_int_equal(history->count, 0);
    fill(history, 9);
    check(history, 9);
    assert_ptr_equal(history->events, events);
    assert_ptr_equal(history->events[0].observation, observation);
}

static void an_observation_larger_than_a_chunk_is_kept_whole(void **state)
{
    static struct history_record records[MANY];
    struct history *history = *state;
    struct history_observation observation = {.records = records, .count = MANY};

    for (uint32_t i = 0; i < MANY; i++) records[i].lsn = i;
    for (unsigned round = 0; round < 3; round++) {
        history_clear(history);
        fill(history, round);
        (void)history_add(history, &(struct history_event){.observation = &observation});
        const struct history_observation *kept = history->events[MANY].observation;
        assert_ptr_not_equal(kept->records, records);
        assert_memory_equal(kept->records, records, sizeof records);
        history->count = MANY;
        check(history, round);
    }
}

static void every_kind_and_error_has_a_name(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < HISTORY_KIND_COUNT; kind++) {
        assert_true(strlen(history_kind_name((enum history_kind)kind)) > 0);
    }
    for (unsigned error = 0; error < HISTORY_ERROR_COUNT; error++) {
        assert_true(strlen(history_error_name((enum history_error)error)) > 0);
    }
    assert_string_equal(history_kind_name(HISTORY_ACKED), "acknowledged");
    assert_string_equal(history_error_name(HISTORY_NOMEM), "out of memory");
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(events_and_observations_are_copied),
        TEST(a_cleared_history_is_empty_and_keeps_its_memory),
        TEST(an_observation_larger_than_a_chunk_is_kept_whole),
        TEST(every_kind_and_error_has_a_name),
    };

    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
