/*
 * log_state.h - an open log: what it consists of, and who may touch what.
 *
 * Three kinds of members. What open sets and nobody changes. What belongs to the task that leads
 * (lead.c), from the time the committer is spawned until it is joined; while nobody leads, to
 * whoever has the mutex. What the mutex guards; it is never held across a call that reads or writes
 * a file.
 */
#ifndef WAL_LOG_LOG_STATE_H
#define WAL_LOG_LOG_STATE_H

#include <stdatomic.h>

#include "wal/io.h"
#include "wal/log/histogram.h"
#include "wal/log/log.h"
#include "wal/log/mark.h"
#include "wal/log/prepare.h"
#include "wal/log/survey.h"

enum {
    LOG_ROLLBACKS_KEPT = 64,     /* So many are remembered, with the reason, for old tickets. */
    LOG_LINGER_NS = 1000 * 1000, /* What nobody asks for is written then. */
    LOG_TELL_WATCHERS = 4,       /* And 1, 2: those who wait for what lies in queue 0, 1. */
    LOG_TELL_ALL = 7,
};

/* The most urgent first. */
enum log_step {
    LOG_STEP_NONE,
    LOG_STEP_SYNC,
    LOG_STEP_COMMAND,
    LOG_STEP_GROUP,
    LOG_STEP_CLOSE,
    LOG_STEP_MARK,
};

/* Appenders fill one of two while the other is written. Room for the group header is kept
 * before the records, and for padding behind them, so that a group is one write. */
struct log_queue {
    uint8_t *bytes;
    uint32_t used; /* By records, which begin at bytes + WAL_GROUP_HEADER_BYTES. */
    uint32_t count;
    uint32_t appends;
    uint64_t first_lsn;
    uint64_t since_ns;   /* The first of them lies here. */
    uint32_t zeros_from; /* Of all bytes, these are known to be zero, */
    uint32_t zeros_to;   /* if there are any between the two. Of the task that leads. */
};

/* stat.c: the numbers for whoever has no lock. */
struct log_published {
    _Atomic uint64_t turn; /* Odd while the words are being changed. */
    _Atomic uint64_t words[sizeof(struct wal_stat) / sizeof(uint64_t)];
};

struct log_rollback {
    uint64_t epoch; /* The one that it ended. */
    uint64_t kept_lsn;
    enum wal_err err;
};

/* The segment that is written to, and how far. */
struct log_tip {
    struct wal_file file;
    uint64_t segment;
    uint64_t begun_lsn; /* Durable before the segment was: durable_lsn in its header. */
    uint64_t offset;    /* Where the next group goes. */
    uint64_t bytes_max;
    uint32_t binding;
    bool spent; /* A group was rolled back: go on in a fresh one. */
    uint64_t written_lsn;
    uint64_t durable_lsn;
    uint64_t durable_offset;
    uint64_t commit_ns; /* Of what is written, */
    uint64_t durable_commit_ns;
    uint64_t since_ns; /* When the first was accepted of what is written and not durable. */
};

/* What only who leads can do, because the mark and the names are his own. */
enum log_command_kind { LOG_COMMAND_PRUNE, LOG_COMMAND_TRUNCATE };

/* On the stack of the task that waits for it. */
struct log_command {
    enum log_command_kind kind;
    uint64_t lsn;
    uint64_t floor_lsn; /* Prune: the floor reached. */
    bool truncated;     /* Truncate: there was something above. */
    enum wal_err err;
    bool done;
};

struct log_counts {
    uint64_t groups, bytes_written, syncs, rotations, marks;
};

/* When the mark is to be renewed. WAL_NO_DEADLINE: it is synced and says all there is to say. */
struct log_mark_timer {
    uint64_t due_ns;
    bool behind; /* Something became durable that it doesn't know. */
};

struct wal_log {
    /* Set by open. */
    struct wal_io *io;
    size_t memory_bytes;
    struct wal_options options;
    struct wal_dir dir;
    struct wal_file lock;
    uint8_t log_id[WAL_LOG_ID_BYTES];
    uint32_t block_bytes;
    unsigned file_flags;   /* WAL_OPEN_DIRECT, WAL_OPEN_DSYNC: how the tip is written to, */
    uint32_t direct_align; /* and what that demands; 1: nothing. */
    struct wal_task *committer;
    struct wal_mutex *mutex;
    struct wal_cond *work;       /* For the committer. */
    struct wal_cond *decided[2]; /* By queue: what became of what lies in it; or it wants one to
                                    lead. For those who wait as long as it takes, */
    struct wal_cond *moved;      /* and for the watchers, whatever it is. */
    struct wal_cond *room;       /* The queue was emptied. */
    struct log_preparer preparer;

    /* Of the task that leads. */
    uint64_t life;
    uint64_t cut_life; /* What the latest truncation began, */
    uint64_t cut_lsn;  /* and kept. */
    uint64_t floor_lsn;
    uint64_t floor_segment;
    uint64_t pruning_lsn; /* For the mark, while a prune is under way. */
    struct log_tip tip;
    struct log_mark mark;
    struct log_mark_timer mark_timer;
    uint64_t sync_due_ns;     /* WAL_SYNC_INTERVAL: what is written is to be synced by then. */
    struct log_counts counts; /* Copied to stat whenever something is published. */

