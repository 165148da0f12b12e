/*
 * segment.c - making segments under a .tmp name and linking them to their own.
 */
#include "wal/log/segment.h"

#include "wal/log/codec.h"
#include "wal/log/transfer.h"

enum {
    AREA_BYTES_MAX = 4096,
    FILL_BYTES = 64 * 1024,
};

enum wal_err log_tmp_create(struct wal_io *io, struct wal_dir dir, const char *name,
                            unsigned direct, struct wal_file *ret_file)
{
    const unsigned flags = WAL_OPEN_WRITE | WAL_OPEN_CREATE | WAL_OPEN_EXCLUSIVE | direct;

    enum wal_err err = io_open(io, dir, name, flags, ret_file, NULL);
    if (err != WAL_EXISTS) return err;
    /* A leftover. It may be a second name of a file that is in use, so it must not be opened and
     * overwritten: only its name goes. */
    err = io_unlink(io, dir, name);
    if (err) return err;
    return io_open(io, dir, name, flags, ret_file, NULL);
}

enum wal_err log_segment_header_write(struct wal_io *io, struct wal_file file,
                                      const struct wal_segment_header *header, uint32_t align)
{
    _Alignas(AREA_BYTES_MAX) uint8_t area[AREA_BYTES_MAX];
    uint32_t len = log_area_bytes(header->block_bytes);

    assert(len <= sizeof area);
    memset(area, 0, len);
    log_segment_header_encode(area, header);
    return log_write_aligned(io, file, 0, area, len, align);
}

enum wal_err log_segment_publish(struct wal_io *io, struct wal_dir dir, const char *tmp_name,
                                 uint64_t number, bool *ret_unsure)
{
    char name[WAL_SEGMENT_NAME_BYTES];

    log_segment_name(name, number);
    enum wal_err err = io_link(io, dir, tmp_name, name);
    *ret_unsure = err != WAL_OK && err != WAL_EXISTS && !log_err_is_sure(err);
    if (err) return err == WAL_EXISTS ? WAL_LOCKED : err;
    /* Without this a crash could leave acknowledged records in a file that has no name. */
    err = io_fsync_dir(io, dir);
    *ret_unsure = err != WAL_OK;
    if (err) return err;
    /* It has its name; the other is only litter, which the next one to need it removes. */
    err_ignore(io_unlink(io, dir, tmp_name));
    return WAL_OK;
}

enum wal_err log_segment_replace(struct wal_io *io, struct wal_dir dir, const char *tmp_name,
                                 uint64_t number, bool *ret_unsure)
{
    char name[WAL_SEGMENT_NAME_BYTES];

    log_segment_name(name, number);
    enum wal_err err = io_rename(io, dir, tmp_name, name);
    *ret_unsure = err != WAL_OK && !log_err_is_sure(err);
    if (err) return err;
    err = io_fsync_dir(io, dir);
    *ret_unsure = err != WAL_OK;
    return err;
}

unsigned log_fill_flags(const struct wal_options *options, unsigned file_flags, uint32_t align)
{
    if (!options->preallocate || options->segment_bytes % align != 0) return 0;
    return file_flags & WAL_OPEN_DIRECT;
}

enum wal_err log_segment_fill(struct wal_io *io, struct wal_file file, uint64_t from, uint64_t to,
                              uint32_t align)
{
    static const _Alignas(AREA_BYTES_MAX) uint8_t zeros[FILL_BYTES];

    if (from >= to) return WAL_OK;
    enum wal_err err = io_fallocate(io, file, from, to - from, true);
    /* Not every file system can reserve; all can be written to. */
    if (err != WAL_OK && err != WAL_UNSUPPORTED && err != WAL_INVALID) return err;
    for (err = WAL_OK; err == WAL_OK && from < to;) {
        size_t len = to - from < sizeof zeros ? (size_t)(to - from) : sizeof zeros;

        err = log_write_aligned(io, file, from, zeros, len, align);
        from += len;
    }
    return err;
}

