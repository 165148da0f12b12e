/*
 * scenario_file_test.c - scenario files: what is read, and how what is wrong is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "scenarios/scenario_internal.h"

static struct scenario *load_raw(const char *text, char message[SCENARIO_MESSAGE_BYTES])
{
    char path[] = "scenario-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    message[0] = '\0';
    struct scenario *scenario = scenario_load(path, message);
    assert_int_equal(unlink(path), 0);
    return scenario;
}

/* A file with just the needed keys, and `text` from line 4 on. */
static struct scenario *load(const char *text, char message[SCENARIO_MESSAGE_BYTES])
{
    char whole[1024];

    assert_in_range(snprintf(whole, sizeof whole,
                             "[scenario]\nstory = A test.\n[mix]\n%s\n[mix]\nappend = 1\n", text),
                    1, sizeof whole - 1);
    return load_raw(whole, message);
}

struct row {
    const char *name;
    const char *text;
    const char *says[3]; /* All of these are in the message. */
};

/* clang-format off */
static struct row rows[] = {
    { "an unknown section is named with the nearest one", "[workloads]\noperations = 1",
      { ":5:", "unknown section 'workloads'", "'workload'" } },
    { "an unknown key is named with the nearest one", "[workload]\noperation = 1",
      { ":5:", "unknown key in [workload] 'operation'", "'operations'" } },
    { "an unknown operation is named with the nearest one", "apend = 1",
      { ":4:", "'apend'", "'append'" } },
    { "an unknown fault is named with the nearest one", "[faults]\nfaults = F01 F0X",
      { ":5:", "unknown fault 'F0X'", "'F0" } },
    { "an unknown profile is named with the nearest one", "[disk]\nprofiles = ext4-orderd",
      { ":5:", "unknown disk profile 'ext4-orderd'", "'ext4-ordered'" } },
    { "an unknown policy is named with the nearest one", "[schedule]\npctt = 1",
      { ":5:", "'pctt'", "'pct'" } },
    { "a value that is no range is refused", "[workload]\noperations = many",
      { ":5:", "operations", "'many'" } },
    { "an empty range is refused", "[workload]\noperations = 9..3",
      { ":5:", "operations", "'9..3'" } },
    { "a value out of bounds is refused", "[workload]\nclients = 9",
      { ":5:", "clients", "within 1..8" } },
    { "a number that overflows is refused", "[workload]\noperations = 99999999999999999999999",
      { ":5:", "operations", "not a number" } },
    { "a line that is no assignment is refused", "[workload]\nnonsense",
      { ":5:", "key = value", "" } },
    { "a block size that is none is refused", "[log]\nblock-bytes = 100",
      { "block-bytes", "8, 512 and 4096", "" } },
    { "a segment smaller than its queue is refused",
      "[log]\nsegment-bytes = 2048\nqueue-bytes = 4096",
      { "segment-bytes", "queue", "" } },
    { "a record larger than the queue is refused", "[workload]\nrecord-bytes = 0..5000",
      { "record-bytes", "queue", "" } },
};
/* clang-format on */

static void what_is_wrong_is_told(void **state)
{
    const struct row *row = *state;
    char message[SCENARIO_MESSAGE_BYTES];
    struct scenario *scenario = load(row->text, message);

    assert_null(scenario);
    for (size_t i = 0; i < 3; i++) {
        if (strstr(message, row->says[i]) == NULL) {
            fail_msg("'%s' is not in: %s", row->says[i], message);
        }
    }
}

static void a_mix_without_operations_is_refused(void **state)
{
    char message[SCENARIO_MESSAGE_BYTES];

    (void)state;
    assert_null(load_raw("[scenario]\nstory = A test.\n[mix]\nappend = 0\n", message));
    assert_non_null(strstr(message, "[mix]"));
}

static void an_absent_file_is_told(void **state)
{
    char message[SCENARIO_MESSAGE_BYTES];

    (void)state;
    assert_null(scenario_load("no-such-file.ini", message));
    assert_non_null(strstr(message, "no-such-file.ini"));
}

static void ranges_draw_all_their_values_and_no_others(void **state)
{
    struct range range;
    bool seen[40] = {false};

    (void)state;
    assert_true(range_parse("3..5|10|30..31", 0, 100, &range));
    for (uint64_t i = 0; i < 2000; i++) {
        uint64_t value = range_draw(&range, sim_mix(i, 1, 2));
        assert_true(value < 40);
        seen[value] = true;
    }
    for (uint64_t value = 0; value < 40; value++) {
        bool wanted = (value >= 3 && value <= 5) || value == 10 || value == 30 || value == 31;
        if (seen[value] != wanted) fail_msg("%u", (unsigned)value);
    }
    assert_int_equal(range_min(&range), 3);
    assert_int_equal(range_max(&range), 31);
}

static void all_faults_leaves_out_those_beyond_the_contract(void **state)
{
    char message[SCENARIO_MESSAGE_BYTES];
    struct scenario *scenario = load("[faults]\nfaults = all", message);

    (void)state;
    assert_non_null(scenario);
    for (size_t i = 0; i < faults_count; i++) {
        assert_int_equal(scenario->faults[faults_all[i].number],
                         faults_all[i].contract != FAULT_BEYOND);
    }
    scenario_free(scenario);
}

int main(void)
{
    enum { ROWS = sizeof rows / sizeof rows[0] };
    struct CMUnitTest tests[ROWS + 4];

    for (size_t i = 0; i < ROWS; i++) {
        tests[i] = (struct CMUnitTest){rows[i].name, what_is_wrong_is_told, NULL, NULL, &rows[i]};
    }
    tests[ROWS] = (struct CMUnitTest)cmocka_unit_test(an_absent_file_is_told);
    tests[ROWS + 1] =
        (struct CMUnitTest)cmocka_unit_test(ranges_draw_all_their_values_and_no_others);
    tests[ROWS + 2] =
        (struct CMUnitTest)cmocka_unit_test(all_faults_leaves_out_those_beyond_the_contract);
    tests[ROWS + 3] = (struct CMUnitTest)cmocka_unit_test(a_mix_without_operations_is_refused);
    return cmocka_run_group_tests_name("scenario files", tests, NULL, NULL);
}
