/*
 * host_storm_test.c - many real threads on one log in a real directory: writers, a follower, and
 * those who only ask; with truncations and prunings among them.
 *
 * Two seconds here in two modes, a minute under ThreadSanitizer in storm_deep_test.sh
 * (STORM_SECONDS). What the threads know about each other goes through relaxed atomics only: a lock
 * of the test's own would order them, and hide from the sanitizer that the log does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/log_check.h"
#include "wal/host/host.h"
#include "wal/log/log.h"

enum {
    WRITERS = 64,
    OTHERS = 3,
    WINDOW = 4, /* Appends that a writer has on their way. */
    BATCH = 3,
    HEAD_BYTES = 16,
    RECORD_BYTES_MAX = 4096,
    LSNS_MAX = 1 << 23,
    LSNS_KEPT = 200, /* When others are given up. */
    LSNS_CUT = 64,   /* At most so many are taken back, and the rest of a batch. */
    PATH_BYTES = 256,
    MS = 1000000,
};

/* relaxed */
#define LOAD(at) atomic_load_explicit((at), memory_order_relaxed)
#define STORE(at, value) atomic_store_explicit((at), (value), memory_order_relaxed)

struct storm {
    struct wal_io *io;
    struct wal_log *log;
    bool prewritten; /* Segments are, and recycled, and written to directly. */
    char dir[PATH_BYTES];
    char path[PATH_BYTES + 8];
    atomic_bool stop;    /* For all but the writers, */
    atomic_bool calm;    /* and for them, when nobody takes anything away any more. */
    atomic_bool written; /* The writers have ended. */
    atomic_uint trouble; /* The line that found something wrong, and its error. */
    atomic_uint trouble_err;
    atomic_uint_fast64_t acked;  /* How many appends, */
    atomic_uint_fast64_t served; /* and how many records to the follower. */
    atomic_uint_fast64_t served_lsn;
    atomic_uint_fast64_t pruned;  /* How often the floor went up. */
    atomic_uint_fast64_t cuts;    /* Twice the truncations; odd while there is one. */
    atomic_uint_fast64_t refused; /* How many of them came too late: the floor was above. */
    atomic_uint_fast64_t taken;   /* Appends that were truncated before their writer saw them. */
    /* By LSN: who was told that it is durable. Epoch, writer, sequence: the later one counts. */
    atomic_uint_fast64_t *durable;
};

struct writer {
    struct storm *storm;
    uint64_t number;
    uint64_t sequence;
    struct wal_task *task;
};

static void trouble_at(struct storm *storm, unsigned line, enum wal_err err)
{
    unsigned none = 0;

    if (atomic_compare_exchange_strong(&storm->trouble, &none, line)) {
        STORE(&storm->trouble_err, (unsigned)err);
    }
    STORE(&storm->stop, true);
    STORE(&storm->calm, true);
}

#define TROUBLE(storm, err) trouble_at((storm), __LINE__, (err))

/* ---- Records that say who wrote them ---- */

static size_t record_length(uint64_t writer, uint64_t sequence)
{
    uint64_t mixed = (writer << 32 | sequence) * UINT64_C(0x9e3779b97f4a7c15) >> 40;

    return HEAD_BYTES + mixed % (sequence % 64 == 0 ? RECORD_BYTES_MAX - HEAD_BYTES : 200);
}

static size_t record_put(uint8_t *bytes, uint64_t writer, uint64_t sequence)
{
    size_t len = record_length(writer, sequence);

    memcpy(bytes, &writer, sizeof writer);
    memcpy(bytes + sizeof writer, &sequence, sizeof sequence);
    for (size_t i = HEAD_BYTES; i < len; i++) bytes[i] = (uint8_t)(writer * 7 + sequence + i);
    return len;
}

/* False if it isn't what record_put made. */
static bool record_read(const struct wal_record *record, uint64_t *ret_writer,
                        uint64_t *ret_sequence)
{
    uint8_t bytes[RECORD_BYTES_MAX];

    if (record->len < HEAD_BYTES) return false;
    memcpy(ret_writer, record->bytes, sizeof *ret_writer);
    memcpy(ret_sequence, (const uint8_t *)record->bytes + sizeof *ret_writer, sizeof *ret_sequence);
    return *ret_writer < WRITERS && record->len == record_put(bytes, *ret_writer, *ret_sequence) &&
           memcmp(record->bytes, bytes, record->len) == 0;
}

