/*
 * sim_address_test.c - contexts, kinds and calls survive as text, and nothing else is read.
 */
#include <stdlib.h>

#include "sim/address.h"
#include "tests/sim_machine.h"

enum { SALTS = 2, PATH_BYTES = 512 };

static const uint64_t salts[SALTS] = {0, 0x5eed};

/* ---- Real runs ---- */

static struct wal_mutex *mutex;
static struct wal_cond *cond;
static int rounds;

static void work_in_background(void *arg)
{
    struct machine *machine = arg;
    struct wal_io *io = machine->io;

    io_mutex_lock(io, mutex);
    while (rounds < 5) {
        enum wal_err err = io_cond_wait(io, cond, mutex, io_monotonic_ns(io) + 1000000);
        assert_true(err == WAL_OK || err == WAL_TIMEOUT);
        (void)sim_decide_odds(machine->world, SIM_STREAM_FAULT, SIM_KIND_FAULT + 1, SIM_CALL_PWRITE,
                              30000, 9);
    }
    io_mutex_unlock(io, mutex);
}

/* Two tasks of the same name, names that are awkward, operations, and crashes everywhere. */
static void live(struct machine *machine)
{
    static const char *const names[] = {"committer", "committer", "a.5", "a/b 100%", ".", "boot0"};
    struct wal_io *io = machine->io;
    struct wal_task *tasks[6];

    rounds = 0;
    assert_ok(io_mutex_create(io, &mutex));
    assert_ok(io_cond_create(io, &cond));
    machine_dir(machine);
    struct wal_file file = machine_open(machine, "f");
    for (int i = 0; i < 6; i++)
        assert_ok(io_spawn(io, names[i], work_in_background, machine, &tasks[i]));
    for (uint32_t operation = 0; operation < 5; operation++) {
        sim_set_operation(machine->world, operation);
        char noise[2] = "";
        assert_ok(io_random(io, noise, 1)); /* Also drawn for a context. */
        noise[0] = (char)(noise[0] | 1);
        machine_write(machine, file, operation, noise);
        io_mutex_lock(io, mutex);
        rounds++;
        io_cond_broadcast(io, cond);
        io_mutex_unlock(io, mutex);
        assert_ok(io_sleep(io, 10000000, NULL));
    }
    for (int i = 0; i < 6; i++) io_join(io, tasks[i]);
    io_cond_destroy(io, cond);
    io_mutex_destroy(io, mutex);
    assert_ok(io_close(io, file));
    io_dir_close(io, machine->dir);
}

/* Boots until one ends by itself. */
static void live_and_die(struct machine *machine)
{
    machine_begin(machine);
    for (;;) {
        enum sim_stop stop = machine_run(machine, live);
        if (stop == SIM_STOP_DONE) return;
        if (stop == SIM_STOP_POWER) sim_settle(machine->world, NULL);
    }
}

static void allow_everything(struct machine *machine, uint64_t seed)
{
    machine->options.seed = seed;
    machine->options.policy = SIM_POLICY_RANDOM;
    machine->options.crash_odds = 2000;
    machine->options.kill_odds = 1000;
    machine->options.crashes_max = 10;
}

/* ---- Text and back ---- */

static void assert_same_who(const struct sim_who *a, const struct sim_who *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->hash, b->hash);
    assert_int_equal(a->plain, b->plain);
    assert_int_equal(a->operation, b->operation);
    assert_int_equal(a->nth, b->nth);
    assert_string_equal(a->task, b->task);
    assert_true((a->cause == -1) == (b->cause == -1));
}

static size_t contexts_survive(struct machine *machine, uint64_t salt)
{
    struct sim_who_list list = {0};
    char path[PATH_BYTES], again[PATH_BYTES];
    size_t count;

    const struct sim_who *whos = sim_world_whos(machine->world, &count);
    for (uint32_t i = (uint32_t)count; i-- > 0;) { /* The last one first: it brings the others. */
        uint32_t index = UINT32_MAX;
        assert_true(sim_who_path(whos, count, i, path, sizeof path));
        assert_true(sim_who_parse(path, salt, &list, &index));
        assert_same_who(&list.whos[index], &whos[i]);
        assert_true(sim_who_path(list.whos, list.count, index, again, sizeof again));
        assert_string_equal(again, path);
    }
    assert_int_equal(list.count, count); /* None twice. */
    sim_who_list_free(&list);
    return count;
}

