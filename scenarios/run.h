/*
 * run.h - one run of a scenario: what the seed drew, what is to be done, and what happened so far.
 * Private to scenarios/.
 *
 * A run boots a process on a simulated machine; its main task opens the log, reads it all back
 * (an observation), and starts the clients, which carry out the operations up to the next one that
 * ends the process. Whatever happens is put down in the history. When the process is dead, extra
 * crash images are recovered and judged on the side, the disk becomes one of the images, and the
 * next process boots. When no operation is left, faults stop, damage is lifted, and the log must
 * open, accept, acknowledge and close.
 *
 * Each operation is tried once: what a crash interrupted has an unknown outcome, and the properties
 * know it.
 */
#ifndef SCENARIOS_RUN_H
#define SCENARIOS_RUN_H

#include "scenarios/scenario_internal.h"
#include "sim/guard.h"
#include "wal/log/log.h"
#include "wal/log/row.h"

#define RUN_LOG_PATH "/log"

enum { CLIENTS_MAX = 8, TICKETS_MAX = 8, NOTICES_MAX = 64, MILESTONES_MAX = 512 };
enum { BOOKMARKS_MAX = 8 };
enum { RUN_ROW_BYTES_MAX = 65536, RUN_ROW_VALUES_MAX = 512 };

/* What the seed drew beside the case: chances, which a replay has no use for. */
struct run_odds {
    uint32_t crash, kill, alloc;
    uint32_t crashes_max;
    bool spare_boots;
    enum sim_policy policy;
    uint32_t switch_odds;
};

/* A growing list of observed records. */
struct record_list {
    struct history_record *records;
    uint32_t count, capacity;
};

struct ticket {
    struct wal_ticket ticket;
    uint32_t operation; /* Its number. */
};

/* A row that is made or read: nothing is called in between, so one is enough. */
struct run_row {
    struct wal_row_value values[RUN_ROW_VALUES_MAX];
    uint32_t count, pool_used;
    uint8_t pool[RUN_ROW_BYTES_MAX]; /* What the values point to. */
    uint8_t changed[RUN_ROW_BYTES_MAX];
    struct sim_guard guard; /* Where it is decoded. */
};

/* Somebody who wants to be called back. */
struct run_notice {
    struct wal_notice notice;
    uint32_t operation;
    uint32_t calls;
};

/* Where readings of this run, by whomever and of whatever life, have been: the last ones. */
struct run_bookmarks {
    struct wal_bookmark taken[BOOKMARKS_MAX];
    uint32_t count; /* Of all that were taken. */
};

struct boot;

struct run_client {
    struct runner *runner;
    struct boot *boot; /* Of its process. */
    uint32_t number;
    uint8_t *bytes; /* One batch; the client ruins it as soon as append has returned. */
    uint32_t bytes_capacity;
    struct record_list seen;
    struct ticket tickets[TICKETS_MAX]; /* As many as are counted below. */
    struct run_notice notices[NOTICES_MAX];

    /* ---- All from here on is zero when a run begins. ---- */
    uint32_t ticket_count;
    uint32_t notice_count;
    struct wal_cancel *cancel; /* NULL: it has none. */
};

/* A truncation that no other has met, and what the log said of itself just before. */
struct run_last_cut {
    bool alone;
    uint64_t lsn; /* Asked for. */
    uint64_t life, records;
};

/* A process: what it works with, and how it is doing, for the driver. There are two: a process that
 * is paused, a zombie, may come back while its successor runs. */
struct boot {
    struct runner *runner;
    struct run_client *clients;
    struct record_list *observed; /* What it read when it opened the log. */
    struct wal_log *log;
    void *foreign;        /* Instead of it, if the log under test is not ours. */
    uint64_t foreign_lsn; /* The highest LSN that it gave, or had when it was opened. */
    struct wal_io *io;
    bool opened;
    bool closing;
    uint32_t cutting;    /* So many clients truncate, pin or unpin. */
    uint32_t truncating; /* Of these: truncate. */
    struct run_last_cut cut;
    size_t opened_at, closing_at; /* So many events were in the history; SIZE_MAX: not yet. */
    bool damaged;                 /* CORRUPT was seen, or a sector could not be read. */
    bool broken;                  /* The log is poisoned: the process gives up. */
    uint32_t rollbacks;           /* That the log told of. */
    uint64_t rolled_back_lsn;     /* What was durable at the last of them. */
    uint32_t stopped_at;          /* So many of them some call to wal_sync has ended after. */
    uint32_t syncs_running;
    bool finished; /* All operations up to the end of the span are done. */
    uint32_t span_end;
    struct wal_task *tasks[CLIENTS_MAX];
};

/* First what outlives a run: memory, and what is filled before it is looked at. */
struct runner {
    struct sim_world *world;
    struct property_suite *suite;
    struct history history;
    struct fault_plan plan; /* Emptied where it is filled. */
    struct decoder *decoder;
    struct disk *look_disk, *copy_disk;
    struct run_row row;

