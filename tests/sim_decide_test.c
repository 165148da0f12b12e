/*
 * sim_decide_test.c - decisions have addresses: what depends on what, contexts, record and replay.
 */
#include <stdlib.h>

#include "tests/sim_machine.h"

enum { KIND = SIM_KIND_FAULT + 1, ASKED_MAX = 64 };

static struct {
    uint32_t answers[ASKED_MAX];
    size_t count;
    struct wal_mutex *mutex;
    struct wal_cond *cond;
    bool ready;
    uint32_t acted_for[8];
    size_t acted_count;
} seen;

static uint32_t ask(struct machine *machine, unsigned kind, uint32_t bound)
{
    return sim_decide(machine->world, SIM_STREAM_FAULT, kind, SIM_CALL_PWRITE, bound);
}

static void ask_and_keep(struct machine *machine, unsigned kind, uint32_t bound)
{
    assert_true(seen.count < ASKED_MAX);
    seen.answers[seen.count++] = ask(machine, kind, bound);
}

/* ---- Hashing ---- */

static int bits_of(uint64_t word)
{
    int bits = 0;

    for (; word != 0; word &= word - 1) bits++;
    return bits;
}

static void every_bit_of_a_word_spreads_over_the_hash(void **state)
{
    (void)state;
    for (int place = 0; place < 3; place++) {
        for (int bit = 0; bit < 64; bit++) {
            int changed = 0;
            for (uint64_t i = 0; i < 256; i++) {
                uint64_t words[3] = {i, i * 3, i * 7};
                uint64_t before = sim_mix(words[0], words[1], words[2]);
                words[place] ^= UINT64_C(1) << bit;
                changed += bits_of(before ^ sim_mix(words[0], words[1], words[2]));
            }
            assert_in_range(changed, 256 * 29, 256 * 35);
        }
    }
}

/* What follows from a counter is as random as if it did not. In every one of many rows of 96 draws
 * from four: a draw repeats the last one, or the last but one, in a quarter of them. */
static void draws_of_a_counter_do_not_tell_the_next(void **state)
{
    (void)state;
    for (int place = 0; place < 3; place++) {
        for (uint64_t row = 0; row < 4000; row++) {
            int repeats[3] = {0};
            uint64_t drawn[98];
            for (uint64_t i = 0; i < 98; i++) {
                uint64_t words[3] = {row, row >> 3, row * 5};
                words[place] = i;
                drawn[i] = sim_mix(words[0], words[1], words[2]) >> 62;
                for (uint64_t back = 1; back < 3 && i >= 2; back++)
                    repeats[back] += drawn[i] == drawn[i - back];
            }
            for (int back = 1; back < 3; back++) assert_in_range(repeats[back], 4, 48);
        }
    }
}

static void ask_many(struct machine *machine)
{
    uint32_t counts[10] = {0};
    uint32_t struck = 0;

    for (int i = 0; i < 10000; i++) counts[ask(machine, KIND, 10)]++;
    for (int i = 0; i < 10; i++) assert_in_range(counts[i], 880, 1120);
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(
            sim_decide_odds(machine->world, SIM_STREAM_FAULT, KIND + 1, SIM_CALL_PREAD, 0, 5), 0);
        assert_in_range(
            sim_decide_odds(machine->world, SIM_STREAM_FAULT, KIND + 2, SIM_CALL_PREAD, 65536, 5),
            1, 5);
        if (sim_decide_odds(machine->world, SIM_STREAM_FAULT, KIND + 3, SIM_CALL_PREAD, 6554, 5))
            struck++;
    }
    assert_in_range(struck, 880, 1120);
    assert_int_equal(ask(machine, KIND + 4, 1), 0);
    assert_int_equal(ask(machine, KIND + 4, 0), 0);
}

static void answers_are_uniform_and_odds_are_kept(void **state)
{
    assert_int_equal(machine_fresh(*state, ask_many), SIM_STOP_DONE);
}

/* ---- Independence ---- */

static bool other_things_are_asked;

static void ask_for_operations(struct machine *machine)
{
    seen.count = 0;
    for (uint32_t operation = 0; operation < 8; operation++) {
        if (other_things_are_asked && operation % 2 == 1) continue; /* Taken away. */
        sim_set_operation(machine->world, operation);
        if (other_things_are_asked) (void)ask(machine, KIND + 1, 1000);
        ask_and_keep(machine, KIND, 1000000);
        if (other_things_are_asked) (void)ask(machine, KIND + 2, 1000);
        ask_and_keep(machine, KIND, 1000000);
    }
}

