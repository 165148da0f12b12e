/*
 * wal_power_test.c - the log lives through power cuts, dying processes, failing calls and syncs.
 *
 * A model knows which record may stand at each LSN (the last one accepted there) and how far the
 * log has ever acknowledged or shown records. After each open, all of that must be there.
 */
#include "tests/log_check.h"

#include "tests/power_cut.h"
#include "wal/log/log.h"

enum { LSNS_MAX = 4096, RECORD_MAX = 300 };

struct model {
    struct power *power;
    struct wal_options options;
    uint64_t nonce;
    uint64_t first_lsn;
    uint64_t nonces[LSNS_MAX]; /* By lsn - first_lsn: what was last accepted there. */
    uint64_t accepted_lsn;
    uint64_t promised_lsn; /* Acknowledged, or shown after a recovery. */
    uint64_t seed;
    uint64_t random; /* Not the world's: the committer makes it draw, too. */
};

/* The record of a nonce: its length and bytes follow from it. */
static size_t record_make(uint64_t nonce, uint8_t *bytes)
{
    size_t len = (size_t)(nonce * 2654435761U % RECORD_MAX);

    for (size_t i = 0; i < len; i++) bytes[i] = (uint8_t)(nonce * 31 + i * 7 + (nonce >> 8));
    return len;
}

static struct wal_options small_options(void)
{
    struct wal_options options = wal_options_default();
    options.sync_policy = WAL_SYNC_EVERY_GROUP;

    options.create = true;
    options.block_bytes = 512;
    options.segment_bytes = 4096;
    options.queue_bytes = 2048;
    options.record_bytes_max = 512;
    options.batch_bytes_max = 1024;
    options.mark_interval_ns = 1000;
    return options;
}

/* Everything a reader shows must be what was accepted last at its LSN; returns how far it got. */
static uint64_t read_all(struct model *model, uint64_t at_least)
{
    const struct wal_reader_options options = {.from_lsn = 0};
    struct wal_reader *reader = NULL;
    struct wal_place place = {.name = ""};
    struct wal_record record;
    uint64_t next = model->first_lsn;
    uint8_t bytes[RECORD_MAX];
    enum wal_err err = wal_reader_open(&model->power->io, "log", &options, &reader, &place);

    if (err) fail_msg("seed %llu: reader: %s", (unsigned long long)model->seed, wal_err_name(err));
    while ((err = wal_reader_next(reader, &record, &place)) == WAL_OK) {
        size_t len = record_make(model->nonces[next - model->first_lsn], bytes);

        if (record.lsn != next || record.lsn > model->accepted_lsn || record.len != len ||
            memcmp(record.bytes, bytes, len) != 0) {
            fail_msg("seed %llu: LSN %llu is not what was written", (unsigned long long)model->seed,
                     (unsigned long long)next);
        }
        next++;
    }
    if (err != WAL_END || next <= at_least) {
        fail_msg("seed %llu: read up to %llu (%s), expected %llu", (unsigned long long)model->seed,
                 (unsigned long long)next - 1, wal_err_name(err), (unsigned long long)at_least);
    }
    wal_reader_close(reader);
    return next - 1;
}

static void fail_open(const struct model *model, enum wal_err err, const struct wal_place *place)
{
    fail_msg("seed %llu: open: %s at %s+%llu, LSNs %llu..%llu", (unsigned long long)model->seed,
             wal_err_name(err), place->name, (unsigned long long)place->offset,
             (unsigned long long)place->first_lsn, (unsigned long long)place->last_lsn);
}

/* A wait failed: what was rolled back must never be seen again. */
static void rollback_learn(struct model *model, struct wal_log *log)
{
    struct wal_stat stat;

    wal_log_stat(log, &stat);
    assert_true(stat.rollbacks > 0);
    assert_true(stat.accepted_lsn >= model->promised_lsn);
    model->accepted_lsn = stat.accepted_lsn;
}

/* Append one record or a batch, and perhaps wait. False: the log refused. */
static bool append_some(struct model *model, struct wal_log *log)
{
    size_t count = draw(&model->random, 5) == 0 ? 1 + (size_t)draw(&model->random, 3) : 1;
    uint8_t bytes[3][RECORD_MAX];
    struct wal_slice slices[3];
    uint64_t nonces[3];
    struct wal_ticket ticket;

    for (size_t i = 0; i < count; i++) {
        nonces[i] = ++model->nonce;
        slices[i] = (struct wal_slice){bytes[i], record_make(nonces[i], bytes[i])};
    }
    enum wal_err err = wal_append_batch(log, slices, count, &ticket);
    if (err) return false;
    memset(bytes, 0, sizeof bytes); /* The log has its copy. */
    assert_true(ticket.last_lsn - model->first_lsn < LSNS_MAX);
    for (size_t i = 0; i < count; i++) {
        model->nonces[ticket.first_lsn + i - model->first_lsn] = nonces[i];
    }
    model->accepted_lsn = ticket.last_lsn;
    if (draw(&model->random, 3) == 0) {
        err = wal_wait(log, &ticket);
        if (err == WAL_OK) model->promised_lsn = ticket.last_lsn;
        if (err == WAL_POISONED) return false;
        if (err) rollback_learn(model, log);
    }
    return true;
}

