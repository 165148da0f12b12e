/*
 * host_errno.c - what errno means to the log.
 *
 * The log goes on after some errors (no space) and poisons itself after others (a broken device),
 * so a row that is too kind loses data. What is not listed is therefore WAL_IO. ETIMEDOUT and
 * ESTALE, which network file systems give when a write's outcome is unknown, are left out on
 * purpose.
 */
#include <errno.h>
#include <stddef.h>

#include "wal/host/host_errno.h"

static const struct {
    int number;
    enum wal_err err;
} errno_rows[] = {
    /* clang-format off */
    {EINTR, WAL_INTERRUPTED},
    {EAGAIN, WAL_AGAIN},
    {EIO, WAL_IO},
    {ENOSPC, WAL_NOSPACE},
    {EDQUOT, WAL_QUOTA},
    {EFBIG, WAL_FILE_TOO_LARGE},
    {EMFILE, WAL_NOFILES},
    {ENFILE, WAL_NOFILES},
    {ENOMEM, WAL_NOMEM},
    {ENOENT, WAL_NOTFOUND},
    {EEXIST, WAL_EXISTS},
    {ENOTEMPTY, WAL_EXISTS}, /* POSIX lets rename say either. */
    {ENOTDIR, WAL_NOTDIR},
    {EACCES, WAL_ACCESS},
    {EPERM, WAL_ACCESS},
    {EROFS, WAL_READONLY},
    {EINVAL, WAL_INVALID},
    {EISDIR, WAL_INVALID},
    {ELOOP, WAL_INVALID},
    {ENAMETOOLONG, WAL_INVALID},
    {EOPNOTSUPP, WAL_UNSUPPORTED},
    {ENOSYS, WAL_UNSUPPORTED},
    /* clang-format on */
};

enum wal_err host_errno(int number)
{
    for (size_t i = 0; i < sizeof(errno_rows) / sizeof(errno_rows[0]); i++) {
        if (errno_rows[i].number == number) return errno_rows[i].err;
    }
    return WAL_IO;
}
