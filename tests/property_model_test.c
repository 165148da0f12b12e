/*
 * property_model_test.c - interleavings that the model has to get right, the second look at an
 * image, and what the list of properties promises.
 *
 * Each rejected row stands beside an accepted one that differs from it in little.
 */
#include "tests/property_fold.h"

/* clang-format off */
#define ONE_ACKED BOOTED(1), SUBMITTED(1), ACCEPTED(1, 1, 1, 1), ACKED(1, 1, 1)
#define AGAIN     POWER_LOST(1), BOOTED(2)
#define BATCH_2   PART(2, 0, 2), PART(2, 1, 2)
/* Accepted by the first instance at LSN 2, dropped, and LSN 2 given to another. */
#define REUSED                                                                                    \
    ONE_ACKED, SUBMITTED(2), ACCEPTED(2, 1, 2, 2), AGAIN, RECOVERED(2, SEEN(AT(1, 1))),           \
    SUBMITTED(3), ACCEPTED(3, 2, 2, 2), POWER_LOST(2), BOOTED(3)
/* The second instance died before anybody saw what it had recovered. */
#define UNSEEN                                                                                    \
    ONE_ACKED, SUBMITTED(2), ACCEPTED(2, 1, 2, 2), SUBMITTED(3), AGAIN, POWER_LOST(2), BOOTED(3)
/* Two clients at LSN 2: the first was rolled back, and is told only after the second got it. */
#define LATE                                                                                      \
    ONE_ACKED, SUBMITTED(2), SUBMITTED(3), INJECTED(1, 3, 0), ACCEPTED(3, 1, 2, 2),               \
    ACKED(3, 1, 2), ACCEPTED(2, 1, 2, 2)
/* The same, but power is lost before anybody is told anything. */
#define DOUBT                                                                                     \
    ONE_ACKED, SUBMITTED(2), SUBMITTED(3), ACCEPTED(2, 1, 2, 2), INJECTED(1, 3, 0),               \
    ACCEPTED(3, 1, 2, 2)
#define SERVED                                                                                    \
    ONE_ACKED, BATCH_2, SUBMITTED(3),                                                             \
    READ(1, SEEN(AT(1, 1), PART_AT(2, 2, 0, 2), PART_AT(3, 2, 1, 2)))
/* The second of two. */
#define TAIL_AT(n_lsn, bytes)                                                                     \
    {.lsn = (n_lsn), .hash = (bytes), .length = ROW_LENGTH, .batch_index = 1}

