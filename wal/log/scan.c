/*
 * scan.c - the window, the groups in it, and the chain they form. Their records: scan_check.c.
 */
#include "wal/log/scan.h"

#include "wal/log/codec.h"
#include "wal/log/transfer.h"

enum {
    PAGE_BYTES = 4096, /* Mappings start on it. */
    AHEAD_BYTES = 256 * 1024,
    SLICE_BYTES = 256 * 1024,
    CHECK_BYTES = 64 * 1024,
    MAP_BYTES_FIRST = 256 * 1024,
    MAP_BYTES_MAX = 16 * 1024 * 1024,
    MAP_ALIGN = 2 * 1024 * 1024, /* Large pages, where the kernel has the file in such. */
};

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void log_scan_init(struct log_scan *scan, struct wal_io *io)
{
    *scan = (struct log_scan){
        .io = io,
        .file = WAL_FILE_NONE,
        .ahead_bytes = AHEAD_BYTES,
        .map_bytes_max = MAP_BYTES_MAX,
    };
}

void log_scan_file(struct log_scan *scan, struct wal_file file,
                   const struct wal_segment_header *header, uint64_t size)
{
    scan->file = file;
    scan->size = size;
    scan->segment_bytes = header->segment_bytes;
    scan->block_bytes = header->block_bytes;
    scan->flags = header->flags;
    scan->binding = log_binding(header->log_id, header->life, header->segment);
    log_scan_drop(scan);
    scan->map_end = 0;
}

void log_scan_map(struct log_scan *scan, uint64_t end)
{
    scan->map_end = end;
}

void log_scan_drop(struct log_scan *scan)
{
    if (scan->mapping != NULL) io_unmap(scan->io, scan->mapping, scan->mapping_bytes);
    scan->mapping = NULL;
    scan->mapping_bytes = 0;
    scan->window = NULL;
    scan->window_bytes = 0;
}

void log_scan_end(struct log_scan *scan)
{
    log_scan_drop(scan);
    io_free(scan->io, scan->buffer, scan->buffer_bytes);
    scan->buffer = NULL;
    scan->buffer_bytes = 0;
}

/* Make the window start at `offset` and have room for `len` and, as far as there is a file, for
 * reading ahead. Keeps the bytes it already has. */
static enum wal_err window_move(struct log_scan *scan, uint64_t offset, size_t len)
{
    if (scan->mapping != NULL) log_scan_drop(scan);
    uint64_t end = scan->window_offset + scan->window_bytes;
    size_t kept = 0;
    size_t room = (size_t)min_u64(scan->size - offset, scan->ahead_bytes);

    if (room < len) room = len;
    if (offset >= scan->window_offset && offset < end) kept = (size_t)(end - offset);
    if (scan->buffer_bytes < room) {
        uint8_t *buffer = io_alloc(scan->io, room);
        if (buffer == NULL) return WAL_NOMEM;
        if (kept > 0) memcpy(buffer, scan->buffer + (offset - scan->window_offset), kept);
        io_free(scan->io, scan->buffer, scan->buffer_bytes);
        scan->buffer = buffer;
        scan->buffer_bytes = room;
    } else if (kept > 0) {
        memmove(scan->buffer, scan->buffer + (offset - scan->window_offset), kept);
    }
    scan->window = scan->buffer;
    scan->window_offset = offset;
    scan->window_bytes = kept;
    return WAL_OK;
}

/* Have so many bytes from the window's beginning on, for which there is room, as far as the file
 * goes. What is read in one go still lies in the cache when it is checked. */
static enum wal_err window_fill(struct log_scan *scan, size_t bytes)
{
    size_t have = scan->window_bytes;
    size_t got = 0;

    if (have >= bytes) return WAL_OK;
    if (scan->buffer_bytes - have <= SLICE_BYTES) {
        bytes = scan->buffer_bytes;
    } else if (bytes < have + SLICE_BYTES) {
        bytes = have + SLICE_BYTES;
    }
    size_t want = (size_t)min_u64(bytes, scan->size - scan->window_offset) - have;
    enum wal_err err = log_read_full(scan->io, scan->file, scan->window_offset + have,
                                     scan->buffer + have, want, &got);
    if (err) return err;
    scan->window_bytes = have + got;
    if (got < want) scan->size = scan->window_offset + have + got;
    return WAL_OK;
}

