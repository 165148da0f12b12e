/*
 * codec.c - the offsets of format.h, each in one place.
 *
 * A checksum is compared before any other field is believed, so that nothing but what a writer
 * wrote is ever interpreted; what a writer cannot have written is refused all the same.
 */
#include "wal/log/codec.h"

#include <assert.h>
#include <string.h>

#include "wal/log/crc.h"
#include "wal/log/little_endian.h"

#define SEGMENT_MAGIC "SQUALSEG"
#define MARK_MAGIC "SQUALMRK"
#define PIN_MAGIC "SQUALPIN"
#define GROUP_MAGIC "GRP1"

enum {
    MAGIC_BYTES = 8,
    GROUP_MAGIC_BYTES = 4,
    CRC_BYTES = 4,
    MARK_CLEAN = 1 << 0,
    MARK_BEGINS = 1 << 1,
    MARK_CUT = 1 << 2,
};

uint32_t log_binding(const uint8_t *log_id, uint64_t life, uint64_t segment)
{
    uint8_t bytes[WAL_LOG_ID_BYTES + 16];

    memcpy(bytes, log_id, WAL_LOG_ID_BYTES);
    put_u64(bytes + WAL_LOG_ID_BYTES, life);
    put_u64(bytes + WAL_LOG_ID_BYTES + 8, segment);
    return log_crc_add(LOG_CRC_BEGIN, bytes, sizeof bytes);
}

static uint32_t segment_header_crc(const uint8_t *p)
{
    return log_crc_end(log_crc_add(LOG_CRC_BEGIN, p, WAL_SEGMENT_HEADER_BYTES - CRC_BYTES));
}

void log_segment_header_encode(uint8_t *p, const struct wal_segment_header *header)
{
    memset(p, 0, WAL_SEGMENT_HEADER_BYTES);
    memcpy(p, SEGMENT_MAGIC, MAGIC_BYTES);
    put_u32(p + 8, header->version);
    put_u32(p + 12, header->block_bytes);
    memcpy(p + 16, header->log_id, WAL_LOG_ID_BYTES);
    put_u64(p + 32, header->life);
    put_u64(p + 40, header->segment);
    put_u64(p + 48, header->first_lsn);
    put_u64(p + 56, header->durable_lsn);
    put_u64(p + 64, header->commit_ns);
    put_u64(p + 72, header->segment_bytes);
    put_u32(p + 80, header->flags);
    put_u64(p + 88, header->prev_life);
    put_u64(p + 96, header->prev_durable_lsn);
    put_u32(p + 124, segment_header_crc(p));
}

enum wal_err log_segment_header_decode(const uint8_t *p, struct wal_segment_header *ret_header)
{
    struct wal_segment_header header = {
        .version = get_u32(p + 8),
        .block_bytes = get_u32(p + 12),
        .life = get_u64(p + 32),
        .segment = get_u64(p + 40),
        .first_lsn = get_u64(p + 48),
        .durable_lsn = get_u64(p + 56),
        .commit_ns = get_u64(p + 64),
        .segment_bytes = get_u64(p + 72),
        .flags = get_u32(p + 80),
        .prev_life = get_u64(p + 88),
        .prev_durable_lsn = get_u64(p + 96),
    };

    memcpy(header.log_id, p + 16, WAL_LOG_ID_BYTES);
    if (memcmp(p, SEGMENT_MAGIC, MAGIC_BYTES) != 0) return WAL_CORRUPT;
    if (get_u32(p + 124) != segment_header_crc(p)) return WAL_CORRUPT;
    if (header.version != WAL_FORMAT_VERSION) return WAL_VERSION;
    if ((header.flags & ~(uint32_t)WAL_SEGMENT_FLAGS) != 0) return WAL_VERSION;
    if (!log_block_bytes_valid(header.block_bytes)) return WAL_CORRUPT;
    if (header.life == 0 || header.segment == 0 || header.first_lsn == 0) return WAL_CORRUPT;
    if (header.durable_lsn < header.first_lsn - 1) return WAL_CORRUPT;
    if (header.segment_bytes < log_area_bytes(header.block_bytes)) return WAL_CORRUPT;
    if (header.segment_bytes > INT64_MAX) return WAL_CORRUPT;
    if (header.prev_life > header.life) return WAL_CORRUPT;
    *ret_header = header;
    return WAL_OK;
}