    const struct scenario *scenario; /* NULL: a case is replayed. */
    struct run_options own_options;
    const struct run_options *options;

    struct operation *operations; /* Behind the last one: the probe, when faults have stopped. */
    uint32_t operation_count, operation_capacity;
    uint8_t *begun;           /* Operations that some client has. */
    struct sim_record replay; /* The decisions of the case that is replayed. */
    struct case_milestone milestones[MILESTONES_MAX];
    struct run_client clients[2][CLIENTS_MAX];
    struct record_list observed[2];
    struct record_list seen, seen_again; /* By processes on the side. */

    /* ---- All from here on is zero when a run begins. ---- */
    struct case_config config;
    struct wal_options log; /* Made from it. */
    struct run_odds odds;
    struct run_result result;
    uint32_t next; /* The first operation no client has begun; those behind it may be begun out of
                      order by other clients, see begun. */
    uint32_t milestone_count;
    uint32_t truncations; /* So many times somebody asked for one, or was told that it is done. */
    uint64_t must_lsn;    /* All up to here was acknowledged, */
    uint64_t served_lsn;  /* or served by a recovery. */
    struct boot boots[2];
    struct boot *boot;   /* The process that runs, or the last one. */
    struct boot *paused; /* The last one that was paused. */
    struct run_bookmarks bookmarks;
    enum fault_phase death; /* In which the last process died. */
    size_t alloc_next;      /* Decisions in which failed allocations were looked for. */
    uint32_t struck[FAULT_NUMBER_COUNT]; /* When the run has ended. */

    struct history_observation side; /* What a side process saw. */
    struct record_list *side_list;
    bool repair_needed, repaired; /* A side process had to repair its log, and did. */
    uint32_t repairs;             /* In this run. */
    struct boot *copier;          /* The process in which a client copies the log; NULL: none. */
    bool copied;                  /* The process made a copy that nobody has looked at. */
    bool judging;                 /* An extra image is looked at: if this kills us, that did. */
    size_t folded;                /* History events the properties have seen. */
    uint32_t failed_opens;        /* In a row. */
    bool power_lost;     /* The last process ended so: what is cached is what is durable. */
    uint32_t pages_lost; /* As of the last time that bytes could rot. */
    bool damage_told;    /* The properties count with damage at rest. */
    bool healed;
    bool probe;    /* The final boot: append and acknowledge something new. */
    bool has_rows; /* Some operation writes rows. */
};

/* run_begin.c: forgets the run before, and sets up this one, by runner->options. */
void run_begin(struct runner *runner);

/* swarm.c: draws config, odds, operations and the fault plan from the seed. */
void run_draw(struct runner *runner);
uint64_t run_entropy(const struct runner *runner, const char *label, uint64_t number);

/* run_case.c: takes config, operations and the fault plan from options.replay. */
void run_take_case(struct runner *runner);
/* Room for so many operations and the probe; none is begun. */
void run_reserve_operations(struct runner *runner, uint32_t count);
/* What must work when faults have stopped; always the same. */
struct operation run_probe_operation(uint32_t number);
/* A process died: what was at stake. */
void run_add_milestone(struct runner *runner, const struct sim_end *end);
/* result.cause, stale. */
void run_conclude(struct runner *runner);

/* Recover and judge one extra image of the loss of power just suffered; result and suite as for
 * the run's own. True if all held. */
bool run_judge_image(struct runner *runner, struct disk *disk, uint32_t k, uint64_t hash);

/* client.c: what runs on the process's tasks. */
void run_main_task(struct wal_io *io, void *arg);   /* arg: the boot */
void run_side_task(struct wal_io *io, void *arg);   /* arg: the runner */
void run_repair_task(struct wal_io *io, void *arg); /* The same, after a repair. */
wal_observe run_observe;                            /* The log's observer; context: the boot. */

/* Does it have a log that is open? */
bool run_has_log(const struct boot *boot);
/* Make the operation's records in the client's buffer and tell the history; how many bytes. */
uint32_t run_submit(struct run_client *client, const struct operation *operation,
                    struct wal_slice *slices);

/* client_foreign.c: the same for a log that is not ours. run_foreign_operate: false if the
 * operation is not about the log. */
void run_foreign_recover(struct runner *runner, struct boot *boot, struct wal_io *io,
                         struct record_list *list, struct history_observation *ret_observation);
bool run_foreign_operate(struct run_client *client, const struct operation *operation);
enum wal_err run_foreign_close(struct boot *boot);

/* What the client sees and is told. Nothing is put down of a zombie: it was given up. */
void run_put_down(struct runner *runner, struct history_event event);
void run_put_down_failure(struct boot *boot, uint32_t operation, enum wal_err err);
void run_put_down_error(struct boot *boot, uint32_t operation, enum history_error error);
void run_put_down_ack(struct runner *runner, uint32_t operation, uint64_t last_lsn);