/* Have [offset, offset + len) in the buffer, as far as the file goes. */
static enum wal_err window_read(struct log_scan *scan, uint64_t offset, size_t len)
{
    enum wal_err err = window_move(scan, offset, len);
    return err ? err : window_fill(scan, len);
}

/* Map [offset, offset + len), and more if reading goes on. False: it has to be read. */
static bool window_map(struct log_scan *scan, uint64_t offset, size_t len)
{
    uint64_t limit = min_u64(scan->map_end, scan->size);
    uint64_t start = offset / PAGE_BYTES * PAGE_BYTES;
    const uint8_t *mapping = NULL;

    if (offset >= limit || len > limit - offset) return false;
    uint64_t wanted = min_u64(scan->map_bytes * 2, scan->map_bytes_max);
    if (wanted < MAP_BYTES_FIRST) wanted = min_u64(MAP_BYTES_FIRST, scan->map_bytes_max);
    if (min_u64(wanted, limit - offset) >= MAP_ALIGN) start = offset / MAP_ALIGN * MAP_ALIGN;
    if (wanted < offset - start + len) wanted = offset - start + len;
    size_t bytes = (size_t)min_u64(wanted, limit - start);
    scan->map_bytes = wanted;
    log_scan_drop(scan);
    if (io_map(scan->io, scan->file, start, bytes, &mapping) != WAL_OK) {
        io_note(scan->io, WAL_NOTE_MAP_REFUSED);
        scan->map_end = 0; /* Reading may go better, and says exactly what is wrong. */
        return false;
    }
    io_note(scan->io, WAL_NOTE_MAPPED);
    scan->mapping = mapping;
    scan->mapping_bytes = bytes;
    scan->window = mapping;
    scan->window_offset = start;
    scan->window_bytes = bytes;
    return true;
}

/* Have [offset, offset + len) in the window; *ret_len is less only where the file ends. */
static enum wal_err fetch(struct log_scan *scan, uint64_t offset, size_t len,
                          const uint8_t **ret_bytes, size_t *ret_len)
{
    *ret_len = 0;
    if (offset >= scan->size) return WAL_OK;
    len = (size_t)min_u64(len, scan->size - offset);

    uint64_t end = scan->window_offset + scan->window_bytes;
    if (offset < scan->window_offset || offset + len > end) {
        if (!window_map(scan, offset, len)) {
            enum wal_err err = window_read(scan, offset, len);
            if (err) return err;
            if (len > scan->window_bytes) len = scan->window_bytes;
        }
    }
    *ret_bytes = scan->window + (offset - scan->window_offset);
    *ret_len = len;
    return WAL_OK;
}

uint64_t log_next_offset(const struct log_scan *scan, uint64_t offset, uint32_t length)
{
    return log_round_up(offset + WAL_GROUP_HEADER_BYTES + length, scan->block_bytes);
}

static bool header_fits(const struct log_scan *scan, const uint8_t *p, uint64_t offset,
                        struct wal_group_header *ret_header)
{
    return log_group_header_decode(p, scan->binding, offset, ret_header) &&
           WAL_GROUP_HEADER_BYTES + (uint64_t)ret_header->length <= scan->segment_bytes;
}

enum wal_err log_scan_header(struct log_scan *scan, uint64_t offset,
                             struct wal_group_header *ret_header, bool *ret_valid)
{
    const uint8_t *p = NULL;
    size_t len = 0;

    *ret_valid = false;
    enum wal_err err = fetch(scan, offset, WAL_GROUP_HEADER_BYTES, &p, &len);
    if (err || len < WAL_GROUP_HEADER_BYTES) return err;
    *ret_valid = header_fits(scan, p, offset, ret_header);
    return WAL_OK;
}

enum wal_err log_scan_peek(struct log_scan *scan, uint64_t offset,
                           struct wal_group_header *ret_header, bool *ret_valid)
{
    uint8_t bytes[WAL_GROUP_HEADER_BYTES];
    size_t len = 0;

    *ret_valid = false;
    if (offset >= scan->size || scan->size - offset < sizeof bytes) return WAL_OK;
    enum wal_err err = log_read_full(scan->io, scan->file, offset, bytes, sizeof bytes, &len);
    if (err || len < sizeof bytes) return err;
    *ret_valid = header_fits(scan, bytes, offset, ret_header);
    return WAL_OK;
}

/* As fetch, but of what has to be read only the beginning: *ret_read of the *ret_len bytes. `room`:
 * for so many of them, if they are not mapped. */