static void an_answer_does_not_depend_on_what_else_is_asked(void **state)
{
    struct machine *machine = *state;
    uint32_t alone[ASKED_MAX];

    other_things_are_asked = false;
    machine_fresh(machine, ask_for_operations);
    memcpy(alone, seen.answers, sizeof alone);
    other_things_are_asked = true;
    machine_fresh(machine, ask_for_operations);
    for (size_t i = 0; i < seen.count; i += 2) {
        assert_int_equal(seen.answers[i], alone[i * 2]);
        assert_int_equal(seen.answers[i + 1], alone[i * 2 + 1]);
        assert_int_not_equal(seen.answers[i], seen.answers[i + 1]);
    }
    machine->options.seed = 2;
    machine_fresh(machine, ask_for_operations);
    assert_int_not_equal(seen.answers[0], alone[0]);
}

static void ask_wide(struct machine *machine)
{
    seen.count = 0;
    for (uint32_t operation = 0; operation < 300; operation++) {
        sim_set_operation(machine->world, operation * 11);
        for (unsigned kind = 0; kind < 120; kind++) {
            for (unsigned call = 0; call < 2; call++) {
                uint32_t outcome = sim_decide(machine->world, SIM_STREAM_FAULT,
                                              SIM_KIND_FAULT + kind, (enum sim_call)call, 1 << 30);
                assert_true(outcome > 0);
            }
        }
    }
    sim_set_operation(machine->world, 0);
    ask_and_keep(machine, SIM_KIND_FAULT, 1 << 30);
}

static void any_number_of_contexts_and_kinds_are_counted(void **state)
{
    struct machine *machine = *state;

    machine_fresh(machine, ask_wide);
    const struct sim_record *record = sim_world_record(machine->world);
    assert_int_equal(record->count, 300 * 240 + 1);
    for (size_t i = 0; i < record->count - 1; i++) {
        assert_int_equal(record->decisions[i].ordinal, 0);
        assert_int_equal(record->decisions[i].who, record->decisions[i / 240 * 240].who);
    }
    other_things_are_asked = false;
    machine_fresh(machine, ask_for_operations); /* Nothing is left of it. */
    for (size_t i = 0; i < seen.count; i++)
        assert_int_equal(sim_world_record(machine->world)->decisions[i].ordinal, i % 2);
}

/* ---- Record and replay ---- */

static void assert_same_decision(const struct sim_decision *a, const struct sim_decision *b)
{
    assert_int_equal(a->who, b->who);
    assert_int_equal(a->ordinal, b->ordinal);
    assert_int_equal(a->outcome, b->outcome);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->call, b->call);
    assert_int_equal(a->stream, b->stream);
}

static void replaying_answers_from_the_record_alone(void **state)
{
    struct machine *machine = *state;
    struct sim_record record = {0};
    uint32_t before[ASKED_MAX];

    other_things_are_asked = false;
    machine_fresh(machine, ask_for_operations);
    struct sim_digest digest = sim_world_digest(machine->world);
    memcpy(before, seen.answers, sizeof before);
    assert_true(sim_record_copy(&record, sim_world_record(machine->world)));
    machine->options.seed = 99;
    machine->options.replay = &record;
    machine_fresh(machine, ask_for_operations);
    assert_memory_equal(before, seen.answers, seen.count * sizeof *before);
    assert_same_digest(digest, sim_world_digest(machine->world));
    const struct sim_record *again = sim_world_record(machine->world);
    assert_int_equal(again->count, record.count);
    for (size_t i = 0; i < record.count; i++) {
        assert_same_decision(&again->decisions[i], &record.decisions[i]);
        assert_true(sim_replay_asked(machine->world, i));
    }
    assert_false(sim_replay_asked(machine->world, record.count));
    sim_record_free(&record);
}

static void a_decision_taken_away_is_tame_and_the_others_stay(void **state)
{
    struct machine *machine = *state;
    struct sim_record record = {0};
    uint32_t before[ASKED_MAX];

    other_things_are_asked = false;
    machine_fresh(machine, ask_for_operations);
    memcpy(before, seen.answers, sizeof before);
    assert_true(sim_record_copy(&record, sim_world_record(machine->world)));
    assert_int_equal(record.count, seen.count);
    record.decisions[3] = record.decisions[--record.count];
    machine->options.replay = &record;
    machine_fresh(machine, ask_for_operations);
    for (size_t i = 0; i < seen.count; i++)
        assert_int_equal(seen.answers[i], i == 3 ? 0 : before[i]);
    sim_record_free(&record);
}