static uint32_t add_u64(uint32_t state, uint64_t v)
{
    uint8_t bytes[8];

    put_u64(bytes, v);
    return log_crc_add(state, bytes, sizeof bytes);
}

static uint32_t group_header_crc(const uint8_t *p, uint32_t binding, uint64_t offset)
{
    uint32_t state = add_u64(binding, offset);

    return log_crc_end(log_crc_add(state, p + CRC_BYTES, WAL_GROUP_HEADER_BYTES - CRC_BYTES));
}

void log_group_header_encode(uint8_t *p, const struct wal_group_header *header, uint32_t binding,
                             uint64_t offset)
{
    memcpy(p + 4, GROUP_MAGIC, GROUP_MAGIC_BYTES);
    put_u64(p + 8, header->first_lsn);
    put_u64(p + 16, header->durable_lsn);
    put_u64(p + 24, header->wall_ns);
    put_u64(p + 32, header->commit_ns);
    put_u32(p + 40, header->length);
    put_u32(p + 44, header->count);
    put_u32(p, group_header_crc(p, binding, offset));
}

bool log_group_header_decode(const uint8_t *p, uint32_t binding, uint64_t offset,
                             struct wal_group_header *ret_header)
{
    struct wal_group_header header = {
        .first_lsn = get_u64(p + 8),
        .durable_lsn = get_u64(p + 16),
        .wall_ns = get_u64(p + 24),
        .commit_ns = get_u64(p + 32),
        .length = get_u32(p + 40),
        .count = get_u32(p + 44),
    };

    /* The magic first: it spares most of the resync scan a checksum. */
    if (memcmp(p + 4, GROUP_MAGIC, GROUP_MAGIC_BYTES) != 0) return false;
    if (get_u32(p) != group_header_crc(p, binding, offset)) return false;
    if (header.count == 0 || header.length % WAL_RECORD_ALIGN != 0) return false;
    if (header.length / WAL_RECORD_HEADER_BYTES < header.count) return false;
    if (header.durable_lsn >= header.first_lsn) return false;
    if (header.first_lsn > UINT64_MAX - header.count) return false;
    *ret_header = header;
    return true;
}

void log_record_header_encode(uint8_t *p, const struct wal_record_header *header)
{
    put_u32(p, 0);
    put_u32(p + 4, header->length);
    p[8] = header->kind;
    p[9] = header->flags;
    p[10] = 0;
    p[11] = 0;
    put_u32(p + 12, header->batch_index);
}

static struct log_crc_lane record_lane(const uint8_t *p, uint64_t bytes, uint32_t binding,
                                       uint64_t offset, uint64_t lsn)
{
    return (struct log_crc_lane){
        .place = {offset, lsn},
        .bytes = p + CRC_BYTES,
        .len = (size_t)bytes - CRC_BYTES,
        .state = binding,
    };
}

/* The lanes that are left: two or three go side by side, and one goes by itself. */
static void lanes_run(struct log_crc_lane *lanes, unsigned used)
{
    if (used == 1) {
        log_crc_add_lane(lanes);
        return;
    }
    for (unsigned i = used; i < LOG_CRC_LANES; i++) lanes[i] = lanes[0];
    log_crc_add_lanes(lanes);
}

