/*
 * wal_flip_test.c - a bit that is flipped on its way from the disk costs nothing.
 *
 * Each read of an open and of a reader is struck in turn, at bits spread over what it brings.
 * Reading again shows the bit right, so nothing acknowledged may be cut, refused or changed.
 */
#include <stdlib.h>

#include "tests/sim_machine.h"
#include "wal/log/log.h"

enum { RECORDS = 12, BYTES_MAX = 300, READS_MAX = 64, BITS = 24 };

#define LOG "/log"

struct flips {
    struct machine *machine;
    struct wal_options options;
    enum wal_read_mode mode;
    bool armed;
    unsigned read, at; /* How many reads there were, and which is struck. */
    uint64_t part;     /* Of what it brings, in parts of BITS. */
    size_t len;        /* How much that was. */
    bool cut;          /* The log said that it cut a tail. */
};

static struct flips *flips_of(struct machine *machine)
{
    return machine->options.strike_context;
}

static void strike(void *context, struct sim_world *world, const struct sim_point *point,
                   struct sim_outcome *outcome)
{
    struct flips *flips = context;

    (void)world;
    if (!flips->armed || flips->read++ != flips->at) return;
    flips->len = point->len;
    /* What is read reaches beyond the file's end now and then: the bit is taken modulo. */
    outcome->flip_bit = 1 + point->len * 8 * flips->part / BITS + flips->part % 8;
}

static void observe(void *context, const struct wal_event *event)
{
    struct flips *flips = context;

    if (event->kind == WAL_EVENT_TAIL_CUT) flips->cut = true;
}

static int set_up(void **state)
{
    struct flips *flips = calloc(1, sizeof *flips);

    assert_non_null(flips);
    machine_setup((void **)&flips->machine);
    flips->machine->options.strike = strike;
    flips->machine->options.strike_context = flips;
    flips->machine->options.strike_calls = SIM_CALL_BIT(PREAD) | SIM_CALL_BIT(MAP);
    flips->machine->options.image_modes = 1U << DISK_LOSE_ALL;
    flips->options = wal_options_default();
    flips->options.sync_policy = WAL_SYNC_EVERY_GROUP;
    flips->options.create = true;
    flips->options.queue_bytes = 1024;
    flips->options.record_bytes_max = flips->options.batch_bytes_max = 512;
    flips->options.segment_bytes = 4096;
    flips->options.block_bytes = 512;
    flips->options.observe = observe;
    flips->options.observe_context = flips;
    *state = flips;
    return 0;
}

static int tear_down(void **state)
{
    struct flips *flips = *state;

    machine_teardown((void **)&flips->machine);
    free(flips);
    return 0;
}

static size_t record_of(uint64_t lsn, uint8_t bytes[BYTES_MAX])
{
    memset(bytes, (int)('a' + lsn % 26), BYTES_MAX);
    return (size_t)(lsn * 41 % BYTES_MAX);
}

static void write_log(struct machine *machine)
{
    struct flips *flips = flips_of(machine);
    struct wal_log *log;
    struct wal_ticket ticket;
    uint8_t bytes[BYTES_MAX];

    assert_ok(wal_open(machine->io, LOG, &flips->options, &log, NULL));
    for (uint64_t lsn = 1; lsn <= RECORDS; lsn++) {
        assert_ok(wal_append(log, bytes, record_of(lsn, bytes), &ticket));
        assert_ok(wal_wait(log, &ticket));
    }
    sim_power_off(machine->world);
}

static void read_log(struct machine *machine)
{
    struct flips *flips = flips_of(machine);
    const struct wal_reader_options options = {.from_lsn = 1, .mode = flips->mode};
    struct wal_reader *reader;
    struct wal_record record;
    struct wal_log *log;
    struct wal_stat stat;
    uint8_t bytes[BYTES_MAX];
    uint64_t lsn = 1;

    flips->armed = true;
    assert_ok(wal_open(machine->io, LOG, &flips->options, &log, NULL));
    wal_log_stat(log, &stat);
    assert_int_equal(stat.durable_lsn, RECORDS);
    assert_ok(wal_reader_open(machine->io, LOG, &options, &reader, NULL));
    enum wal_err err;
    while ((err = wal_reader_next(reader, &record, NULL)) == WAL_OK) {
        assert_int_equal(record.lsn, lsn);
        assert_int_equal(record.len, record_of(lsn, bytes));
        if (record.len > 0) assert_memory_equal(record.bytes, bytes, record.len);
        lsn++;
    }
    assert_err(err, WAL_END);
    assert_int_equal(lsn, RECORDS + 1);
    wal_reader_close(reader);
    flips->armed = false;
    assert_ok(wal_close(log));
}

/* One read of one open is struck at one place. False: there are not so many reads. */
static bool try(struct flips *flips, unsigned at, uint64_t part)
{
    struct machine *machine = flips->machine;

    flips->armed = flips->cut = false;
    flips->read = 0;
    flips->at = at;
    flips->part = part;
    flips->len = 0;
    machine_begin(machine);
    assert_int_equal(machine_run(machine, write_log), SIM_STOP_POWER);
    sim_settle(machine->world, NULL);
    assert_int_equal(machine_run(machine, read_log), SIM_STOP_DONE);
    assert_false(flips->cut);
    return flips->len > 0;
}

static void a_flip_at_any_read_costs_nothing(void **state)
{
    struct flips *flips = *state;

    for (int how = 0; how < 4; how++) {
        unsigned at = 0;
        flips->options.verify_all = how % 2 != 0;
        flips->mode = how < 2 ? WAL_READ_STREAM : WAL_READ_MAPPED;
        for (bool more = true; more; at++) {
            more = false;
            for (uint64_t part = 0; part < BITS; part++) more |= try(flips, at, part);
            assert_true(at < READS_MAX);
        }
        assert_true(at > 6); /* The mark, headers, the tail, the copy, and the reader's. */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_flip_at_any_read_costs_nothing, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("wal_flip", tests, NULL, NULL);
}
