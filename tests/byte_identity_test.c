/*
 * byte_identity_test.c - what is to be survived leaves no trace: a run in which writes and reads
 * are cut short and calls are interrupted ends with the same files, byte for byte, as the run
 * without.
 *
 * The workloads are generated; nothing crashes, and no schedule but the tamest is drawn. Records
 * carry the time of their commit, and a call that has to be repeated takes time: so time stands
 * still here but for who sleeps.
 */
#include "tests/honesty_bench.h"

enum { SEEDS = 400, LOG_BYTES_MAX = 1 << 20, FILES_MAX = 64, NAME_BYTES = 64 };

static const char scenario_text[] = "[scenario]\n"
                                    "story = A log with nothing to fear but cut and interrupted "
                                    "calls.\n"
                                    "[workload]\n"
                                    "operations = 5..40\n"
                                    "clients = 1|1..4\n"
                                    "record-bytes = 0..24|0..440\n"
                                    "batch-records = 2..8\n"
                                    "idle-ns = 0..30000000\n"
                                    "end-power-off-percent = 0\n"
                                    "[mix]\n"
                                    "append = 20\n"
                                    "append-async = 15\n"
                                    "batch = 8\n"
                                    "batch-async = 6\n"
                                    "wait = 4\n"
                                    "sync = 5\n"
                                    "read = 6\n"
                                    "idle = 2\n"
                                    "kill = 2\n"
                                    "reopen = 4\n"
                                    "[log]\n"
                                    "block-bytes = 8|512|512|4096\n"
                                    "segment-bytes = 2048..5120|16384\n"
                                    "queue-bytes = 512..2048\n"
                                    "sync-policy = 0|1\n"
                                    "mark-policy = 0|1|2\n"
                                    "verify-all = 0|1\n"
                                    "[disk]\n"
                                    "profiles = weak strict btrfs\n"
                                    "still-time = 1\n"
                                    "[faults]\n"
                                    "faults = F01 F02 F16\n";

/* Everything under /log: what a process sees, and what is on disk. */
struct contents {
    size_t count;
    struct {
        char name[NAME_BYTES];
        uint64_t size, durable_size;
        size_t at, durable_at;
    } files[FILES_MAX];
    size_t used;
    uint8_t bytes[LOG_BYTES_MAX];
};

static struct contents quiet, struck;

/* A log that takes a short count for the whole. */
static enum wal_err deaf_pwrite(struct wal_io *io, struct wal_file file, uint64_t offset,
                                const void *buffer, size_t len, size_t *ret_len)
{
    enum wal_err err = bench_now->honest->pwrite(io, file, offset, buffer, len, ret_len);

    if (err == WAL_OK) *ret_len = len;
    return err;
}

static int set_up(void **state)
{
    bench_set_up(state);
    bench_write(bench_now, scenario_text);
    return 0;
}

static size_t keep(struct contents *contents, const uint8_t *bytes, uint64_t size)
{
    size_t at = contents->used;

    assert_true(size <= LOG_BYTES_MAX - at);
    if (size > 0) memcpy(contents->bytes + at, bytes, (size_t)size);
    contents->used += (size_t)size;
    return at;
}

static void take(struct disk *disk, struct contents *ret_contents)
{
    int32_t dir;
    disk_inode inode;
    const char *name;

    ret_contents->count = ret_contents->used = 0;
    assert_int_equal(disk_dir_find(disk, "/log", &dir), WAL_OK);
    for (size_t i = 0; (name = disk_entry(disk, dir, i, &inode)) != NULL; i++) {
        assert_true(i < FILES_MAX);
        uint64_t durable_size = 0, size = disk_size(disk, inode);
        const uint8_t *durable = disk_durable(disk, inode, &durable_size);
        const uint8_t *now = size == 0 ? NULL : disk_window(disk, inode, 0, (size_t)size);

        assert_true(now != NULL || size == 0);
        (void)snprintf(ret_contents->files[i].name, NAME_BYTES, "%s", name);
        ret_contents->files[i].size = size;
        ret_contents->files[i].durable_size = durable_size;
        ret_contents->files[i].at = keep(ret_contents, now, size);
        ret_contents->files[i].durable_at = keep(ret_contents, durable, durable_size);
        ret_contents->count++;
    }
}

