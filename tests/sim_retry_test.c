/*
 * sim_retry_test.c - what a call that goes on asks has addresses of its own, and what is not asked
 * because something else struck is counted: so taking a fault away moves nothing.
 */
#include <stdlib.h>

#include "tests/sim_machine.h"

enum {
    KIND_CUT = SIM_KIND_FAULT + 1, /* Outcomes: half, interrupted, would block. */
    KIND_FULL = SIM_KIND_FAULT + 3,
    ASKED_MAX = 512,
};

static struct {
    struct sim_asked asked[ASKED_MAX];
    size_t count;
    uint64_t full_at; /* Offset of the write that KIND_FULL struck; UINT64_MAX: none. */
} heard;

static void listen(void *context, const struct sim_asked *asked)
{
    (void)context;
    assert_true(heard.count < ASKED_MAX);
    heard.asked[heard.count++] = *asked;
}

static void strike(void *context, struct sim_world *world, const struct sim_point *point,
                   struct sim_outcome *outcome)
{
    static const enum wal_err errs[] = {WAL_OK, WAL_OK, WAL_INTERRUPTED, WAL_AGAIN};
    uint32_t which = sim_decide_odds(world, SIM_STREAM_FAULT, KIND_CUT, point->call, 0, 3);

    (void)context;
    outcome->err = errs[which];
    if (which == 1) outcome->len_max = point->len / 2;
    if (which != 0) {
        sim_decide_skip(world, KIND_FULL, point->call);
        return;
    }
    if (sim_decide_odds(world, SIM_STREAM_FAULT, KIND_FULL, point->call, 0, 1) == 0) return;
    outcome->err = WAL_NOSPACE;
    heard.full_at = point->offset;
}

/* ---- A program that goes on ---- */

static struct wal_file one, other;

static void write_all(struct machine *machine, struct wal_file file, uint64_t offset,
                      const char *text)
{
    size_t done = 0, len = strlen(text);

    while (done < len) {
        size_t part = 0;
        enum wal_err err =
            io_pwrite(machine->io, file, offset + done, text + done, len - done, &part);
        if (err == WAL_NOSPACE) return;
        if (err == WAL_INTERRUPTED || err == WAL_AGAIN) continue;
        assert_ok(err);
        done += part;
    }
}

static void write_three(struct machine *machine)
{
    machine_dir(machine);
    one = machine_open(machine, "one");
    other = machine_open(machine, "other");
    sim_set_operation(machine->world, 1);
    write_all(machine, one, 0, "aaaaaaaa");
    write_all(machine, one, 8, "bbbbbbbb");
    write_all(machine, one, 16, "cccccccc");
    sim_set_operation(machine->world, HISTORY_NO_OPERATION);
    assert_ok(io_close(machine->io, one));
    assert_ok(io_close(machine->io, other));
    io_dir_close(machine->io, machine->dir);
}

/* ---- Running it ---- */

static struct sim_record record;

static void run(struct machine *machine, machine_body *body)
{
    machine->options.strike = strike;
    machine->options.strike_calls = SIM_CALL_BIT(PWRITE) | SIM_CALL_BIT(PREAD);
    machine->options.asked = listen;
    machine->options.replay = &record;
    heard.count = 0;
    heard.full_at = UINT64_MAX;
    assert_int_equal(machine_fresh(machine, body), SIM_STOP_DONE);
}

/* Operation 1 is the second context: the boot was the first. */
static void order(unsigned kind, unsigned call, uint32_t ordinal, uint32_t outcome)
{
    struct sim_who who = {.kind = SIM_WHO_OPERATION, .operation = 1, .cause = -1};

    sim_record_push(&record, &(struct sim_decision){.who = sim_who_hash(&who, 0, 0),
                                                    .ordinal = ordinal,
                                                    .outcome = outcome,
                                                    .kind = (uint16_t)kind,
                                                    .call = (uint8_t)call,
                                                    .stream = SIM_STREAM_FAULT});
}

/* How often this was asked. */
static size_t times_asked(unsigned kind, unsigned call)
{
    size_t count = 0;

    for (size_t i = 0; i < heard.count; i++)
        count += heard.asked[i].address.kind == kind && heard.asked[i].address.call == call;
    return count;
}

#define RETRY (SIM_CALL_PWRITE | SIM_CALL_RETRY)

static void what_struck_later_stays_when_a_cut_is_taken_away(void **state)
{
    struct machine *machine = *state;

    for (uint32_t cut = 0; cut <= 3; cut++) {
        for (uint32_t at = 0; at < 2; at++) {
            record.count = 0;
            order(KIND_FULL, SIM_CALL_PWRITE, 2, 1);
            if (cut > 0) order(KIND_CUT, SIM_CALL_PWRITE, at, cut);
            run(machine, write_three);
            assert_int_equal(heard.full_at, 16); /* The third write. */
            for (size_t i = 0; i < record.count; i++)
                assert_true(sim_replay_asked(machine->world, i));
            assert_int_equal(times_asked(KIND_CUT, RETRY), cut > 0);
            assert_int_equal(times_asked(KIND_CUT, SIM_CALL_PWRITE), 3);
            assert_int_equal(times_asked(SIM_KIND_CRASH, RETRY), cut > 0);
            assert_int_equal(times_asked(SIM_KIND_CRASH, SIM_CALL_PWRITE), 3);
        }
    }
    sim_record_free(&record);
}

