/*
 * fuzz_log.c - any bytes at all as a log: read, verified and opened without harm.
 *
 * The input is cut into files: byte 0 says how the first 4608 that follow are used for the mark
 * and how long each segment is, the rest are segments 1, 2, 3. So that a fuzzer gets past the
 * checksums, whose bits it cannot guess, byte 1 says which of them to set right first.
 *
 * With SQUALL_FUZZ_MAIN it is a program that runs so many mutations of a real log, always the same
 * ones: the bounded run among the tests. FUZZ_RUNS says how many.
 */
#include "tests/power_cut.h"
#include "wal/log/codec.h"
#include "wal/log/log.h"

enum {
    MARK_BYTES = WAL_MARK_SLOT_STRIDE + WAL_MARK_SLOT_AREA_BYTES,
    SEGMENTS = 3,
    HEAD_BYTES = 8, /* Which checksums to mend, and the segments' lengths in 64-byte units. */
    SEGMENT_UNIT = 64,
    INPUT_MAX = HEAD_BYTES + MARK_BYTES + SEGMENTS * 255 * SEGMENT_UNIT,

    MEND_MARK = 1 << 0,
    MEND_HEADERS = 1 << 1,
    MEND_GROUPS = 1 << 2,
    MEND_RECORDS = 1 << 3,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds, const char *what)
{
    if (holds) return;
    fprintf(stderr, "fuzz_log: %s\n", what);
    abort();
}

/* The last four bytes of a header are the checksum of the rest: decode what can be, encode again.
 */
static void header_mend(uint8_t *bytes, size_t len, struct wal_segment_header *header)
{
    struct wal_segment_header found = {.version = 0};

    if (len < WAL_SEGMENT_HEADER_BYTES) return;
    memcpy(&found.version, bytes + 8, 4);
    memcpy(&found.block_bytes, bytes + 12, 4);
    memcpy(found.log_id, bytes + 16, WAL_LOG_ID_BYTES);
    memcpy(&found.life, bytes + 32, 8);
    memcpy(&found.segment, bytes + 40, 8);
    memcpy(&found.first_lsn, bytes + 48, 8);
    memcpy(&found.durable_lsn, bytes + 56, 8);
    memcpy(&found.commit_ns, bytes + 64, 8);
    memcpy(&found.segment_bytes, bytes + 72, 8);
    log_segment_header_encode(bytes, &found);
    *header = found;
}

static void mark_mend(uint8_t *bytes, size_t len)
{
    for (unsigned slot = 0; slot < WAL_MARK_SLOTS; slot++) {
        size_t at = (size_t)slot * WAL_MARK_SLOT_STRIDE;
        struct wal_mark_slot mark = {.version = 0};

        if (at + WAL_MARK_SLOT_BYTES > len) return;
        const uint8_t *p = bytes + at;
        memcpy(&mark.version, p + 8, 4);
        mark.clean = (p[12] & 1) != 0;
        memcpy(mark.log_id, p + 16, WAL_LOG_ID_BYTES);
        memcpy(&mark.sequence, p + 32, 8);
        memcpy(&mark.life, p + 40, 8);
        memcpy(&mark.durable_lsn, p + 48, 8);
        memcpy(&mark.floor_lsn, p + 56, 8);
        memcpy(&mark.floor_segment, p + 64, 8);
        memcpy(&mark.segment, p + 72, 8);
        memcpy(&mark.offset, p + 80, 8);
        memcpy(&mark.commit_ns, p + 88, 8);
        log_mark_slot_encode(bytes + at, slot, &mark);
    }
}