/* client_stat.c: the log's numbers. False: they cannot be right, and the history says so. */
bool run_stat(struct boot *boot, uint32_t operation, struct wal_stat *ret_stat);
/* Somebody looks at them again and again, as long as a truncation runs. */
enum { RUN_WATCHED_BACK = 16 }; /* TRUNCATE_WATCHED: the argument modulo this is how many go, */
struct run_onlooker {
    struct boot *boot;
    uint32_t operation;
    uint64_t after_ns; /* and the rest says when the onlooker begins. */
    bool over;
    struct wal_task *task;
};
void run_look_on(struct run_onlooker *onlooker);
void run_look_away(struct run_onlooker *onlooker);

/* client_cut.c: truncate, prune, pin and unpin. */
void run_cut(struct run_client *client, const struct operation *operation);
bool run_cuts(enum operation_kind kind);
/* What it failed with is the caller's to put down. */
enum wal_err run_truncate_after(struct run_client *client, uint32_t number, uint64_t last_lsn);
/* client_read.c: how the log is read. */
struct run_reading {
    struct runner *runner;       /* Rows are judged for it; NULL: they are not. */
    const uint64_t *row_entropy; /* run_read_row's. */
    uint64_t from_lsn;           /* 0: from the floor, */
    uint64_t floor_lsn;          /* which is this. */
    uint64_t witness_lsn;
    enum wal_read_mode mode;
    size_t window_bytes;
    struct wal_log *log; /* NULL: as somebody else would. */
    bool use_log, use_bookmark;
    struct wal_bookmark bookmark;    /* Where it begins, if it may. */
    struct run_bookmarks *bookmarks; /* Where a later one may; NULL: nobody cares. */
    bool follows;
    uint64_t follow_ns; /* So long; then the time has come, or it is cancelled. */
    bool cancels;
    bool deaf;                       /* Out: it served a record after it was cancelled. */
    struct history_observation rows; /* Out: what was wrong with those read. */
};
struct run_reading run_reading_choose(struct run_client *client, const struct operation *operation,
                                      const struct wal_stat *stat);
/* Records of kinds that are skipped are in the list all the same, if they are there. */
void run_read(struct wal_io *io, struct run_reading *reading, struct record_list *list,
              struct history_observation *ret_observation);
void run_list_add(struct record_list *list, struct history_record record);
struct history_place run_place(const struct wal_place *place);

/* client_ticket.c: what becomes of records that were accepted. */
void run_wait_for(struct run_client *client, const struct ticket *ticket,
                  const struct wal_patience *patience);
void run_wait_for_all(struct run_client *client);
bool run_is_stopped(const struct boot *boot);
/* Where there is no room for it, nobody ever asks. */
void run_keep_ticket(struct run_client *client, const struct ticket *ticket);
void run_poll_all(struct run_client *client);
void run_notify(struct run_client *client, const struct ticket *ticket);
/* After the log was closed: has everybody been called back, and once? */
void run_check_notices(struct boot *boot);

/* payload.c: make the bytes of the operation's record `index`. */
void run_fill(struct runner *runner, const struct operation *operation, uint32_t index,
              uint8_t *bytes);

/* row_payload.c: make them a row, if they are enough; and decode what was read, if it is a row, and
 * (entropy not NULL) copies of it that are changed so. What goes wrong is put in the observation.
 */
bool run_fill_row(struct runner *runner, const struct operation *operation, uint32_t index,
                  uint8_t *bytes);
void run_read_row(struct runner *runner, const struct wal_record *record, const uint64_t *entropy,
                  struct history_observation *observation);

/* copy.c: copy the log's files, piece by piece, to copy_disk. */
void run_copy(struct boot *boot);

/* phase.c: what a file is, and the phase of fault_plan (context: the runner). */
enum run_file { RUN_FILE_NONE, RUN_FILE_SEGMENT, RUN_FILE_MARK, RUN_FILE_OTHER };
enum run_file run_file(const struct runner *runner, disk_inode inode);
enum fault_phase run_phase(void *context, const struct sim_point *point);
/* Faults that do not strike at a call: a process died; power was lost and the image that the run
 * goes on with shows this, by the decisions from first_decision on; an allocation failed, which
 * is event `index` of the history; a copy was made of a log in use. */
void run_count_death(struct runner *runner, const struct sim_end *end);
void run_count_crash(struct runner *runner, const struct disk_crash_tally *tally,
                     size_t first_decision);
void run_count_alloc(struct runner *runner, size_t index);
void run_count_copy(struct runner *runner);

/* damage.c: may damage durable bytes while nobody runs. */
void run_damage(struct runner *runner);

/* Is it a segment whose sync is about to fail, and up to where is the log durable before it? */
bool run_durable_lsn(void *context, const struct sim_point *point, uint64_t *ret_lsn);

#endif
