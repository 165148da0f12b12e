/*
 * repair.h - make a damaged log usable again, by an explicit act that deletes nothing.
 *
 * A log that says WAL_CORRUPT stays as it is until somebody decides what the loss is to be. There
 * are two ways:
 *
 *     STOP      everything before the first record that is lost stays; what follows is given up,
 *               and its LSNs will be given away again.
 *     SALVAGE   every record that is valid stays; each one that is lost becomes a record of kind
 *               LOST, so that LSNs have no gaps. A reader hands it out as lost, never as data.
 *
 * A batch is kept whole or lost whole. What nothing tells of is not missed.
 *
 * What is kept is written into one new segment of a new life, synced, and then the mark changes
 * over to it: until that moment the log is what it was, after it the log is repaired, and a repair
 * that is interrupted anywhere is done again from the start. It takes as much space as the records
 * that are kept. The old segments and the old mark stay in the directory under names that end in
 * ".aside", which readers and writers ignore.
 */
#ifndef WAL_LOG_REPAIR_H
#define WAL_LOG_REPAIR_H

#include "wal/log/log.h"

#ifdef __cplusplus
extern "C" {
#endif

enum wal_repair_policy {
    WAL_REPAIR_STOP = 1,
    WAL_REPAIR_SALVAGE,
};

struct wal_repair_options {
    enum wal_repair_policy policy;
    bool apply;           /* Else nothing is changed, and the report says what would be. */
    uint64_t witness_lsn; /* Known durable from elsewhere; 0: none. */
    wal_observe *observe; /* May be NULL. WAL_EVENT_CORRUPTION for each run of LSNs that are lost,
                             and WAL_EVENT_REPAIRED when all is done. */
    void *observe_context;
};

struct wal_repair_report {
    bool needed;        /* Else nothing else is said, and nothing is done. */
    uint64_t floor_lsn; /* Of the log, which does not change. */
    uint64_t last_lsn;  /* Of the repaired log. */
    uint64_t kept;      /* Records that stay, */
    uint64_t lost;      /* and LSNs that were there and do not. */
    uint64_t segment;   /* The new one. */
    uint64_t aside;     /* Segments that are set aside. */
};

/* The directory is locked while it is repaired. Errors: WAL_NOTFOUND, WAL_NOTLOG, WAL_LOCKED,
 * WAL_VERSION, WAL_CORRUPT (no header of any segment tells of which log it is), WAL_OPTION, and
 * what the world says; then the log is what it was, or repaired, and the call can be repeated. */
WAL_CHECKED enum wal_err wal_repair(struct wal_io *io, const char *path,
                                    const struct wal_repair_options *options,
                                    struct wal_repair_report *ret_report);

#ifdef __cplusplus
}
#endif

#endif