static enum wal_err reach(struct log_scan *scan, uint64_t offset, size_t len, size_t room,
                          const uint8_t **ret_bytes, size_t *ret_len, size_t *ret_read)
{
    uint64_t end = scan->window_offset + scan->window_bytes;

    len = (size_t)min_u64(len, scan->size - offset);
    if (offset < scan->window_offset || offset + len > end) {
        if (!window_map(scan, offset, len)) {
            enum wal_err err = window_move(scan, offset, (size_t)min_u64(len, room));
            if (err == WAL_OK) err = window_fill(scan, (size_t)min_u64(len, SLICE_BYTES));
            if (err) return err;
        }
    }
    *ret_bytes = scan->window + (offset - scan->window_offset);
    *ret_len = (size_t)min_u64(len, scan->size - offset);
    *ret_read = (size_t)min_u64(*ret_len, scan->window_offset + scan->window_bytes - offset);
    return WAL_OK;
}

static enum wal_err group_begin(struct log_scan *scan, uint64_t offset, uint64_t lsn, bool whole,
                                struct log_group *ret_group)
{
    struct wal_group_header header = {.count = 0};
    bool valid = false;
    const uint8_t *p = NULL;
    size_t len = 0;
    size_t read = 0;

    enum wal_err err = log_scan_header(scan, offset, &header, &valid);
    if (err) return err;
    if (valid && header.first_lsn == lsn) {
        size_t all = WAL_GROUP_HEADER_BYTES + (size_t)header.length;
        err = reach(scan, offset, all, whole ? all : SLICE_BYTES, &p, &len, &read);
        if (err) return err;
    }
    /* Made where it shall be: groups can be as short as a record, and this is as long. */
    *ret_group = (struct log_group){.header = header, .offset = offset, .whole = whole};
    if (read < WAL_GROUP_HEADER_BYTES) {
        ret_group->state = LOG_GROUP_NONE;
        ret_group->checked = true;
        return WAL_OK;
    }
    ret_group->state = LOG_GROUP_TORN;
    ret_group->next_offset = log_next_offset(scan, offset, header.length);
    ret_group->records = (uint8_t *)(uintptr_t)(p + WAL_GROUP_HEADER_BYTES);
    ret_group->there_bytes = len - WAL_GROUP_HEADER_BYTES;
    ret_group->read_bytes = read - WAL_GROUP_HEADER_BYTES;
    return WAL_OK;
}

enum wal_err log_scan_group_begin(struct log_scan *scan, uint64_t offset, uint64_t lsn,
                                  struct log_group *ret_group)
{
    return group_begin(scan, offset, lsn, false, ret_group);
}

enum wal_err log_scan_group_read(struct log_scan *scan, struct log_group *group, uint64_t bytes)
{
    const uint64_t first = group->offset + WAL_GROUP_HEADER_BYTES;
    /* The header, too, for whoever wants all of it. */
    uint64_t from = group->whole ? group->offset : first + group->kept_bytes;
    uint64_t room = group->whole ? WAL_GROUP_HEADER_BYTES + group->there_bytes : SLICE_BYTES;

    assert(scan->mapping == NULL && bytes <= group->there_bytes);
    if (room > scan->size - from) room = scan->size - from;
    if (room < first + bytes - from) room = first + bytes - from;
    enum wal_err err = window_move(scan, from, (size_t)room);
    if (err == WAL_OK) err = window_fill(scan, (size_t)(first + bytes - from));
    if (err) return err;
    group->from_bytes = group->whole ? 0 : group->kept_bytes;
    group->records = scan->buffer + (group->whole ? WAL_GROUP_HEADER_BYTES : 0);
    /* The file may turn out to be shorter than it was. */
    group->there_bytes = min_u64(group->there_bytes, scan->size - first);
    group->read_bytes = min_u64(group->there_bytes, from + scan->window_bytes - first);
    return WAL_OK;
}

/* In steps: what was valid before one need not stay in the window. */
static enum wal_err group_check_rest(struct log_scan *scan, struct log_group *group)
{
    while (!group->checked) {
        enum wal_err err = log_scan_group_check(scan, group, CHECK_BYTES);
        if (err) return err;
    }
    return WAL_OK;
}

static enum wal_err group_check(struct log_scan *scan, uint64_t offset, uint64_t lsn, bool whole,
                                struct log_group *ret_group)
{
    enum wal_err err = group_begin(scan, offset, lsn, whole, ret_group);
    return err ? err : group_check_rest(scan, ret_group);
}

