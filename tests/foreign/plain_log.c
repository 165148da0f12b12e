/*
 * plain_log.c - a log that is not ours, as small as one can be, and the table that brings it in.
 *
 * One file, `log` (and one to be locked): a header with a generation, then records. Whoever opens
 * the log, or truncates it, copies what is valid to a file of a new generation, syncs it, renames
 * it into place and syncs the directory: so what is served is durable, whatever an earlier sync may
 * have said. After any failed write or sync nothing is accepted.
 *
 *     file     0   8  magic    8   8  generation
 *     record   0   8  lsn      8   4  length    12   4  checksum of generation, lsn, length,
 * payload 16   .  payload
 *
 * With -DPLAIN_LOG_FLAW=N it is wrong in one of the ways that such logs are; see FLAW_ below. The
 * test of the harness builds each.
 */
#include <string.h>

#include "scenarios/foreign.h"

#ifndef PLAIN_LOG_FLAW
#define PLAIN_LOG_FLAW 0
#endif

enum {
    FLAW_NO_DIRECTORY_SYNC = 1, /* The new file's name is not made durable. */
    FLAW_NO_CHECKSUM = 2,       /* A torn record is taken for a whole one. */
    FLAW_SYNC_IS_RETRIED = 3,   /* A sync that failed is tried again, and believed. */
    FLAW_APPENDS_IN_PLACE = 4,  /* Opening syncs what it finds instead of copying it. */
    FLAW_NO_LOCK = 5,           /* Two clients append at a time. */
};

enum { HEAD_BYTES = 16, RECORD_BYTES = 16, PAYLOAD_MAX = 1 << 16 };
enum { MAGIC_BYTES = 8 };
static const char magic[MAGIC_BYTES] = "PLAINLOG";

struct plain_log {
    struct wal_io *io;
    struct wal_mutex *mutex;
    struct wal_dir dir;
    struct wal_file lock, file;
    uint64_t generation, end, lsn; /* Where the next record goes, and the last one's LSN. */
    uint64_t durable_end, durable_lsn;
    bool poisoned;
};

/* ---- Bytes ---- */

static enum wal_err write_all(struct wal_io *io, struct wal_file file, uint64_t offset,
                              const void *bytes, size_t len)
{
    const uint8_t *p = bytes;

    while (len > 0) {
        size_t done = 0;
        enum wal_err err = io_pwrite(io, file, offset, p, len, &done);
        if (err == WAL_INTERRUPTED || err == WAL_AGAIN) continue;
        if (err) return err;
        offset += done;
        p += done;
        len -= done;
    }
    return WAL_OK;
}

/* *ret_len: less only at the end of the file. */
static enum wal_err read_all(struct wal_io *io, struct wal_file file, uint64_t offset, void *bytes,
                             size_t len, size_t *ret_len)
{
    size_t done = 0;

    while (done < len) {
        size_t got = 0;
        enum wal_err err =
            io_pread(io, file, offset + done, (uint8_t *)bytes + done, len - done, &got);
        if (err == WAL_INTERRUPTED || err == WAL_AGAIN) continue;
        if (err) return err;
        if (got == 0) break;
        done += got;
    }
    *ret_len = done;
    return WAL_OK;
}

static uint32_t checksum(uint64_t generation, const uint8_t head[12], const void *payload,
                         size_t len)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    const uint8_t *p = payload;

    for (int i = 0; i < 64; i += 8) hash = (hash ^ (uint8_t)(generation >> i)) * 16777619U;
    for (int i = 0; i < 12; i++) hash = (hash ^ head[i]) * 16777619U;
    for (size_t i = 0; i < len; i++) hash = (hash ^ p[i]) * 16777619U;
    return hash;
}

static void record_head(uint8_t head[RECORD_BYTES], uint64_t generation, uint64_t lsn,
                        const void *payload, size_t len)
{
    uint32_t length = (uint32_t)len;

    memcpy(head, &lsn, 8);
    memcpy(head + 8, &length, 4);
    uint32_t sum = checksum(generation, head, payload, len);
    memcpy(head + 12, &sum, 4);
}