void log_records_seal(uint8_t *p, uint32_t binding, uint64_t offset, uint64_t first_lsn,
                      uint32_t count)
{
    struct log_crc_lane lanes[LOG_CRC_LANES];
    uint8_t *records[LOG_CRC_LANES];
    unsigned used = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t bytes = log_record_bytes(get_u32(p + 4));

        records[used] = p;
        lanes[used++] = record_lane(p, bytes, binding, offset, first_lsn + i);
        p += bytes;
        offset += bytes;
        if (used < LOG_CRC_LANES && i + 1 < count) continue;
        lanes_run(lanes, used);
        while (used > 0) {
            used--;
            put_u32(records[used], log_crc_end(lanes[used].state));
        }
    }
}

bool log_record_valid(const uint8_t *p, uint64_t left, uint32_t binding, uint64_t offset,
                      uint64_t lsn)
{
    if (left < WAL_RECORD_HEADER_BYTES) return false;
    uint64_t bytes = log_record_bytes(get_u32(p + 4));
    if (bytes > left) return false;
    struct log_crc_lane lane = record_lane(p, bytes, binding, offset, lsn);
    log_crc_add_lane(&lane);
    return get_u32(p) == log_crc_end(lane.state);
}

static uint32_t mark_slot_crc(const uint8_t *p, unsigned slot)
{
    uint32_t state = add_u64(LOG_CRC_BEGIN, (uint64_t)slot * WAL_MARK_SLOT_STRIDE);

    return log_crc_end(log_crc_add(state, p, WAL_MARK_SLOT_BYTES - CRC_BYTES));
}

void log_mark_slot_encode(uint8_t *p, unsigned slot, const struct wal_mark_slot *mark)
{
    assert(slot < WAL_MARK_SLOTS);
    memset(p, 0, WAL_MARK_SLOT_BYTES);
    memcpy(p, MARK_MAGIC, MAGIC_BYTES);
    put_u32(p + 8, mark->version);
    uint32_t flags = (mark->clean ? MARK_CLEAN : 0U) | (mark->begins ? MARK_BEGINS : 0U) |
                     (mark->cut ? MARK_CUT : 0U);
    put_u32(p + 12, flags);
    memcpy(p + 16, mark->log_id, WAL_LOG_ID_BYTES);
    put_u64(p + 32, mark->sequence);
    put_u64(p + 40, mark->life);
    put_u64(p + 48, mark->durable_lsn);
    put_u64(p + 56, mark->floor_lsn);
    put_u64(p + 64, mark->floor_segment);
    put_u64(p + 72, mark->segment);
    put_u64(p + 80, mark->offset);
    put_u64(p + 88, mark->commit_ns);
    put_u64(p + 96, mark->pruning_lsn);
    put_u64(p + 104, mark->cut_life);
    put_u64(p + 112, mark->cut_lsn);
    put_u32(p + 120, mark->added);
    put_u32(p + 124, mark_slot_crc(p, slot));
}

enum wal_err log_mark_slot_decode(const uint8_t *p, unsigned slot, struct wal_mark_slot *ret_mark)
{
    struct wal_mark_slot mark = {
        .version = get_u32(p + 8),
        .clean = (get_u32(p + 12) & MARK_CLEAN) != 0,
        .begins = (get_u32(p + 12) & MARK_BEGINS) != 0,
        .cut = (get_u32(p + 12) & MARK_CUT) != 0,
        .sequence = get_u64(p + 32),
        .life = get_u64(p + 40),
        .durable_lsn = get_u64(p + 48),
        .floor_lsn = get_u64(p + 56),
        .floor_segment = get_u64(p + 64),
        .segment = get_u64(p + 72),
        .offset = get_u64(p + 80),
        .commit_ns = get_u64(p + 88),
        .pruning_lsn = get_u64(p + 96),
        .cut_life = get_u64(p + 104),
        .cut_lsn = get_u64(p + 112),
        .added = get_u32(p + 120),
    };

