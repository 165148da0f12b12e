/*
 * sim_asked_test.c - whoever listens hears every decision, what else could have come of it, and can
 * have that.
 */
#include <stdlib.h>

#include "tests/sim_machine.h"

enum { KIND = SIM_KIND_FAULT + 1, HEARD_MAX = 4096 };

static struct {
    struct sim_asked asked[HEARD_MAX];
    size_t count;
} heard;

static void listen(void *context, const struct sim_asked *asked)
{
    (void)context;
    assert_true(heard.count < HEARD_MAX);
    heard.asked[heard.count++] = *asked;
}

static void strike(void *context, struct sim_world *world, const struct sim_point *point,
                   struct sim_outcome *outcome)
{
    uint32_t odds = *(const uint32_t *)context;

    if (sim_decide_odds(world, SIM_STREAM_FAULT, KIND, point->call, odds, 2) == 2)
        outcome->err = WAL_IO;
}

static struct wal_mutex *mutex;
static struct wal_file file;

static void write_a_line(void *arg)
{
    struct machine *machine = arg;
    size_t len;

    io_mutex_lock(machine->io, mutex);
    err_ignore(io_pwrite(machine->io, file, 0, "line", 4, &len)); /* It may fail. */
    io_mutex_unlock(machine->io, mutex);
}

static void write_lines(struct machine *machine)
{
    struct wal_io *io = machine->io;
    struct wal_task *tasks[3];

    if (io_mutex_create(io, &mutex) != WAL_OK) return;
    machine_dir(machine);
    file = machine_open(machine, "f");
    for (int i = 0; i < 3; i++) {
        tasks[i] = NULL;
        err_ignore(io_spawn(io, "t", write_a_line, machine, &tasks[i])); /* NOMEM. */
    }
    for (int i = 0; i < 3; i++) {
        if (tasks[i] != NULL) io_join(io, tasks[i]);
    }
    assert_ok(io_close(io, file));
    io_dir_close(io, machine->dir);
    io_mutex_destroy(io, mutex);
}

static uint32_t strike_odds;

static void run_heard(struct machine *machine)
{
    machine->options.strike = strike;
    machine->options.strike_context = &strike_odds;
    machine->options.strike_calls = SIM_CALL_BIT(PWRITE);
    machine->options.asked = listen;
    heard.count = 0;
    machine_begin(machine);
    while (machine_run(machine, write_lines) != SIM_STOP_DONE) {
        if (machine->end.stop == SIM_STOP_POWER) sim_settle(machine->world, NULL);
    }
}

/* ---- Hearing ---- */

static void assert_addresses_are_used_once(void)
{
    for (size_t i = 0; i < heard.count; i++) {
        const struct sim_decision *a = &heard.asked[i].address;
        for (size_t j = 0; j < i; j++) {
            const struct sim_decision *b = &heard.asked[j].address;
            assert_false(a->who == b->who && a->ordinal == b->ordinal && a->kind == b->kind &&
                         a->call == b->call && a->stream == b->stream);
        }
    }
}

static void what_is_heard_contains_the_record(void **state)
{
    struct machine *machine = *state;
    size_t tame = 0, kinds[SIM_KIND_COUNT] = {0};

    strike_odds = 20000;
    machine->options.policy = SIM_POLICY_RANDOM;
    machine->options.crash_odds = 1500;
    machine->options.crashes_max = 3;
    machine->options.alloc_odds = 8000;
    for (machine->options.seed = 1; machine->options.seed <= 100; machine->options.seed++) {
        size_t at = 0;
        run_heard(machine);
        const struct sim_record *record = sim_world_record(machine->world);
        for (size_t i = 0; i < heard.count; i++) {
            const struct sim_asked *asked = &heard.asked[i];
            kinds[asked->address.kind]++;
            if (asked->bound > 0) assert_true(asked->address.outcome < asked->bound);
            if (asked->address.outcome == 0) {
                tame++;
                continue;
            }
            assert_true(at < record->count);
            assert_memory_equal(&asked->address, &record->decisions[at], sizeof asked->address);
            at++;
        }
        assert_int_equal(at, record->count);
        assert_addresses_are_used_once();
    }
    assert_true(tame > 1000);
    assert_true(kinds[SIM_KIND_CRASH] > 0);
    assert_true(kinds[SIM_KIND_PREEMPT] > 0);
    assert_true(kinds[SIM_KIND_ALLOC] > 0);
    assert_true(kinds[SIM_KIND_IMAGE + DISK_ASK_MODE] > 0);
    assert_true(kinds[KIND] > 0);
}

static void listening_changes_nothing(void **state)
{
    struct machine *machine = *state;
    struct sim_record record = {0};

    strike_odds = 20000;
    machine->options.policy = SIM_POLICY_RANDOM;
    machine->options.crash_odds = 1500;
    machine->options.crashes_max = 3;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        machine->options.seed = seed;
        machine->options.replay = NULL;
        run_heard(machine);
        struct sim_digest digest = sim_world_digest(machine->world);
        assert_true(sim_record_copy(&record, sim_world_record(machine->world)));
        machine->options.replay = &record;
        run_heard(machine);
        assert_same_digest(sim_world_digest(machine->world), digest);
    }
    sim_record_free(&record);
}

/* ---- Having it ---- */

static bool is_legal(const struct sim_asked *asked, uint32_t outcome)
{
    return asked->address.kind != SIM_KIND_PREEMPT || (asked->tasks >> outcome & 1) != 0;
}