static uint64_t claim_of(uint64_t epoch, uint64_t writer, uint64_t sequence)
{
    return epoch << 40 | writer << 32 | sequence;
}

/* ---- Writers ---- */

static void acknowledged(struct writer *writer, const struct wal_ticket *ticket, uint64_t sequence)
{
    struct storm *storm = writer->storm;

    for (uint64_t lsn = ticket->first_lsn; lsn <= ticket->last_lsn; lsn++, sequence++) {
        uint64_t claim = claim_of(ticket->epoch, writer->number, sequence);
        uint64_t before = LOAD(&storm->durable[lsn]);

        while (before < claim &&
               !atomic_compare_exchange_weak_explicit(&storm->durable[lsn], &before, claim,
                                                      memory_order_relaxed, memory_order_relaxed)) {
            continue;
        }
        if (before >= claim && before >> 40 == ticket->epoch) TROUBLE(storm, WAL_EXISTS);
    }
    atomic_fetch_add_explicit(&storm->acked, 1, memory_order_relaxed);
}

/* ---- Three ways to hear of it ---- */

struct notice {
    struct wal_notice wal; /* First. */
    atomic_bool called;
    enum wal_err err;
};

static void notified(struct wal_notice *wal, enum wal_err err, uint64_t lsn)
{
    struct notice *notice = (struct notice *)wal;

    (void)lsn;
    notice->err = err;
    atomic_store_explicit(&notice->called, true, memory_order_release);
}

static enum wal_err wait_called_back(struct storm *storm, const struct wal_ticket *ticket)
{
    struct notice notice = {.wal = {.call = notified, .ticket = *ticket}};

    wal_notify(storm->log, &notice.wal);
    while (!atomic_load_explicit(&notice.called, memory_order_acquire)) {
        enum wal_err err = io_sleep(storm->io, MS / 10, NULL);
        if (err) TROUBLE(storm, err);
    }
    return notice.err;
}

static enum wal_err wait_polling(struct storm *storm, const struct wal_ticket *ticket)
{
    bool durable = false;

    for (;;) {
        enum wal_err err = wal_poll(storm->log, ticket, &durable);
        if (err || durable) return err;
        const struct wal_patience patience = {.deadline_ns = io_monotonic_ns(storm->io) + MS};
        err = wal_wait_until(storm->log, ticket, &patience, NULL);
        if (err != WAL_TIMEOUT) return err;
    }
}

static enum wal_err wait_durable(struct writer *writer, const struct wal_ticket *ticket)
{
    switch (writer->number / WINDOW % 3) {
    case 0: return wait_called_back(writer->storm, ticket);
    case 1: return wait_polling(writer->storm, ticket);
    default: return wal_wait(writer->storm->log, ticket);
    }
}

static bool append(struct writer *writer, struct wal_ticket *ret_ticket)
{
    uint8_t bytes[BATCH][RECORD_BYTES_MAX];
    struct wal_slice slices[BATCH];
    size_t count = writer->sequence % 8 == 0 ? BATCH : 1;

    for (size_t i = 0; i < count; i++) {
        slices[i].bytes = bytes[i];
        slices[i].len = record_put(bytes[i], writer->number, ++writer->sequence);
    }
    enum wal_err err = wal_append_batch(writer->storm->log, slices, count, ret_ticket);
    memset(bytes, 0xee, sizeof bytes);
    if (err) TROUBLE(writer->storm, err);
    if (ret_ticket->last_lsn >= LSNS_MAX - WRITERS * WINDOW * BATCH) {
        STORE(&writer->storm->calm, true);
    }
    return err == WAL_OK;
}

static void writer_run(void *arg)
{
    struct writer *writer = arg;
    struct storm *storm = writer->storm;

    while (!LOAD(&storm->calm)) {
        struct wal_ticket tickets[WINDOW];
        uint64_t sequences[WINDOW];
        unsigned count = 0;

        for (; count < 1 + writer->number % WINDOW; count++) {
            sequences[count] = writer->sequence + 1;
            if (!append(writer, &tickets[count])) return;
        }
        for (unsigned i = 0; i < count; i++) {
            enum wal_err err = wait_durable(writer, &tickets[i]);

            if (err == WAL_OK) {
                acknowledged(writer, &tickets[i], sequences[i]);
            } else if (err == WAL_TRUNCATED) {
                atomic_fetch_add_explicit(&storm->taken, 1, memory_order_relaxed);
            } else {
                TROUBLE(storm, err);
            }
        }
    }
}