/* Make groups and records valid where they stand, whatever they say about themselves. */
static void groups_mend(uint8_t *bytes, size_t len, const struct wal_segment_header *header,
                        unsigned mend)
{
    uint32_t block = log_block_bytes_valid(header->block_bytes) ? header->block_bytes : 512;
    uint32_t binding = log_binding(header->log_id, header->life, header->segment);

    for (size_t at = log_area_bytes(block); at + WAL_GROUP_HEADER_BYTES <= len; at += block) {
        struct wal_group_header group;
        uint8_t *p = bytes + at;

        if (memcmp(p + 4, "GRP1", 4) != 0) continue;
        memcpy(&group.first_lsn, p + 8, 8);
        memcpy(&group.durable_lsn, p + 16, 8);
        memcpy(&group.wall_ns, p + 24, 8);
        memcpy(&group.commit_ns, p + 32, 8);
        memcpy(&group.length, p + 40, 4);
        memcpy(&group.count, p + 44, 4);
        if (mend & MEND_GROUPS) log_group_header_encode(p, &group, binding, at);
        if (!(mend & MEND_RECORDS)) continue;
        size_t pos = at + WAL_GROUP_HEADER_BYTES;
        for (uint32_t i = 0; i < group.count && pos + WAL_RECORD_HEADER_BYTES <= len; i++) {
            struct wal_record_header record;

            log_record_header_decode(bytes + pos, &record);
            if (log_record_bytes(record.length) > len - pos) break;
            log_records_seal(bytes + pos, binding, pos, group.first_lsn + i, 1);
            pos += (size_t)log_record_bytes(record.length);
        }
    }
}

static void file_put(struct power *p, const char *name, const uint8_t *bytes, size_t len)
{
    struct wal_dir dir;
    struct wal_file file;
    size_t n = 0;

    must(io_dir_open(&p->io, "log", &dir) == WAL_OK, "directory");
    must(io_open(&p->io, dir, name, WAL_OPEN_WRITE | WAL_OPEN_CREATE, &file, NULL) == WAL_OK,
         "file");
    if (len > 0) must(io_pwrite(&p->io, file, 0, bytes, len, &n) == WAL_OK, "write");
    must(io_close(&p->io, file) == WAL_OK, "close");
    io_dir_close(&p->io, dir);
}

static void files_put(struct power *p, uint8_t *data, size_t size)
{
    unsigned mend = size > 0 ? data[0] : 0;
    size_t at = HEAD_BYTES;

    must(io_mkdir(&p->io, "log") == WAL_OK, "mkdir");
    if (size < HEAD_BYTES) return;
    size_t len = size - at < MARK_BYTES ? size - at : MARK_BYTES;
    if (mend & MEND_MARK) mark_mend(data + at, len);
    file_put(p, WAL_MARK_NAME, data + at, len);
    at += len;
    for (uint64_t number = 1; number <= SEGMENTS; number++) {
        char name[WAL_SEGMENT_NAME_BYTES];
        struct wal_segment_header header = {.version = 0};

        len = (size_t)data[number] * SEGMENT_UNIT;
        if (len > size - at) len = size - at;
        if (len == 0) continue;
        if (mend & MEND_HEADERS) header_mend(data + at, len, &header);
        if (mend & (MEND_GROUPS | MEND_RECORDS)) groups_mend(data + at, len, &header, mend);
        log_segment_name(name, number);
        file_put(p, name, data + at, len);
        at += len;
    }
}

struct reading {
    enum wal_err opened, ended;
    struct wal_place place;
    uint64_t last, count, sum;
};

/* Read it all; what is read must be in order and whole. */
static struct reading log_read(struct power *p, const struct wal_reader_options *options)
{
    struct reading reading;
    struct wal_reader *reader = NULL;
    struct wal_record record;

    memset(&reading, 0, sizeof reading); /* They are compared byte by byte. */
    reading.opened = wal_reader_open(&p->io, "log", options, &reader, &reading.place);
    if (reading.opened != WAL_OK) return reading;
    while ((reading.ended = wal_reader_next(reader, &record, &reading.place)) == WAL_OK) {
        must(reading.last == 0 || record.lsn > reading.last, "LSNs do not rise");
        reading.last = record.lsn;
        reading.count++;
        reading.sum = reading.sum * 31 + record.lsn + record.segment + record.offset;
        for (uint32_t i = 0; i < record.len; i++) {
            reading.sum = reading.sum * 31 + ((const uint8_t *)record.bytes)[i];
        }
    }
    must(wal_reader_next_lsn(reader) > reading.last, "what was served is to come again");
    wal_reader_close(reader);
    return reading;
}