static const struct row rows[] = {
    { "an_lsn_reused_shows_the_later_record", NULL,
      EVENTS(REUSED, RECOVERED(3, SEEN(AT(1, 1), AT(2, 3)))) },
    { "an_lsn_reused_may_show_nothing", NULL, EVENTS(REUSED, RECOVERED(3, SEEN(AT(1, 1)))) },
    { "an_lsn_reused_never_shows_the_earlier_record", "no-phantom",
      EVENTS(REUSED, RECOVERED(3, SEEN(AT(1, 1), AT(2, 2)))) },

    { "after_an_unseen_recovery_what_was_accepted_may_stand", NULL,
      EVENTS(UNSEEN, RECOVERED(3, SEEN(AT(1, 1), AT(2, 2), AT(3, 3)))) },
    { "after_an_unseen_recovery_limbo_may_stand_alone", NULL,
      EVENTS(UNSEEN, RECOVERED(3, SEEN(AT(1, 1), AT(2, 3)))) },
    { "after_an_unseen_recovery_nothing_may_stand", NULL,
      EVENTS(UNSEEN, RECOVERED(3, SEEN(AT(1, 1)))) },
    { "after_an_unseen_recovery_an_lsn_is_still_its_own", "prefix",
      EVENTS(UNSEEN, RECOVERED(3, SEEN(AT(1, 1), AT(2, 3), AT(3, 2)))) },
    { "what_an_instance_gives_away_is_lost_to_those_before_it", "no-phantom",
      EVENTS(UNSEEN, SUBMITTED(4), ACCEPTED(4, 3, 2, 2), POWER_LOST(3), BOOTED(4),
             RECOVERED(4, SEEN(AT(1, 1), AT(2, 2)))) },

    { "a_read_error_drops_nothing", NULL,
      EVENTS(ONE_ACKED, SUBMITTED(2), AGAIN, INJECTED(2, 14, 0),
             RECOVERED(2, SEEN(AT(1, 1)), .read_error = HISTORY_IO), POWER_LOST(2), BOOTED(3),
             RECOVERED(3, SEEN(AT(1, 1), AT(2, 2)))) },
    { "what_was_read_before_an_error_counts_as_served", "durability",
      EVENTS(BOOTED(1), SUBMITTED(1), AGAIN, INJECTED(2, 14, 0),
             RECOVERED(2, SEEN(AT(1, 1)), .read_error = HISTORY_IO), POWER_LOST(2), BOOTED(3),
             RECOVERED(3, NOTHING)) },

    { "one_told_late_of_its_rollback_loses_its_lsn", NULL,
      EVENTS(LATE, FAILED(2, 1, HISTORY_NOSPACE), AGAIN, RECOVERED(2, SEEN(AT(1, 1), AT(2, 3)))) },
    { "one_told_late_of_its_rollback_never_stands", "no-phantom",
      EVENTS(LATE, AGAIN, RECOVERED(2, SEEN(AT(1, 1), AT(2, 2)))) },
    { "one_told_late_is_not_acknowledged", "prefix", EVENTS(LATE, ACKED(2, 1, 2)) },
    { "in_doubt_the_first_may_stand", NULL,
      EVENTS(DOUBT, AGAIN, RECOVERED(2, SEEN(AT(1, 1), AT(2, 2)))) },
    { "in_doubt_the_second_may_stand", NULL,
      EVENTS(DOUBT, AGAIN, RECOVERED(2, SEEN(AT(1, 1), AT(2, 3)))) },
    { "in_doubt_both_never_stand", "prefix",
      EVENTS(DOUBT, AGAIN, RECOVERED(2, SEEN(AT(1, 1), AT(2, 2), AT(3, 3)))) },

    { "a_limbo_batch_that_was_served_is_accepted_where_it_stands", NULL,
      EVENTS(SERVED, ACCEPTED(2, 1, 2, 3), ACKED(2, 1, 3), AGAIN,
             RECOVERED(2, SEEN(AT(1, 1), PART_AT(2, 2, 0, 2), PART_AT(3, 2, 1, 2)))) },
    { "a_limbo_batch_that_was_served_is_not_acknowledged_elsewhere", "durability",
      EVENTS(SERVED, AGAIN, RECOVERED(2, SEEN(AT(1, 1)))) },
    { "nobody_is_acknowledged_where_a_limbo_batch_was_served", "prefix",
      EVENTS(SERVED, ACCEPTED(3, 1, 2, 2), ACKED(3, 1, 2)) },

    { "a_batch_never_stands_where_its_end_was_acknowledged_to_another", "prefix",
      EVENTS(ONE_ACKED, BATCH_2, SUBMITTED(3), SUBMITTED(4), ACCEPTED(2, 1, 2, 3),
             INJECTED(1, 3, 0), ACCEPTED(4, 1, 3, 3), ACKED(4, 1, 3), AGAIN,
             RECOVERED(2, SEEN(AT(1, 1), PART_AT(2, 2, 0, 2), PART_AT(3, 2, 1, 2)))) },
    { "a_tail_that_two_batches_share_settles_neither", NULL,
      EVENTS(ONE_ACKED, PART_OF(2, 0, 2, 20), PART_OF(2, 1, 2, 7), PART_OF(3, 0, 2, 30),
             PART_OF(3, 1, 2, 7), ACCEPTED(2, 1, 2, 3), INJECTED(1, 3, 0),
             READ_FROM(1, 3, SEEN(TAIL_AT(3, 7))), ACCEPTED(3, 1, 2, 3), ACKED(3, 1, 3)) },
    { "a_batch_half_submitted_never_stands", "no-phantom",
      EVENTS(ONE_ACKED, PART(2, 0, 2), AGAIN, RECOVERED(2, SEEN(AT(1, 1), PART_AT(2, 2, 0, 2)))) },
    { "empty_records_of_two_clients_may_be_accepted_in_any_order", NULL,
      EVENTS(BOOTED(1), EMPTY(1), EMPTY(2), READ(1, SEEN(EMPTY_AT(1), EMPTY_AT(2))),
             ACCEPTED(1, 1, 2, 2), ACCEPTED(2, 1, 1, 1), ACKED(2, 1, 2), ACKED(1, 1, 2), AGAIN,
             RECOVERED(2, SEEN(EMPTY_AT(1), EMPTY_AT(2)))) },
    { "an_operation_without_records_acknowledges_all_up_to_an_lsn", "durability",
      EVENTS(BOOTED(1), SUBMITTED(1), ACCEPTED(1, 1, 1, 1), ACKED(7, 1, 1), AGAIN,
             RECOVERED(2, NOTHING)) },
    { "a_failure_that_says_nothing_of_the_bytes_leaves_them_in_doubt", NULL,
      EVENTS(ONE_ACKED, SUBMITTED(2), ACCEPTED(2, 1, 2, 2), INJECTED(1, 19, 0),
             FAILED(2, 1, HISTORY_NOMEM), AGAIN, RECOVERED(2, SEEN(AT(1, 1), AT(2, 2)))) },
    { "what_the_present_session_submits_outlives_its_first_observation", NULL,
      EVENTS(ONE_ACKED, AGAIN, SUBMITTED(2), RECOVERED(2, SEEN(AT(1, 1))), ACCEPTED(2, 2, 2, 2),
             POWER_LOST(2), BOOTED(3), RECOVERED(3, SEEN(AT(1, 1), AT(2, 2)))) },
    { "a_reopened_log_drops_what_it_did_not_show", "no-phantom",
      EVENTS(ONE_ACKED, SUBMITTED(2), ACCEPTED(2, 1, 2, 2), INJECTED(1, 8, 1),
             FAILED(2, 1, HISTORY_POISONED), CLOSED(1, HISTORY_POISONED),
             RECOVERED(1, SEEN(AT(1, 1))), READ(1, SEEN(AT(1, 1), AT(2, 2)))) },
};

