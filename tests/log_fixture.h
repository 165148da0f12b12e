/*
 * log_fixture.h - a log in a world in memory, and records that follow from their LSN.
 */
#ifndef TESTS_LOG_FIXTURE_H
#define TESTS_LOG_FIXTURE_H

#include "tests/log_check.h"

#include "tests/power_cut.h"
#include "wal/log/codec.h"
#include "wal/log/log.h"

enum { EVENTS_MAX = 64, RECORD_MAX = 256 };

struct events {
    struct wal_event list[EVENTS_MAX];
    unsigned count;
};

struct fixture {
    struct power *power;
    struct wal_io *io;
    struct wal_options options;
    struct events events;
    struct wal_log *log; /* If open. */
};

static inline void observe(void *context, const struct wal_event *event)
{
    struct events *events = context;

    if (events->count < EVENTS_MAX) events->list[events->count++] = *event;
}

static inline const struct wal_event *event_find(const struct fixture *fixture,
                                                 enum wal_event_kind kind)
{
    for (unsigned i = 0; i < fixture->events.count; i++) {
        if (fixture->events.list[i].kind == kind) return &fixture->events.list[i];
    }
    return NULL;
}

static inline int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    if (fixture == NULL) return -1;
    fixture->power = power_create(1);
    fixture->io = &fixture->power->io;
    fixture->options = wal_options_default();
    fixture->options.sync_policy = WAL_SYNC_EVERY_GROUP;
    fixture->options.create = true;
    fixture->options.block_bytes = 512;
    fixture->options.segment_bytes = 4096;
    fixture->options.queue_bytes = 2048;
    fixture->options.record_bytes_max = 1024;
    fixture->options.batch_bytes_max = 1500;
    fixture->options.mark_interval_ns = 3600000000000;
    fixture->options.observe = observe;
    fixture->options.observe_context = &fixture->events;
    *state = fixture;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *fixture = *state;

    if (fixture->log != NULL) err_ignore(wal_close(fixture->log)); /* A test failed. */
    int owed = fixture->power->owed;
    power_destroy(fixture->power);
    free(fixture);
    return owed == 0 ? 0 : -1;
}

static inline void open_log(struct fixture *fixture)
{
    struct wal_place place = {.name = ""};

    assert_ok(wal_open(fixture->io, "log", &fixture->options, &fixture->log, &place));
}

static inline void close_log(struct fixture *fixture)
{
    struct wal_log *log = fixture->log;

    fixture->log = NULL;
    assert_ok(wal_close(log));
}

static inline struct wal_stat stat_of(struct fixture *fixture)
{
    struct wal_stat stat;

    wal_log_stat(fixture->log, &stat);
    return stat;
}

/* What a test appends as the nth record. */
static inline size_t record_of(uint64_t lsn, uint8_t *bytes)
{
    size_t len = (size_t)(lsn * 37 % RECORD_MAX);

    for (size_t i = 0; i < len; i++) bytes[i] = (uint8_t)(lsn * 11 + i);
    return len;
}

static inline struct wal_ticket append_lsn(struct fixture *fixture, uint64_t lsn)
{
    uint8_t bytes[RECORD_MAX];
    struct wal_ticket ticket = {.first_lsn = 0};
    size_t len = record_of(lsn, bytes);

    assert_ok(wal_append(fixture->log, bytes, len, &ticket));
    memset(bytes, 0xee, sizeof bytes);
    assert_u64(ticket.first_lsn, lsn);
    assert_u64(ticket.last_lsn, lsn);
    return ticket;
}

static inline void append_wait(struct fixture *fixture, uint64_t first, uint64_t last)
{
    for (uint64_t lsn = first; lsn <= last; lsn++) {
        struct wal_ticket ticket = append_lsn(fixture, lsn);
        assert_ok(wal_wait(fixture->log, &ticket));
    }
}

static inline void assert_record(const struct wal_record *record, uint64_t lsn)
{
    uint8_t bytes[RECORD_MAX];

    assert_u64(record->lsn, lsn);
    assert_u64(record->len, record_of(lsn, bytes));
    assert_memory_equal(record->bytes, bytes, record->len);
}

/* Read from `from` on; all must be right. Returns how it ended, and the last LSN read. */
static inline enum wal_err read_from(struct fixture *fixture, uint64_t from, uint64_t *ret_last,
                                     struct wal_place *ret_place)
{
    const struct wal_reader_options options = {.from_lsn = from};
    struct wal_reader *reader = NULL;
    struct wal_record record;
    uint64_t next = from > 0 ? from : 1;

    *ret_last = next - 1;
    enum wal_err err = wal_reader_open(fixture->io, "log", &options, &reader, ret_place);
    if (err) return err;
    while ((err = wal_reader_next(reader, &record, ret_place)) == WAL_OK) {
        assert_record(&record, next);
        next++;
    }
    wal_reader_close(reader);
    *ret_last = next - 1;
    return err;
}

static inline void assert_reads(struct fixture *fixture, uint64_t from, uint64_t last)
{
    struct wal_place place;
    uint64_t read = 0;

    assert_err(read_from(fixture, from, &read, &place), WAL_END);
    assert_u64(read, last);
}

static inline struct power_inode *file_of(struct fixture *fixture, const char *name)
{
    struct power *p = fixture->power;
    int at = power_find(&p->now, name);

    if (at < 0) fail_msg("%s is not there", name);
    return &p->inodes[p->now.entries[at].inode];
}

/* A log that died: the mark knows of LSNs up to 8, group headers of those up to 15, 16 are there.
 */
static inline void die_at_16(struct fixture *fixture)
{
    struct power *p = fixture->power;

    fixture->options.segment_bytes = 32768;
    open_log(fixture);
    append_wait(fixture, 1, 8);
    close_log(fixture);
    open_log(fixture);
    append_wait(fixture, 9, 16);
    power_cut_in(p, 1);
    err_ignore(wal_close(fixture->log));
    fixture->log = NULL;
    power_crash(p, POWER_LOSE_ALL);
    fixture->events.count = 0;
}

#endif
