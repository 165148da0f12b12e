/*
 * case_test.c - a run that was written down as text replays as the run it was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "scenarios/case.h"
#include "scenarios/case_keys.h"
#include "scenarios/scenario.h"
#include "tests/sim_machine.h"

enum { SEEDS = 300 };

struct desk {
    struct runner *runner;
    struct scenario *scenario;
    char path[64];
};

static int lay_desk(void **state)
{
    struct desk *desk = calloc(1, sizeof *desk);
    char message[SCENARIO_MESSAGE_BYTES], path[1024];
    const char *root = getenv("SQUALL_ROOT");

    assert_non_null(desk);
    (void)snprintf(path, sizeof path, "%s/scenarios/everything.ini", root != NULL ? root : ".");
    desk->runner = runner_create();
    desk->scenario = scenario_load(path, message);
    if (desk->scenario == NULL) fail_msg("%s", message);
    (void)snprintf(desk->path, sizeof desk->path, "/tmp/case_test.XXXXXX");
    int fd = mkstemp(desk->path);
    assert_true(fd >= 0);
    close(fd);
    *state = desk;
    return 0;
}

static int clear_desk(void **state)
{
    struct desk *desk = *state;

    (void)unlink(desk->path);
    scenario_free(desk->scenario);
    runner_destroy(desk->runner);
    free(desk);
    return 0;
}

static void write_down(const struct desk *desk, const char *text)
{
    FILE *out = fopen(desk->path, "w");

    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

static void load(const struct desk *desk, struct run_case *ret_case)
{
    char message[CASE_MESSAGE_BYTES];

    if (!case_load(desk->path, ret_case, message)) fail_msg("%s", message);
}

static void runs_survive_text_and_back(void **state)
{
    const struct desk *desk = *state;
    struct run_case written = {.seed = 0}, read = {.seed = 0};
    struct run_result first, again;
    uint32_t decisions = 0, milestones = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        const struct run_options options = {.seed = seed};
        runner_run(desk->runner, desk->scenario, &options, &first);
        runner_export(desk->runner, &written);
        char *text = case_text(&written);
        write_down(desk, text);
        load(desk, &read);
        decisions += read.decision_count;
        milestones += read.milestone_count;
        assert_int_equal(read.decision_count, written.decision_count);
        assert_int_equal(read.milestone_count, written.milestone_count);
        const struct run_options replay = {.replay = &read};
        runner_run(desk->runner, NULL, &replay, &again);
        assert_true(first.digest.low == again.digest.low && first.digest.high == again.digest.high);
        assert_int_equal(again.stale, RUN_FRESH);
        char *text_again = case_text(&read);
        assert_string_equal(text, text_again);
        free(text);
        free(text_again);
    }
    assert_true(decisions > SEEDS);
    assert_true(milestones > SEEDS);
    case_free(&written);
    case_free(&read);
}

/* Nothing that a run does may depend on the hashes of its contexts: a seed's draws do, a case's
 * replay does not. */
static void another_form_of_addresses_replays_the_same(void **state)
{
    const struct desk *desk = *state;
    struct run_case run_case = {.seed = 0}, again = {.seed = 0};
    struct run_result first, second;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        const struct run_options options = {.seed = seed};
        runner_run(desk->runner, desk->scenario, &options, &first);
        const uint64_t outcome = runner_outcome(desk->runner);
        runner_export(desk->runner, &run_case);
        const struct run_options replay = {.replay = &run_case, .address_salt = 0x5a17 + seed};
        runner_run(desk->runner, NULL, &replay, &second);
        runner_export(desk->runner, &again);
        assert_int_equal(second.stale, RUN_FRESH);
        assert_true(runner_outcome(desk->runner) == outcome);
        char *text = case_text(&run_case), *text_again = case_text(&again);
        assert_string_equal(text, text_again);
        free(text);
        free(text_again);
    }
    case_free(&run_case);
    case_free(&again);
}

static void every_field_of_the_set_up_survives(void **state)
{
    const struct desk *desk = *state;

    for (size_t i = 0; i < case_key_count; i++) {
        const struct case_key *key = &case_keys[i];
        struct run_case written = {.config = case_config_tame()}, read = {.seed = 0};
        uint64_t value = strcmp(key->name, "block-bytes") == 0     ? 8
                         : strcmp(key->name, "segment-bytes") == 0 ? key->max
                         : strcmp(key->name, "queue-bytes") == 0   ? key->min
                                                                   : key->max;
        case_set(&written.config, key, value);
        char *text = case_text(&written);
        write_down(desk, text);
        load(desk, &read);
        assert_int_equal(case_get(&read.config, key), value);
        free(text);
        case_free(&written);
        case_free(&read);
    }
}