/* Replay with one decision alone. Whether it came out so. */
static bool comes_out(struct machine *machine, const struct sim_asked *asked, uint32_t outcome)
{
    struct sim_decision decision = asked->address;
    const struct sim_record record = {.decisions = &decision, .count = 1, .capacity = 1};

    decision.outcome = outcome;
    machine->options.replay = &record;
    run_heard(machine);
    const struct sim_record *made = sim_world_record(machine->world);
    if (made->count == 0) return false;
    assert_int_equal(made->count, 1);
    assert_int_equal(made->decisions[0].outcome, outcome);
    return true;
}

static void each_legal_outcome_of_a_tame_run_can_be_had_and_no_other(void **state)
{
    static struct sim_asked tame[HEARD_MAX];
    struct machine *machine = *state;
    const struct sim_record nothing = {0};
    size_t legal = 0, illegal = 0, kinds[SIM_KIND_COUNT] = {0};

    strike_odds = 0;
    machine->options.policy = SIM_POLICY_FIRST;
    machine->options.replay = &nothing;
    run_heard(machine);
    size_t count = heard.count;
    memcpy(tame, heard.asked, count * sizeof *tame);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(tame[i].address.outcome, 0);
        assert_true(is_legal(&tame[i], 0));
        for (uint32_t outcome = 1; outcome <= tame[i].bound; outcome++) {
            bool may = outcome < tame[i].bound && is_legal(&tame[i], outcome);
            assert_int_equal(comes_out(machine, &tame[i], outcome), may);
            legal += may;
            illegal += !may;
            kinds[tame[i].address.kind] += may;
        }
    }
    assert_true(legal > 80);
    assert_true(illegal > 50);
    assert_true(kinds[SIM_KIND_CRASH] >= 6 * 8);
    assert_true(kinds[SIM_KIND_PREEMPT] > 10);
    assert_int_equal(kinds[SIM_KIND_ALLOC], 1 + 3); /* The lock, and three tasks. */
    assert_int_equal(kinds[KIND], 3 * 2);
}

/* ---- Images ---- */

static void write_and_lose_power(struct machine *machine)
{
    machine_dir(machine);
    struct wal_file written = machine_open(machine, "f");
    for (uint64_t i = 0; i < 4; i++) machine_write(machine, written, i * 4096, "some text");
    assert_ok(io_fsync(machine->io, written));
    for (uint64_t i = 0; i < 4; i++) machine_write(machine, written, i * 4096, "else");
    sim_power_off(machine->world);
}

struct answers {
    uint32_t chosen[64];
    uint32_t bounds[64];
    size_t asked;
};

static uint32_t answer(void *context, enum disk_question question, uint32_t bound)
{
    struct answers *answers = context;
    size_t at = answers->asked++;

    (void)question;
    assert_true(at < 64);
    answers->bounds[at] = bound;
    return answers->chosen[at] < bound ? answers->chosen[at] : 0;
}

/* The next sequence of answers. False: that was the last. */
static bool advance(struct answers *answers)
{
    while (answers->asked > 0) {
        size_t last = --answers->asked;
        if (++answers->chosen[last] < answers->bounds[last]) return true;
        answers->chosen[last] = 0;
    }
    return false;
}

/* Every image of a small crash, once each, and each can be what the run goes on with. */
static void chosen_images_are_new_and_can_be_settled_on(void **state)
{
    struct machine *machine = *state;
    struct answers answers = {.asked = 0};
    size_t distinct = 0, twice = 0;

    machine->options.profile = disk_profile_find("strict");
    machine->options.image_modes = 1U << DISK_EACH;
    machine_fresh(machine, write_and_lose_power);
    do {
        const struct disk_chooser chooser = {
            .choose = answer, .context = &answers, .modes = machine->options.image_modes};
        struct sim_record record = {0};
        uint64_t hash, again;
        answers.asked = 0;
        struct disk *image = sim_image_choose(machine->world, &chooser, &hash);
        if (image == NULL) {
            twice++;
            continue;
        }
        distinct++;
        if (distinct % 4 != 1) continue;
        uint64_t fingerprint = disk_fingerprint(image);
        assert_true(sim_record_copy(&record, sim_image_record(machine->world)));
        struct sim_world *kept = machine->world; /* The same run again, with this as its record. */
        machine->world = sim_world_create();
        machine->io = sim_io(machine->world);
        machine->options.replay = &record;
        machine_fresh(machine, write_and_lose_power);
        sim_settle(machine->world, NULL);
        again = disk_fingerprint(sim_disk(machine->world));
        for (size_t i = 0; i < record.count; i++) assert_true(sim_replay_asked(machine->world, i));
        sim_world_destroy(machine->world);
        machine->world = kept;
        machine->io = sim_io(kept);
        sim_record_free(&record);
        assert_int_equal(again, fingerprint);
    } while (advance(&answers));
    assert_int_equal(distinct, 16);
    assert_true(twice > 0);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, machine_setup, machine_teardown)
    const struct CMUnitTest tests[] = {
        ROW(what_is_heard_contains_the_record),
        ROW(listening_changes_nothing),
        ROW(each_legal_outcome_of_a_tame_run_can_be_had_and_no_other),
        ROW(chosen_images_are_new_and_can_be_settled_on),
    };
#undef ROW
    return cmocka_run_group_tests_name("sim_asked", tests, NULL, NULL);
}