static void an_outcome_out_of_bounds_is_tame_and_one_never_asked_is_told(void **state)
{
    struct machine *machine = *state;
    struct sim_record record = {0};

    other_things_are_asked = false;
    machine_fresh(machine, ask_for_operations);
    assert_true(sim_record_copy(&record, sim_world_record(machine->world)));
    record.decisions[0].outcome = 1000000;
    record.decisions[1].ordinal = 50;
    machine->options.replay = &record;
    machine_fresh(machine, ask_for_operations);
    assert_int_equal(seen.answers[0], 0);
    assert_true(sim_replay_asked(machine->world, 0));
    assert_false(sim_replay_asked(machine->world, 1));
    assert_true(sim_replay_asked(machine->world, 2));
    sim_record_free(&record);
}

static void after_healing_nothing_is_decided(void **state)
{
    struct machine *machine = *state;

    machine->options.crash_odds = 65536;
    machine->options.crashes_max = 100;
    machine_begin(machine);
    sim_heal(machine->world);
    assert_int_equal(machine_run(machine, ask_for_operations), SIM_STOP_DONE);
    for (size_t i = 0; i < seen.count; i++) assert_int_equal(seen.answers[i], 0);
    assert_int_equal(sim_world_record(machine->world)->count, 0);
}

/* ---- Contexts ---- */

static const struct sim_who *who_at(struct machine *machine, size_t i)
{
    size_t count;
    const struct sim_who *whos = sim_world_whos(machine->world, &count);

    assert_true(i < count);
    return &whos[i];
}

static void power_off_in_operation_7(struct machine *machine)
{
    sim_set_operation(machine->world, 7);
    sim_power_off(machine->world);
}

static void power_off_at_once(struct machine *machine)
{
    sim_power_off(machine->world);
}

static void a_boot_is_named_by_its_cause(void **state)
{
    struct machine *machine = *state;

    machine_begin(machine);
    machine_run(machine, power_off_in_operation_7);
    assert_int_equal(machine->end.operation, 7);
    assert_false(machine->end.in_boot);
    sim_settle(machine->world, NULL);
    machine_run(machine, power_off_at_once);
    assert_true(machine->end.in_boot);
    sim_settle(machine->world, NULL);
    machine_run(machine, power_off_in_operation_7);
    sim_settle(machine->world, NULL);
    machine_run(machine, power_off_at_once);
    /* First boot, operation 7, boot by 7, boot by that boot, boot by 7 again. */
    const struct {
        enum sim_who_kind kind;
        int32_t cause;
        uint32_t nth;
    } expected[] = {{SIM_WHO_BOOT, -1, 0},
                    {SIM_WHO_OPERATION, -1, 0},
                    {SIM_WHO_BOOT, 1, 0},
                    {SIM_WHO_BOOT, 2, 0},
                    {SIM_WHO_BOOT, 1, 1}};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(who_at(machine, i)->kind, expected[i].kind);
        assert_int_equal(who_at(machine, i)->cause, expected[i].cause);
        assert_int_equal(who_at(machine, i)->nth, expected[i].nth);
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(who_at(machine, i)->hash, who_at(machine, j)->hash);
    }
    assert_int_equal(machine->history.count, 8);
    const bool in_boot[] = {false, false, true, false};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(machine->history.events[i * 2].kind, HISTORY_BOOTED);
        assert_int_equal(machine->history.events[i * 2].flag, in_boot[i]);
        assert_int_equal(machine->history.events[i * 2 + 1].kind, HISTORY_CRASHED);
        assert_true(machine->history.events[i * 2 + 1].flag);
    }
}

static void keep_acting(struct machine *machine)
{
    seen.acted_for[seen.acted_count++] = sim_operation(machine->world);
}

static void background(void *arg)
{
    struct machine *machine = arg;
    struct wal_io *io = machine->io;

    keep_acting(machine);                 /* For the spawner. */
    err_ignore(io_sleep(io, 1000, NULL)); /* Cannot fail without a cancel flag. */
    keep_acting(machine);                 /* For itself: the timer woke it. */
    io_mutex_lock(io, seen.mutex);
    seen.ready = true;
    while (seen.ready) assert_ok(io_cond_wait(io, seen.cond, seen.mutex, WAL_NO_DEADLINE));
    keep_acting(machine); /* For who signalled. */
    io_mutex_unlock(io, seen.mutex);
    (void)io_monotonic_ns(io);
    keep_acting(machine);
    sim_set_operation(machine->world, 9);
    err_ignore(io_sleep(io, 1000, NULL));
    keep_acting(machine); /* For its own. */
    sim_set_operation(machine->world, HISTORY_NO_OPERATION);
    keep_acting(machine);
}

static void act_then_time_out(void *arg)
{
    struct machine *machine = arg;
    struct wal_io *io = machine->io;

    io_mutex_lock(io, seen.mutex);
    keep_acting(machine);
    assert_err(io_cond_wait(io, seen.cond, seen.mutex, 1000), WAL_TIMEOUT);
    keep_acting(machine);
    io_mutex_unlock(io, seen.mutex);
}

