/*
 * wal_format_test.c - the bytes on disk: as the specification says, and nothing else accepted.
 */
#include "tests/log_check.h"

#include "tests/power.h"
#include "wal/log/codec.h"
#include "wal/log/crc.h"
#include "wal/log/log.h"

enum { GOLDEN_BYTES_MAX = 8192, IDLE_NS = 1000000000 };

static const char *golden_dir(void)
{
    static char path[512];
    const char *root = getenv("SQUALL_ROOT");

    snprintf(path, sizeof path, "%s/tests/golden/log-v1", root != NULL ? root : ".");
    return path;
}

static size_t golden_read(const char *name, uint8_t *bytes)
{
    char path[1024];

    snprintf(path, sizeof path, "%s/%s", golden_dir(), name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) fail_msg("%s: cannot be read", path);
    size_t len = fread(bytes, 1, GOLDEN_BYTES_MAX, file);
    fclose(file);
    return len;
}

static const struct wal_segment_header some_header = {
    .version = 1,
    .block_bytes = 512,
    .log_id = {1, 2, 3},
    .life = 7,
    .segment = 0x100000001,
    .first_lsn = 0x200000002,
    .durable_lsn = 0x200000005,
    .commit_ns = 99,
    .segment_bytes = 0x300000000,
};

static void checksum_is_crc32c(void **state)
{
    uint8_t bytes[1000];

    (void)state;
    assert_u64(log_crc_end(log_crc_add(LOG_CRC_BEGIN, "123456789", 9)), 0xe3069283);
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 7);
    /* In one piece, or cut anywhere: the short way and the long one agree. */
    uint32_t whole = log_crc_add(LOG_CRC_BEGIN, bytes, sizeof bytes);
    for (size_t cut = 0; cut <= sizeof bytes; cut++) {
        uint32_t part = log_crc_add(LOG_CRC_BEGIN, bytes, cut);
        assert_u64(log_crc_add(part, bytes + cut, sizeof bytes - cut), whole);
    }
}

static void segment_header_survives_encoding(void **state)
{
    uint8_t bytes[WAL_SEGMENT_HEADER_BYTES];
    struct wal_segment_header header;

    (void)state;
    log_segment_header_encode(bytes, &some_header);
    assert_ok(log_segment_header_decode(bytes, &header));
    assert_memory_equal(&header, &some_header, sizeof header);
}