/* Read again from `offset` on. */
static void forget_from(struct log_scan *scan, uint64_t offset)
{
    if (offset <= scan->window_offset) {
        log_scan_drop(scan);
    } else if (offset - scan->window_offset < scan->window_bytes) {
        scan->window_bytes = (size_t)(offset - scan->window_offset);
    }
}

static enum wal_err group_check_twice(struct log_scan *scan, uint64_t offset, uint64_t lsn,
                                      bool whole, struct log_group *ret_group)
{
    enum wal_err err = group_check(scan, offset, lsn, whole, ret_group);

    if (err || ret_group->state == LOG_GROUP_WHOLE || offset >= scan->size) return err;
    if (ret_group->state == LOG_GROUP_NONE || scan->mapping != NULL) {
        log_scan_drop(scan);
        return group_check(scan, offset, lsn, whole, ret_group);
    }
    if (ret_group->valid_bytes == ret_group->there_bytes) return WAL_OK; /* The file ends. */
    /* What its checksums say of the records before is so. */
    forget_from(scan, offset + WAL_GROUP_HEADER_BYTES + ret_group->checked_bytes);
    ret_group->read_bytes = min_u64(ret_group->read_bytes, ret_group->checked_bytes);
    ret_group->checked = false;
    return group_check_rest(scan, ret_group);
}

enum wal_err log_scan_group_twice(struct log_scan *scan, uint64_t offset, uint64_t lsn,
                                  struct log_group *ret_group)
{
    return group_check_twice(scan, offset, lsn, true, ret_group);
}

static void witness_raise(struct log_witness *witness, uint64_t lsn,
                          const struct log_position *position)
{
    if (witness->lsn >= lsn) return;
    witness->lsn = lsn;
    if (lsn + 1 == position->lsn) witness->behind = *position;
}

enum wal_err log_scan_chain(struct log_scan *scan, struct log_position *position,
                            uint64_t limit_lsn, struct log_witness *witness)
{
    while (position->lsn <= limit_lsn) {
        struct log_group group;

        enum wal_err err = group_check_twice(scan, position->offset, position->lsn, false, &group);
        if (err) return err;
        if (group.state == LOG_GROUP_NONE) return WAL_OK;
        if (group.state == LOG_GROUP_TORN) position->torn_end = group.next_offset;

        witness_raise(witness, group.header.durable_lsn, position);
        if (group.valid_count == 0) return WAL_OK;
        position->commit_ns = group.header.commit_ns;
        position->lsn += group.valid_count;
        if (group.state == LOG_GROUP_TORN) {
            position->offset += WAL_GROUP_HEADER_BYTES + (uint64_t)group.valid_bytes;
            return WAL_OK;
        }
        position->offset = group.next_offset;
    }
    return WAL_OK;
}

static bool all_zeros(const uint8_t *p, size_t len)
{
    return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

/* The bytes from `offset` to where the next group might begin. */
static enum wal_err rest_step(struct log_scan *scan, uint64_t offset, size_t bytes,
                              uint64_t *witness, uint64_t *end)
{
    struct wal_group_header header;
    bool valid = false;
    const uint8_t *p = NULL;
    size_t len = 0;

    /* Only where a group may start: a header inside a payload is bound to another place anyway,
     * but there is no need to look. */
    if (offset % scan->block_bytes == 0) {
        enum wal_err err = log_scan_header(scan, offset, &header, &valid);
        if (err) return err;
    }
    if (valid && *witness < header.durable_lsn) *witness = header.durable_lsn;
    if (scan->flags == WAL_SEGMENT_PREWRITTEN) {
        enum wal_err err = fetch(scan, offset, bytes, &p, &len);
        if (err) return err;
        if (!all_zeros(p, len)) *end = offset + len;
    } else if (valid && scan->flags != 0) {
        *end = log_next_offset(scan, offset, header.length);
    }
    return WAL_OK;
}

enum wal_err log_scan_rest(struct log_scan *scan, uint64_t offset, uint64_t *witness,
                           uint64_t *tail_end)
{
    uint64_t end = *tail_end;

    while (offset < scan->size) {
        uint64_t next = log_round_up(offset + 1, scan->block_bytes);
        enum wal_err err = rest_step(scan, offset, (size_t)(next - offset), witness, &end);

        if (err) return err;
        offset = next;
    }
    if (scan->flags == 0) end = scan->size;
    end = min_u64(end, scan->size);
    if (*tail_end < end) *tail_end = end;
    return WAL_OK;
}
