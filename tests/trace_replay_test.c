/*
 * trace_replay_test.c - without faults, the simulated file system leaves what a real one leaves.
 *
 * Generated runs of the scenarios, the whole library in them, are played on a real directory as
 * they run: every answer is compared, and at the end and before each loss of power all names, sizes
 * and bytes. No fault strikes but the loss of power, after which the real directory is given what
 * the simulated disk kept: so recovery is played too. The last test shows that a real disk that
 * goes astray by one call is noticed.
 * ctest: timeout=300
 */
#include "faults/fault.h"
#include "scenarios/scenario.h"
#include "sim/decide.h"
#include "tests/both_worlds.h"

static const uint8_t no_fault[FAULT_NUMBER_COUNT];

static struct scenario *load(const char *name)
{
    char path[1024], message[SCENARIO_MESSAGE_BYTES];
    const char *root = getenv("SQUALL_ROOT");

    snprintf(path, sizeof path, "%s/scenarios/%s.ini", root != NULL ? root : ".", name);
    struct scenario *scenario = scenario_load(path, message);
    if (scenario == NULL) fail_msg("%s", message);
    return scenario;
}

struct played {
    size_t runs, boots, files, powers;
    uint64_t calls[SIM_CALL_COUNT];
    uint64_t direct, not_direct, dsync;
};

static struct played played;

/* At which call the last process stopped. */
static void note_stop(void *context, const struct sim_trace_event *event)
{
    enum sim_call *stopped_at = context;

    if (event->result == SIM_TRACE_STOP) *stopped_at = (enum sim_call)event->call;
}

/* Compare before the disk settles on what it lost; not where power was lost inside a call, which
 * one of the two has made and the other has not. */
static bool at_power_loss(void *context, struct runner *runner)
{
    const enum sim_call *stopped_at = context;

    if (*stopped_at == SIM_CALL_HARNESS) {
        played.files += both_compare(sim_disk(runner_world(runner)), "");
        played.powers++;
    }
    both.powerless = true;
    return true;
}

static void play(struct runner *runner, const struct scenario *scenario, uint64_t seed,
                 struct sabotage sabotage)
{
    enum sim_call stopped_at = SIM_CALL_HARNESS;
    const struct run_options options = {.seed = seed,
                                        .faults_only = no_fault,
                                        .at_power_loss = at_power_loss,
                                        .at_power_loss_context = &stopped_at,
                                        .trace = note_stop,
                                        .trace_context = &stopped_at};
    struct run_result result;

    both_begin(runner_world(runner));
    both.syncs = seed % 16 == 1; /* They cost milliseconds, and show no byte. */
    both.sabotage = sabotage;
    runner_run(runner, scenario, &options, &result);
    if (result.property != NULL) fail_msg("%s", result.failure);
    if (!both.powerless) played.files += both_compare(sim_disk(runner_world(runner)), "");
    played.runs++;
    played.boots += result.boots;
    for (int i = 0; i < SIM_CALL_COUNT; i++) played.calls[i] += both.calls[i];
    played.direct += both.direct;
    played.not_direct += both.not_direct;
    played.dsync += both.dsync;
    both_end();
}

/* Files are direct on both sides, unless the real directory can't do that: then it says so. */
static void direct_files_were_played(void)
{
    print_message("%llu direct files (%llu of them buffered on the real disk: it refuses), %llu "
                  "whose writes are synced\n",
                  (unsigned long long)played.direct, (unsigned long long)played.not_direct,
                  (unsigned long long)played.dsync);
    assert_true(played.direct > played.runs / 10);
    assert_true(played.dsync > 0);
}