/* ---- Readers ---- */

struct checker {
    struct storm *storm;
    uint64_t lsn;                /* Of the last record; 0: none. */
    uint64_t sequences[WRITERS]; /* The last of each. */
};

static bool check(struct checker *checker, const struct wal_record *record)
{
    uint64_t writer = 0;
    uint64_t sequence = 0;

    if (!record_read(record, &writer, &sequence)) return false;
    if (checker->lsn != 0 && record->lsn != checker->lsn + 1) return false;
    if (sequence <= checker->sequences[writer]) return false;
    checker->lsn = record->lsn;
    checker->sequences[writer] = sequence;
    return true;
}

/* At the floor, which may move up while it is looked for. */
static enum wal_err reader_open_anywhere(struct storm *storm, struct wal_reader **ret_reader)
{
    const struct wal_reader_options options = {.from_lsn = 0};
    enum wal_err err = WAL_PRUNED;

    while (err == WAL_PRUNED) {
        err = wal_reader_open(storm->io, storm->path, &options, ret_reader, NULL);
    }
    return err;
}

static void follower_run(void *arg)
{
    struct storm *storm = arg;
    struct checker checker = {.storm = storm};
    struct wal_reader *reader = NULL;
    struct wal_record record;

    enum wal_err err = reader_open_anywhere(storm, &reader);
    if (err) {
        TROUBLE(storm, err);
        return;
    }
    for (;;) {
        bool last_look = LOAD(&storm->written);

        err = wal_reader_follow(reader, io_monotonic_ns(storm->io) + UINT64_C(20) * MS, &record,
                                NULL);
        if (err == WAL_PRUNED || err == WAL_TRUNCATED) {
            wal_reader_close(reader);
            checker = (struct checker){.storm = storm};
            err = reader_open_anywhere(storm, &reader);
            if (err == WAL_OK) continue;
            TROUBLE(storm, err);
            return;
        }
        if (err == WAL_END && last_look) break;
        if (err == WAL_END) continue;
        if (err) {
            TROUBLE(storm, err);
            break;
        }
        if (!check(&checker, &record)) {
            TROUBLE(storm, WAL_CORRUPT);
            break;
        }
        atomic_fetch_add_explicit(&storm->served, 1, memory_order_relaxed);
        STORE(&storm->served_lsn, record.lsn);
    }
    wal_reader_close(reader);
}

/* What anybody may ask at any time. */
static void asker_run(void *arg)
{
    struct storm *storm = arg;

    while (!LOAD(&storm->stop)) {
        uint64_t lsn = 0;
        uint64_t cuts = LOAD(&storm->cuts);
        struct wal_stat before;
        struct wal_stat stat;

        wal_log_stat(storm->log, &before);
        wal_log_stat(storm->log, &stat);
        if (stat.durable_lsn > stat.accepted_lsn) TROUBLE(storm, WAL_CORRUPT);
        enum wal_err err = wal_sync(storm->log, &lsn);
        if (err) TROUBLE(storm, err);
        if (cuts % 2 == 0 && cuts == LOAD(&storm->cuts)) { /* Then nothing goes back. */
            if (stat.durable_lsn < before.durable_lsn) TROUBLE(storm, WAL_CORRUPT);
            if (lsn < stat.accepted_lsn) TROUBLE(storm, WAL_CORRUPT);
        }
        err = wal_wait_durable(storm->log, lsn, io_monotonic_ns(storm->io) + MS, &lsn);
        if (err && err != WAL_TIMEOUT) TROUBLE(storm, err);
    }
}

/* ---- Who takes records away ---- */

/* Gives up all but the last records, with a pin that comes and goes. */
static void pruner_run(void *arg)
{
    struct storm *storm = arg;
    uint64_t floor_lsn = 1;

    while (!LOAD(&storm->stop)) {
        struct wal_stat stat;
        uint64_t reached = 0;

        wal_log_stat(storm->log, &stat);
        uint64_t pinned = floor_lsn;
        if (stat.durable_lsn > floor_lsn + LSNS_KEPT) pinned = stat.durable_lsn - LSNS_KEPT / 2;
        enum wal_err err = wal_pin(storm->io, storm->path, "storm", pinned);
        if (err) TROUBLE(storm, err);
        err = wal_prune_before(storm->log, stat.durable_lsn, &reached);
        if (err) TROUBLE(storm, err);
        if (reached > pinned || reached < floor_lsn) TROUBLE(storm, WAL_PRUNED);
        if (reached > floor_lsn) atomic_fetch_add_explicit(&storm->pruned, 1, memory_order_relaxed);
        floor_lsn = reached;
        err = wal_unpin(storm->io, storm->path, "storm");
        if (err) TROUBLE(storm, err);
        err = io_sleep(storm->io, UINT64_C(10) * MS, NULL);
        if (err) TROUBLE(storm, err);
    }
}