/* WAL_END: there is no valid record at the offset. The payload is to be freed, also if empty. */
static enum wal_err read_record(struct wal_io *io, struct wal_file file, uint64_t generation,
                                uint64_t offset, uint64_t lsn, uint8_t **ret_payload,
                                uint32_t *ret_len)
{
    uint8_t head[RECORD_BYTES];
    uint64_t found_lsn;
    uint32_t len, sum;
    size_t got = 0;

    enum wal_err err = read_all(io, file, offset, head, sizeof head, &got);
    if (err) return err;
    if (got < sizeof head) return WAL_END;
    memcpy(&found_lsn, head, 8);
    memcpy(&len, head + 8, 4);
    memcpy(&sum, head + 12, 4);
    if (found_lsn != lsn || len > PAYLOAD_MAX) return WAL_END;

    uint8_t *payload = io_alloc(io, (size_t)len + 1);
    if (payload == NULL) return WAL_NOMEM;
    err = len == 0 ? WAL_OK : read_all(io, file, offset + RECORD_BYTES, payload, len, &got);
    if (err == WAL_OK && len > 0 && got < len) err = WAL_END;
    if (err == WAL_OK && PLAIN_LOG_FLAW != FLAW_NO_CHECKSUM &&
        sum != checksum(generation, head, payload, len)) {
        err = WAL_END;
    }
    if (err) {
        io_free(io, payload, (size_t)len + 1);
        return err;
    }
    *ret_payload = payload;
    *ret_len = len;
    return WAL_OK;
}

static enum wal_err put_record(struct plain_log *log, const void *bytes, size_t len)
{
    uint8_t head[RECORD_BYTES];

    record_head(head, log->generation, log->lsn + 1, bytes, len);
    enum wal_err err = write_all(log->io, log->file, log->end, head, sizeof head);
    if (err == WAL_OK && len > 0) {
        err = write_all(log->io, log->file, log->end + sizeof head, bytes, len);
    }
    if (err) return err;
    log->end += sizeof head + len;
    log->lsn++;
    return WAL_OK;
}

/* ---- A new generation ---- */

/* The valid records of a file up to an LSN, into the log's own. */
static enum wal_err copy_records(struct plain_log *log, struct wal_file from, uint64_t generation,
                                 uint64_t last_lsn)
{
    uint64_t offset = HEAD_BYTES;

    while (log->lsn < last_lsn) {
        uint8_t *payload;
        uint32_t len;
        enum wal_err err =
            read_record(log->io, from, generation, offset, log->lsn + 1, &payload, &len);
        if (err == WAL_END) break;
        if (err) return err;
        err = put_record(log, payload, len);
        io_free(log->io, payload, (size_t)len + 1);
        if (err) return err;
        offset += RECORD_BYTES + len;
    }
    return WAL_OK;
}

/* The log's file is a new one, with the valid records of the old one (if there is one) up to
 * last_lsn. On an error the log is as it was, but which of the two has the name is not known. */
static enum wal_err renew(struct plain_log *log, struct wal_file old, uint64_t generation,
                          uint64_t last_lsn)
{
    struct plain_log fresh = *log;
    uint8_t head[HEAD_BYTES];

    fresh.generation = generation + 1;
    fresh.end = HEAD_BYTES;
    fresh.lsn = 0;
    memcpy(head, magic, MAGIC_BYTES);
    memcpy(head + MAGIC_BYTES, &fresh.generation, 8);
    enum wal_err err = io_unlink(log->io, log->dir, "new");
    if (err != WAL_OK && err != WAL_NOTFOUND) return err;
    err = io_open(log->io, log->dir, "new", WAL_OPEN_WRITE | WAL_OPEN_CREATE, &fresh.file, NULL);
    if (err) return err;
    err = write_all(log->io, fresh.file, 0, head, sizeof head);
    if (err == WAL_OK && old.id >= 0) err = copy_records(&fresh, old, generation, last_lsn);
    if (err == WAL_OK) err = io_fsync(log->io, fresh.file);
    if (err == WAL_OK) err = io_rename(log->io, log->dir, "new", "log");
    if (err == WAL_OK && PLAIN_LOG_FLAW != FLAW_NO_DIRECTORY_SYNC) {
        err = io_fsync_dir(log->io, log->dir);
    }
    if (err) {
        err_ignore(io_close(log->io, fresh.file)); /* Nobody believes what it holds. */
        return err;
    }
    fresh.durable_end = fresh.end;
    fresh.durable_lsn = fresh.lsn;
    if (log->file.id >= 0) err_ignore(io_close(log->io, log->file)); /* It has no name. */
    *log = fresh;
    return WAL_OK;
}