static void a_retry_can_be_struck_and_cut_again(void **state)
{
    struct machine *machine = *state;

    record.count = 0;
    order(KIND_CUT, SIM_CALL_PWRITE, 0, 1);
    order(KIND_CUT, RETRY, 0, 2);
    order(KIND_FULL, RETRY, 1, 1);
    run(machine, write_three);
    assert_int_equal(heard.full_at, 4); /* Half of the first was written. */
    for (size_t i = 0; i < record.count; i++) assert_true(sim_replay_asked(machine->world, i));
    assert_int_equal(times_asked(KIND_CUT, RETRY), 2);
    sim_record_free(&record);
}

static void a_skipped_question_counts_and_is_not_asked(void **state)
{
    struct machine *machine = *state;

    record.count = 0;
    order(KIND_CUT, SIM_CALL_PWRITE, 1, 2);
    order(KIND_FULL, SIM_CALL_PWRITE, 1, 1); /* The cut comes first. */
    run(machine, write_three);
    assert_int_equal(heard.full_at, UINT64_MAX);
    assert_true(sim_replay_asked(machine->world, 0));
    assert_false(sim_replay_asked(machine->world, 1));
    sim_record_free(&record);
}

/* Between the cut and the retry: another file, another kind of call, another operation. */
static bool another_operation;

static void write_something_else(struct machine *machine)
{
    size_t part = 0;
    char byte;

    machine_dir(machine);
    one = machine_open(machine, "one");
    other = machine_open(machine, "other");
    sim_set_operation(machine->world, 1);
    err_ignore(io_pwrite(machine->io, one, 0, "aaaaaaaa", 8, &part)); /* It is cut. */
    if (another_operation) {
        sim_set_operation(machine->world, 2);
        assert_ok(io_pwrite(machine->io, one, 8, "b", 1, &part));
        sim_set_operation(machine->world, 1);
    } else {
        assert_ok(io_pwrite(machine->io, other, 0, "x", 1, &part));
        assert_ok(io_pread(machine->io, one, 0, &byte, 1, &part));
        assert_ok(io_fsync(machine->io, one));
    }
    write_all(machine, one, 0, "aaaaaaaa");
    sim_set_operation(machine->world, HISTORY_NO_OPERATION);
    assert_ok(io_close(machine->io, one));
    assert_ok(io_close(machine->io, other));
    io_dir_close(machine->io, machine->dir);
}

static void only_the_same_call_on_the_same_file_for_the_same_operation_goes_on(void **state)
{
    struct machine *machine = *state;

    for (uint32_t cut = 1; cut <= 3; cut++) {
        record.count = 0;
        order(KIND_CUT, SIM_CALL_PWRITE, 0, cut);
        another_operation = false;
        run(machine, write_something_else);
        assert_int_equal(times_asked(KIND_CUT, SIM_CALL_PWRITE), 2);
        assert_int_equal(times_asked(KIND_CUT, RETRY), 1);
        assert_int_equal(times_asked(KIND_CUT, SIM_CALL_PREAD | SIM_CALL_RETRY), 0);
        another_operation = true;
        run(machine, write_something_else);
        assert_int_equal(times_asked(KIND_CUT, SIM_CALL_PWRITE), 3);
        assert_int_equal(times_asked(KIND_CUT, RETRY), 0);
    }
    sim_record_free(&record);
}

/* A direct write that cannot be cut to a whole unit is not cut. */
static void write_direct(struct machine *machine)
{
    static uint8_t bytes[512] __attribute__((aligned(512)));
    uint32_t align = 0;
    size_t part = 0;

    machine_dir(machine);
    assert_ok(io_open(machine->io, machine->dir, "one",
                      WAL_OPEN_WRITE | WAL_OPEN_CREATE | WAL_OPEN_DIRECT, &one, &align));
    assert_int_equal(align, sizeof bytes);
    sim_set_operation(machine->world, 1);
    for (uint64_t i = 0; i < 2; i++) {
        assert_ok(io_pwrite(machine->io, one, i * sizeof bytes, bytes, sizeof bytes, &part));
        assert_int_equal(part, sizeof bytes);
    }
    assert_ok(io_close(machine->io, one));
    io_dir_close(machine->io, machine->dir);
}

static void a_write_that_cannot_be_cut_has_no_retry(void **state)
{
    struct machine *machine = *state;

    record.count = 0;
    order(KIND_CUT, SIM_CALL_PWRITE, 0, 1);
    run(machine, write_direct);
    assert_int_equal(times_asked(KIND_CUT, SIM_CALL_PWRITE), 2);
    assert_int_equal(times_asked(KIND_CUT, RETRY), 0);
    sim_record_free(&record);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, machine_setup, machine_teardown)
    const struct CMUnitTest tests[] = {
        ROW(what_struck_later_stays_when_a_cut_is_taken_away),
        ROW(a_retry_can_be_struck_and_cut_again),
        ROW(a_skipped_question_counts_and_is_not_asked),
        ROW(only_the_same_call_on_the_same_file_for_the_same_operation_goes_on),
        ROW(a_write_that_cannot_be_cut_has_no_retry),
    };
#undef ROW
    return cmocka_run_group_tests_name("sim_retry", tests, NULL, NULL);
}