/* It may be refused below the floor, which goes up while the truncation waits for its turn. */
static bool floor_above(struct storm *storm, uint64_t lsn)
{
    struct wal_stat stat;

    wal_log_stat(storm->log, &stat);
    return stat.first_lsn > lsn + 1;
}

/* Takes back the last records, time and again. */
static void truncator_run(void *arg)
{
    struct storm *storm = arg;

    for (uint64_t round = 1; !LOAD(&storm->stop); round++) {
        struct wal_stat stat;
        unsigned tries = 0;

        wal_log_stat(storm->log, &stat);
        uint64_t lsn = stat.durable_lsn - (stat.durable_lsn > LSNS_CUT ? round % LSNS_CUT : 0);
        atomic_fetch_add_explicit(&storm->cuts, 1, memory_order_relaxed);
        enum wal_err err = wal_truncate_after(storm->log, lsn);
        for (; err == WAL_OPTION && tries < BATCH && lsn > 0; tries++) { /* Inside a batch. */
            err = wal_truncate_after(storm->log, --lsn);
        }
        if (err == WAL_PRUNED && floor_above(storm, lsn)) {
            atomic_fetch_add_explicit(&storm->refused, 1, memory_order_relaxed);
        } else if (err) {
            TROUBLE(storm, err);
        }
        atomic_fetch_add_explicit(&storm->cuts, 1, memory_order_relaxed);
        err = io_sleep(storm->io, UINT64_C(20) * MS, NULL);
        if (err) TROUBLE(storm, err);
    }
}

/* ---- The storm ---- */

static void storm_open(struct storm *storm)
{
    struct wal_options options = wal_options_default();

    options.create = true;
    options.sync_policy = WAL_SYNC_EVERY_GROUP;
    options.segment_bytes = 1024 * 1024;
    options.queue_bytes = 64 * 1024; /* So that some wait for room. */
    options.record_bytes_max = RECORD_BYTES_MAX;
    options.batch_bytes_max = BATCH * RECORD_BYTES_MAX;
    options.mark_interval_ns = MS;
    options.preallocate = storm->prewritten;
    options.spares = storm->prewritten ? 4 : 0;
    options.io_mode = storm->prewritten ? WAL_IO_DIRECT : WAL_IO_BUFFERED;
    assert_ok(wal_open(storm->io, storm->path, &options, &storm->log, NULL));
}

static int setup(void **state)
{
    struct storm *storm = calloc(1, sizeof *storm);
    const char *tmp = getenv("TMPDIR");

    if (storm == NULL || wal_host_create(&storm->io) != WAL_OK) return -1;
    storm->durable = calloc(LSNS_MAX, sizeof *storm->durable);
    if (storm->durable == NULL) return -1;
    snprintf(storm->dir, sizeof storm->dir, "%s/host_storm_test.XXXXXX", tmp ? tmp : "/tmp");
    if (mkdtemp(storm->dir) == NULL) return -1;
    snprintf(storm->path, sizeof storm->path, "%s/log", storm->dir);
    *state = storm;
    return 0;
}

static int teardown(void **state)
{
    struct storm *storm = *state;
    char command[PATH_BYTES + 16];

    snprintf(command, sizeof command, "rm -rf '%s'", storm->dir);
    int failed = system(command);
    wal_host_destroy(storm->io);
    free(storm->durable);
    free(storm);
    return failed;
}

static void assert_untroubled(struct storm *storm)
{
    if (storm->trouble == 0) return;
    fail_msg("line %u found trouble: %s", storm->trouble,
             wal_err_name((enum wal_err)storm->trouble_err));
}