static void segment_header_with_any_bit_flipped_is_refused(void **state)
{
    uint8_t bytes[WAL_SEGMENT_HEADER_BYTES];
    struct wal_segment_header header;

    (void)state;
    log_segment_header_encode(bytes, &some_header);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_err(log_segment_header_decode(bytes, &header), WAL_CORRUPT);
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void newer_versions_are_told_from_damage(void **state)
{
    uint8_t bytes[WAL_SEGMENT_HEADER_BYTES];
    struct wal_segment_header header = some_header;
    struct wal_mark_slot mark = {
        .version = 2, .sequence = 1, .life = 1, .floor_lsn = 1, .floor_segment = 1, .segment = 1};

    (void)state;
    header.version = 2;
    log_segment_header_encode(bytes, &header);
    assert_err(log_segment_header_decode(bytes, &header), WAL_VERSION);
    log_mark_slot_encode(bytes, 0, &mark);
    assert_err(log_mark_slot_decode(bytes, 0, &mark), WAL_VERSION);
}

static void nonsense_with_a_good_checksum_is_refused(void **state)
{
    struct wal_segment_header bad[6];
    uint8_t bytes[WAL_SEGMENT_HEADER_BYTES];
    struct wal_segment_header header;

    (void)state;
    for (size_t i = 0; i < 6; i++) bad[i] = some_header;
    bad[0].block_bytes = 1024;
    bad[1].life = 0;
    bad[2].segment = 0;
    bad[3].first_lsn = 0;
    bad[4].durable_lsn = some_header.first_lsn - 2;
    bad[5].segment_bytes = 100;
    for (size_t i = 0; i < 6; i++) {
        log_segment_header_encode(bytes, &bad[i]);
        assert_err(log_segment_header_decode(bytes, &header), WAL_CORRUPT);
    }
}

static void group_header_is_bound_to_its_place(void **state)
{
    const struct wal_group_header group = {
        .first_lsn = 10, .durable_lsn = 9, .wall_ns = 5, .commit_ns = 6, .length = 48, .count = 3};
    uint8_t bytes[WAL_GROUP_HEADER_BYTES];
    struct wal_group_header found;
    uint8_t other_id[WAL_LOG_ID_BYTES] = {9};
    uint32_t binding = log_binding(some_header.log_id, 1, 2);

    (void)state;
    log_group_header_encode(bytes, &group, binding, 512);
    assert_true(log_group_header_decode(bytes, binding, 512, &found));
    assert_memory_equal(&found, &group, sizeof group);
    assert_false(log_group_header_decode(bytes, binding, 1024, &found));
    assert_false(
        log_group_header_decode(bytes, log_binding(some_header.log_id, 1, 3), 512, &found));
    assert_false(
        log_group_header_decode(bytes, log_binding(some_header.log_id, 2, 2), 512, &found));
    assert_false(log_group_header_decode(bytes, log_binding(other_id, 1, 2), 512, &found));
}

static void group_header_out_of_range_is_refused(void **state)
{
    const struct wal_group_header bad[] = {
        {.first_lsn = 10, .durable_lsn = 10, .length = 48, .count = 3},
        {.first_lsn = 10, .durable_lsn = 9, .length = 44, .count = 2},
        {.first_lsn = 10, .durable_lsn = 9, .length = 48, .count = 0},
        {.first_lsn = 10, .durable_lsn = 9, .length = 0, .count = 0},
        {.first_lsn = 10, .durable_lsn = 9, .length = 48, .count = 4},
        {.first_lsn = UINT64_MAX, .durable_lsn = 9, .length = 48, .count = 3},
    };
    uint8_t bytes[WAL_GROUP_HEADER_BYTES];
    struct wal_group_header found;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        log_group_header_encode(bytes, &bad[i], 77, 512);
        assert_false(log_group_header_decode(bytes, 77, 512, &found));
    }
}

static void record_with_any_bit_flipped_or_cut_short_is_refused(void **state)
{
    uint8_t bytes[32] = {0};

    (void)state;
    memcpy(bytes + WAL_RECORD_HEADER_BYTES, "eleven byte", 11);
    log_record_header_encode(bytes, &(struct wal_record_header){.length = 11, .kind = 1});
    log_records_seal(bytes, 77, 560, 5, 1);
    assert_true(log_record_valid(bytes, sizeof bytes, 77, 560, 5));
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_false(log_record_valid(bytes, sizeof bytes, 77, 560, 5));
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    for (size_t left = 0; left < sizeof bytes; left++) {
        assert_false(log_record_valid(bytes, left, 77, 560, 5));
    }
    assert_false(log_record_valid(bytes, sizeof bytes, 77, 560, 6));
    assert_false(log_record_valid(bytes, sizeof bytes, 77, 568, 5));
    assert_false(log_record_valid(bytes, sizeof bytes, 78, 560, 5));
}

static void zeros_are_not_a_record_nor_a_group(void **state)
{
    const uint8_t zeros[WAL_GROUP_HEADER_BYTES] = {0};
    struct wal_group_header group;

    (void)state;
    assert_false(log_record_valid(zeros, sizeof zeros, 0, 0, 0));
    assert_false(log_group_header_decode(zeros, 0, 0, &group));
}

