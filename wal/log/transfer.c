/*
 * transfer.c - go on after short counts and interruptions, but not for ever.
 */
#include "wal/log/transfer.h"

enum { RETRIES_MAX = 16 };

static bool worth_another_try(enum wal_err err, unsigned *retries)
{
    if (err != WAL_INTERRUPTED && err != WAL_AGAIN) return false;
    return (*retries)++ < RETRIES_MAX;
}

enum wal_err log_read_full(struct wal_io *io, struct wal_file file, uint64_t offset, void *buffer,
                           size_t len, size_t *ret_len)
{
    uint8_t *p = buffer;
    size_t done = 0;
    unsigned retries = 0;

    while (done < len) {
        size_t n = 0;
        enum wal_err err = io_pread(io, file, offset + done, p + done, len - done, &n);
        if (worth_another_try(err, &retries)) continue;
        if (err) return err;
        if (n == 0) break;
        done += n;
        retries = 0;
    }
    *ret_len = done;
    return WAL_OK;
}

enum wal_err log_write_full(struct wal_io *io, struct wal_file file, uint64_t offset,
                            const void *buffer, size_t len)
{
    return log_write_aligned(io, file, offset, buffer, len, 1);
}

enum wal_err log_write_aligned(struct wal_io *io, struct wal_file file, uint64_t offset,
                               const void *buffer, size_t len, uint32_t align)
{
    const uint8_t *p = buffer;
    size_t done = 0;
    unsigned retries = 0;

    while (done < len) {
        size_t n = 0;
        enum wal_err err = io_pwrite(io, file, offset + done, p + done, len - done, &n);
        if (worth_another_try(err, &retries)) continue;
        if (err) return err;
        n -= n % align;
        if (n == 0 && retries++ == RETRIES_MAX) return WAL_AGAIN;
        done += n;
        if (n > 0) retries = 0;
        if (done < len) io_note(io, WAL_NOTE_SHORT_WRITE);
    }
    return WAL_OK;
}

bool log_err_is_sure(enum wal_err err)
{
    return err == WAL_NOSPACE || err == WAL_QUOTA || err == WAL_FILE_TOO_LARGE ||
           err == WAL_NOFILES || err == WAL_NOMEM || err == WAL_INTERRUPTED || err == WAL_AGAIN;
}
