/*
 * error_class.c - the class in which the history puts each error, of a call or of a log.
 */
#include <stddef.h>

#include "sim/world.h"

/* clang-format off */
static const struct { enum wal_err err; enum history_error error; } error_classes[] = {
    { WAL_OK,             HISTORY_OK },          { WAL_INTERRUPTED, HISTORY_INTERRUPTED },
    { WAL_AGAIN,          HISTORY_INTERRUPTED }, { WAL_IO,          HISTORY_IO },
    { WAL_NOSPACE,        HISTORY_NOSPACE },     { WAL_QUOTA,       HISTORY_NOSPACE },
    { WAL_FILE_TOO_LARGE, HISTORY_NOSPACE },     { WAL_NOFILES,     HISTORY_NOSPACE },
    { WAL_NOMEM,          HISTORY_NOMEM },       { WAL_LOCKED,      HISTORY_LOCKED },
    { WAL_CORRUPT,        HISTORY_CORRUPT },     { WAL_VERSION,     HISTORY_VERSION },
    { WAL_POISONED,       HISTORY_POISONED },    { WAL_ROLLED_BACK, HISTORY_ROLLED_BACK },
    { WAL_PRUNED,         HISTORY_BELOW_FLOOR }, { WAL_RECORD_LIMIT, HISTORY_LIMIT },
    { WAL_TRUNCATED,      HISTORY_CUT_OFF },
    { WAL_BATCH_LIMIT,    HISTORY_LIMIT },       { WAL_SEGMENT_LIMIT, HISTORY_LIMIT },
};
/* clang-format on */

enum history_error sim_error_class(enum wal_err err)
{
    for (size_t i = 0; i < sizeof error_classes / sizeof error_classes[0]; i++) {
        if (error_classes[i].err == err) return error_classes[i].error;
    }
    return HISTORY_OTHER;
}