static bool same(const struct contents *a, const struct contents *b)
{
    if (a->count != b->count || a->used != b->used) return false;
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->files[i].name, b->files[i].name) != 0) return false;
        if (a->files[i].size != b->files[i].size) return false;
        if (a->files[i].durable_size != b->files[i].durable_size) return false;
    }
    return memcmp(a->bytes, b->bytes, a->used) == 0;
}

static uint64_t strikes[FAULT_NUMBER_COUNT];

/* Run the seed with these faults and keep its files. */
static const struct property *run(struct bench *bench, uint64_t seed, const uint8_t *only,
                                  struct contents *ret_contents)
{
    static const enum sim_policy tamest = SIM_POLICY_FIRST;
    const struct run_options options = {.seed = seed, .faults_only = only, .policy = &tamest};
    struct run_result result = bench_run(bench, &options);

    for (uint32_t i = 0; i < FAULT_NUMBER_COUNT; i++) {
        strikes[i] += runner_struck(bench->runner)[i];
    }
    take(sim_disk(bench->runner->world), ret_contents);
    return result.property;
}

static const uint8_t nothing[FAULT_NUMBER_COUNT] = {0};

static void identical_under(struct bench *bench, const uint8_t *only)
{
    size_t rotated = 0;

    memset(strikes, 0, sizeof strikes);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        assert_null(run(bench, seed, nothing, &quiet));
        const struct property *broken = run(bench, seed, only, &struck);
        if (broken != NULL) fail_msg("seed %llu breaks %s", (unsigned long long)seed, broken->name);
        if (!same(&quiet, &struck)) {
            fail_msg("seed %llu leaves other files", (unsigned long long)seed);
        }
        rotated += quiet.count > 3; /* Lock, mark, and more than one segment. */
    }
    assert_true(rotated > SEEDS / 4);
}

static void short_writes_leave_the_same_files(void **state)
{
    const uint8_t only[FAULT_NUMBER_COUNT] = {[1] = 1};

    identical_under(*state, only);
    assert_true(strikes[1] > SEEDS);
}

static void interruptions_leave_the_same_files(void **state)
{
    const uint8_t only[FAULT_NUMBER_COUNT] = {[2] = 1};

    identical_under(*state, only);
    assert_true(strikes[2] > SEEDS);
}

static void short_reads_leave_the_same_files(void **state)
{
    const uint8_t only[FAULT_NUMBER_COUNT] = {[16] = 1};

    identical_under(*state, only);
    assert_true(strikes[16] > SEEDS);
}

static void all_that_is_survived_at_a_call_leaves_the_same_files(void **state)
{
    const uint8_t only[FAULT_NUMBER_COUNT] = {[1] = 1, [2] = 1, [16] = 1};

    identical_under(*state, only);
}

static void a_log_that_takes_a_short_count_for_the_whole_leaves_other_files(void **state)
{
    struct bench *bench = *state;
    const uint8_t only[FAULT_NUMBER_COUNT] = {[1] = 1};
    uint32_t different = 0;

    for (uint64_t seed = 1; seed <= SEEDS / 8; seed++) {
        assert_null(run(bench, seed, nothing, &quiet));
        bench->ops.pwrite = deaf_pwrite;
        (void)run(bench, seed, only, &struck);
        bench->ops.pwrite = bench->honest->pwrite;
        different += !same(&quiet, &struck);
    }
    assert_true(different > SEEDS / 32);
}

static void one_byte_of_one_file_makes_a_difference(void **state)
{
    struct bench *bench = *state;

    assert_null(run(bench, 1, nothing, &quiet));
    assert_null(run(bench, 1, nothing, &struck));
    assert_true(same(&quiet, &struck));
    assert_true(struck.used > 0);
    struck.bytes[struck.used - 1] ^= 1;
    assert_false(same(&quiet, &struck));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, bench_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(short_writes_leave_the_same_files),
        TEST(interruptions_leave_the_same_files),
        TEST(short_reads_leave_the_same_files),
        TEST(all_that_is_survived_at_a_call_leaves_the_same_files),
        TEST(a_log_that_takes_a_short_count_for_the_whole_leaves_other_files),
        TEST(one_byte_of_one_file_makes_a_difference),
    };

    return cmocka_run_group_tests_name("byte_identity", tests, NULL, NULL);
}
