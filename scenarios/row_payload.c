/*
 * row_payload.c - records whose bytes are rows, and the reader who decodes them.
 *
 * A row is made from the operation, the index and the length alone, so that who reads it makes it
 * again and compares value by value; its first value says who it is. It has exactly the length
 * asked for: what no value fits into is filled with nulls. Beside a writer, the reader hands the
 * decoder changed copies, too.
 */
#include <assert.h>
#include <string.h>

#include "scenarios/row_check.h"
#include "scenarios/run.h"
#include "wal/log/little_endian.h"

enum {
    NAME_BYTES = 1 + 8,   /* The first value. */
    PREFIX_BYTES = 1 + 4, /* Type and length. */
    MIXED_VALUES = 64,    /* Behind these only long ones follow, */
    LONG_BYTES = 180,     /* so long. */
    CHANGED_COPIES = 4,   /* Of each row. */
    ROW_BYTES_MIN = WAL_ROW_HEADER_BYTES + NAME_BYTES,
};

struct making {
    struct run_row *row;
    uint64_t entropy;
    uint32_t left; /* Bytes of the row that no value has. */
};

static uint64_t name_of(uint32_t number, uint32_t index, uint32_t len)
{
    return (uint64_t)number << 32 | index << 24 | (len & 0xffffff);
}

static void add_value(struct making *making, const struct wal_row_value *value, uint32_t bytes)
{
    assert(making->row->count < RUN_ROW_VALUES_MAX && bytes <= making->left);
    making->row->values[making->row->count++] = *value;
    making->left -= bytes;
}

/* Bytes for a value to point at. */
static uint8_t *take_pool(struct making *making, uint32_t len)
{
    uint8_t *at = making->row->pool + making->row->pool_used;

    assert(len <= sizeof making->row->pool - making->row->pool_used);
    making->row->pool_used += len;
    return at;
}

/* A JSON value of so many bytes, at least one: a number, or arrays in arrays, or a string. */
static void fill_json(uint8_t *at, uint32_t len, uint64_t entropy)
{
    bool arrays = entropy % 3 == 0 && len % 2 == 0 && len / 2 <= WAL_ROW_JSON_DEPTH_MAX;

    if (arrays) {
        memset(at, '[', len / 2);
        memset(at + len / 2, ']', len / 2);
    } else if (entropy % 3 == 1 || len < 2) {
        memset(at, '1' + (int)(entropy / 3 % 9), len);
    } else {
        memset(at, 'a' + (int)(entropy / 3 % 26), len);
        at[0] = at[len - 1] = '"';
    }
}

static void fill_text(uint8_t *at, uint32_t len, uint64_t entropy)
{
    memset(at, 'A' + (int)(entropy % 26), len);
    if (len >= 2) memcpy(at + len - 2, "\xc3\xa9", 2);
}

static void add_long(struct making *making, enum wal_row_type type, uint64_t entropy)
{
    uint32_t room = making->left - PREFIX_BYTES;
    uint32_t len = making->row->count < MIXED_VALUES ? (uint32_t)(entropy % 40) : LONG_BYTES;

    if (len > room) len = room;
    if (type == WAL_ROW_FLOATS) len -= len % WAL_ROW_FLOAT_BYTES;
    if (type == WAL_ROW_JSON && len == 0) type = WAL_ROW_TEXT;
    uint8_t *at = take_pool(making, len);
    for (uint32_t i = 0; i < len; i++) at[i] = (uint8_t)(entropy >> i % 8 * 7);
    if (type == WAL_ROW_JSON) fill_json(at, len, entropy >> 8);
    if (type == WAL_ROW_TEXT) fill_text(at, len, entropy >> 8);
    const struct wal_row_value value = {.type = type, .bytes = {at, len}};
    add_value(making, &value, PREFIX_BYTES + len);
}

/* A value whose type has one size, if it fits. */
static bool add_fixed(struct making *making, enum wal_row_type type, uint64_t entropy)
{
    struct wal_row_value value = {.type = type};
    uint32_t bytes = 8;

    switch (type) {
    case WAL_ROW_BOOL: bytes = 1, value.boolean = entropy % 2 != 0; break;
    case WAL_ROW_I16: bytes = 2, value.integer = (int64_t)(entropy % 65536) - 32768; break;
    case WAL_ROW_I32: bytes = 4, value.integer = (int64_t)(entropy >> 32) + INT32_MIN; break;
    case WAL_ROW_I64:
    case WAL_ROW_TIMESTAMP: memcpy(&value.integer, &entropy, sizeof entropy); break;
    case WAL_ROW_U64: value.natural = entropy; break;
    case WAL_ROW_FLOAT: memcpy(&value.number, &entropy, sizeof entropy); break;
    case WAL_ROW_DECIMAL:
        bytes = WAL_ROW_DECIMAL_BYTES;
        value.decimal = (struct wal_row_decimal){entropy, (uint32_t)(entropy >> 7),
                                                 (uint8_t)(entropy % 29), entropy % 2 != 0};
        break;
    case WAL_ROW_UUID:
        bytes = WAL_ROW_UUID_BYTES;
        put_u64(value.uuid, entropy);
        put_u64(value.uuid + 8, ~entropy);
        break;
    case WAL_ROW_NULL: bytes = 0; break;
    case WAL_ROW_TEXT:
    case WAL_ROW_BYTES:
    case WAL_ROW_JSON:
    case WAL_ROW_FLOATS:
    case WAL_ROW_TYPE_COUNT: return false;
    }
    if (1 + bytes > making->left) return false;
    add_value(making, &value, 1 + bytes);
    return true;
}