/* One life of a process: open, work, and close or not, with the power cut at call cut_at of it. */
static void live(struct model *model, unsigned cut_after, unsigned appends)
{
    struct power *p = model->power;
    struct wal_log *log = NULL;
    struct wal_place place = {.name = ""};

    power_cut_in(p, cut_after);
    enum wal_err err = wal_open(&p->io, "log", &model->options, &log, &place);
    if (err) {
        bool excused = power_is_dead(p) || p->syncs_fail_one_in > 0 || p->space_fails_one_in > 0;
        if (!excused) fail_open(model, err, &place);
        if (err == WAL_CORRUPT || err == WAL_LOCKED) fail_open(model, err, &place);
        return;
    }
    struct wal_stat stat;
    wal_log_stat(log, &stat);
    if (stat.durable_lsn < model->promised_lsn) {
        fail_msg("seed %llu: LSN %llu was promised, open found %llu",
                 (unsigned long long)model->seed, (unsigned long long)model->promised_lsn,
                 (unsigned long long)stat.durable_lsn);
    }
    assert_true(stat.durable_lsn <= model->accepted_lsn);
    model->accepted_lsn = stat.durable_lsn;
    if (!power_is_dead(p)) {
        unsigned left = power_cut_in(p, 0);
        model->promised_lsn = stat.durable_lsn;
        read_all(model, stat.durable_lsn);
        power_cut_in(p, left);
    }
    for (unsigned i = 0; i < appends && append_some(model, log); i++) continue;
    uint64_t durable = 0;
    err = draw(&model->random, 2) == 0 ? wal_sync(log, &durable) : WAL_OK;
    if (err != WAL_OK && err != WAL_POISONED) rollback_learn(model, log);
    /* To die before close can tidy up. */
    if (cut_after > 0 && draw(&model->random, 2) == 0) power_cut_in(p, 1);
    err = wal_close(log);
    if (err == WAL_OK) model->promised_lsn = model->accepted_lsn;
    if (p->owed != 0) {
        fail_msg("seed %llu: %d not given back", (unsigned long long)model->seed, p->owed);
    }
}

static void model_begin(struct model *model, uint64_t seed)
{
    *model = (struct model){.power = power_create(seed), .options = small_options(), .seed = seed};
    model->random = seed * 0x9e3779b97f4a7c15U + 2;
    if (draw(&model->random, 4) == 0) {
        model->options.first_lsn = UINT32_MAX - 20;
        model->options.first_segment = UINT32_MAX - 1;
    }
    if (draw(&model->random, 4) == 0) model->options.block_bytes = 8;
    if (draw(&model->random, 8) == 0) {
        model->options.block_bytes = 4096;
        model->options.segment_bytes = 16384;
    }
    model->options.sync_policy =
        draw(&model->random, 3) == 0 ? WAL_SYNC_ON_DEMAND : WAL_SYNC_EVERY_GROUP;
    model->options.mark_policy = (enum wal_mark_policy)draw(&model->random, 3);
    model->options.verify_all = draw(&model->random, 2) == 0;
    if (draw(&model->random, 2) == 0) model->options.mark_interval_ns = 1000000000;
    model->first_lsn = model->options.first_lsn;
    model->accepted_lsn = model->first_lsn - 1;
    model->promised_lsn = model->first_lsn - 1;
}

static void storm(uint64_t seed, unsigned syncs_fail_one_in, unsigned space_fails_one_in)
{
    struct model *model = malloc(sizeof *model);

    assert_non_null(model);
    model_begin(model, seed);
    struct power *p = model->power;
    p->short_io = draw(&model->random, 2) == 0;
    for (unsigned i = 0; i < 12; i++) {
        p->syncs_fail_one_in = syncs_fail_one_in;
        p->space_fails_one_in = space_fails_one_in;
        unsigned bound = draw(&model->random, 2) == 0 ? 40 : 200; /* Often in the middle of open. */
        live(model, (unsigned)draw(&model->random, bound) + 1, (unsigned)draw(&model->random, 20));
        p->syncs_fail_one_in = 0;
        p->space_fails_one_in = 0;
        uint64_t how = draw(&model->random, 4);
        if (how == 0) {
            power_restart(p);
        } else {
            power_crash(p, (enum power_image)(how - 1));
        }
    }
    live(model, 0, 5);
    live(model, 0, 0);
    power_destroy(model->power);
    free(model);
}