/* In every way; all must see the same. Returns the last LSN. */
static uint64_t log_read_alike(struct power *p)
{
    struct wal_reader_options options = {.mode = WAL_READ_STREAM};
    struct reading first = log_read(p, &options);

    options.mode = WAL_READ_MAPPED;
    struct reading mapped = log_read(p, &options);
    must(memcmp(&first, &mapped, sizeof first) == 0, "mapped and streamed differ");
    options.window_bytes = 512;
    mapped = log_read(p, &options);
    must(memcmp(&first, &mapped, sizeof first) == 0, "a small window makes a difference");
    options.optional = true;
    must(log_read(p, &options).count >= first.count, "with the optional ones there are fewer");
    return first.last;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wal_survey survey = {.life = 0};
    struct wal_options options = wal_options_default();
    options.sync_policy = WAL_SYNC_EVERY_GROUP;
    struct wal_log *log = NULL;
    struct wal_place place;
    uint8_t *copy = malloc(INPUT_MAX);
    struct power *p = power_create(1);

    must(copy != NULL, "memory");
    if (size > INPUT_MAX) size = INPUT_MAX;
    if (size > 0) memcpy(copy, data, size);
    files_put(p, copy, size);
    enum wal_err verified = wal_verify(&p->io, "log", true, NULL, NULL, &survey, &place);
    uint64_t read = log_read_alike(p);

    options.segment_bytes = 8192;
    options.queue_bytes = 2048;
    options.record_bytes_max = 1024;
    options.batch_bytes_max = 1024;
    enum wal_err err = wal_open(&p->io, "log", &options, &log, &place);
    if (err == WAL_OK) {
        struct wal_stat stat;
        struct wal_ticket ticket;

        wal_log_stat(log, &stat);
        must(stat.durable_lsn >= read, "open forgot what a reader had shown");
        if (verified == WAL_OK) must(stat.durable_lsn == survey.last_lsn, "verify and open differ");
        must(wal_append(log, "x", 1, &ticket) == WAL_OK, "append");
        must(wal_wait(log, &ticket) == WAL_OK, "wait");
        must(ticket.first_lsn == stat.durable_lsn + 1, "LSN");
        must(wal_close(log) == WAL_OK, "close");
        /* A tail that looks torn below the mark takes a checksum that was mended: open, which
         * starts at the mark, goes on behind it. */
        if (verified == WAL_OK && survey.tail != WAL_TAIL_TORN) {
            err = wal_verify(&p->io, "log", true, NULL, NULL, &survey, &place);
            must(err == WAL_OK, "a good log was made bad");
        }
    }
    must(p->owed == 0, "something was not given back");
    power_destroy(p);
    free(copy);
    return 0;
}

#ifdef SQUALL_FUZZ_MAIN

static uint64_t file_take(struct power *p, const char *name, uint8_t *bytes)
{
    int at = power_find(&p->now, name);

    must(at >= 0, name);
    const struct power_inode *inode = &p->inodes[p->now.entries[at].inode];
    memcpy(bytes, inode->now, inode->now_size);
    return inode->now_size;
}

static enum wal_err same_random(struct wal_io *io, void *buffer, size_t len)
{
    (void)io;
    memset(buffer, 0x5a, len);
    return WAL_OK;
}

static uint64_t same_time(struct wal_io *io)
{
    (void)io;
    return 1700000000000000000;
}