static void contexts_of_runs_survive_as_text(void **state)
{
    struct machine *machine = *state;
    size_t most = 0;

    for (uint64_t seed = 1; seed <= 60; seed++) {
        allow_everything(machine, seed);
        for (size_t i = 0; i < SALTS; i++) {
            machine->options.address_salt = salts[i];
            live_and_die(machine);
            size_t count = contexts_survive(machine, salts[i]);
            if (count > most) most = count;
        }
    }
    assert_true(most > 30);
}

/* A decision as a line of a reproducer holds it, and what is made of that. */
static struct sim_decision as_text_and_back(const struct sim_world *world,
                                            const struct sim_decision *decision, uint64_t salt,
                                            struct sim_who_list *list)
{
    char path[PATH_BYTES], kind[32], call[32];
    unsigned kind_number;
    uint32_t who = 0;
    uint8_t call_number;
    size_t count;
    struct sim_decision back = *decision;

    const struct sim_who *whos = sim_world_whos(world, &count);
    while (whos[who].hash != decision->who) who++;
    assert_true(who < count);
    assert_true(sim_who_path(whos, count, who, path, sizeof path));
    assert_true(sim_kind_print(decision->kind, kind, sizeof kind));
    assert_true(sim_call_print(decision->call, call, sizeof call));
    assert_true(sim_who_parse(path, salt, list, &who));
    assert_true(sim_kind_parse(kind, &kind_number));
    assert_true(sim_call_parse(call, &call_number));
    assert_int_equal(kind_number, decision->kind);
    assert_int_equal(call_number, decision->call);
    assert_int_equal(sim_kind_stream(kind_number), decision->stream);
    back.who = list->whos[who].hash;
    return back;
}

/* Written down under one salt and replayed under the other, a run is the same. */
static void a_run_replays_from_text_in_the_other_address_form(void **state)
{
    struct machine *machine = *state;
    size_t decisions = 0;

    for (uint64_t seed = 1; seed <= 60; seed++) {
        for (size_t i = 0; i < SALTS; i++) {
            struct sim_who_list list = {0};
            struct sim_record record = {0};
            allow_everything(machine, seed);
            machine->options.address_salt = salts[i];
            machine->options.replay = NULL;
            live_and_die(machine);
            struct sim_digest digest = sim_world_digest(machine->world);
            const struct sim_record *made = sim_world_record(machine->world);
            for (size_t j = 0; j < made->count; j++) {
                struct sim_decision back =
                    as_text_and_back(machine->world, &made->decisions[j], salts[1 - i], &list);
                assert_int_not_equal(back.who, made->decisions[j].who);
                sim_record_push(&record, &back);
            }
            machine->options.address_salt = salts[1 - i];
            machine->options.replay = &record;
            live_and_die(machine);
            assert_same_digest(sim_world_digest(machine->world), digest);
            for (size_t j = 0; j < record.count; j++)
                assert_true(sim_replay_asked(machine->world, j));
            decisions += record.count;
            sim_record_free(&record);
            sim_who_list_free(&list);
        }
    }
    assert_true(decisions > 1000);
}

static void hashes_under_two_salts_have_nothing_in_common(void **state)
{
    struct machine *machine = *state;
    struct sim_who whos[64];
    size_t count, others;

    allow_everything(machine, 3);
    live_and_die(machine);
    memcpy(whos, sim_world_whos(machine->world, &count), sizeof whos);
    assert_true(count >= 8);
    if (count > 64) count = 64;
    machine->options.address_salt = 7;
    live_and_die(machine);
    const struct sim_who *salted = sim_world_whos(machine->world, &others);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(whos[i].hash, whos[i].plain);
        assert_int_equal(salted[i].plain, whos[i].plain);
        for (size_t j = 0; j < others; j++) assert_int_not_equal(whos[i].hash, salted[j].hash);
    }
}

/* ---- Exact texts ---- */

static void paths_read_as_they_are_documented(void **state)
{
    static const char *const paths[] = {
        "start",
        "op3",
        "op4294967294",
        "op3/boot0",
        "op3/boot0/boot0/committer.0",
        "start/committer.1",
        "start/boot4294967295",
        "start/a.5.0",
        "start/boot0.0",
        "start/..0",
        "start/.0",
        "start/a%2Fb%20%25%0A.4294967295",
        "start/fifteen-letters.0",
        "start/committer.0/boot1/boot0",
    };
    struct sim_who_list list = {0};

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char text[PATH_BYTES];
        uint32_t index = UINT32_MAX;
        if (!sim_who_parse(paths[i], 0, &list, &index)) fail_msg("not read: %s", paths[i]);
        assert_true(sim_who_path(list.whos, list.count, index, text, sizeof text));
        assert_string_equal(text, paths[i]);
        assert_false(sim_who_path(list.whos, list.count, index, text, strlen(paths[i])));
        assert_true(sim_who_path(list.whos, list.count, index, text, strlen(paths[i]) + 1));
    }
    sim_who_list_free(&list);
}