/* How often group headers stand where no group starts: inside payloads. */
static uint32_t count_copied_groups(const struct desk *desk)
{
    struct disk *disk = sim_disk(runner_world(desk->runner));
    uint32_t count = 0;
    disk_inode inode;
    int32_t dir;
    uint64_t size;

    assert_int_equal(disk_dir_find(disk, "/log", &dir), WAL_OK);
    for (size_t i = 0; disk_durable_entry(disk, dir, i, &inode) != NULL; i++) {
        const uint8_t *bytes = inode != -1 ? disk_durable(disk, inode, &size) : NULL;
        for (uint64_t at = 0; bytes != NULL && at + 8 <= size; at++) {
            count += at % 512 != 0 && memcmp(bytes + at + 4, "GRP1", 4) == 0;
        }
    }
    return count;
}

static void payloads_can_look_like_the_log(void **state)
{
    static const char *const contents[] = {"", " content log", " content replica"};
    const struct desk *desk = *state;

    for (size_t i = 0; i < 3; i++) {
        struct run_case run_case = {.seed = 0};
        struct run_result result;
        char text[2048] = "[case]\nformat = 1\n[operations]\n";
        for (unsigned number = 1; number <= 20; number++) {
            size_t len = strlen(text);
            (void)snprintf(text + len, sizeof text - len,
                           "%u = batch client 0 bytes 400 400 noise %u%s\n", number, number,
                           contents[i]);
        }
        write_down(desk, text);
        load(desk, &run_case);
        assert_int_equal(run_case.operations[0].content, i);
        runner_run(desk->runner, NULL, &(struct run_options){.replay = &run_case}, &result);
        assert_null(result.property);
        assert_true(i == 0 ? count_copied_groups(desk) == 0 : count_copied_groups(desk) > 2);
        case_free(&run_case);
    }
}

/* ---- Bad files ---- */

static const struct bad_file {
    const char *text;
    const char *says;
} bad_files[] = {
    {"[case]\nformat = 2\n", ":2: format: '2' is not one this program reads"},
    {"[case]\nscenario = everything\n", "format is missing"},
    {"[operations]\n1 = sync client 0\n", ":2: [case] format is not said"},
    {"[case]\nformat = 1\nbgu = x\n", ":3: unknown key in [case] 'bgu'; did you mean 'bug'?"},
    {"[case]\nformat = 1\nseed = -1\n", ":3: seed: '-1'"},
    {"[case]\nformat = 1\n[set-up]\nprofile = waek\n", ":4: unknown disk profile 'waek'"},
    {"[case]\nformat = 1\n[set-up]\nclients = 9\n", ":4: clients: '9' is not a number from 1 to 8"},
    {"[case]\nformat = 1\n[set-up]\nsync-policy = maybe\n", ":4: unknown sync-policy 'maybe'"},
    {"[case]\nformat = 1\n[set-up]\nblock-bytes = 9\n", "neither 8 nor 512 nor 4096"},
    {"[case]\nformat = 1\n[set-up]\nchunk-bytes = 16\n", "neither 0 nor 8 nor 512 nor 4096"},
    {"[case]\nformat = 1\n[operations]\n1 = apend client 0\n", ":4: unknown operation 'apend'"},
    {"[case]\nformat = 1\n[operations]\n1 = append client 0 bytes\n", ":4: operation 1 has no rec"},
    {"[case]\nformat = 1\n[operations]\n1 = append client 0 bytes 1 2\n", ":4: operation 1: app"},
    {"[case]\nformat = 1\n[operations]\n1 = sync bytes 1\n", ":4: 'bytes 1' says nothing"},
    {"[case]\nformat = 1\n[operations]\n1 = sync client\n", ":4: 'client' is not followed by"},
    {"[case]\nformat = 1\n[operations]\n1 = append client 0 bytes 1 content repica\n",
     ":4: unknown content 'repica'; did you mean 'replica'?"},
    {"[case]\nformat = 1\n[operations]\n1 = append client 0 content\n", ":4: unknown content ''"},
    {"[case]\nformat = 1\n[operations]\n1 = sync content log\n", ":4: 'content' is not followed"},
    {"[case]\nformat = 1\n[operations]\n1 = append client 1 bytes 1\n", "beyond the last"},
    {"[case]\nformat = 1\n[operations]\n1 = append client 0 bytes 4000\n", "do not fit"},
    {"[case]\nformat = 1\n[operations]\n1 = sync client 0\n1 = sync client 0\n", "same number"},
    {"[case]\nformat = 1\n[decisions]\nop1 F08 fdatasync = 1\n", ":4: a decision is 'WHO"},
    {"[case]\nformat = 1\n[decisions]\nop1/x F08 fdatasync 0 = 1\n", ":4: 'op1/x' is nobody"},
    {"[case]\nformat = 1\n[decisions]\nop1 F99 fdatasync 0 = 1\n", ""},
    {"[case]\nformat = 1\n[decisions]\nop1 G08 fdatasync 0 = 1\n", ":4: 'G08' is not a kind"},
    {"[case]\nformat = 1\n[decisions]\nop1 F08 fdatsync 0 = 1\n", ":4: 'fdatsync' is not a call"},
    {"[case]\nformat = 1\n[decisions]\nop1 F08 fdatasync x = 1\n", ":4: 'x' does not say"},
    {"[case]\nformat = 1\n[decisions]\nop1 F08 fdatasync 0 = 0\n", ":4: '0' is not an outcome"},
    {"[case]\nformat = 1\n[milestones]\n1 = op1 power must 4\n", ":4: a milestone is 'WHO"},
    {"[case]\nformat = 1\n[milestones]\n1 = me power must 4 pending 1\n", ":4: 'me' is neither"},
    {"[case]\nformat = 1\n[mile]\n1 = op1\n", ":4: unknown section 'mile'"},
    {"[case]\nformat = 1\nnonsense\n", ":3: not 'key = value'"},
};