/* A log of three segments, closed or not, in the input's form. */
static size_t input_make(uint8_t *input, uint32_t block_bytes, bool clean)
{
    struct power *p = power_create(7);
    struct wal_options options = wal_options_default();
    options.sync_policy = WAL_SYNC_EVERY_GROUP;
    struct wal_log *log = NULL;
    size_t size = HEAD_BYTES;

    p->ops.random = same_random;
    p->ops.wall_ns = same_time;
    options.create = true;
    options.block_bytes = block_bytes;
    options.segment_bytes = 6144;
    options.queue_bytes = 1024;
    options.record_bytes_max = 512;
    options.batch_bytes_max = 512;
    must(wal_open(&p->io, "log", &options, &log, NULL) == WAL_OK, "open");
    for (uint64_t segment = 1; segment < SEGMENTS;) {
        struct wal_slice slices[] = {{"a record", 8}, {"and another", 11}, {"", 0}};
        struct wal_ticket ticket;
        struct wal_stat stat;

        must(wal_append_batch(log, slices, 3, &ticket) == WAL_OK, "append");
        must(wal_wait(log, &ticket) == WAL_OK, "wait");
        wal_log_stat(log, &stat);
        segment = stat.segment;
    }
    if (!clean) power_cut_in(p, 1);
    err_ignore(wal_close(log));
    memset(input, 0, HEAD_BYTES);
    size += file_take(p, WAL_MARK_NAME, input + size);
    for (uint64_t number = 1; number <= SEGMENTS; number++) {
        char name[WAL_SEGMENT_NAME_BYTES];

        log_segment_name(name, number);
        size_t len = file_take(p, name, input + size);
        size_t rounded = (size_t)log_round_up(len, SEGMENT_UNIT);
        memset(input + size + len, 0, rounded - len);
        input[number] = (uint8_t)(rounded / SEGMENT_UNIT);
        size += rounded;
    }
    power_destroy(p);
    return size;
}

/* Change a few things somewhere: a bit, a byte, a field set to an extreme, a stretch moved. */
static size_t input_mutate(uint8_t *input, size_t size, uint64_t *random)
{
    static const uint64_t extremes[] = {
        0, 1, 7, 8, 255, 512, 4096, INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX, UINT64_MAX - 1};
    size_t changes = 1 + (size_t)draw(random, 4);

    input[0] = (uint8_t)draw(random, 16);
    for (size_t i = 0; i < changes; i++) {
        size_t at = (size_t)draw(random, size - 8);
        uint64_t value = extremes[draw(random, sizeof extremes / sizeof extremes[0])];

        switch (draw(random, 6)) {
        case 0: input[at] ^= (uint8_t)(1U << draw(random, 8)); break;
        case 1: input[at] = (uint8_t)draw(random, 256); break;
        case 2: memcpy(input + at / 4 * 4, &value, 4); break;
        case 3: memcpy(input + at / 8 * 8, &value, 8); break;
        case 4: memmove(input + at, input + draw(random, size - 8), 8); break;
        default: size = draw(random, 8) == 0 ? HEAD_BYTES + at / 2 + 8 : size; break;
        }
    }
    return size < 16 ? 16 : size;
}

int main(void)
{
    const char *runs = getenv("FUZZ_RUNS");
    uint64_t count = runs != NULL ? strtoull(runs, NULL, 10) : 4000;
    uint8_t *bases = malloc((size_t)4 * INPUT_MAX);
    uint8_t *input = malloc(INPUT_MAX);
    size_t sizes[4];
    uint64_t random = 88172645463325252U;

    must(bases != NULL && input != NULL, "memory");
    for (unsigned i = 0; i < 4; i++) {
        sizes[i] = input_make(bases + (size_t)i * INPUT_MAX, i < 2 ? 512 : 8, i % 2 == 0);
    }
    for (uint64_t run = 0; run < count; run++) {
        unsigned base = (unsigned)draw(&random, 4);

        memcpy(input, bases + (size_t)base * INPUT_MAX, sizes[base]);
        LLVMFuzzerTestOneInput(input, input_mutate(input, sizes[base], &random));
    }
    free(bases);
    free(input);
    printf("%llu mutated logs read, verified and opened\n", (unsigned long long)count);
    return 0;
}

#endif