static void wait_too_long(struct machine *machine)
{
    struct wal_task *task = NULL;

    memset(&seen, 0, sizeof seen);
    assert_ok(io_mutex_create(machine->io, &seen.mutex));
    assert_ok(io_cond_create(machine->io, &seen.cond));
    sim_set_operation(machine->world, 4);
    assert_ok(io_spawn(machine->io, "task", act_then_time_out, machine, &task));
    io_join(machine->io, task);
}

static void a_task_whose_wait_timed_out_acts_for_itself(void **state)
{
    machine_fresh(*state, wait_too_long);
    assert_int_equal(seen.acted_for[0], 4);
    assert_int_equal(seen.acted_for[1], HISTORY_NO_OPERATION);
}

static void never_runs(void *arg)
{
    (void)arg;
    fail();
}

static void wake_the_background(struct machine *machine)
{
    struct wal_task *task = NULL, *other = NULL;
    struct wal_io *io = machine->io;

    memset(&seen, 0, sizeof seen);
    assert_ok(io_mutex_create(io, &seen.mutex));
    assert_ok(io_cond_create(io, &seen.cond));
    sim_set_operation(machine->world, 4);
    assert_ok(io_spawn(io, "background", background, machine, &task));
    assert_ok(io_sleep(io, 100000, NULL));
    sim_set_operation(machine->world, 5);
    io_mutex_lock(io, seen.mutex);
    assert_true(seen.ready);
    seen.ready = false;
    io_cond_signal(io, seen.cond);
    sim_set_operation(machine->world, 6); /* Wakes it from the lock: does not count. */
    io_mutex_unlock(io, seen.mutex);
    io_join(io, task);
    assert_ok(io_spawn(io, "background", never_runs, machine, &other));
    sim_power_off(machine->world);
}

static void a_background_task_acts_for_whoever_first_woke_it(void **state)
{
    struct machine *machine = *state;
    const uint32_t none = HISTORY_NO_OPERATION;
    const uint32_t expected[] = {4, none, 5, 5, 9, none};

    assert_int_equal(machine_fresh(machine, wake_the_background), SIM_STOP_POWER);
    assert_int_equal(seen.acted_count, 6);
    for (size_t i = 0; i < 6; i++) assert_int_equal(seen.acted_for[i], expected[i]);
    /* Boot, operation 4, the task, 5, 6, 9 in some order, and a second task of that name. */
    size_t count, tasks = 0;
    const struct sim_who *whos = sim_world_whos(machine->world, &count);
    for (size_t i = 0; i < count; i++) {
        if (whos[i].kind != SIM_WHO_TASK) continue;
        assert_string_equal(whos[i].task, "background");
        assert_int_equal(whos[i].nth, tasks);
        assert_int_equal(whos[i].cause, 0);
        tasks++;
    }
    assert_int_equal(tasks, 2);
}

static void a_record_is_copied_whole(void **state)
{
    struct sim_record from = {0}, to = {0};

    (void)state;
    assert_true(sim_record_copy(&to, &from));
    assert_int_equal(to.count, 0);
    from.decisions = calloc(3, sizeof *from.decisions);
    assert_non_null(from.decisions);
    from.count = from.capacity = 3;
    from.decisions[2].outcome = 5;
    assert_true(sim_record_copy(&to, &from));
    assert_int_equal(to.count, 3);
    assert_int_equal(to.decisions[2].outcome, 5);
    from.count = 1;
    assert_true(sim_record_copy(&to, &from));
    assert_int_equal(to.count, 1);
    sim_record_free(&from);
    sim_record_free(&to);
    assert_null(to.decisions);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, machine_setup, machine_teardown)
    const struct CMUnitTest tests[] = {
        ROW(every_bit_of_a_word_spreads_over_the_hash),
        ROW(draws_of_a_counter_do_not_tell_the_next),
        ROW(answers_are_uniform_and_odds_are_kept),
        ROW(an_answer_does_not_depend_on_what_else_is_asked),
        ROW(any_number_of_contexts_and_kinds_are_counted),
        ROW(replaying_answers_from_the_record_alone),
        ROW(a_decision_taken_away_is_tame_and_the_others_stay),
        ROW(an_outcome_out_of_bounds_is_tame_and_one_never_asked_is_told),
        ROW(after_healing_nothing_is_decided),
        ROW(a_boot_is_named_by_its_cause),
        ROW(a_background_task_acts_for_whoever_first_woke_it),
        ROW(a_task_whose_wait_timed_out_acts_for_itself),
        ROW(a_record_is_copied_whole),
    };
#undef ROW
    return cmocka_run_group_tests_name("sim_decide", tests, NULL, NULL);
}