static void a_bad_file_is_refused_with_its_line(void **state)
{
    const struct desk *desk = *state;

    for (size_t i = 0; i < sizeof bad_files / sizeof bad_files[0]; i++) {
        struct run_case run_case = {.seed = 4711};
        char message[CASE_MESSAGE_BYTES] = "";
        write_down(desk, bad_files[i].text);
        if (bad_files[i].says[0] == '\0') continue; /* A fault that is not there yet: stale. */
        assert_false(case_load(desk->path, &run_case, message));
        if (strstr(message, bad_files[i].says) == NULL) {
            fail_msg("'%s' should say '%s'", message, bad_files[i].says);
        }
        assert_int_equal(run_case.seed, 4711);
        case_free(&run_case);
    }
}

static void a_file_that_is_not_there_is_said_to_be_so(void **state)
{
    struct run_case run_case = {.seed = 0};
    char message[CASE_MESSAGE_BYTES];

    (void)state;
    assert_false(case_load("/nowhere/x.repro", &run_case, message));
    assert_string_equal(message, "/nowhere/x.repro: cannot be read");
}

/* ---- Stale ---- */

static void staleness_is_noticed(void **state)
{
    const struct desk *desk = *state;
    struct run_case run_case = {.seed = 0};
    struct run_result result;
    unsigned milestones = 0, addresses = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        const struct run_options options = {.seed = seed};
        const struct run_options replay = {.replay = &run_case};
        runner_run(desk->runner, desk->scenario, &options, &result);
        runner_export(desk->runner, &run_case);
        if (run_case.milestone_count > 1) {
            run_case.milestones[0].must_lsn++;
            runner_run(desk->runner, NULL, &replay, &result);
            assert_int_equal(result.stale, RUN_STALE_MILESTONE);
            assert_int_equal(result.stale_at, 0);
            run_case.milestones[0].must_lsn--;
            milestones++;
        }
        if (run_case.decision_count > 0) {
            run_case.decisions[0].ordinal += 100000;
            runner_run(desk->runner, NULL, &replay, &result);
            assert_int_equal(result.stale, RUN_STALE_ADDRESS);
            addresses++;
        }
    }
    assert_true(milestones > 50);
    assert_true(addresses > 50);
    case_free(&run_case);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_survive_text_and_back),
        cmocka_unit_test(another_form_of_addresses_replays_the_same),
        cmocka_unit_test(every_field_of_the_set_up_survives),
        cmocka_unit_test(payloads_can_look_like_the_log),
        cmocka_unit_test(a_bad_file_is_refused_with_its_line),
        cmocka_unit_test(a_file_that_is_not_there_is_said_to_be_so),
        cmocka_unit_test(staleness_is_noticed),
    };

    return cmocka_run_group_tests(tests, lay_desk, clear_desk);
}
