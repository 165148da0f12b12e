/*
 * fuzz_row.c - any bytes at all as a row: refused, or values that make just these bytes again.
 *
 * With SQUALL_FUZZ_MAIN it is a program that runs so many mutations of rows, always the same ones:
 * the bounded run among the tests. FUZZ_RUNS says how many.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wal/io.h"
#include "wal/log/row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds, const char *what)
{
    if (holds) return;
    fprintf(stderr, "fuzz_row: %s\n", what);
    abort();
}

static size_t allowed; /* Bytes of memory for this input. */

static void *bounded_alloc(struct wal_io *io, size_t size)
{
    (void)io;
    must(size <= allowed, "more memory was asked for than the row accounts for");
    return malloc(size);
}

static void bounded_free(struct wal_io *io, void *memory, size_t size)
{
    (void)io, (void)size;
    free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct wal_io_ops ops = {.alloc = bounded_alloc, .free = bounded_free};
    struct wal_io io = {.ops = &ops};
    uint8_t *exact = malloc(size + (size == 0)); /* So that a sanitizer sees a byte too many. */
    struct wal_row_value *values = NULL;
    uint32_t count = 0;
    size_t len = 0;

    must(exact != NULL, "memory");
    if (size > 0) memcpy(exact, data, size);
    allowed = size * 2 * sizeof *values;
    if (wal_row_read(&io, exact, size, &values, &count) == WAL_OK) {
        must(wal_row_size(values, count, &len, NULL) == WAL_OK, "a decoded value has no form");
        must(len == size, "another size");
        uint8_t *again = malloc(len);
        must(again != NULL, "memory");
        wal_row_encode(values, count, again);
        must(memcmp(again, exact, len) == 0, "other bytes");
        free(again);
        wal_row_free(&io, values, count);
    }
    free(exact);
    return 0;
}

#ifdef SQUALL_FUZZ_MAIN

#include "scenarios/row_check.h"
#include "sim/decide.h"

enum { INPUT_MAX = 512 };

/* A few values, some of them long. */
static size_t row_make(uint8_t *bytes, uint64_t entropy)
{
    static const uint8_t floats[24] = {1, 2, 3};
    const struct wal_row_value known[] = {
        {.type = WAL_ROW_NULL},
        {.type = WAL_ROW_BOOL, .boolean = true},
        {.type = WAL_ROW_I16, .integer = -2},
        {.type = WAL_ROW_I32, .integer = -3},
        {.type = WAL_ROW_I64, .integer = -4},
        {.type = WAL_ROW_U64, .natural = 5},
        {.type = WAL_ROW_FLOAT, .number = 6.5},
        {.type = WAL_ROW_TIMESTAMP, .integer = 7},
        {.type = WAL_ROW_DECIMAL, .decimal = {8, 8, 8, true}},
        {.type = WAL_ROW_UUID},
        {.type = WAL_ROW_TEXT, .bytes = {(const uint8_t *)"\xc3\xa9t\xc3\xa9", 5}},
        {.type = WAL_ROW_BYTES, .bytes = {(const uint8_t *)"\1\2\377", 3}},
        {.type = WAL_ROW_JSON, .bytes = {(const uint8_t *)"{\"a\":[1,\"\\u00e9\"]}", 18}},
        {.type = WAL_ROW_FLOATS, .bytes = {floats, sizeof floats}},
    };
    struct wal_row_value values[8];
    size_t count = entropy % 8, len;

    for (size_t i = 0; i < count; i++) {
        values[i] = known[sim_mix(entropy, i, 1) % (sizeof known / sizeof known[0])];
    }
    must(wal_row_size(values, count, &len, NULL) == WAL_OK, "size");
    must(len <= INPUT_MAX, "room");
    wal_row_encode(values, count, bytes);
    return len;
}

int main(void)
{
    const char *runs = getenv("FUZZ_RUNS");
    uint64_t count = runs != NULL ? strtoull(runs, NULL, 10) : 200000;
    uint8_t bytes[INPUT_MAX];
    struct sim_guard guard;
    uint64_t refused = 0;

    sim_guard_init(&guard, INPUT_MAX);
    for (uint64_t run = 0; run < count; run++) {
        size_t len = row_make(bytes, sim_mix(run, 0, 2));
        size_t changes = 1 + sim_mix(run, 1, 2) % 3;

        for (size_t i = 0; i < changes; i++) len = row_mutate(bytes, len, sim_mix(run, i, 3));
        LLVMFuzzerTestOneInput(bytes, len);
        enum history_row fate = row_check(&guard, bytes, len, NULL, 0);
        must(fate == HISTORY_ROW_GOOD || fate == HISTORY_ROW_REFUSED, "the decoder did harm");
        refused += fate == HISTORY_ROW_REFUSED;
    }
    sim_guard_free(&guard);
    must(refused > count / 4 && refused < count, "the mutations are all alike");
    printf("%llu mutated rows decoded, %llu refused\n", (unsigned long long)count,
           (unsigned long long)refused);
    return 0;
}

#endif
