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

static void assert_same(const struct sample *sample)
{
    static const uint64_t steps[] = {BYTES_MAX, 2048, 200, 1};
    const struct log_group wanted = found_in_turn(sample);

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct log_group group = sample->group;
        while (!group.checked) {
            uint64_t before = group.checked_bytes;
            log_scan_group_check(&sample->scan, &group, steps[i]);
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
            assert_same(&sample);
            free(bytes);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_groups_are_found_whole),
        cmocka_unit_test(any_flipped_bit_is_found_where_it_is),
        cmocka_unit_test(what_is_cut_off_is_never_looked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
