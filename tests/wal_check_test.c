/*
 * wal_check_test.c - checking a group in fours says what checking it record by record says.
 *
 * Groups of all kinds of lengths and batches, whole, cut short at any byte, and with any bit
 * flipped; looked at in one go and in pieces.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "tests/log_check.h"
#include "wal/host/host.h"
#include "wal/log/codec.h"
#include "wal/log/scan.h"

enum { BINDING = 77, OFFSET = 4096, FIRST_LSN = 1000, COUNT_MAX = 40, BYTES_MAX = 16384 };

struct sample {
    struct log_scan scan;
    struct log_group group;
    uint8_t bytes[BYTES_MAX]; /* Of its records. */
    uint64_t random;
};

static uint64_t draw(struct sample *sample, uint64_t bound)
{
    sample->random ^= sample->random << 13;
    sample->random ^= sample->random >> 7;
    sample->random ^= sample->random << 17;
    return sample->random % bound;
}

/* alike: all as long as one another; batches: some are part of one. */
static void make(struct sample *sample, uint32_t count, bool alike, bool batches)
{
    uint32_t pos = 0, batch_index = 0;
    uint32_t length = (uint32_t)draw(sample, 300);

    memset(sample->bytes, 0, sizeof sample->bytes);
    for (uint32_t i = 0; i < count; i++) {
        if (!alike) length = (uint32_t)draw(sample, draw(sample, 8) == 0 ? 1500 : 200);
        if (pos + log_record_bytes(length) > sizeof sample->bytes) count = i + 1, length = 0;
        bool goes_on = batches && i + 1 < count && draw(sample, 3) > 0;
        const struct wal_record_header header = {
            .length = length,
            .kind = WAL_RECORD_DATA,
            .flags = goes_on ? WAL_RECORD_BATCH_GOES_ON : 0,
            .batch_index = batch_index,
        };
        uint8_t *p = sample->bytes + pos;
        log_record_header_encode(p, &header);
        for (uint32_t at = 0; at < length; at++) {
            p[WAL_RECORD_HEADER_BYTES + at] = (uint8_t)draw(sample, 256);
        }
        log_records_seal(p, BINDING, OFFSET + WAL_GROUP_HEADER_BYTES + pos, FIRST_LSN + i, 1);
        pos += (uint32_t)log_record_bytes(length);
        batch_index = goes_on ? batch_index + 1 : 0;
    }
    sample->scan = (struct log_scan){.binding = BINDING};
    sample->group = (struct log_group){
        .state = LOG_GROUP_TORN,
        .header = {.first_lsn = FIRST_LSN, .length = pos, .count = count},
        .offset = OFFSET,
        .records = sample->bytes,
        .there_bytes = pos,
        .read_bytes = pos,
    };
}

/* What there is to find, record by record. */
static struct log_group found_in_turn(const struct sample *sample)
{
    struct log_group group = sample->group;
    uint64_t pos = 0, count = 0;
    uint32_t batch_index = 0;

    for (; count < group.header.count; count++) {
        struct wal_record_header record;
        const uint8_t *p = group.records + pos;

        if (!log_record_valid(p, group.there_bytes - pos, BINDING,
                              OFFSET + WAL_GROUP_HEADER_BYTES + pos, FIRST_LSN + count)) {
            break;
        }
        log_record_header_decode(p, &record);
        if (record.batch_index != batch_index) break;
        pos += log_record_bytes(record.length);
        batch_index++;
        if (record.flags & WAL_RECORD_BATCH_GOES_ON) continue;
        batch_index = 0;
        group.valid_bytes = (uint32_t)pos;
        group.valid_count = (uint32_t)count + 1;
    }
    if (count == group.header.count && batch_index == 0 && pos == group.header.length) {
        group.state = LOG_GROUP_WHOLE;
    }
    return group;
}