static void storms(unsigned syncs_fail_one_in, unsigned space_fails_one_in)
{
    const char *seeds = getenv("WAL_POWER_SEEDS");
    uint64_t count = seeds != NULL ? strtoull(seeds, NULL, 10) : 400;

    for (uint64_t seed = 1; seed <= count; seed++) {
        storm(seed, syncs_fail_one_in, space_fails_one_in);
    }
}

static void nothing_promised_is_lost_when_the_power_is_cut_anywhere(void **state)
{
    (void)state;
    storms(0, 0);
}

static void nothing_promised_is_lost_when_syncs_fail_too(void **state)
{
    (void)state;
    storms(12, 0);
}

static void nothing_rolled_back_is_seen_again_on_a_full_disk(void **state)
{
    (void)state;
    storms(0, 5);
}

/* A whole small life, the nth call of which fails; then one in which nothing fails. */
static bool life_with_failure(unsigned nth, enum wal_err err)
{
    struct model *model = malloc(sizeof *model);
    struct wal_log *log = NULL;

    assert_non_null(model);
    *model = (struct model){.power = power_create(nth),
                            .options = small_options(),
                            .first_lsn = 1,
                            .seed = nth,
                            .random = nth};
    struct power *p = model->power;
    live(model, 0, 6);
    power_restart(p);
    unsigned before = p->calls;
    p->fail_at = before + nth;
    p->fail_with = err;
    for (unsigned i = 0; i < 2; i++) {
        enum wal_err open_err = wal_open(&p->io, "log", &model->options, &log, NULL);
        if (open_err == WAL_OK) {
            for (unsigned j = 0; j < 25 && append_some(model, log); j++) continue;
            uint64_t durable = 0;
            if (wal_sync(log, &durable) == WAL_OK) model->promised_lsn = durable;
            err_ignore(wal_close(log));
        } else {
            assert_true(open_err == err || open_err == WAL_CORRUPT || open_err == WAL_NOMEM);
            if (open_err == WAL_CORRUPT) {
                fail_msg("call %u: %s became damage", nth, wal_err_name(err));
            }
        }
        if (p->owed != 0) fail_msg("call %u: %d not given back", nth, p->owed);
    }
    bool reached = p->calls >= p->fail_at;
    p->fail_at = 0;
    power_crash(p, POWER_LOSE_ALL);
    live(model, 0, 3);
    live(model, 0, 0);
    power_destroy(p);
    free(model);
    return reached;
}

static void fail_each_call(enum wal_err err)
{
    unsigned nth = 1;

    while (life_with_failure(nth, err)) nth++;
    assert_true(nth > 100);
}

static void every_call_may_fail_for_want_of_space(void **state)
{
    (void)state;
    fail_each_call(WAL_NOSPACE);
}

static void every_call_may_fail_with_an_error_of_the_device(void **state)
{
    (void)state;
    fail_each_call(WAL_IO);
}

static void every_call_may_fail_for_want_of_memory(void **state)
{
    (void)state;
    fail_each_call(WAL_NOMEM);
}

/* Recovery, cut at each of its calls, and again at each of those of the recovery after it. */
static void recovery_may_be_cut_at_any_call_twice(void **state)
{
    (void)state;
    for (unsigned image = POWER_LOSE_ALL; image <= POWER_KEEP_SOME + 1; image++) {
        for (unsigned first = 1; first < 70; first += 1) {
            for (unsigned second = 1; second < 70; second += 7) {
                struct model *model = malloc(sizeof *model);

                assert_non_null(model);
                *model = (struct model){.power = power_create(first * 100 + second),
                                        .options = small_options(),
                                        .first_lsn = 1,
                                        .random = first,
                                        .seed = first * 100 + second};
                struct power *p = model->power;
                live(model, 120, 30);
                power_restart(p);
                live(model, first, 0);
                if (image > POWER_KEEP_SOME) power_restart(p);
                if (image <= POWER_KEEP_SOME) power_crash(p, (enum power_image)image);
                live(model, second, 0);
                power_crash(p, POWER_KEEP_SOME);
                live(model, 0, 3);
                live(model, 0, 0);
                power_destroy(p);
                free(model);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_promised_is_lost_when_the_power_is_cut_anywhere),
        cmocka_unit_test(nothing_promised_is_lost_when_syncs_fail_too),
        cmocka_unit_test(nothing_rolled_back_is_seen_again_on_a_full_disk),
        cmocka_unit_test(every_call_may_fail_for_want_of_space),
        cmocka_unit_test(every_call_may_fail_with_an_error_of_the_device),
        cmocka_unit_test(every_call_may_fail_for_want_of_memory),
        cmocka_unit_test(recovery_may_be_cut_at_any_call_twice),
    };

    return cmocka_run_group_tests_name("wal_power", tests, NULL, NULL);
}