static void other_paths_are_refused_and_leave_no_trace(void **state)
{
    static const char *const paths[] = {
        "",
        "/",
        "start/",
        "/start",
        "start//boot0",
        "Start",
        "starts",
        "op",
        "op-1",
        "op03",
        "op4294967295",
        "op4294967296",
        "op18446744073709551616",
        "op3/",
        "op3/boot",
        "op3/boot00",
        "op3/boot0x",
        "op3/boot4294967296",
        "op3/op4",
        "op3/start",
        "op3/committer.0",
        "boot0",
        "committer.0",
        "start/committer",
        "start/committer.",
        "start/committer.01",
        "start/committer.x",
        "start/committer.0/committer.0",
        "start/sixteen-letters-.0",
        "start/a b.0",
        "start/a%2.0",
        "start/a%2f.0",
        "start/a%41.0",
        "start/a%00.0",
        "start/a%zz.0",
        "start/a%",
        "start/boot0/ ",
        "op3/boot0/boot7/nobody",
    };
    struct sim_who_list list = {0};
    uint32_t index = 77;

    (void)state;
    assert_true(sim_who_parse("start/boot0", 0, &list, &index));
    index = 77;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (sim_who_parse(paths[i], 0, &list, &index)) fail_msg("read: '%s'", paths[i]);
        assert_int_equal(index, 77);
        assert_int_equal(list.count, 2);
    }
    sim_who_list_free(&list);
}

static void kinds_have_one_name_each(void **state)
{
    static const char *const unknown[] = {"",       "F",     "F0",    "F00",    "F1",       "f08",
                                          "O00",    "O28",   "F100",  "F008",   "P01",      "F 1",
                                          "crash ", "Crash", "image", "image-", "preempted"};
    unsigned kind, back, named = 0;
    char text[32];

    (void)state;
    for (kind = 0; kind < 1000; kind++) {
        if (!sim_kind_print(kind, text, sizeof text)) continue;
        assert_true(sim_kind_parse(text, &back));
        assert_int_equal(back, kind);
        (void)sim_kind_stream(kind);
        named++;
    }
    assert_int_equal(named, 6 + DISK_QUESTION_COUNT + 99 + 27);
    assert_true(sim_kind_print(SIM_KIND_FAULT + 8, text, 4));
    assert_string_equal(text, "F08");
    assert_false(sim_kind_print(SIM_KIND_FAULT + 8, text, 3));
    assert_true(sim_kind_print(SIM_KIND_FAULT + 101, text, sizeof text));
    assert_string_equal(text, "O01");
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        if (sim_kind_parse(unknown[i], &kind)) fail_msg("read: '%s'", unknown[i]);
    }
}

static void calls_have_two_names_each(void **state)
{
    static const char *const unknown[] = {
        "", "pwrit", "pwrites", "pwrite-", "pwrite-retr", "pwrite-retry-retry", "PWRITE", "-retry"};
    uint8_t back;
    char text[32];

    (void)state;
    for (unsigned call = 0; call < 256; call++) {
        bool known = (call & 0x7f) < SIM_CALL_COUNT;
        assert_int_equal(sim_call_print((uint8_t)call, text, sizeof text), known);
        if (!known) continue;
        assert_true(sim_call_parse(text, &back));
        assert_int_equal(back, call);
    }
    assert_true(sim_call_print(SIM_CALL_PWRITE | SIM_CALL_RETRY, text, sizeof text));
    assert_string_equal(text, "pwrite-retry");
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        if (sim_call_parse(unknown[i], &back)) fail_msg("read: '%s'", unknown[i]);
    }
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, machine_setup, machine_teardown)
    const struct CMUnitTest tests[] = {
        ROW(contexts_of_runs_survive_as_text),
        ROW(a_run_replays_from_text_in_the_other_address_form),
        ROW(hashes_under_two_salts_have_nothing_in_common),
        ROW(paths_read_as_they_are_documented),
        ROW(other_paths_are_refused_and_leave_no_trace),
        ROW(kinds_have_one_name_each),
        ROW(calls_have_two_names_each),
    };
#undef ROW
    return cmocka_run_group_tests_name("sim_address", tests, NULL, NULL);
}