enum wal_err log_segment_try_fill(struct wal_io *io, struct wal_file file, uint64_t from,
                                  uint64_t to, uint32_t align, bool *ret_filled)
{
    enum wal_err err = log_segment_fill(io, file, from, to, align);
    if (err != WAL_OK && !log_err_is_sure(err)) return err;
    *ret_filled = err == WAL_OK && from < to;
    return err == WAL_OK ? WAL_OK : io_ftruncate(io, file, from);
}

enum wal_err log_segment_reopen(struct wal_io *io, struct wal_dir dir, const char *name,
                                unsigned file_flags, struct wal_file *file)
{
    struct wal_file reopened;

    if (file_flags == 0) return WAL_OK;
    enum wal_err err = io_open(io, dir, name, WAL_OPEN_WRITE | file_flags, &reopened, NULL);
    if (err) return err;
    err_ignore(io_close(io, *file)); /* Synced. */
    *file = reopened;
    return WAL_OK;
}

enum wal_err log_segment_finish(struct wal_io *io, struct wal_dir dir, const char *tmp_name,
                                const struct wal_segment_header *header, unsigned file_flags,
                                uint32_t align, struct wal_file *file, bool *ret_unsure)
{
    enum wal_err err = log_segment_header_write(io, *file, header, align);
    bool unsure = !log_err_is_sure(err);
    if (err) goto undo;

    err = io_fsync(io, *file);
    unsure = true;
    if (err) goto undo;

    err = log_segment_reopen(io, dir, tmp_name, file_flags, file);
    unsure = !log_err_is_sure(err);
    if (err) goto undo;

    err = log_segment_publish(io, dir, tmp_name, header->segment, &unsure);
    if (err) goto undo;
    return WAL_OK;

undo:
    *ret_unsure = unsure;
    /* Nothing depends on this file or its name: an error on the way out changes nothing. */
    err_ignore(io_close(io, *file));
    if (!unsure) err_ignore(io_unlink(io, dir, tmp_name));
    return err;
}

enum wal_err log_segment_open(struct wal_io *io, struct wal_dir dir, uint64_t number,
                              unsigned flags, struct wal_file *ret_file)
{
    char name[WAL_SEGMENT_NAME_BYTES];

    log_segment_name(name, number);
    return io_open(io, dir, name, flags, ret_file, NULL);
}

enum wal_err log_segment_header_read(struct wal_io *io, struct wal_file file, uint64_t number,
                                     struct wal_segment_header *ret_header)
{
    struct wal_segment_header header;
    enum wal_err err = WAL_CORRUPT;

    /* Twice: what is wrong on disk stays wrong, what went wrong on the way doesn't. */
    for (int i = 0; i < 2 && err == WAL_CORRUPT; i++) {
        uint8_t bytes[WAL_SEGMENT_HEADER_BYTES];
        size_t len = 0;

        err = log_read_full(io, file, 0, bytes, sizeof bytes, &len);
        if (err) return err;
        err = len == sizeof bytes ? log_segment_header_decode(bytes, &header) : WAL_CORRUPT;
        if (err == WAL_OK && header.segment != number) err = WAL_CORRUPT;
    }
    if (err == WAL_OK) *ret_header = header;
    return err;
}

struct wal_place log_place_file(const char *name)
{
    struct wal_place place = {.name = ""};
    size_t len = strlen(name);

    if (len >= sizeof place.name) len = sizeof place.name - 1;
    memcpy(place.name, name, len);
    return place;
}

struct wal_place log_place_segment(uint64_t number, uint64_t offset, uint64_t first_lsn,
                                   uint64_t last_lsn)
{
    char name[WAL_SEGMENT_NAME_BYTES];

    log_segment_name(name, number);
    struct wal_place place = log_place_file(name);
    place.segment = number;
    place.offset = offset;
    place.first_lsn = first_lsn;
    place.last_lsn = last_lsn;
    return place;
}