static void generated_runs_leave_the_same_files_on_a_real_disk(void **state)
{
    static const struct {
        const char *name;
        uint64_t seeds;
    } scenarios[] = {{"everything", 200}, {"group_commit", 50}, {"bench_small", 25},
                     {"full_disk", 25},   {"rot", 25},          {"crash_in_recovery", 25}};
    static const enum sim_call used[] = {
        SIM_CALL_MKDIR, SIM_CALL_DIR_OPEN,  SIM_CALL_LIST,  SIM_CALL_RENAME, SIM_CALL_UNLINK,
        SIM_CALL_OPEN,  SIM_CALL_CLOSE,     SIM_CALL_PREAD, SIM_CALL_PWRITE, SIM_CALL_FDATASYNC,
        SIM_CALL_FSYNC, SIM_CALL_FSYNC_DIR, SIM_CALL_SIZE,  SIM_CALL_LOCK,   SIM_CALL_DIR_CLOSE};
    struct runner *runner = runner_create();

    (void)state;
    memset(&played, 0, sizeof played);
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        struct scenario *scenario = load(scenarios[i].name);
        for (uint64_t seed = 1; seed <= scenarios[i].seeds; seed++) {
            play(runner, scenario, seed, (struct sabotage){.nth = 0});
            if (!both.differed) continue;
            fail_msg("%s:%llu: %s", scenarios[i].name, (unsigned long long)seed, both.difference);
        }
        scenario_free(scenario);
    }
    runner_destroy(runner);
    for (int i = 0; i < SIM_CALL_COUNT; i++) {
        if (played.calls[i] > 0) {
            print_message("%-12s %8llu\n", sim_call_name((enum sim_call)i),
                          (unsigned long long)played.calls[i]);
        }
    }
    print_message("%zu runs, %zu boots, %zu power losses, %zu files\n", played.runs, played.boots,
                  played.powers, played.files);
    for (size_t i = 0; i < sizeof used / sizeof used[0]; i++) {
        if (played.calls[used[i]] == 0) fail_msg("no %s was played", sim_call_name(used[i]));
    }
    direct_files_were_played();
    assert_true(played.files > 3 * played.runs);
    assert_true(played.boots > played.runs); /* Some processes die, and the log is recovered. */
}

/* ---- Calls at random ---- */

enum { OPEN_MAX = 6, CALLS = 80 };

static struct {
    struct wal_io *io;
    struct wal_dir dirs[2];
    struct wal_file files[OPEN_MAX];
    bool writes[OPEN_MAX];
    uint64_t state;
} chance;

static uint32_t below(uint32_t bound)
{
    chance.state = sim_mix(chance.state, 1, 2);
    return (uint32_t)(chance.state % bound);
}

static const char *any_name(void)
{
    static const char *const names[] = {"a", "b", "c", "a-longer-name", "sub", "d"};

    return names[below(6)];
}

static struct wal_dir any_dir(void)
{
    return chance.dirs[below(2)];
}

static void open_any(uint32_t slot)
{
    static const unsigned flags[] = {0, WAL_OPEN_WRITE, WAL_OPEN_WRITE | WAL_OPEN_CREATE,
                                     WAL_OPEN_WRITE | WAL_OPEN_CREATE,
                                     WAL_OPEN_WRITE | WAL_OPEN_CREATE | WAL_OPEN_EXCLUSIVE};
    uint32_t how = below(5);

    if (chance.files[slot].id >= 0) return;
    err_ignore(io_open(chance.io, any_dir(), any_name(), flags[how], &chance.files[slot], NULL));
    chance.writes[slot] = flags[how] & WAL_OPEN_WRITE;
}

static void call_on_file(uint32_t slot, uint32_t what)
{
    static uint8_t bytes[9000];
    struct wal_file file = chance.files[slot];
    uint64_t offset = below(4) == 0 ? below(3) * 4096 : below(20000), size = 0;
    size_t len = 1 + below(below(2) == 0 ? 100 : sizeof bytes), done = 0;
    const uint8_t *window = NULL;

    if (file.id < 0) return;
    if (what == 0) {
        assert_ok(io_close(chance.io, file));
        chance.files[slot] = WAL_FILE_NONE;
    }
    if (what == 1 || what == 2) {
        err_ignore(io_pread(chance.io, file, offset, bytes, len, &done));
    }
    if (what == 3) err_ignore(io_size(chance.io, file, &size));
    if (what == 4) err_ignore(io_lock(chance.io, file));
    if (what == 5 && io_map(chance.io, file, offset / 4096 * 4096, len, &window) == WAL_OK) {
        io_unmap(chance.io, window, len);
    }
    if (what == 6) err_ignore(io_fsync(chance.io, file));
    if (!chance.writes[slot]) return;
    if (what >= 7 && what < 12) {
        memset(bytes, 1 + (int)below(255), len);
        err_ignore(io_pwrite(chance.io, file, offset, bytes, len, &done));
    }
    if (what == 12) err_ignore(io_ftruncate(chance.io, file, offset));
    if (what == 13) err_ignore(io_fallocate(chance.io, file, offset, len, below(2) == 0));
}

