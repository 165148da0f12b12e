/*
 * client_read.c - the ways in which the log is read: streamed or mapped, from anywhere, following.
 *
 * Properties want a list without gaps, and a reader skips optional records of kinds that it does
 * not know. It shows what it skips, and that stands in the list like any other.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "scenarios/run.h"
#include "wal/log/format.h"

enum { FAR_AWAY_BYTES = 1 << 20 };

struct canceller {
    struct wal_io *io;
    struct wal_cancel *cancel;
    uint64_t after_ns;
    bool fired;
};

void run_list_add(struct record_list *list, struct history_record record)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        list->records = realloc(list->records, list->capacity * sizeof *list->records);
        assert(list->records != NULL);
    }
    list->records[list->count++] = record;
}

static struct history_record seen(const struct wal_record *record)
{
    return (struct history_record){.lsn = record->lsn,
                                   .hash = XXH3_64bits(record->bytes, record->len),
                                   .commit_ns = record->commit_ns,
                                   .length = record->len,
                                   .batch_index = record->batch_index,
                                   .batch_goes_on = record->batch_goes_on,
                                   .lost = record->lost};
}

/* The reader shows what it skips. What it may not skip stays a gap. */
static void list_skipped(void *context, const struct wal_record *record)
{
    if (record->kind >= WAL_RECORD_OPTIONAL) run_list_add(context, seen(record));
}

struct history_place run_place(const struct wal_place *place)
{
    return (struct history_place){place->segment, place->offset, place->first_lsn, place->last_lsn};
}

static void add_to(uint64_t *number, uint64_t by, bool down)
{
    *number += down ? 0 - by : by;
}

/* Another segment, group, or place: in the middle of something, or behind everything. */
static void spoil(struct wal_bookmark *bookmark, uint64_t block_bytes, uint64_t how)
{
    bool down = how % 2 != 0;

    switch (how / 2 % 8) {
    case 0: add_to(&bookmark->segment, 1, down); break;
    case 1:
    case 2: add_to(&bookmark->lsn, 1 + how / 16 % 2, down); break;
    case 3: bookmark->offset += FAR_AWAY_BYTES; break;
    case 4: bookmark->offset += WAL_RECORD_ALIGN; break;
    default: add_to(&bookmark->offset, block_bytes * (1 + how / 16 % 4), down); break;
    }
}

/* One that was taken in this run, and maybe of what was cut off or pruned since; half of them are
 * spoiled. As long as there is none, somebody guesses. */
static struct wal_bookmark choose_bookmark(const struct runner *runner, const struct wal_stat *stat,
                                           uint64_t from_lsn, uint64_t how)
{
    const struct run_bookmarks *bookmarks = &runner->bookmarks;
    const uint64_t block_bytes = runner->log.block_bytes;

    if (bookmarks->count == 0) {
        return (struct wal_bookmark){.lsn = from_lsn - how % 2,
                                     .segment = stat->segment - how / 2 % 2,
                                     .offset = block_bytes * (1 + how / 4 % 4)};
    }
    uint32_t known = bookmarks->count < BOOKMARKS_MAX ? bookmarks->count : BOOKMARKS_MAX;
    struct wal_bookmark bookmark = bookmarks->taken[how % known];
    if (how / 8 % 2 != 0) spoil(&bookmark, block_bytes, how / 16);
    return bookmark;
}

/* What the argument of READ_MAPPED and FOLLOW says, beside where to begin. 0 is the tamest. */
struct run_reading run_reading_choose(struct run_client *client, const struct operation *operation,
                                      const struct wal_stat *stat)
{
    static const size_t windows[] = {0, 512, 4096, 8192};
    static const uint64_t longest_ns[] = {30000000, 5000, 100000, 2000000};
    const uint64_t argument = operation->argument;
    const uint64_t how = argument == 0 ? 0 : sim_mix(argument, 1, 7);
    const uint64_t from_lsn =
        stat->first_lsn + argument % (stat->durable_lsn + 2 - stat->first_lsn);
    struct run_reading reading = {.runner = client->runner,
                                  .row_entropy = &operation->argument,
                                  .from_lsn = from_lsn,
                                  .floor_lsn = from_lsn,
                                  .log = client->boot->log,
                                  .bookmarks = &client->runner->bookmarks};

    if (operation->kind == OPERATION_READ) return reading;
    reading.follows = operation->kind == OPERATION_FOLLOW;
    bool streams = reading.follows && how % 2 != 0;
    reading.mode = streams ? WAL_READ_STREAM : WAL_READ_MAPPED;
    reading.window_bytes = windows[how / 2 % 4];
    reading.use_log = how / 8 % 4 == 1;
    reading.use_bookmark = how / 32 % 2 != 0;
    reading.follow_ns = longest_ns[how / 64 % 4] * (how / 256 % 64) / 64;
    reading.cancels = how / 16384 % 2 != 0;
    reading.bookmark = choose_bookmark(client->runner, stat, from_lsn, sim_mix(argument, 2, 7));
    return reading;
}

