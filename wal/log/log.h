/*
 * log.h - the record log: append, make durable, read back, survive.
 *
 * A log is a directory of segments (format.h). Records have consecutive LSNs from 1 on; a batch is
 * all or nothing; an append copies the caller's bytes before it returns.
 *
 * Two words for two things, everywhere:
 *
 *     accepted   the record has an LSN and lies in the queue. It may still be lost.
 *     durable    it is synced, and so is every record before it. Only this is an acknowledgement.
 *
 * Whatever was accepted while the last sync ran is written as one group with one write, and synced.
 * One task at a time does that: one of those who wait for records of theirs to be durable, in its
 * own call, or a task in the background, the committer, for those who have a deadline, can be
 * cancelled, ask without waiting or do not ask at all. What nobody asks for it writes a millisecond
 * later; sooner, once half of the queue is full.
 *
 * FAILURES. When a write fails before anything can be unsure (no space, quota, file too large), the
 * whole group is rolled back, durably, its tickets fail with that error, and the log goes on. After
 * anything unsure (an I/O error from a write, any failed sync) the log is POISONED: every waiter
 * and every later call gets WAL_POISONED until the log is closed and opened again. Nothing unsynced
 * is ever acknowledged after a failed sync.
 *
 * Any task may call any function of an open log. But for wal_close: no call may begin after it has;
 * those that wait at that time return. The library prints nothing; what it does on its own it
 * reports to the observer.
 */
#ifndef WAL_LOG_LOG_H
#define WAL_LOG_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wal/err.h"
#include "wal/io.h"
#include "wal/log/format.h"