    memcpy(mark.log_id, p + 16, WAL_LOG_ID_BYTES);
    if (memcmp(p, MARK_MAGIC, MAGIC_BYTES) != 0) return WAL_CORRUPT;
    if (get_u32(p + 124) != mark_slot_crc(p, slot)) return WAL_CORRUPT;
    if (mark.version != WAL_FORMAT_VERSION) return WAL_VERSION;
    if (mark.life == 0 || mark.floor_lsn == 0 || mark.floor_segment == 0) return WAL_CORRUPT;
    if (mark.segment < mark.floor_segment) return WAL_CORRUPT;
    if (mark.durable_lsn < mark.floor_lsn - 1) return WAL_CORRUPT;
    if (mark.added != WAL_MARK_ADDED_UNKNOWN && mark.added > mark.durable_lsn) return WAL_CORRUPT;
    *ret_mark = mark;
    return WAL_OK;
}

static uint32_t pin_crc(const uint8_t *p)
{
    return log_crc_end(log_crc_add(LOG_CRC_BEGIN, p, WAL_PIN_BYTES - CRC_BYTES));
}

void log_pin_encode(uint8_t *p, const struct wal_pin_file *pin)
{
    memset(p, 0, WAL_PIN_BYTES);
    memcpy(p, PIN_MAGIC, MAGIC_BYTES);
    put_u32(p + 8, pin->version);
    memcpy(p + 16, pin->log_id, WAL_LOG_ID_BYTES);
    put_u64(p + 32, pin->lsn);
    put_u32(p + 60, pin_crc(p));
}

enum wal_err log_pin_decode(const uint8_t *p, struct wal_pin_file *ret_pin)
{
    struct wal_pin_file pin = {.version = get_u32(p + 8), .lsn = get_u64(p + 32)};

    memcpy(pin.log_id, p + 16, WAL_LOG_ID_BYTES);
    if (memcmp(p, PIN_MAGIC, MAGIC_BYTES) != 0) return WAL_CORRUPT;
    if (get_u32(p + 60) != pin_crc(p)) return WAL_CORRUPT;
    if (pin.version != WAL_FORMAT_VERSION) return WAL_VERSION;
    if (pin.lsn == 0) return WAL_CORRUPT;
    *ret_pin = pin;
    return WAL_OK;
}

static void name_of(char *ret_name, uint64_t number, const char *ending)
{
    for (int i = 0; i < 16; i++) ret_name[i] = "0123456789abcdef"[number >> (60 - 4 * i) & 15];
    memcpy(ret_name + 16, ending, 5);
}

void log_segment_name(char *ret_name, uint64_t number)
{
    name_of(ret_name, number, ".wal");
}

void log_next_name(char *ret_name, uint64_t life)
{
    name_of(ret_name, life, ".tmp");
}

static bool name_parse(const char *name, const char *ending, uint64_t *ret_number)
{
    uint64_t number = 0;

    /* Strict: were capitals allowed, one number could have two names. */
    for (int i = 0; i < 16; i++) {
        char c = name[i];
        if (c >= '0' && c <= '9') {
            number = number << 4 | (uint64_t)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            number = number << 4 | (uint64_t)(c - 'a' + 10);
        } else {
            return false;
        }
    }
    if (strcmp(name + 16, ending) != 0 || number == 0) return false;
    *ret_number = number;
    return true;
}

bool log_segment_name_parse(const char *name, uint64_t *ret_number)
{
    return name_parse(name, ".wal", ret_number);
}

void log_spare_name(char *ret_name, uint64_t number)
{
    name_of(ret_name, number, ".old");
}

bool log_spare_name_parse(const char *name, uint64_t *ret_number)
{
    return name_parse(name, ".old", ret_number);
}

bool log_tmp_name(const char *name)
{
    uint64_t life;

    return strcmp(name, WAL_SEGMENT_TMP_NAME) == 0 || strcmp(name, WAL_MARK_TMP_NAME) == 0 ||
           name_parse(name, ".tmp", &life);
}