/* The values of the operation's record, which is at least ROW_BYTES_MIN long. */
static void make_row(struct run_row *row, const struct operation *operation, uint32_t index)
{
    uint32_t len = operation->lengths[index];
    struct making making = {row, sim_mix(operation->noise, index, 8), len - WAL_ROW_HEADER_BYTES};
    struct wal_row_value value = {.type = WAL_ROW_U64,
                                  .natural = name_of(operation->number, index, len)};

    row->count = row->pool_used = 0;
    add_value(&making, &value, NAME_BYTES);
    while (making.left >= PREFIX_BYTES) {
        uint64_t entropy = sim_mix(making.entropy, row->count, 9);
        bool mixed = row->count < MIXED_VALUES;
        enum wal_row_type type =
            (enum wal_row_type)(mixed ? entropy % WAL_ROW_TYPE_COUNT : WAL_ROW_BYTES);

        if (type >= WAL_ROW_TEXT) {
            add_long(&making, type, entropy >> 4);
        } else if (!add_fixed(&making, type, entropy)) {
            add_long(&making, WAL_ROW_BYTES, entropy >> 4);
        }
    }
    value.type = WAL_ROW_NULL;
    while (making.left > 0) add_value(&making, &value, 1);
}

bool run_fill_row(struct runner *runner, const struct operation *operation, uint32_t index,
                  uint8_t *bytes)
{
    size_t len = 0;

    if (operation->lengths[index] < ROW_BYTES_MIN) return false;
    make_row(&runner->row, operation, index);
    enum wal_err err = wal_row_size(runner->row.values, runner->row.count, &len, NULL);
    assert(err == WAL_OK && len == operation->lengths[index]);
    (void)err;
    wal_row_encode(runner->row.values, runner->row.count, bytes);
    return true;
}

/* ---- Reading ---- */

/* The operation whose record this is, if it is a row of one: told without the decoder. */
static const struct operation *row_writer(const struct runner *runner,
                                          const struct wal_record *record, uint32_t *ret_index)
{
    const uint8_t *bytes = record->bytes;

    if (record->len < ROW_BYTES_MIN || memcmp(bytes, WAL_ROW_MAGIC, 4) != 0) return NULL;
    uint64_t name = get_u64(bytes + WAL_ROW_HEADER_BYTES + 1);
    *ret_index = (uint32_t)(name >> 24) & 0xff;
    for (uint32_t i = 0; i < runner->operation_count; i++) {
        const struct operation *operation = &runner->operations[i];

        if (operation->number != (uint32_t)(name >> 32)) continue;
        bool its = operation->content == CONTENT_ROW && *ret_index < operation->records &&
                   operation->lengths[*ret_index] == record->len;
        return its && name == name_of(operation->number, *ret_index, record->len) ? operation
                                                                                  : NULL;
    }
    return NULL;
}

static void judge_row(struct history_observation *observation, uint64_t lsn, enum history_row row,
                      bool changed)
{
    if (row == HISTORY_ROW_GOOD || (changed && row == HISTORY_ROW_REFUSED)) return;
    if (observation->row_lsn != 0) return;
    observation->row_lsn = lsn;
    observation->row = row;
    observation->row_changed = changed;
}

static void decode_changed(struct runner *runner, const struct wal_record *record, uint64_t entropy,
                           struct history_observation *observation)
{
    uint8_t *copy = runner->row.changed;

    for (uint32_t i = 0; i < CHANGED_COPIES; i++) {
        memcpy(copy, record->bytes, record->len);
        size_t len = row_mutate(copy, record->len, sim_mix(entropy, record->len, i));
        judge_row(observation, record->lsn, row_check(&runner->row.guard, copy, len, NULL, 0),
                  true);
    }
}

void run_read_row(struct runner *runner, const struct wal_record *record, const uint64_t *entropy,
                  struct history_observation *observation)
{
    uint32_t index;
    const struct operation *operation = row_writer(runner, record, &index);

    if (operation == NULL || record->len > RUN_ROW_BYTES_MAX) return;
    make_row(&runner->row, operation, index);
    enum history_row row = row_check(&runner->row.guard, record->bytes, record->len,
                                     runner->row.values, runner->row.count);
    judge_row(observation, record->lsn, row, false);
    if (entropy != NULL) decode_changed(runner, record, *entropy, observation);
}
