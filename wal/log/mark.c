/*
 * mark.c - two slots of which one is always good.
 */
#include "wal/log/mark.h"

#include "wal/log/codec.h"
#include "wal/log/segment.h"
#include "wal/log/transfer.h"

enum {
    TRIES_BAD_SLOT = 2, /* A slot may look bad while it is being written, */
    TRIES_BAD_BOTH = 4, /* both only if the turn changed while they were read. */
};

/* Both slots, read once. *ret_bad counts those that are unreadable. */
static enum wal_err slots_read(struct wal_io *io, struct wal_file file,
                               struct wal_mark_slot *ret_mark, unsigned *ret_bad)
{
    uint8_t bytes[WAL_MARK_SLOT_STRIDE + WAL_MARK_SLOT_BYTES];
    size_t len = 0;
    unsigned bad = 0;
    struct wal_mark_slot slots[WAL_MARK_SLOTS];
    const struct wal_mark_slot *best = NULL;

    enum wal_err err = log_read_full(io, file, 0, bytes, sizeof bytes, &len);
    if (err) return err;
    for (unsigned i = 0; i < WAL_MARK_SLOTS; i++) {
        const struct wal_mark_slot *slot = &slots[i];
        size_t at = (size_t)i * WAL_MARK_SLOT_STRIDE;

        err = WAL_CORRUPT;
        if (at + WAL_MARK_SLOT_BYTES <= len) err = log_mark_slot_decode(bytes + at, i, &slots[i]);
        if (err == WAL_VERSION) return err;
        if (err) {
            bad++;
        } else if (best == NULL || slot->life > best->life ||
                   (slot->life == best->life && slot->sequence >= best->sequence)) {
            best = slot;
        }
    }
    *ret_bad = bad;
    if (best != NULL) *ret_mark = *best;
    return WAL_OK;
}

enum wal_err log_mark_read(struct wal_io *io, struct wal_dir dir, struct wal_mark_slot *ret_mark,
                           unsigned *ret_bad_slots)
{
    struct wal_file file;
    struct wal_mark_slot mark;
    unsigned bad = WAL_MARK_SLOTS;

    enum wal_err err = io_open(io, dir, WAL_MARK_NAME, 0, &file, NULL);
    if (err) return err;
    for (unsigned i = 0; i < TRIES_BAD_BOTH; i++) {
        err = slots_read(io, file, &mark, &bad);
        if (err || bad == 0) break;
        if (bad < WAL_MARK_SLOTS && i + 1 >= TRIES_BAD_SLOT) break;
    }
    err_ignore(io_close(io, file)); /* Only read. */
    if (err) return err;
    if (bad == WAL_MARK_SLOTS) return WAL_CORRUPT;
    *ret_mark = mark;
    *ret_bad_slots = bad;
    return WAL_OK;
}

static enum wal_err slot_write(struct wal_io *io, struct wal_file file, unsigned slot,
                               const struct wal_mark_slot *contents)
{
    uint8_t bytes[WAL_MARK_SLOT_AREA_BYTES] = {0};

    log_mark_slot_encode(bytes, slot, contents);
    return log_write_full(io, file, (uint64_t)slot * WAL_MARK_SLOT_STRIDE, bytes, sizeof bytes);
}

enum wal_err log_mark_prepare(struct wal_io *io, struct wal_dir dir,
                              const struct wal_mark_slot *contents, struct log_mark *ret_mark)
{
    struct log_mark mark = {.file = WAL_FILE_NONE, .newest = *contents};

    enum wal_err err = log_tmp_create(io, dir, WAL_MARK_TMP_NAME, 0, &mark.file);
    if (err) return err;
    for (unsigned i = 0; i < WAL_MARK_SLOTS; i++) {
        mark.newest.sequence = contents->sequence + 1 + i;
        mark.synced_slot = i;
        err = slot_write(io, mark.file, i, &mark.newest);
        if (err) goto undo;
    }
    err = io_fsync(io, mark.file);
    if (err) goto undo;
    *ret_mark = mark;
    return WAL_OK;

undo:
    /* It never had the name that counts. */
    err_ignore(io_close(io, mark.file));
    err_ignore(io_unlink(io, dir, WAL_MARK_TMP_NAME));
    return err;
}

enum wal_err log_mark_publish(struct wal_io *io, struct wal_dir dir)
{
    enum wal_err err = io_rename(io, dir, WAL_MARK_TMP_NAME, WAL_MARK_NAME);
    if (err) return err;
    return io_fsync_dir(io, dir);
}

enum wal_err log_mark_renew(struct wal_io *io, struct log_mark *mark,
                            const struct wal_mark_slot *contents, bool sync, bool *ret_unsure)
{
    unsigned slot = 1 - mark->synced_slot;
    struct wal_mark_slot next = *contents;

    next.sequence = mark->newest.sequence + 1;
    enum wal_err err = slot_write(io, mark->file, slot, &next);
    /* A slot half written is no worse than the older one it replaces. */
    *ret_unsure = err != WAL_OK && !log_err_is_sure(err);
    if (err) return err;
    mark->newest = next;
    if (!sync) return WAL_OK;

    err = io_fdatasync(io, mark->file);
    *ret_unsure = err != WAL_OK;
    if (err) return err;
    mark->synced_slot = slot;
    return WAL_OK;
}