static void mark_slot_is_bound_to_its_slot(void **state)
{
    const struct wal_mark_slot mark = {
        .version = 1,
        .clean = true,
        .log_id = {4, 5},
        .sequence = 0x100000001,
        .life = 2,
        .durable_lsn = 0x200000000,
        .floor_lsn = 3,
        .floor_segment = 4,
        .segment = 0x100000000,
        .offset = 0x123456789,
        .commit_ns = 8,
    };
    uint8_t bytes[WAL_MARK_SLOT_BYTES];
    struct wal_mark_slot found;

    (void)state;
    memset(&found, 0, sizeof found);
    log_mark_slot_encode(bytes, 1, &mark);
    assert_ok(log_mark_slot_decode(bytes, 1, &found));
    assert_true(found.clean);
    assert_u64(found.sequence, mark.sequence);
    assert_u64(found.durable_lsn, mark.durable_lsn);
    assert_u64(found.segment, mark.segment);
    assert_u64(found.offset, mark.offset);
    assert_err(log_mark_slot_decode(bytes, 0, &found), WAL_CORRUPT);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_err(log_mark_slot_decode(bytes, 1, &found), WAL_CORRUPT);
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void segment_names_are_numbers_beyond_32_bits_too(void **state)
{
    static const char *const strange[] = {"",
                                          "mark",
                                          "1.wal",
                                          "000000000000000A.wal",
                                          "0000000000000000.wal",
                                          "0000000000000001.wal.tmp",
                                          "0000000000000001.WAL",
                                          "00000000000000001.wal"};
    char name[WAL_SEGMENT_NAME_BYTES];
    uint64_t number = 0;

    (void)state;
    log_segment_name(name, 0x1234567890abcdef);
    assert_string_equal(name, "1234567890abcdef.wal");
    assert_true(log_segment_name_parse(name, &number));
    assert_u64(number, 0x1234567890abcdef);
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        assert_false(log_segment_name_parse(strange[i], &number));
    }
}

/* A world in which identity and time are what the golden files say. */

static enum wal_err golden_random(struct wal_io *io, void *buffer, size_t len)
{
    uint8_t *p = buffer;

    (void)io;
    for (size_t i = 0; i < len; i++) p[i] = (uint8_t)(0xa0 + i);
    return WAL_OK;
}

static uint64_t golden_wall_ns(struct wal_io *io)
{
    static const uint64_t times[] = {1700000000000000001, 1700000001000000002, 1600000000000000003,
                                     1700000002000000004};
    struct power *p = power_of(io);

    assert_true(p->notes[WAL_NOTE_COUNT - 1] < 4); /* Nobody reads live here: a free counter. */
    return times[p->notes[WAL_NOTE_COUNT - 1]++];
}

static struct wal_options golden_options(void)
{
    struct wal_options options = wal_options_default();
    options.sync_policy = WAL_SYNC_EVERY_GROUP;

    options.create = true;
    options.block_bytes = 512;
    options.segment_bytes = 2048;
    options.queue_bytes = 1024;
    options.record_bytes_max = 512;
    options.batch_bytes_max = 512;
    options.mark_interval_ns = IDLE_NS * 3600ULL;
    return options;
}

static void golden_records(uint8_t *bytes300, struct wal_slice *slices)
{
    for (size_t i = 0; i < 300; i++) bytes300[i] = (uint8_t)(i % 251);
    slices[0] = (struct wal_slice){"first", 5};
    slices[1] = (struct wal_slice){"", 0};
    slices[2] = (struct wal_slice){"a", 1};
    slices[3] = (struct wal_slice){"bb", 2};
    slices[4] = (struct wal_slice){"eightbyt", 8};
    slices[5] = (struct wal_slice){bytes300, 300};
}

