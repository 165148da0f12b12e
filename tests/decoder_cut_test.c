/*
 * decoder_cut_test.c - the second reading of logs that were pruned, truncated and pinned.
 *
 * Power is lost right after the log answered, and drops all that was not synced: so segments that
 * were unlinked may be back, and must not count.
 */
#include <stdlib.h>

#include "scenarios/decoder.h"
#include "tests/sim_machine.h"
#include "wal/log/log.h"

#define LOG "/log"

enum { RECORDS = 40, RECORD_BYTES = 120 };

enum cut { PRUNE, TRUNCATE, TRUNCATE_AND_APPEND, PIN };

struct bench {
    struct machine *machine;
    struct decoder *decoder;
    enum cut cut;
    uint64_t lsn;           /* Where it is cut. */
    struct wal_stat stat;   /* At the end. */
    uint32_t calls;         /* With an effect, since it began to cut; 0: it has not. */
    uint32_t power_lost_at; /* At this one; 0: at none. */
    uint64_t last_lsn;      /* Of the log when it was opened again. */
};

static struct bench *bench_of(struct machine *machine)
{
    return machine->options.strike_context;
}

static void lose_power(void *context, struct sim_world *world, const struct sim_point *point,
                       struct sim_outcome *outcome)
{
    struct bench *bench = context;

    (void)point, (void)outcome;
    if (bench->calls == 0) return;
    if (bench->calls++ == bench->power_lost_at) sim_power_off(world);
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);

    assert_non_null(bench);
    machine_setup((void **)&bench->machine);
    bench->machine->options.strike_context = bench;
    bench->machine->options.strike = lose_power;
    bench->machine->options.strike_calls =
        SIM_CALL_BIT(PWRITE) | SIM_CALL_BIT(FSYNC) | SIM_CALL_BIT(FDATASYNC) | SIM_CALL_BIT(LINK) |
        SIM_CALL_BIT(UNLINK) | SIM_CALL_BIT(FSYNC_DIR) | SIM_CALL_BIT(OPEN);
    bench->machine->options.image_modes = 1U << DISK_LOSE_ALL;
    bench->decoder = decoder_create();
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    decoder_destroy(bench->decoder);
    machine_teardown((void **)&bench->machine);
    free(bench);
    return 0;
}

/* Groups of one, two, three records. */
static void append(struct wal_log *log, uint64_t count)
{
    uint8_t bytes[RECORD_BYTES] = {0};
    struct wal_ticket ticket = {.last_lsn = 0};

    for (uint64_t i = 0; i < count; i++) {
        assert_ok(wal_append(log, bytes, sizeof bytes, &ticket));
        if (i % 6 == 0 || i % 6 == 2 || i % 6 == 5) assert_ok(wal_wait(log, &ticket));
    }
    assert_ok(wal_wait(log, &ticket));
}

static void cut(struct bench *bench, struct wal_log *log)
{
    struct wal_io *io = bench->machine->io;
    uint64_t floor_lsn;

    switch (bench->cut) {
    case PRUNE:
        assert_ok(wal_prune_before(log, bench->lsn, &floor_lsn));
        assert_int_equal(floor_lsn, bench->lsn);
        break;
    case TRUNCATE: assert_ok(wal_truncate_after(log, bench->lsn)); break;
    case TRUNCATE_AND_APPEND:
        assert_ok(wal_truncate_after(log, bench->lsn));
        append(log, 2);
        break;
    case PIN: assert_ok(wal_pin(io, LOG, "reader", bench->lsn)); break;
    }
}

static struct wal_log *log_open(struct machine *machine)
{
    struct wal_options options = wal_options_default();
    struct wal_log *log;

    options.sync_policy = WAL_SYNC_EVERY_GROUP;
    options.create = true;
    options.block_bytes = 512;
    options.queue_bytes = 2048;
    options.segment_bytes = 5120;
    options.record_bytes_max = options.batch_bytes_max = RECORD_BYTES;
    assert_ok(wal_open(machine->io, LOG, &options, &log, NULL));
    return log;
}

static void open_again(struct machine *machine)
{
    struct wal_log *log = log_open(machine);
    struct wal_stat stat;

    wal_log_stat(log, &stat);
    bench_of(machine)->last_lsn = stat.durable_lsn;
    assert_ok(wal_close(log));
}

static void write_log(struct machine *machine)
{
    struct bench *bench = bench_of(machine);
    struct wal_log *log = log_open(machine);

    append(log, RECORDS);
    if (bench->power_lost_at != 0) bench->calls = 1;
    cut(bench, log);
    wal_log_stat(log, &bench->stat);
    sim_power_off(machine->world);
}