#ifdef __cplusplus
extern "C" {
#endif

struct wal_log;
struct wal_reader;

/* Where something failed. Zero where unknown; an empty name where no file is concerned. */
struct wal_place {
    char name[64];      /* The file, relative to the log's directory. */
    uint64_t segment;   /* Its number, if it is a segment. */
    uint64_t offset;    /* The byte at which reading failed. */
    uint64_t first_lsn; /* The LSNs concerned; last_lsn is UINT64_MAX where no witness bounds it. */
    uint64_t last_lsn;
};

enum wal_event_kind {
    WAL_EVENT_RECOVERED,   /* Opened after something else than a clean close. lsn: the last one. */
    WAL_EVENT_TAIL_CUT,    /* place.offset.. and `bytes`: a torn tail that is not served. */
    WAL_EVENT_CORRUPTION,  /* place: what is damaged. */
    WAL_EVENT_ROLLED_BACK, /* err: why. lsn: the last that stays accepted. */
    WAL_EVENT_POISONED,    /* err: why. lsn: the first that is not durable. */
    WAL_EVENT_MARK_SLOT_BAD,
    WAL_EVENT_NODIRECT,         /* Direct I/O was asked for and can't be had. */
    WAL_EVENT_LEFTOVER_REMOVED, /* place.name: the unfinished or pruned file. */
    WAL_EVENT_REPAIRED, /* By wal_repair. lsn: the last one; bytes: so many LSNs are lost. */
};

struct wal_event {
    enum wal_event_kind kind;
    enum wal_err err;
    uint64_t lsn;
    uint64_t bytes;
    struct wal_place place;
};

/* Called from whichever task notices; must not call into the log. */
typedef void wal_observe(void *context, const struct wal_event *event);

/* When what was written is synced. Under each of them wal_sync, rotation and wal_close sync what is
 * there, and durable means the same. It has to be chosen: wal_open refuses the default. */
enum wal_sync_policy {
    WAL_SYNC_UNSET,
    WAL_SYNC_EVERY_GROUP, /* Each group, before the next is written. */
    WAL_SYNC_ON_DEMAND,   /* When someone waits for it. */
    WAL_SYNC_INTERVAL,    /* sync_interval_ns after it was written. Who waits, waits for that. */
    WAL_SYNC_NEVER,       /* Not by itself. Who would wait is told WAL_NOTDURABLE. */
};

enum wal_mark_policy {
    WAL_MARK_INTERVAL,     /* Unsynced within mark_interval_ns of a commit; synced on idle. */
    WAL_MARK_EVERY_GROUP,  /* Unsynced with every synced group, before it is acknowledged. */
    WAL_MARK_EVERY_SYNCED, /* Synced with every synced group, before it is acknowledged. */
};

enum wal_io_mode {
    WAL_IO_BUFFERED, /* Through the page cache, and a sync. */
    WAL_IO_DIRECT,   /* Past the page cache, and a sync. */
    WAL_IO_DSYNC,    /* Past the page cache, each write being its own sync. */
};

/* Start from wal_options_default(). */
struct wal_options {
    bool create;            /* Make the log if the directory is absent or empty. */
    bool verify_all;        /* Verify every record at open, not only those above the mark. */
    uint32_t block_bytes;   /* Groups start on it: 4096, 512, or 8. With 512 or 8 a group may
                               share a page, with 8 a sector, with durable records: devices and
                               file systems that tear or rewrite more than they were asked to
                               can then damage them. Only for new logs. */
    uint64_t segment_bytes; /* At this size a segment is sealed. */
    uint64_t first_segment; /* The number of a new log's first segment, at least 1. */
    uint64_t first_lsn;     /* A new log's first LSN, at least 1. */
    uint32_t record_bytes_max;
    uint32_t batch_bytes_max; /* Payload bytes of one batch. */
    uint32_t queue_bytes;     /* Room for accepted records, headers included; twice this is
                                 allocated at open. Bounds a group. An append waits for room. */
    bool preallocate;         /* Segments get their whole size before they are used, written in the
                                 background, so that a commit changes no metadata. */
    uint32_t spares;          /* With preallocate, so many pruned segments, at most 16, are kept to
                                 be used again. Who reads what is pruned meanwhile is told so, but
                                 bytes that he maps change under him, or are gone (SIGBUS) when a
                                 group that failed is cut off such a segment: pin what is being
                                 read. And a backup must copy: a hard link to a segment would
                                 change, too. */
    enum wal_io_mode io_mode; /* Direct modes want a block_bytes that is a multiple of what the
                                 device demands (else WAL_OPTION); where files can't be direct,
                                 they are buffered, and WAL_EVENT_NODIRECT says so. */
    enum wal_sync_policy sync_policy;
    uint64_t sync_interval_ns; /* With WAL_SYNC_INTERVAL. */
    bool stop_on_rollback; /* After a rollback no append is accepted, each fails with its reason,
                              until wal_sync has returned it. So who appends without waiting
                              cannot have a later record accepted than one that is gone. */
    enum wal_mark_policy mark_policy;
    uint64_t mark_interval_ns;
    uint64_t witness_lsn; /* Known durable from elsewhere (a shipped cursor); 0: none. */
    wal_observe *observe; /* May be NULL. */
    void *observe_context;
};

struct wal_options wal_options_default(void);

/* What a call to append returns: proof of acceptance, to be waited for. The epoch tells a record
 * that was rolled back from the later one that got its LSN. */
struct wal_ticket {
    uint64_t first_lsn;
    uint64_t last_lsn;
    uint64_t epoch;
};

struct wal_slice {
    const void *bytes;
    size_t len;
};

/*
 * Open for writing, recovering first. The directory is locked until wal_close.
 * Errors: WAL_NOTFOUND (create not set), WAL_NOTLOG (a directory with other things in it; nothing
 * is touched), WAL_LOCKED, WAL_VERSION (nothing is touched), WAL_CORRUPT (place says where and
 * which LSNs; nothing is touched), WAL_OPTION, WAL_SEGMENT_LIMIT, and what the world says.
 * reterr_place may be NULL; it is filled on failure only.
 *
 * What is read: the mark, and of each segment from the mark's on a header. After a clean close that
 * is all, however long the log is. After anything else also what lies above the mark, and nothing
 * below it: each byte once to judge it, and then once more at most: to copy it forward if it is not
 * known durable, or, from where it no longer holds on, to look again, to the end of a group or of
 * what is read ahead. Two things cost one reading more: to find the group that holds a witness_lsn
 * of the caller's, and to write a segment anew of which no mark knows because whoever began it died
 * right then. verify_all judges all the rest, too.
 */
WAL_CHECKED enum wal_err wal_open(struct wal_io *io, const char *path,
                                  const struct wal_options *options, struct wal_log **ret_log,
                                  struct wal_place *reterr_place);

/* How long a call may wait. It does so only if it has to: what can be done at once is done, though
 * the deadline has passed or the flag was fired. */
struct wal_patience {
    uint64_t deadline_ns;      /* On the monotonic clock. WAL_NO_DEADLINE; 0: not at all. */
    struct wal_cancel *cancel; /* May be NULL. */
};

/* Stop accepting, drain, sync, mark the close as clean, free everything. Always frees and always
 * returns; an error says that not all that was accepted became durable and nobody has been told so
 * yet, or that the mark could not be written (the next open then recovers). Appends that wait for
 * room return WAL_CLOSED, and waits for what was never accepted; the others learn what became of
 * their records. */
WAL_CHECKED enum wal_err wal_close(struct wal_log *log);

/* Accept one record. Waits while the queue is full. Errors: WAL_RECORD_LIMIT, WAL_POISONED,
 * WAL_CLOSED, and with stop_on_rollback what rolled back; on an error nothing was accepted. */
WAL_CHECKED enum wal_err wal_append(struct wal_log *log, const void *bytes, size_t len,
                                    struct wal_ticket *ret_ticket);

/* Accept count records (at least 1) that become durable and visible together or not at all.
 * Errors: also WAL_BATCH_LIMIT. */
WAL_CHECKED enum wal_err wal_append_batch(struct wal_log *log, const struct wal_slice *records,
                                          size_t count, struct wal_ticket *ret_ticket);

/* The same, with patience; also WAL_TIMEOUT, WAL_CANCELLED: nothing was accepted. */
WAL_CHECKED enum wal_err wal_append_until(struct wal_log *log, const struct wal_slice *records,
                                          size_t count, const struct wal_patience *patience,
                                          struct wal_ticket *ret_ticket);

/* As wal_append_batch, for records of another kind: WAL_RECORD_DATA, or from WAL_RECORD_OPTIONAL
 * on, which whoever does not know the kind skips. They have LSNs like any other. */
WAL_CHECKED enum wal_err wal_append_kind(struct wal_log *log, uint8_t kind,
                                         const struct wal_slice *records, size_t count,
                                         struct wal_ticket *ret_ticket);

/* Return once the ticket's records are durable, or with the error that kept them from it:
 * WAL_POISONED, or what rolled them back (WAL_NOSPACE, WAL_QUOTA, WAL_FILE_TOO_LARGE), or
 * WAL_TRUNCATED (it was durable before it went), or
 * WAL_ROLLED_BACK for a ticket so old that the reason is forgotten. Under WAL_SYNC_NEVER it does
 * not wait: what isn't durable yet is WAL_NOTDURABLE, and may become so later. */
WAL_CHECKED enum wal_err wal_wait(struct wal_log *log, const struct wal_ticket *ticket);

/* The same, with patience; also WAL_TIMEOUT, WAL_CANCELLED: what becomes of the records is open.
 * If they are lost, *reterr_lost_lsn (may be NULL) is the first LSN that did not become durable:
 * all below it is. After a poisoning every waiter is told the same one. */
WAL_CHECKED enum wal_err wal_wait_until(struct wal_log *log, const struct wal_ticket *ticket,
                                        const struct wal_patience *patience,
                                        uint64_t *reterr_lost_lsn);

/* Without waiting: is it durable? Errors as above. Under WAL_SYNC_ON_DEMAND it counts as asking. */
WAL_CHECKED enum wal_err wal_poll(struct wal_log *log, const struct wal_ticket *ticket,
                                  bool *ret_durable);

/* Being called back. The notice is the caller's memory, and the log's from wal_notify until it
 * calls, which it does once for each notice, on a task of its own, with no lock held: at the latest
 * before wal_close returns. WAL_OK: the ticket's records are durable, and lsn is up to where all
 * is. Else the error that kept them from it, and lsn the first that did not become durable. Notices
 * are called in the order of their tickets, one after the other: it must be quick, and may call
 * into this log only what does not wait. */
struct wal_notice;
typedef void wal_notified(struct wal_notice *notice, enum wal_err err, uint64_t lsn);

struct wal_notice {
    wal_notified *call;
    void *context; /* The caller's. */
    struct wal_ticket ticket;
    struct wal_notice *next; /* The log's. */
};

void wal_notify(struct wal_log *log, struct wal_notice *notice);

/* Make durable all that was accepted before the call. If something of it was rolled back and nobody
 * has been told so yet, that is the error. */
WAL_CHECKED enum wal_err wal_sync(struct wal_log *log, uint64_t *ret_durable_lsn);

/* Wait until more than `lsn` is durable, the deadline passes (WAL_TIMEOUT), the log fails or is
 * closed before there is more (WAL_CLOSED). Under WAL_SYNC_NEVER somebody else has to see to it. */
WAL_CHECKED enum wal_err wal_wait_durable(struct wal_log *log, uint64_t lsn, uint64_t deadline_ns,
                                          uint64_t *ret_durable_lsn);

/*
 * Give up all records below `lsn`: the floor goes up to it, but not above the lowest pin nor what
 * is durable, and never down. *ret_floor_lsn is the floor reached, and is durable; segments that
 * lie wholly below it are gone. Records that share a segment with the floor are no longer served
 * either. WAL_CORRUPT, WAL_VERSION: a pin or a segment's header can't be read (the observer hears
 * which); nothing was given up, nor was it after any other error but WAL_POISONED. WAL_LOCKED never
 * comes: a writer that finds out that its lock is lost is poisoned.
 *
 * A reader beside it: what it has in hand it may serve to the end of that segment. When it needs a
 * segment that is gone it gets WAL_PRUNED, and is to be opened again. A reader that must not be
 * overtaken holds a pin.
 */
WAL_CHECKED enum wal_err wal_prune_before(struct wal_log *log, uint64_t lsn,
                                          uint64_t *ret_floor_lsn);

/*
 * Take back all records above `lsn`, for good. What was accepted before the call is first written
 * and synced; appends that come meanwhile wait; the next record gets lsn + 1. Where there is
 * nothing above it is WAL_OK at once. When it returns WAL_OK the truncation is durable; a crash
 * before that leaves all of the records or none. Tickets of what went: WAL_TRUNCATED. Errors, with
 * nothing changed: WAL_OPTION (lsn lies inside a batch), WAL_PRUNED (lsn + 1 is below the floor),
 * WAL_CORRUPT (the place of lsn can't be read; the observer hears where), and what the world says.
 * WAL_POISONED: nobody knows whether it happened, until the log is opened again.
 *
 * A reader that was opened before may still serve what was there when it was opened. When it finds
 * that it stands above the cut, or in a segment that is gone, it gets WAL_TRUNCATED, and is to be
 * opened again; it never serves records of both sides. One that stands at or below the cut goes on
 * with what is written after it. Pins do not hold a truncation back.
 */
WAL_CHECKED enum wal_err wal_truncate_after(struct wal_log *log, uint64_t lsn);

struct wal_stat {
    uint64_t first_lsn; /* The floor. */
    uint64_t durable_lsn;
    uint64_t accepted_lsn;
    uint64_t life;
    uint64_t segment;  /* The last segment, */
    uint64_t offset;   /* and where its next group will start. */
    uint64_t segments; /* Since the floor. */
    uint64_t records, groups, bytes_written, syncs, rotations, rollbacks, marks;
};

/* As it was at one moment, and at none before what the observer was told. Takes no lock and can be
 * called at any time. */
void wal_log_stat(struct wal_log *log, struct wal_stat *ret_stat);

/* Counts by duration. A bucket holds those above the upper end of the one before, up to its own. */
enum { WAL_HISTOGRAM_BUCKETS = 160 };

struct wal_histogram {
    uint64_t count, sum_ns, max_ns;
    uint64_t buckets[WAL_HISTOGRAM_BUCKETS];
};

/* How long it took: of each group, for its first record to be written (queue); of each sync, for
 * itself (sync) and for the first record that it made durable, since it was accepted (commit). */
struct wal_latencies {
    struct wal_histogram queue, sync, commit;
};

/* Takes no lock and can be called at any time. */
void wal_log_latencies(struct wal_log *log, struct wal_latencies *ret_latencies);

/* UINT64_MAX for the last. */
uint64_t wal_histogram_upper_ns(unsigned bucket);

/* So many thousandths took no longer than this; at most a quarter too much. 0 if there are none. */
uint64_t wal_histogram_quantile_ns(const struct wal_histogram *histogram, unsigned permille);

/* ---- Reading. Needs no lock, changes nothing, and works beside a live writer. ---- */

enum wal_read_mode {
    WAL_READ_STREAM, /* Through a buffer. */
    WAL_READ_MAPPED, /* What is durable is mapped, in windows: faster. What can't be mapped is read
                        through the buffer, so that both give the same to the byte. */
};

/* Where a group begins: a guess that saves walking to it. A wrong one is noticed, and then not
 * used. An array of them, taken every so often while reading, is an index. */
struct wal_bookmark {
    uint64_t lsn; /* Of the group's first record. */
    uint64_t segment;
    uint64_t offset;
};

struct wal_record;
typedef void wal_skipped(void *context, const struct wal_record *record);

struct wal_reader_options {
    uint64_t from_lsn;         /* 0: from the floor. */
    uint64_t witness_lsn;      /* Known durable from elsewhere, e.g. wal_log_stat().durable_lsn. */
    struct wal_cancel *cancel; /* May be NULL. */
    enum wal_read_mode mode;
    size_t window_bytes; /* At most so much is read ahead, or mapped at once, unless a group is
                            larger; 0: 256 KiB, or 16 MiB. */
    uint64_t poll_ns;    /* A follower looks for more at least so often; 0: each 10 ms. */
    /* If it is open in this process: what it knows durable is served at once, not when the mark
     * tells. Stays open as long as the reader. May be NULL. */
    struct wal_log *log;
    /* Serve the optional records, too; else skipped is shown each of them: it must not call the
     * reader, and may be NULL. */
    bool optional;
    wal_skipped *skipped;
    void *skipped_context;
    const struct wal_bookmark *bookmarks; /* May be NULL. */
    size_t bookmark_count;
};

struct wal_record {
    uint64_t lsn;
    uint64_t commit_ns; /* Monotone. */
    uint64_t wall_ns;   /* As the clock was. */
    const void *bytes;  /* Valid until the next call on this reader. */
    uint32_t len;
    uint32_t batch_index;
    bool batch_goes_on;
    bool lost;    /* A repair put it in the place of one that it did not find; it has no bytes. */
    uint8_t kind; /* WAL_RECORD_DATA, or an optional one that was asked for. */
    uint64_t segment;
    uint64_t offset; /* Of the record's header. */
};

/* Errors: WAL_NOTFOUND, WAL_NOTLOG, WAL_VERSION, WAL_CORRUPT, WAL_PRUNED (from_lsn below the
 * floor), and what the world says. */
WAL_CHECKED enum wal_err wal_reader_open(struct wal_io *io, const char *path,
                                         const struct wal_reader_options *options,
                                         struct wal_reader **ret_reader,
                                         struct wal_place *reterr_place);

/* The next durable record, in order, each batch whole. WAL_END: nothing further is known durable
 * (try again later to follow a live log). WAL_CORRUPT: the place; reading ends here, nothing
 * behind is served. Records of unknown kinds are skipped if optional; WAL_VERSION otherwise, with
 * the place. WAL_CANCELLED: within one group of the token being fired. */
WAL_CHECKED enum wal_err wal_reader_next(struct wal_reader *reader, struct wal_record *ret_record,
                                         struct wal_place *reterr_place);

/* The same, but where nothing further is known durable it waits: until there is a record, the
 * deadline passes (WAL_END) or the reader is cancelled (WAL_CANCELLED). A record is served at most
 * one mark_interval_ns and one poll_ns after it was acknowledged, and the time that takes; with
 * options.log at most one poll_ns. */
WAL_CHECKED enum wal_err wal_reader_follow(struct wal_reader *reader, uint64_t deadline_ns,
                                           struct wal_record *ret_record,
                                           struct wal_place *reterr_place);

/* Where a later reader would go on: behind what was served, and skipped. */
uint64_t wal_reader_next_lsn(const struct wal_reader *reader);

/* Of the group that was read last; false if there is none. */
bool wal_reader_bookmark(const struct wal_reader *reader, struct wal_bookmark *ret_bookmark);

/* The highest witness the reader knows: it serves up to it. */
uint64_t wal_reader_witness(const struct wal_reader *reader);

void wal_reader_close(struct wal_reader *reader);

/* ---- Pins. Need no lock, and work beside a live writer. ---- */

/* Durably forbid that anything at or above `lsn` is pruned, until the pin is taken away. Names are
 * 1 to WAL_PIN_NAME_MAX letters, digits, '-', '_' and '.' (not the first); the same name again
 * moves the pin. It binds pruning only: what is truncated goes, pinned or not. Errors: WAL_PRUNED
 * (the floor is above lsn; a pin that had the name is as it was), WAL_OPTION (the name, or lsn is
 * 0), WAL_NOTFOUND (no log), and what the world says: then the pin may stand or not. */
WAL_CHECKED enum wal_err wal_pin(struct wal_io *io, const char *path, const char *name,
                                 uint64_t lsn);

/* WAL_NOTFOUND: there is none. Any other error: it may stand or not. */
WAL_CHECKED enum wal_err wal_unpin(struct wal_io *io, const char *path, const char *name);

/* ---- Looking at a log without changing it. ---- */

enum wal_tail {
    WAL_TAIL_CLEAN,  /* Ends at its last record, and says so itself. */
    WAL_TAIL_EXACT,  /* Ends at its last record, though it was not closed. */
    WAL_TAIL_TORN,   /* Bytes after the last record that no witness misses. */
    WAL_TAIL_ROTTEN, /* Records that were durable are damaged or missing. */
};

struct wal_survey {
    uint8_t log_id[WAL_LOG_ID_BYTES];
    uint64_t life;
    uint64_t floor_lsn;
    uint64_t last_lsn;    /* L: the last valid record. */
    uint64_t witness_lsn; /* M: the highest LSN known durable. */
    uint64_t segments;
    uint64_t first_segment;
    uint64_t last_segment;
    uint64_t tail_offset;    /* Where the last segment's valid records end, */
    uint64_t witness_offset; /* where those at or below the witness end, */
    uint64_t tail_bytes;     /* and how many bytes follow tail_offset. */
    uint32_t block_bytes;
    enum wal_tail tail;
};

/* Reads the mark, the headers and every record (all: true) or those above the mark. Each damage
 * found is handed to `observe` as WAL_EVENT_CORRUPTION (may be NULL); the first one is also the
 * result WAL_CORRUPT. *ret_survey is filled when the result is WAL_OK or WAL_CORRUPT. */
WAL_CHECKED enum wal_err wal_verify(struct wal_io *io, const char *path, bool all,
                                    wal_observe *observe, void *observe_context,
                                    struct wal_survey *ret_survey, struct wal_place *reterr_place);

#ifdef __cplusplus
}
#endif

#endif