/* The generation of the file; 0 if it has no header, as one whose creation was cut off. */
static enum wal_err read_generation(struct plain_log *log, struct wal_file file,
                                    uint64_t *ret_generation)
{
    uint8_t head[HEAD_BYTES];
    size_t got = 0;

    enum wal_err err = read_all(log->io, file, 0, head, sizeof head, &got);
    if (err) return err;
    *ret_generation = 0;
    if (got < sizeof head || memcmp(head, magic, MAGIC_BYTES) != 0) return WAL_OK;
    memcpy(ret_generation, head + MAGIC_BYTES, 8);
    return WAL_OK;
}

static enum wal_err keep(struct plain_log *log, struct wal_file old, uint64_t generation)
{
    log->file = old;
    log->generation = generation;
    log->end = HEAD_BYTES;
    for (;;) {
        uint8_t *payload;
        uint32_t len;
        enum wal_err err =
            read_record(log->io, old, generation, log->end, log->lsn + 1, &payload, &len);
        if (err == WAL_END) break;
        if (err) return err;
        io_free(log->io, payload, (size_t)len + 1);
        log->end += RECORD_BYTES + len;
        log->lsn++;
    }
    log->durable_end = log->end;
    log->durable_lsn = log->lsn;
    return io_fdatasync(log->io, old);
}

static enum wal_err recover(struct plain_log *log)
{
    struct wal_file old = WAL_FILE_NONE;
    uint64_t generation = 0;

    enum wal_err err = io_open(log->io, log->dir, "log", WAL_OPEN_WRITE, &old, NULL);
    if (err == WAL_NOTFOUND) return renew(log, old, 0, UINT64_MAX);
    if (err) return err;
    err = read_generation(log, old, &generation);
    if (PLAIN_LOG_FLAW == FLAW_APPENDS_IN_PLACE && err == WAL_OK && generation != 0) {
        return keep(log, old, generation);
    }
    if (err == WAL_OK) err = renew(log, old, generation, UINT64_MAX);
    err_ignore(io_close(log->io, old)); /* It was only read. */
    return err;
}

/* The directory may be as new as the log. Its name is made durable with the root's, where the
 * harness puts it. */
static enum wal_err sync_name(struct wal_io *io)
{
    struct wal_dir root;

    enum wal_err err = io_dir_open(io, "/", &root);
    if (err) return err;
    err = io_fsync_dir(io, root);
    io_dir_close(io, root);
    return err;
}

/* ---- The table ---- */

static enum wal_err plain_close(void *opaque)
{
    struct plain_log *log = opaque;
    struct wal_io *io = log->io;

    if (log->file.id >= 0) err_ignore(io_close(io, log->file)); /* It flushes nothing. */
    if (log->lock.id >= 0) err_ignore(io_close(io, log->lock)); /* It is empty. */
    if (log->dir.id >= 0) io_dir_close(io, log->dir);
    if (log->mutex != NULL) io_mutex_destroy(io, log->mutex);
    io_free(io, log, sizeof *log);
    return WAL_OK;
}

static enum wal_err plain_open(struct wal_io *io, const char *path, void **ret_log)
{
    struct plain_log *log = io_alloc(io, sizeof *log);