static void make(struct bench *bench, enum cut how, uint64_t lsn)
{
    bench->cut = how;
    bench->lsn = lsn;
    machine_begin(bench->machine);
    bench->calls = 0;
    assert_int_equal(machine_run(bench->machine, write_log), SIM_STOP_POWER);
    bench->calls = 0;
    sim_settle(bench->machine->world, NULL);
    decoder_read(bench->decoder, sim_disk(bench->machine->world), LOG);
}

/* What damage may hit, from the lowest LSN to the highest. */
static struct decoder_hit all_hits(const struct bench *bench)
{
    struct decoder_hit all = {.part = DECODER_RECORDS, .first_lsn = UINT64_MAX};
    disk_inode inode;
    uint64_t sector;

    for (uint32_t i = 0; i < decoder_sector_count(bench->decoder); i++) {
        decoder_sector(bench->decoder, i, &inode, &sector);
        struct decoder_hit hit = decoder_hit(bench->decoder, inode, sector);
        if (hit.first_lsn == 0) continue;
        assert_int_equal(hit.part, DECODER_RECORDS);
        if (hit.first_lsn < all.first_lsn) all.first_lsn = hit.first_lsn;
        if (hit.last_lsn > all.last_lsn) all.last_lsn = hit.last_lsn;
    }
    return all;
}

static void segments_below_the_floor_do_not_count(void **state)
{
    struct bench *bench = *state;

    for (uint64_t lsn = 1; lsn <= RECORDS + 1; lsn++) {
        make(bench, PRUNE, lsn);
        assert_int_equal(decoder_durable_lsn(bench->decoder), RECORDS);
        assert_int_equal(decoder_segment_count(bench->decoder), bench->stat.segments);
        struct decoder_hit all = all_hits(bench);
        if (lsn <= RECORDS) assert_in_range(all.first_lsn, 1, lsn);
        if (lsn > RECORDS / 2) assert_true(all.first_lsn > 1);
        if (lsn <= RECORDS) assert_int_equal(all.last_lsn, RECORDS);
    }
}

static void records_behind_a_truncation_do_not_count(void **state)
{
    struct bench *bench = *state;

    for (uint64_t lsn = 1; lsn <= RECORDS; lsn++) {
        make(bench, TRUNCATE, lsn);
        assert_int_equal(decoder_durable_lsn(bench->decoder), lsn);
        struct decoder_hit all = all_hits(bench);
        assert_int_equal(all.first_lsn, 1);
        assert_int_equal(all.last_lsn, lsn);
    }
}

static void records_after_a_truncation_do(void **state)
{
    struct bench *bench = *state;

    for (uint64_t lsn = 0; lsn < RECORDS; lsn++) {
        make(bench, TRUNCATE_AND_APPEND, lsn);
        assert_int_equal(decoder_durable_lsn(bench->decoder), lsn + 2);
        struct decoder_hit all = all_hits(bench);
        assert_int_equal(all.first_lsn, 1);
        assert_int_equal(all.last_lsn, lsn + 2);
    }
}

/* Power is lost at each of its calls: all of it stands, or what is kept. */
static void a_truncation_half_done_is_read_as_the_log_would(void **state)
{
    enum { KEPT = 5, CALLS = 40 };
    struct bench *bench = *state;
    unsigned all = 0, kept = 0;

    for (uint32_t calls = 0; calls < CALLS; calls++) {
        bench->power_lost_at = calls + 1;
        make(bench, TRUNCATE, KEPT);
        uint64_t durable_lsn = decoder_durable_lsn(bench->decoder);
        all += durable_lsn == RECORDS;
        kept += durable_lsn == KEPT;
        assert_true(durable_lsn == RECORDS || durable_lsn == KEPT);
        assert_int_equal(machine_side(bench->machine, NULL, open_again), SIM_STOP_DONE);
        assert_int_equal(bench->last_lsn, durable_lsn);
    }
    assert_true(all > 5);
    assert_true(kept > 5);
}

static void a_pin_is_a_pin(void **state)
{
    struct bench *bench = *state;
    uint32_t pins = 0;
    disk_inode inode;
    uint64_t sector;

    make(bench, PIN, 3);
    for (uint32_t i = 0; i < decoder_sector_count(bench->decoder); i++) {
        decoder_sector(bench->decoder, i, &inode, &sector);
        struct decoder_hit hit = decoder_hit(bench->decoder, inode, sector);
        if (hit.part != DECODER_PIN) continue;
        assert_int_equal(hit.first_lsn, 0);
        pins++;
    }
    assert_int_equal(pins, 1);
}

int main(void)
{
#define ON_A_BENCH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ON_A_BENCH(segments_below_the_floor_do_not_count),
        ON_A_BENCH(records_behind_a_truncation_do_not_count),
        ON_A_BENCH(records_after_a_truncation_do),
        ON_A_BENCH(a_truncation_half_done_is_read_as_the_log_would),
        ON_A_BENCH(a_pin_is_a_pin),
    };

    return cmocka_run_group_tests_name("decoder of what was cut", tests, NULL, NULL);
}
