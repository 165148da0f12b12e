/*
 * err.h - every way the world can refuse the log.
 *
 * An error here is never the caller's bug: a caller's bug (a NULL log) trips an assertion. Input
 * over a configured limit is not a bug either; it is refused with an error of its own, before
 * anything is written. Functions that can fail return enum wal_err and nothing else; what they
 * make comes out through ret_ parameters, which stay untouched on failure.
 */
#ifndef WAL_ERR_H
#define WAL_ERR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* clang-format off */
#define WAL_ERR_MAP(X)                                                                       \
    X(WAL_OK,             "ok")                                                              \
    /* What the operating system says. */                                                    \
    X(WAL_INTERRUPTED,    "the call was interrupted before it did anything")                 \
    X(WAL_AGAIN,          "the call would have blocked")                                     \
    X(WAL_IO,             "the device reported an error")                                    \
    X(WAL_NOSPACE,        "no space left on the device")                                     \
    X(WAL_QUOTA,          "disk quota exceeded")                                             \
    X(WAL_FILE_TOO_LARGE, "the file would exceed the largest size allowed")                  \
    X(WAL_NOFILES,        "too many open files")                                             \
    X(WAL_NOMEM,          "out of memory")                                                   \
    X(WAL_NOTFOUND,       "no such file or directory")                                       \
    X(WAL_EXISTS,         "the file already exists")                                         \
    X(WAL_NOTDIR,         "not a directory")                                                 \
    X(WAL_ACCESS,         "permission denied")                                               \
    X(WAL_READONLY,       "the file system is read-only")                                    \
    X(WAL_INVALID,        "the operating system refused an argument")                        \
    X(WAL_NODIRECT,       "direct I/O is not supported on this file")                        \
    X(WAL_LOCKED,         "in use by another process")                                       \
    X(WAL_TIMEOUT,        "the deadline passed")                                             \
    X(WAL_CANCELLED,      "cancelled by the caller")                                         \
    X(WAL_UNSUPPORTED,    "not supported by this world")                                     \
    /* What the log says. */                                                                 \
    X(WAL_END,            "no further record")                                               \
    X(WAL_NOTLOG,         "not a log")                                                       \
    X(WAL_VERSION,        "written by a newer version than this one reads")                  \
    X(WAL_CORRUPT,        "stored bytes are damaged or missing")                             \
    X(WAL_PRUNED,         "the record lies below the log's floor")                           \
    X(WAL_TRUNCATED,      "the record was truncated")                                        \
    X(WAL_POISONED,       "an earlier failure left the log's state unknown; reopen it")      \
    X(WAL_ROLLED_BACK,    "the append failed and its bytes were rolled back")                \
    X(WAL_CLOSED,         "the log is closing")                                              \
    X(WAL_RECORD_LIMIT,   "the record is larger than the log's limit")                       \
    X(WAL_BATCH_LIMIT,    "the batch is larger than the log's limit")                        \
    X(WAL_SEGMENT_LIMIT,  "the segment size cannot hold the limits asked for")               \
    X(WAL_OPTION,         "an option has a value that is not allowed")                       \
    X(WAL_NOTDURABLE,     "accepted but not durable, and by its policy the log won't sync")  \
    X(WAL_NOTROW,         "not a row, or a value is not of the form that its type demands")  \
    /* What an object store says. */                                                         \
    X(WAL_PRECONDITION,   "the object store's condition did not hold")                       \
    X(WAL_CONFLICT,       "a concurrent request won; nothing was applied")                   \
    X(WAL_THROTTLED,      "the object store asks to slow down")                              \
    X(WAL_UNAVAILABLE,    "the object store is unavailable; the outcome is unknown")         \
    X(WAL_DENIED,         "the object store denied access")                                  \
    X(WAL_SHORT_BODY,     "an object's body ended early or fails its checksum")
/* clang-format on */

enum wal_err {
#define WAL_ERR_ENUM(name, text) name,
    WAL_ERR_MAP(WAL_ERR_ENUM)
#undef WAL_ERR_ENUM
        WAL_ERR_COUNT
};

/* On every function that returns enum wal_err. */
#define WAL_CHECKED __attribute__((warn_unused_result))

/* The one way to drop an error, so that grep finds every place that does. Each says why. */
static inline void err_ignore(enum wal_err err)
{
    (void)err;
}

/* "WAL_NOSPACE". Static storage. */
const char *wal_err_name(enum wal_err err);

/* "no space left on the device". Static storage. */
const char *wal_err_text(enum wal_err err);

#ifdef __cplusplus
}
#endif

#endif