static void call_on_names(uint32_t what)
{
    static const char *const paths[] = {"/d",     "/d/sub",  "/d/sub/", "/d/a/x",
                                        "/d/new", "/none/x", "/d//b",   "/"};
    struct wal_dir dir = WAL_DIR_NONE;
    char *names = NULL;
    size_t bytes = 0;

    if (what == 0) err_ignore(io_rename(chance.io, chance.dirs[1], any_name(), any_name()));
    if (what == 1) err_ignore(io_link(chance.io, any_dir(), any_name(), any_name()));
    if (what == 2) err_ignore(io_unlink(chance.io, any_dir(), any_name()));
    if (what == 3 && io_list(chance.io, any_dir(), &names, &bytes) == WAL_OK) {
        io_free(chance.io, names, bytes);
    }
    if (what == 4) err_ignore(io_fsync_dir(chance.io, any_dir()));
    if (what == 5) err_ignore(io_mkdir(chance.io, paths[below(8)]));
    if (what == 6 && io_dir_open(chance.io, paths[below(8)], &dir) == WAL_OK) {
        io_dir_close(chance.io, dir);
    }
}

static void call_at_random(struct machine *machine)
{
    chance.io = machine->io;
    for (uint32_t i = 0; i < OPEN_MAX; i++) chance.files[i] = WAL_FILE_NONE;
    err_ignore(io_mkdir(machine->io, "/d"));
    err_ignore(io_mkdir(machine->io, "/d/sub"));
    assert_ok(io_dir_open(machine->io, "/d", &chance.dirs[0]));
    assert_ok(io_dir_open(machine->io, "/d/sub", &chance.dirs[1]));
    for (int i = 0; i < CALLS; i++) {
        uint32_t what = below(30), slot = below(OPEN_MAX);
        if (what < 14) call_on_file(slot, what);
        if (what >= 14 && what < 21) call_on_names(what - 14);
        if (what >= 21) open_any(slot);
    }
    sim_kill(machine->world);
}

static void calls_at_random_have_the_same_results(void **state)
{
    struct machine *machine = *state;
    uint64_t calls[SIM_CALL_COUNT] = {0};

    for (uint64_t seed = 1; seed <= 200; seed++) {
        chance.state = machine->options.seed = seed;
        machine_begin(machine);
        both_begin(machine->world);
        for (int process = 0; process < 3; process++) {
            assert_int_equal(machine_run(machine, call_at_random), SIM_STOP_KILLED);
        }
        (void)both_compare(sim_disk(machine->world), "");
        for (int i = 0; i < SIM_CALL_COUNT; i++) calls[i] += both.calls[i];
        both_end();
        if (both.differed) fail_msg("%llu: %s", (unsigned long long)seed, both.difference);
    }
    for (int call = 0; call <= SIM_CALL_LOCK; call++) {
        if (call == SIM_CALL_UNMAP || call == SIM_CALL_FDATASYNC) continue;
        assert_true(calls[call] > 100);
    }
}

static void one_call_that_goes_astray_is_noticed(void **state)
{
    static const enum sim_call calls[] = {SIM_CALL_PWRITE, SIM_CALL_RENAME, SIM_CALL_UNLINK};
    struct scenario *scenario = load("everything");
    struct runner *runner = runner_create();

    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        size_t left_out = 0, noticed = 0;
        for (uint64_t seed = 1; seed <= 20; seed++) {
            play(runner, scenario, seed, (struct sabotage){calls[i], 1 + seed % 3});
            if (both.calls[calls[i]] <= seed % 3) continue;
            left_out++;
            noticed += both.differed;
            /* The next process may remove a file that this one did not. */
            if (calls[i] == SIM_CALL_UNLINK) continue;
            if (!both.differed) fail_msg("%s: not noticed", sim_call_name(calls[i]));
        }
        assert_true(left_out > 0);
        assert_true(noticed > left_out / 2);
    }
    runner_destroy(runner);
    scenario_free(scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generated_runs_leave_the_same_files_on_a_real_disk),
        cmocka_unit_test_setup_teardown(calls_at_random_have_the_same_results, machine_setup,
                                        machine_teardown),
        cmocka_unit_test(one_call_that_goes_astray_is_noticed),
    };

    return cmocka_run_group_tests_name("trace_replay", tests, NULL, NULL);
}