    if (log == NULL) return WAL_NOMEM;
    *log = (struct plain_log){
        .io = io, .dir = WAL_DIR_NONE, .lock = WAL_FILE_NONE, .file = WAL_FILE_NONE};
    enum wal_err err = io_mutex_create(io, &log->mutex);
    if (err == WAL_OK) err = io_mkdir(io, path);
    if (err == WAL_EXISTS) err = WAL_OK;
    if (err == WAL_OK) err = io_dir_open(io, path, &log->dir);
    if (err == WAL_OK) {
        unsigned flags = WAL_OPEN_WRITE | WAL_OPEN_CREATE;
        err = io_open(io, log->dir, "lock", flags, &log->lock, NULL);
    }
    if (err == WAL_OK) err = io_lock(io, log->lock);
    if (err == WAL_OK) err = recover(log);
    if (err == WAL_OK) err = sync_name(io);
    if (err) {
        err_ignore(plain_close(log)); /* The first error is told. */
        return err;
    }
    *ret_log = log;
    return WAL_OK;
}

static void lock(struct plain_log *log)
{
    if (PLAIN_LOG_FLAW != FLAW_NO_LOCK) io_mutex_lock(log->io, log->mutex);
}

static void unlock(struct plain_log *log)
{
    if (PLAIN_LOG_FLAW != FLAW_NO_LOCK) io_mutex_unlock(log->io, log->mutex);
}

static enum wal_err plain_append(void *opaque, const void *bytes, size_t len, uint64_t *ret_lsn)
{
    struct plain_log *log = opaque;
    enum wal_err err = WAL_POISONED;

    if (len > PAYLOAD_MAX) return WAL_RECORD_LIMIT;
    lock(log);
    if (!log->poisoned) err = put_record(log, bytes, len);
    if (err == WAL_OK) *ret_lsn = log->lsn;
    if (err) log->poisoned = true; /* The record may be there, or a part of it. */
    unlock(log);
    return err == WAL_OK ? WAL_OK : WAL_POISONED;
}

static enum wal_err plain_sync(void *opaque, uint64_t *ret_lsn)
{
    struct plain_log *log = opaque;
    enum wal_err err = WAL_POISONED;

    lock(log);
    if (!log->poisoned) {
        err = io_fdatasync(log->io, log->file);
        if (err && PLAIN_LOG_FLAW == FLAW_SYNC_IS_RETRIED) {
            err = io_fdatasync(log->io, log->file);
        }
    }
    if (err) {
        log->poisoned = true;
        err = WAL_POISONED;
    } else {
        log->durable_end = log->end;
        log->durable_lsn = log->lsn;
        *ret_lsn = log->lsn;
    }
    unlock(log);
    return err;
}

static enum wal_err plain_read(void *opaque, uint64_t from_lsn, foreign_record *record,
                               void *context)
{
    struct plain_log *log = opaque;
    uint64_t offset = HEAD_BYTES;
    enum wal_err err = WAL_OK;

    lock(log);
    for (uint64_t lsn = 1; err == WAL_OK && offset < log->durable_end; lsn++) {
        uint8_t *payload;
        uint32_t len;

        err = read_record(log->io, log->file, log->generation, offset, lsn, &payload, &len);
        if (err) break;
        if (lsn >= from_lsn) record(context, lsn, payload, len);
        io_free(log->io, payload, (size_t)len + 1);
        offset += RECORD_BYTES + len;
    }
    unlock(log);
    return err == WAL_END ? WAL_CORRUPT : err;
}

static enum wal_err plain_truncate(void *opaque, uint64_t last_lsn)
{
    struct plain_log *log = opaque;
    enum wal_err err = WAL_POISONED;

    lock(log);
    if (!log->poisoned) {
        err = last_lsn >= log->lsn ? WAL_OK : renew(log, log->file, log->generation, last_lsn);
    }
    if (err) {
        log->poisoned = true;
        err = WAL_POISONED;
    }
    unlock(log);
    return err;
}

static const struct foreign_log plain_log = {
    .name = "plain",
    .open = plain_open,
    .append = plain_append,
    .sync = plain_sync,
    .read = plain_read,
    .truncate = plain_truncate,
    .close = plain_close,
};

const struct foreign_log *const foreign_log_under_test = &plain_log;