/* What was acknowledged after the last truncation does not lie above the end. */
static void assert_nothing_beyond(struct storm *storm, uint64_t last_lsn)
{
    uint64_t epoch = 0;

    for (uint64_t lsn = 0; lsn < LSNS_MAX; lsn++) {
        if (epoch < storm->durable[lsn] >> 40) epoch = storm->durable[lsn] >> 40;
    }
    for (uint64_t lsn = last_lsn + 1; lsn < LSNS_MAX; lsn++) {
        if (storm->durable[lsn] >> 40 < epoch) continue;
        fail_msg("record %" PRIu64 " was acknowledged, the log ends at %" PRIu64, lsn, last_lsn);
    }
}

/* Everything that somebody was told is durable is there, and is what he wrote. */
static void assert_all_there(struct storm *storm)
{
    const struct wal_reader_options options = {.from_lsn = 0};
    struct checker checker = {.storm = storm};
    struct wal_reader *reader = NULL;
    struct wal_record record;
    enum wal_err err;

    assert_ok(wal_reader_open(storm->io, storm->path, &options, &reader, NULL));
    while ((err = wal_reader_next(reader, &record, NULL)) == WAL_OK) {
        uint64_t claim = storm->durable[record.lsn];

        if (!check(&checker, &record)) fail_msg("record %" PRIu64 " is wrong", record.lsn);
        uint64_t writer = 0;
        uint64_t sequence = 0;
        record_read(&record, &writer, &sequence);
        assert_u64(claim & ((UINT64_C(1) << 40) - 1), claim_of(0, writer, sequence));
    }
    wal_reader_close(reader);
    assert_err(err, WAL_END);
    assert_u64(checker.lsn, storm->served_lsn);
    assert_nothing_beyond(storm, checker.lsn);
}

static void rage(struct storm *storm)
{
    const char *seconds = getenv("STORM_SECONDS");
    struct writer *writers = calloc(WRITERS, sizeof *writers);
    void (*const others_run[OTHERS])(void *arg) = {asker_run, pruner_run, truncator_run};
    struct wal_task *others[OTHERS];
    struct wal_task *follower = NULL;
    uint64_t duration_ns = (seconds != NULL ? strtoull(seconds, NULL, 10) : 2) * 500 * MS;

    assert_non_null(writers);
    storm_open(storm);
    assert_ok(io_spawn(storm->io, "follower", follower_run, storm, &follower));
    for (unsigned i = 0; i < OTHERS; i++) {
        assert_ok(io_spawn(storm->io, "other", others_run[i], storm, &others[i]));
    }
    for (uint64_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.storm = storm, .number = i};
        assert_ok(io_spawn(storm->io, "writer", writer_run, &writers[i], &writers[i].task));
    }
    uint64_t end_ns = io_monotonic_ns(storm->io) + duration_ns;
    while (!LOAD(&storm->calm) && io_monotonic_ns(storm->io) < end_ns) {
        assert_ok(io_sleep(storm->io, UINT64_C(10) * MS, NULL));
    }
    STORE(&storm->stop, true);
    for (unsigned i = 0; i < OTHERS; i++) io_join(storm->io, others[i]);
    assert_ok(io_sleep(storm->io, UINT64_C(100) * MS, NULL));
    STORE(&storm->calm, true);
    for (uint64_t i = 0; i < WRITERS; i++) io_join(storm->io, writers[i].task);
    assert_ok(wal_close(storm->log));
    STORE(&storm->written, true);
    io_join(storm->io, follower);
    free(writers);

    print_message(
        "# %" PRIu64 " appends acknowledged, %" PRIu64 " records followed, %" PRIu64
        " prunings, %" PRIu64 " truncations, %" PRIu64 " refused, %" PRIu64 " appends truncated\n",
        storm->acked, storm->served, storm->pruned, storm->cuts / 2, storm->refused, storm->taken);
    assert_untroubled(storm);
    assert_true(storm->acked > WRITERS);
    assert_true(storm->served > 0);
    assert_true(storm->pruned > 0 || storm->acked < 20 * LSNS_KEPT);
    assert_true(storm->cuts / 2 > storm->refused);
    assert_all_there(storm);
    storm_open(storm);
    assert_ok(wal_close(storm->log));
}

static void what_is_acknowledged_among_many_threads_is_there_in_order(void **state)
{
    rage(*state);
}

static void so_it_is_in_segments_that_are_recycled_and_written_directly(void **state)
{
    struct storm *storm = *state;

    storm->prewritten = true;
    rage(storm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_acknowledged_among_many_threads_is_there_in_order,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(so_it_is_in_segments_that_are_recycled_and_written_directly,
                                        setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