static void assert_same(struct sample *sample)
{
    static const uint64_t steps[] = {BYTES_MAX, 2048, 200, 1};
    const struct log_group wanted = found_in_turn(sample);

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct log_group group = sample->group;
        while (!group.checked) {
            uint64_t before = group.checked_bytes;
            assert_ok(log_scan_group_check(&sample->scan, &group, steps[i]));
            assert_true(group.checked || group.checked_bytes >= before + steps[i]);
        }
        assert_int_equal(group.state, wanted.state);
        assert_u64(group.valid_bytes, wanted.valid_bytes);
        assert_u64(group.valid_count, wanted.valid_count);
    }
}

static void whole_groups_are_found_whole(void **state)
{
    static struct sample sample;

    (void)state;
    sample.random = 4711;
    for (unsigned i = 0; i < 4000; i++) {
        make(&sample, 1 + (uint32_t)draw(&sample, COUNT_MAX), i % 2 == 0, i % 3 == 0);
        assert_same(&sample);
        assert_int_equal(found_in_turn(&sample).state, LOG_GROUP_WHOLE);
    }
}

static void any_flipped_bit_is_found_where_it_is(void **state)
{
    static struct sample sample;

    (void)state;
    sample.random = 4712;
    for (unsigned i = 0; i < 20000; i++) {
        if (i % 20 == 0) make(&sample, 1 + (uint32_t)draw(&sample, 12), i % 40 == 0, i % 60 == 0);
        uint64_t bit = draw(&sample, 8 * sample.group.there_bytes);
        sample.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_same(&sample);
        assert_int_equal(found_in_turn(&sample).state, LOG_GROUP_TORN);
        sample.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

/* The bytes are in memory of just that size, for whoever watches what is read. */
static void what_is_cut_off_is_never_looked_at(void **state)
{
    static struct sample sample;

    (void)state;
    sample.random = 4713;
    for (unsigned i = 0; i < 60; i++) {
        make(&sample, 1 + (uint32_t)draw(&sample, 10), i % 2 == 0, i % 3 == 0);
        for (uint64_t there = 0; there < sample.group.header.length; there += 1 + there % 7) {
            uint8_t *bytes = malloc(there > 0 ? there : 1);

            assert_non_null(bytes);
            memcpy(bytes, sample.bytes, there);
            sample.group.records = bytes;
            sample.group.there_bytes = there;
            sample.group.read_bytes = there;
            assert_same(&sample);
            free(bytes);
        }
    }
}

/* A file in memory, which is read in pieces of any size. */
struct memory_file {
    struct wal_io io; /* First. */
    struct wal_io_ops ops;
    struct wal_io *host;
    const uint8_t *bytes;
    uint64_t size;
    struct sample *sample;
};

static enum wal_err memory_pread(struct wal_io *io, struct wal_file file, uint64_t offset,
                                 void *buffer, size_t len, size_t *ret_len)
{
    const struct memory_file *memory = (const struct memory_file *)io;

    (void)file;
    if (offset >= memory->size) len = 0;
    if (len > memory->size - offset) len = (size_t)(memory->size - offset);
    if (len > 1 && draw(memory->sample, 3) == 0) len = 1 + (size_t)draw(memory->sample, len - 1);
    memcpy(buffer, memory->bytes + offset, len);
    *ret_len = len;
    return WAL_OK;
}

static void *memory_alloc(struct wal_io *io, size_t size)
{
    return io_alloc(((struct memory_file *)io)->host, size);
}

static void memory_free(struct wal_io *io, void *memory, size_t size)
{
    io_free(((struct memory_file *)io)->host, memory, size);
}

static uint32_t big_group_make(struct sample *sample, uint8_t *file, uint32_t count)
{
    struct wal_group_header header = {.first_lsn = FIRST_LSN, .count = count};

    for (uint32_t i = 0; i < count; i++) {
        uint64_t at = OFFSET + WAL_GROUP_HEADER_BYTES + header.length;
        uint32_t length = (uint32_t)draw(sample, draw(sample, 4) == 0   ? 400000
                                                 : draw(sample, 2) == 0 ? 20000
                                                                        : 300);

        log_record_header_encode(
            file + at, &(struct wal_record_header){.length = length, .kind = WAL_RECORD_DATA});
        memset(file + at + WAL_RECORD_HEADER_BYTES, (int)draw(sample, 256), length);
        log_records_seal(file + at, BINDING, at, FIRST_LSN + i, 1);
        header.length += (uint32_t)log_record_bytes(length);
    }
    log_group_header_encode(file + OFFSET, &header, BINDING, OFFSET);
    return header.length;
}

/* What a call finds valid is at hand until the next. */
static void check_in_steps(struct log_scan *scan, const struct log_group *wanted)
{
    struct log_group group;
    uint64_t seen = 0;

    log_scan_drop(scan);
    assert_ok(log_scan_group_begin(scan, OFFSET, FIRST_LSN, &group));
    if (group.state == LOG_GROUP_NONE) return;
    while (!group.checked) {
        assert_ok(log_scan_group_check(scan, &group, 2048));
        assert_memory_equal(log_group_record(&group, seen), wanted->records + seen,
                            group.valid_bytes - seen);
        seen = group.valid_bytes;
    }
    assert_int_equal(group.state, wanted->state);
    assert_u64(group.valid_count, wanted->valid_count);
    assert_true(scan->buffer_bytes <= 1024 * 1024);
}

/* As long as several readings, with records longer than one: cut anywhere, known or found out. */
static void a_group_is_read_as_far_as_it_goes(void **state)
{
    enum { FILE_BYTES = 32 * 1024 * 1024, RECORDS = 60 };
    static struct sample sample;
    static uint8_t file[FILE_BYTES];
    struct memory_file memory = {.bytes = file, .sample = &sample};
    const struct wal_segment_header segment = {.segment_bytes = FILE_BYTES, .block_bytes = 4096};

    (void)state;
    sample.random = 4714;
    assert_ok(wal_host_create(&memory.host));
    memory.ops = *memory.host->ops;
    memory.ops.pread = memory_pread;
    memory.ops.alloc = memory_alloc;
    memory.ops.free = memory_free;
    memory.io.ops = &memory.ops;
    for (unsigned i = 0; i < 60; i++) {
        memset(file, 0, sizeof file);
        uint32_t length = big_group_make(&sample, file, RECORDS);
        uint64_t end = OFFSET + WAL_GROUP_HEADER_BYTES + length;
        memory.size = i % 3 == 0 ? FILE_BYTES : OFFSET + 48 + draw(&sample, length);
        uint64_t there = memory.size < end ? memory.size : end;
        struct log_scan scan;
        log_scan_init(&scan, &memory.io);
        log_scan_file(&scan, (struct wal_file){.id = 0}, &segment,
                      i % 2 == 0 ? FILE_BYTES : memory.size);
        scan.binding = BINDING;
        if (i % 4 == 0) file[OFFSET + draw(&sample, there - OFFSET)] ^= 4;
        sample.group = (struct log_group){
            .state = LOG_GROUP_TORN,
            .header = {.first_lsn = FIRST_LSN, .length = length, .count = RECORDS},
            .offset = OFFSET,
            .records = file + OFFSET + WAL_GROUP_HEADER_BYTES,
            .there_bytes = there - OFFSET - WAL_GROUP_HEADER_BYTES,
        };
        const struct log_group wanted = found_in_turn(&sample);
        struct log_group group;
        assert_ok(log_scan_group_twice(&scan, OFFSET, FIRST_LSN, &group));
        if (group.state != LOG_GROUP_NONE) { /* The flipped bit is not in its header. */
            assert_int_equal(group.state, wanted.state);
            assert_u64(group.valid_count, wanted.valid_count);
            assert_memory_equal(group.records, sample.group.records, group.valid_bytes);
        }
        log_scan_end(&scan);
        check_in_steps(&scan, &wanted);
        log_scan_end(&scan);
    }
    wal_host_destroy(memory.host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_groups_are_found_whole),
        cmocka_unit_test(any_flipped_bit_is_found_where_it_is),
        cmocka_unit_test(what_is_cut_off_is_never_looked_at),
        cmocka_unit_test(a_group_is_read_as_far_as_it_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