struct look {
    const char *name;
    const char *broken;
    struct history_observation first, second;
};
#define SAW(...) {.recovery = true, .from_lsn = 1, __VA_ARGS__}

static const struct look looks[] = {
    { "the_same_again_is_accepted", NULL, SAW(SEEN(AT(1, 1), AT(2, 2))), SAW(SEEN(AT(1, 1), AT(2,
             2))) },
    { "nothing_again_is_accepted", NULL, SAW(NOTHING), SAW(NOTHING) },
    { "anything_after_an_error_is_accepted", NULL, SAW(.open_error = HISTORY_IO), SAW(SEEN(AT(1,
             1))) },
    { "one_served_and_lost_is_rejected", "durability", SAW(SEEN(AT(1, 1), AT(2, 2))),
             SAW(SEEN(AT(1, 1))) },
    { "all_served_and_lost_is_rejected", "durability", SAW(SEEN(AT(1, 1))), SAW(NOTHING) },
    { "one_more_than_before_is_rejected", "recovery-idempotence", SAW(SEEN(AT(1, 1))),
             SAW(SEEN(AT(1, 1), AT(2, 2))) },
    { "another_than_before_is_rejected", "recovery-idempotence", SAW(SEEN(AT(1, 1))),
             SAW(SEEN(AT(1, 2))) },
    { "an_error_after_none_is_rejected", "recovery-idempotence", SAW(SEEN(AT(1, 1))),
             SAW(.open_error = HISTORY_CORRUPT) },
};
/* clang-format on */