static void take_bookmark(const struct wal_reader *reader, struct run_bookmarks *bookmarks)
{
    struct wal_bookmark bookmark;

    if (bookmarks == NULL || !wal_reader_bookmark(reader, &bookmark)) return;
    bookmarks->taken[bookmarks->count++ % BOOKMARKS_MAX] = bookmark;
}

static void cancel_later(void *arg)
{
    struct canceller *canceller = arg;

    err_ignore(io_sleep(canceller->io, canceller->after_ns, NULL)); /* Cannot be cancelled. */
    io_cancel_fire(canceller->io, canceller->cancel);
    canceller->fired = true;
}

/* Serve as far as it goes; WAL_END or WAL_CANCELLED if that was all. */
static enum wal_err serve(struct wal_io *io, struct run_reading *reading, struct wal_reader *reader,
                          const struct canceller *canceller, struct record_list *list,
                          struct wal_place *place)
{
    struct runner *runner = reading->runner;
    uint64_t deadline_ns = WAL_NO_DEADLINE;
    struct wal_record record;

    if (canceller->cancel == NULL) deadline_ns = io_monotonic_ns(io) + reading->follow_ns;
    for (;;) {
        bool fired = canceller->fired;
        enum wal_err err = reading->follows ? wal_reader_follow(reader, deadline_ns, &record, place)
                                            : wal_reader_next(reader, &record, place);
        if (err != WAL_OK) return err;
        if (fired) {
            reading->deaf = true;
            return WAL_CANCELLED;
        }
        run_list_add(list, seen(&record));
        if (runner != NULL && runner->has_rows) {
            run_read_row(runner, &record, reading->row_entropy, &reading->rows);
        }
    }
}

static enum wal_err serve_cancelled(struct wal_io *io, struct run_reading *reading,
                                    struct wal_reader *reader, struct canceller *canceller,
                                    struct record_list *list, struct wal_place *place)
{
    struct wal_task *task;

    if (io_spawn(io, "canceller", cancel_later, canceller, &task) != WAL_OK) {
        canceller->cancel = NULL; /* Then the time ends it. */
        return serve(io, reading, reader, canceller, list, place);
    }
    enum wal_err err = serve(io, reading, reader, canceller, list, place);
    io_join(io, task);
    return err;
}

/* Who is cancelled has seen, maybe, a part of a batch. */
static void trim(struct record_list *list)
{
    while (list->count > 0 && list->records[list->count - 1].batch_goes_on) list->count--;
}

static enum wal_err read_once(struct wal_io *io, struct run_reading *reading,
                              struct record_list *list, struct wal_place *place)
{
    struct canceller canceller = {.io = io, .after_ns = reading->follow_ns};
    struct wal_reader_options options = {
        .from_lsn = reading->from_lsn,
        .witness_lsn = reading->witness_lsn,
        .mode = reading->mode,
        .window_bytes = reading->window_bytes,
        .log = reading->use_log ? reading->log : NULL,
        .skipped = list_skipped,
        .skipped_context = list,
    };
    struct wal_cancel *cancel = NULL;
    struct wal_reader *reader;

    list->count = 0;
    if (reading->use_bookmark) {
        options.bookmarks = &reading->bookmark;
        options.bookmark_count = 1;
    }
    if (reading->follows && reading->cancels && io_cancel_create(io, &cancel) != WAL_OK) {
        cancel = NULL; /* Out of memory: the time ends it. */
    }
    options.cancel = cancel;
    canceller.cancel = cancel;
    enum wal_err err = wal_reader_open(io, RUN_LOG_PATH, &options, &reader, place);
    if (err == WAL_OK) {
        err = cancel != NULL ? serve_cancelled(io, reading, reader, &canceller, list, place)
                             : serve(io, reading, reader, &canceller, list, place);
        take_bookmark(reader, reading->bookmarks);
        wal_reader_close(reader);
        if (err == WAL_CANCELLED) trim(list);
        if (err == WAL_END || err == WAL_CANCELLED) err = WAL_OK;
    }
    if (cancel != NULL) io_cancel_destroy(io, cancel);
    return err;
}

void run_read(struct wal_io *io, struct run_reading *reading, struct record_list *list,
              struct history_observation *ret_observation)
{
    struct wal_place place = {.segment = 0};

    enum wal_err err = read_once(io, reading, list, &place);
    *ret_observation = reading->rows; /* Empty, but for what it says of them. */
    ret_observation->from_lsn = reading->floor_lsn;
    ret_observation->records = list->records;
    ret_observation->count = list->count;
    if (err != WAL_OK) {
        ret_observation->read_error = sim_error_class(err);
        ret_observation->place = run_place(&place);
    }
}