    /* Guarded by the mutex. */
    struct log_queue queues[2];
    unsigned accepting; /* Which of the two. */
    uint64_t accepted_lsn;
    uint64_t durable_lsn;
    uint64_t sync_wanted_lsn; /* Somebody waits for this to be durable. */
    uint64_t epoch;
    struct log_rollback rollbacks[LOG_ROLLBACKS_KEPT]; /* That of epoch e is at e % size. */
    struct log_command *command;                       /* Asked for and not done yet. */
    struct wal_notice *notices;                        /* In the order of their tickets. */
    struct wal_notice *last_notice;
    bool poisoned;
    bool closing;
    bool ended;            /* The committer is done: nothing moves any more. */
    bool led;              /* Somebody leads. */
    uint64_t led_count;    /* So often was it over. */
    bool hurry;            /* Somebody asked for what is queued, and went away again. */
    bool committer_waits;  /* Until then, */
    uint64_t committer_ns; /* if nobody wakes it. */
    unsigned told;         /* Whom to wake as soon as the mutex is let go: LOG_TELL_. */
    unsigned patient[2];   /* Who waits for decided, and was not told yet. */
    uint64_t turns[2];     /* So often were they told. */
    unsigned watchers;     /* Who waits for moved, */
    unsigned waiters;      /* who waits for any of this, or leads meanwhile, */
    unsigned room_waiters; /* and who for room. */
    enum wal_err close_err;
    enum wal_err unheard_err; /* Of the last rollback, until somebody was told of it, */
    uint64_t unheard_epoch;   /* and which epoch it ended. */
    enum wal_err stopped_err; /* stop_on_rollback: of the last, until wal_sync has said so. */
    struct wal_stat stat;     /* Published with log_stat_publish. */

    /* Read without the mutex; it is who leads that adds to the histograms. */
    struct log_published published;
    struct log_histogram queued, synced, committed;
};

/* recover.c: make the log in the surveyed directory fit to be written to. `log` has its options,
 * directory and lock; on success also what else open sets, its tip and its mark. */
WAL_CHECKED enum wal_err log_create(struct wal_log *log, struct log_survey *survey,
                                    const char *path);
WAL_CHECKED enum wal_err log_recover(struct wal_log *log, struct log_survey *survey,
                                     struct wal_place *reterr_place);

/* stat.c: with the mutex held, after any of it has changed. */
void log_stat_publish(struct wal_log *log);
/* The same, if only accepted_lsn and stat.records have: cheaper, for each append. */
void log_stat_accepted(struct wal_log *log);

/* append.c: with the mutex held: somebody who waited (one of log->waiters or of log->room_waiters)
 * does so no longer, and may be whom wal_close waits for. */
void log_leave(struct wal_log *log, unsigned *waiters);

/* With the mutex held: is it decided what becomes of the ticket? Durable up to where, or
 * which error, and the first LSN that it keeps from being durable. */
bool log_ticket_decided(struct wal_log *log, const struct wal_ticket *ticket, enum wal_err *ret_err,
                        uint64_t *ret_lsn);

/* committer.c: do it, for who leads. With the mutex held, but not all the time. */
void log_step_run(struct wal_log *log, enum log_step step);

/* lead.c: the background task. */
void log_committer(void *arg);

/* With the mutex held. If nobody leads and there is something to do, lead until the ticket is
 * decided or the command done (either may be NULL). False: there was nothing to do. */
bool log_lead(struct wal_log *log, const struct wal_ticket *ticket,
              const struct log_command *command);

/* With the mutex held: the committer is to look by then, or at once (0), if nobody leads. Who leads
 * sees to it himself. */
void log_wake_committer(struct wal_log *log, uint64_t by_ns);

/* With the mutex held: when the committer is to write what is queued, if nobody else does. */
uint64_t log_queue_due_ns(const struct wal_log *log);

/* Let go of the mutex, and wake those who were told; first the heir, who may be NULL. */
void log_let_go(struct wal_log *log, struct wal_cond *heir);

/* The mark with what the tip and the floor are now. Only who leads may. */
WAL_CHECKED enum wal_err log_renew_mark(struct wal_log *log, bool sync, bool clean, bool *unsure);

/* Have it done. One at a time. */
WAL_CHECKED enum wal_err log_command_wait(struct wal_log *log, struct log_command *command);

/* prune.c; for who leads. */
WAL_CHECKED enum wal_err log_prune(struct wal_log *log, struct log_command *command, bool *unsure);

/* The last segment that begins at or below the LSN. */
WAL_CHECKED enum wal_err log_segment_holding(struct wal_log *log, uint64_t lsn,
                                             struct wal_segment_header *ret_header);

/* WAL_LOCKED: the mark that bears the name is another writer's. */
WAL_CHECKED enum wal_err log_mark_is_ours(struct wal_log *log);

/* Tell the observer, if it is damage. */
void log_report_damage(const struct wal_log *log, enum wal_err err, struct wal_place place);

/* truncate.c; log_truncate is for who leads, with all that was accepted durable. */
WAL_CHECKED enum wal_err log_truncate(struct wal_log *log, struct log_command *command,
                                      bool *unsure);

/* A number for the life after this one. */
WAL_CHECKED enum wal_err log_life_after(struct wal_io *io, uint64_t life, uint64_t *ret_life);

/* Take away, durably, a segment of an earlier life that has the number which the next one needs: of
 * a writer that lost its lock. WAL_LOCKED: it is of ours, or of a later one. */
WAL_CHECKED enum wal_err log_leftover_remove(struct wal_log *log, uint64_t number);

/* The first segment of a new life gets its name: from a leftover that is known to have it, or from
 * none. All else as log_segment_publish. */
WAL_CHECKED enum wal_err log_segment_put(struct wal_log *log, const char *tmp_name, uint64_t number,
                                         bool replaces);

static inline void log_emit(const struct wal_options *options, struct wal_event event)
{
    if (options->observe != NULL) options->observe(options->observe_context, &event);
}

#endif