static void what_is_written_is_the_golden_log(void **state)
{
    static const char *const names[] = {"0000000000000001.wal", "0000000000000002.wal", "mark"};
    struct power *p = power_create(1);
    struct wal_options options = golden_options();
    struct wal_log *log = NULL;
    struct wal_ticket ticket;
    uint8_t bytes300[300];
    struct wal_slice slices[6];

    (void)state;
    p->ops.random = golden_random;
    p->ops.wall_ns = golden_wall_ns;
    golden_records(bytes300, slices);
    assert_ok(wal_open(&p->io, "log", &options, &log, NULL));
    const size_t first[] = {0, 1, 2, 5, 6};
    for (size_t i = 0; i < 4; i++) {
        assert_ok(wal_append_batch(log, &slices[first[i]], first[i + 1] - first[i], &ticket));
        assert_ok(wal_wait(log, &ticket));
    }
    assert_ok(wal_close(log));

    for (size_t i = 0; i < 3; i++) {
        uint8_t expected[GOLDEN_BYTES_MAX];
        size_t len = golden_read(names[i], expected);
        int at = power_find(&p->now, names[i]);

        assert_true(at >= 0);
        const struct power_inode *inode = &p->inodes[p->now.entries[at].inode];
        assert_u64(inode->now_size, len);
        for (size_t j = 0; j < len; j++) {
            if (inode->now[j] != expected[j]) fail_msg("%s: byte %zu differs", names[i], j);
        }
    }
    power_destroy(p);
}

static void the_golden_log_is_read(void **state)
{
    const struct wal_reader_options options = {.from_lsn = 0};
    struct wal_io *io = NULL;
    struct wal_reader *reader = NULL;
    struct wal_record record;
    struct wal_survey survey;
    uint8_t bytes300[300];
    struct wal_slice slices[6];
    static const uint32_t batch_index[] = {0, 0, 0, 1, 2, 0};

    (void)state;
    golden_records(bytes300, slices);
    assert_ok(wal_host_create(&io));
    assert_ok(wal_verify(io, golden_dir(), true, NULL, NULL, &survey, NULL));
    assert_int_equal(survey.tail, WAL_TAIL_CLEAN);
    assert_u64(survey.last_lsn, 6);
    assert_u64(survey.witness_lsn, 6);
    assert_u64(survey.segments, 2);
    assert_u64(survey.tail_offset, 1024);
    assert_ok(wal_reader_open(io, golden_dir(), &options, &reader, NULL));
    for (uint64_t lsn = 1; lsn <= 6; lsn++) {
        assert_ok(wal_reader_next(reader, &record, NULL));
        assert_u64(record.lsn, lsn);
        assert_u64(record.len, slices[lsn - 1].len);
        assert_memory_equal(record.bytes, slices[lsn - 1].bytes, record.len);
        assert_u64(record.batch_index, batch_index[lsn - 1]);
        if (lsn == 3) assert_u64(record.wall_ns, 1600000000000000003);
        if (lsn == 3) assert_u64(record.commit_ns, 1700000001000000002);
    }
    assert_err(wal_reader_next(reader, &record, NULL), WAL_END);
    wal_reader_close(reader);
    wal_host_destroy(io);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksum_is_crc32c),
        cmocka_unit_test(segment_header_survives_encoding),
        cmocka_unit_test(segment_header_with_any_bit_flipped_is_refused),
        cmocka_unit_test(newer_versions_are_told_from_damage),
        cmocka_unit_test(nonsense_with_a_good_checksum_is_refused),
        cmocka_unit_test(group_header_is_bound_to_its_place),
        cmocka_unit_test(group_header_out_of_range_is_refused),
        cmocka_unit_test(record_with_any_bit_flipped_or_cut_short_is_refused),
        cmocka_unit_test(zeros_are_not_a_record_nor_a_group),
        cmocka_unit_test(mark_slot_is_bound_to_its_slot),
        cmocka_unit_test(segment_names_are_numbers_beyond_32_bits_too),
        cmocka_unit_test(what_is_written_is_the_golden_log),
        cmocka_unit_test(the_golden_log_is_read),
    };

    return cmocka_run_group_tests_name("wal_format", tests, NULL, NULL);
}