static void second_looks_are_judged_rightly(void **state)
{
    struct property_suite *suite = property_suite_create();

    (void)state;
    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++) {
        const struct look *look = &looks[i];
        struct verdict verdict = {0};
        property_suite_begin(suite, UINT64_MAX);
        const struct property *broken =
            property_suite_judge_again(suite, &look->first, &look->second, &verdict);
        if (strcmp(name_of(broken), look->broken == NULL ? "nothing" : look->broken) != 0) {
            fail_msg("%s: broke %s", look->name, name_of(broken));
        }
        if (broken == NULL) continue;
        assert_true(verdict.broken);
        property_suite_begin(suite, ~mask_of(look->broken));
        assert_null(property_suite_judge_again(suite, &look->first, &look->second, &verdict));
    }
    property_suite_destroy(suite);
}

static void every_property_has_a_name_and_a_claim_of_one_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; properties_all[i] != NULL; i++) {
        const struct property *property = properties_all[i];
        const char *stop = strchr(property->claim, '.');
        assert_true(strlen(property->name) > 0);
        assert_non_null(stop);
        assert_string_equal(stop, ".");
        assert_true(property->step != NULL || property->judge != NULL);
        assert_true(property->state_size <= PROPERTY_STATE_BYTES_MAX);
        for (size_t other = 0; other < i; other++) {
            assert_string_not_equal(properties_all[other]->name, property->name);
        }
    }
}

static void a_property_that_is_not_asked_breaks_nothing(void **state)
{
    static const struct history_event diverged = DIVERGED;
    struct property_suite *suite = property_suite_create();
    struct verdict verdict;

    (void)state;
    property_suite_begin(suite, ~mask_of("determinism"));
    assert_null(property_suite_step(suite, &diverged, &verdict));
    property_suite_begin(suite, mask_of("determinism"));
    assert_non_null(property_suite_step(suite, &diverged, &verdict));
    property_suite_destroy(suite);
}

static void a_new_history_knows_nothing_of_the_old(void **state)
{
    const struct history_event old[] = {BOOTED(1), INJECTED(1, 39, 0), INJECTED(1, 40, 0),
                                        INJECTED(1, 8, 0), DAMAGED(1, 9, false)};
    const struct history_event fresh[] = {REFUSED_AT(1, HISTORY_CORRUPT, LOST(1, 1)),
                                          REFUSED(1, HISTORY_LOCKED), REFUSED(1, HISTORY_IO)};
    struct property_suite *suite = property_suite_create();
    struct verdict verdict;

    (void)state;
    for (size_t i = 0; i < sizeof fresh / sizeof fresh[0]; i++) {
        property_suite_begin(suite, UINT64_MAX);
        for (size_t each = 0; each < sizeof old / sizeof old[0]; each++) {
            assert_null(property_suite_step(suite, &old[each], &verdict));
        }
        assert_null(property_suite_step(suite, &fresh[i], &verdict));
        property_suite_begin(suite, UINT64_MAX);
        assert_non_null(property_suite_step(suite, &fresh[i], &verdict));
    }
    property_suite_destroy(suite);
}

static void one_history_can_break_several_and_the_first_is_named(void **state)
{
    const struct history_event events[] = {ONE_ACKED, AGAIN, DAMAGED(1, 1, true),
                                           RECOVERED(2, NOTHING)};
    const struct row all = {"", "honest-corruption", events, sizeof events / sizeof events[0]};
    const struct row one = {"", "durability", events, sizeof events / sizeof events[0]};
    struct property_suite *suite = property_suite_create();

    (void)state;
    fold(suite, &all, UINT64_MAX);
    fold(suite, &one, mask_of("durability"));
    property_suite_destroy(suite);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(second_looks_are_judged_rightly),
        cmocka_unit_test(every_property_has_a_name_and_a_claim_of_one_sentence),
        cmocka_unit_test(a_property_that_is_not_asked_breaks_nothing),
        cmocka_unit_test(a_new_history_knows_nothing_of_the_old),
        cmocka_unit_test(one_history_can_break_several_and_the_first_is_named),
    };
    int failures = run_rows("the model", rows, sizeof rows / sizeof rows[0]);

    return failures + cmocka_run_group_tests_name("the suite", tests, NULL, NULL);
}
