/*
 * honesty_test.c - ways for the simulated world to be dishonest, each with a specimen.
 *
 * A storm that is milder than it says finds nothing, and looks just like a log without faults. So
 * each test here asks a question of the world as it is, and asks it again of a world that has the
 * fault. The line above a test is that of the list of such ways. honesty_run_test.c has those that
 * concern whole runs.
 */
#include "tests/honesty_bench.h"
#include "tests/sim_machine.h"

#include "scenarios/decoder.h"
#include "wal/host/host.h"
#include "wal/log/log.h"

enum { SEEDS = 400, BYTES = 4096, SECTORS = BYTES / DISK_SECTOR_BYTES };

#define MODES(...) mode_bits((const uint32_t[]){__VA_ARGS__, UINT32_MAX})

static uint32_t mode_bits(const uint32_t *modes)
{
    uint32_t bits = 0;

    for (; *modes != UINT32_MAX; modes++) bits |= UINT32_C(1) << *modes;
    return bits;
}

static struct wal_io_ops tampered;
static const struct wal_io_ops *honest;

static struct wal_io_ops *tamper(struct machine *machine)
{
    honest = machine->io->ops;
    tampered = *honest;
    machine->io->ops = &tampered;
    return &tampered;
}

/* ---- What a power cut leaves of one write ---- */

struct remains {
    unsigned nothing, all, prefix, scattered, torn_sectors;
};

/* 'B' over durable 'A', and nobody syncs it. */
static void overwrite(struct machine *machine)
{
    static char bytes[BYTES];
    size_t len = 0;

    assert_ok(io_dir_open(machine->io, "/", &machine->dir));
    struct wal_file file = machine_open(machine, "f");
    memset(bytes, 'A', sizeof bytes);
    assert_ok(io_pwrite(machine->io, file, 0, bytes, sizeof bytes, &len));
    assert_ok(io_fsync(machine->io, file));
    assert_ok(io_fsync_dir(machine->io, machine->dir));
    memset(bytes, 'B', sizeof bytes);
    assert_ok(io_pwrite(machine->io, file, 0, bytes, sizeof bytes, &len));
    sim_power_off(machine->world);
}

static const uint8_t *durable_file(struct machine *machine, const char *name, uint64_t *ret_size)
{
    struct disk *disk = sim_disk(machine->world);
    disk_inode inode;

    *ret_size = 0;
    if (disk_open(disk, 0, name, false, false, &inode) != WAL_OK) return NULL;
    return disk_durable(disk, inode, ret_size);
}

static void sort_out(const uint8_t *bytes, struct remains *remains)
{
    unsigned kept = 0, torn = 0;
    bool gap = false, scattered = false;

    for (size_t i = 0; i < SECTORS; i++) {
        size_t news = 0;
        for (size_t j = 0; j < DISK_SECTOR_BYTES; j++) {
            news += bytes[i * DISK_SECTOR_BYTES + j] == 'B';
        }
        scattered |= gap && news > 0;
        gap |= news < DISK_SECTOR_BYTES;
        kept += news == DISK_SECTOR_BYTES;
        torn += news > 0 && news < DISK_SECTOR_BYTES;
    }
    remains->torn_sectors += torn;
    remains->nothing += kept + torn == 0;
    remains->all += kept == SECTORS;
    remains->scattered += scattered;
    remains->prefix += !scattered && kept + torn > 0 && kept < SECTORS;
}

static struct remains overwritten_under(struct machine *machine, uint32_t modes)
{
    struct remains remains = {0};

    machine->options.image_modes = modes;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint64_t size;
        machine->options.seed = seed;
        assert_int_equal(machine_fresh(machine, overwrite), SIM_STOP_POWER);
        sim_settle(machine->world, NULL);
        const uint8_t *bytes = durable_file(machine, "f", &size);
        assert_int_equal(size, BYTES);
        sort_out(bytes, &remains);
    }
    return remains;
}

/* "A torn write that stores nothing, so that no torn object can ever be seen." */
static void torn_writes_store_a_part(void **state)
{
    struct machine *machine = *state;

    struct remains as_it_is = overwritten_under(machine, 0);
    assert_true(as_it_is.nothing > SEEDS / 20);
    assert_true(as_it_is.all > SEEDS / 20);
    assert_true(as_it_is.prefix + as_it_is.scattered > SEEDS / 4);
    assert_true(as_it_is.torn_sectors > SEEDS / 20);

    struct remains all_or_nothing = overwritten_under(machine, MODES(DISK_LOSE_ALL, DISK_KEEP_ALL));
    assert_true(all_or_nothing.nothing > 0);
    assert_true(all_or_nothing.all > 0);
    assert_int_equal(all_or_nothing.prefix + all_or_nothing.scattered, 0);
    assert_int_equal(all_or_nothing.torn_sectors, 0);
}

static unsigned half_done(struct machine *machine)
{
    unsigned count = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint64_t size = 0;
        disk_inode inode;
        machine->options.seed = seed;
        if (machine_fresh(machine, overwrite) != SIM_STOP_KILLED) continue;
        struct disk *disk = sim_disk(machine->world);
        if (disk_open(disk, 0, "f", false, false, &inode) == WAL_OK) size = disk_size(disk, inode);
        count += size > 0 && size < BYTES;
    }
    return count;
}

static void a_process_may_die_with_half_of_its_write_done(void **state)
{
    struct machine *machine = *state;

    machine->options.kill_odds = 20000;
    machine->options.crashes_max = 1;
    machine->options.crash_calls = SIM_CALL_BIT(PWRITE);
    assert_true(half_done(machine) > SEEDS / 40);
    machine->options.crash_calls = SIM_CALL_BIT(FSYNC); /* It never dies inside a write. */
    assert_int_equal(half_done(machine), 0);
}

/* "Tearing that only ever keeps a prefix; real tears keep any subset of sectors." */
static void tears_keep_any_subset_of_the_sectors(void **state)
{
    struct machine *machine = *state;

    assert_true(overwritten_under(machine, 0).scattered > SEEDS / 10);

    struct remains prefixes =
        overwritten_under(machine, MODES(DISK_LOSE_ALL, DISK_KEEP_ALL, DISK_PREFIX, 6));
    assert_true(prefixes.prefix > SEEDS / 10);
    assert_true(prefixes.torn_sectors > 0);
    assert_int_equal(prefixes.scattered, 0);
}

/* ---- What makes bytes durable ---- */

static const char crashes_text[] = "[scenario]\n"
                                   "story = Power is lost again and again, and nothing else.\n"
                                   "[workload]\n"
                                   "operations = 5..25\n"
                                   "[mix]\n"
                                   "append = 5\n"
                                   "append-async = 2\n"
                                   "sync = 1\n"
                                   "power-off = 1\n"
                                   "[crash]\n"
                                   "odds = 60..400\n"
                                   "[disk]\n"
                                   "profiles = strict\n"
                                   "[faults]\n"
                                   "faults = F20 F21 F22 F23 F24 F25 F27 F29\n";

static enum wal_err sync_nothing(struct wal_io *io, struct wal_file file)
{
    (void)io, (void)file;
    return WAL_OK;
}

static enum wal_err pwrite_for_good(struct wal_io *io, struct wal_file file, uint64_t offset,
                                    const void *buffer, size_t len, size_t *ret_len)
{
    enum wal_err err = bench_now->honest->pwrite(io, file, offset, buffer, len, ret_len);

    return err != WAL_OK ? err : bench_now->honest->fsync(io, file);
}

static unsigned found(struct bench *bench)
{
    unsigned count = 0;

    for (uint64_t seed = 1; seed <= SEEDS / 2; seed++) {
        count +=
            bench_run(bench, &(struct run_options){.seed = seed, .images = 2}).property != NULL;
    }
    return count;
}

/* "A mock with no volatile state: every completed write is durable, so a missing fsync can't be
 * seen." */
static void a_log_that_never_syncs_is_found(void **state)
{
    struct bench *bench = *state;

    bench_write(bench, crashes_text);
    assert_int_equal(found(bench), 0);
    bench->ops.fsync = bench->ops.fdatasync = sync_nothing;
    assert_true(found(bench) > SEEDS / 8);

    bench->ops.pwrite = pwrite_for_good; /* The world forgets nothing: nobody can tell. */
    assert_int_equal(found(bench), 0);
}

static void write_and_close(struct machine *machine)
{
    static const char bytes[BYTES] = "written";
    size_t len = 0;

    assert_ok(io_dir_open(machine->io, "/", &machine->dir));
    struct wal_file file = machine_open(machine, "f");
    assert_ok(io_fsync_dir(machine->io, machine->dir));
    assert_ok(io_pwrite(machine->io, file, 0, bytes, sizeof bytes, &len));
    assert_ok(io_close(machine->io, file));
}

static void lose_power(struct machine *machine)
{
    sim_power_off(machine->world);
}

static void write_close_and_lose_power(struct machine *machine)
{
    write_and_close(machine);
    lose_power(machine);
}

static void write_and_end(struct machine *machine)
{
    static const char bytes[BYTES] = "written";
    size_t len = 0;

    assert_ok(io_dir_open(machine->io, "/", &machine->dir));
    struct wal_file file = machine_open(machine, "f");
    assert_ok(io_fsync_dir(machine->io, machine->dir));
    assert_ok(io_pwrite(machine->io, file, 0, bytes, sizeof bytes, &len));
}

static void write_and_be_killed(struct machine *machine)
{
    write_and_end(machine);
    sim_kill(machine->world);
}

static void flush_all(struct disk *disk)
{
    disk_inode inode;

    for (size_t i = 0; disk_entry(disk, 0, i, &inode) != NULL; i++) {
        if (inode >= 0) disk_sync_end(disk, inode, disk_sync_begin(disk, inode));
    }
}

/* Seeds in which the file lost something to a loss of power after `body`. */
static unsigned losses(struct machine *machine, machine_body *body, bool flush)
{
    unsigned count = 0;

    for (uint64_t seed = 1; seed <= SEEDS / 4; seed++) {
        uint64_t size;
        machine->options.seed = seed;
        if (machine_fresh(machine, body) != SIM_STOP_POWER) {
            if (flush) flush_all(sim_disk(machine->world));
            assert_int_equal(machine_run(machine, lose_power), SIM_STOP_POWER);
        }
        sim_settle(machine->world, NULL);
        const uint8_t *bytes = durable_file(machine, "f", &size);
        count += size < BYTES || memcmp(bytes, "written", 7) != 0;
    }
    return count;
}

static enum wal_err close_for_good(struct wal_io *io, struct wal_file file)
{
    enum wal_err err = honest->fsync(io, file);

    return err != WAL_OK ? err : honest->close(io, file);
}

/* "close, clean drop or unwinding that makes data durable." */
static void close_makes_nothing_durable(void **state)
{
    struct machine *machine = *state;

    assert_true(losses(machine, write_close_and_lose_power, false) > SEEDS / 16);
    tamper(machine)->close = close_for_good;
    assert_int_equal(losses(machine, write_close_and_lose_power, false), 0);
}

static void the_end_of_a_process_makes_nothing_durable(void **state)
{
    static machine_body *const ends[] = {write_and_end, write_and_close, write_and_be_killed};
    struct machine *machine = *state;

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        assert_true(losses(machine, ends[i], false) > SEEDS / 16);
        assert_int_equal(losses(machine, ends[i], true), 0);
    }
}

/* ---- Fixtures ---- */

static const char *golden_script(void)
{
    static char path[1024];
    const char *root = getenv("SQUALL_ROOT");

    (void)snprintf(path, sizeof path, "%s/tests/golden/make_log_v1.py", root ? root : ".");
    return path;
}

static size_t slurp(const char *path, char *bytes, size_t capacity)
{
    FILE *file = fopen(path, "rb");

    if (file == NULL) fail_msg("there is no %s", path);
    size_t len = fread(bytes, 1, capacity, file);
    assert_true(len < capacity);
    assert_int_equal(fclose(file), 0);
    return len;
}

/* Run the script in a fresh directory, as it is or with the byte order turned round. */
static bool make_fixture(bool turned, char *ret_log, size_t size)
{
    static char script[16384];
    char dir[] = "golden-XXXXXX", path[64], command[128];
    size_t len = slurp(golden_script(), script, sizeof script - 1);
    unsigned orders = 0;

    script[len] = '\0';
    for (char *at = script; (at = strstr(at, "f\"<{")) != NULL; at++, orders++) {
        if (turned) at[2] = '>';
    }
    assert_int_equal(orders, 2);
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/make.py", dir);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(script, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    (void)snprintf(command, sizeof command, "python3 %s", path);
    if (system(command) != 0) return false;
    (void)snprintf(ret_log, size, "%s/log-v1", dir);
    return true;
}

static void remove_fixture(const char *log)
{
    char command[128];

    (void)snprintf(command, sizeof command, "rm -r %.*s", (int)strcspn(log, "/"), log);
    assert_int_equal(system(command), 0);
}

static const char *const golden_names[] = {"0000000000000001.wal", "0000000000000002.wal", "mark",
                                           "lock"};

/* The last LSN that the harness's decoder finds. */
static uint64_t decoded(const char *log)
{
    struct disk *disk = disk_create();
    struct decoder *decoder = decoder_create();
    int32_t dir;

    disk_reset(disk, disk_profile_find("strict"), UINT64_MAX);
    assert_ok(disk_mkdir(disk, "/log"));
    assert_ok(disk_dir_find(disk, "/log", &dir));
    for (size_t i = 0; i < sizeof golden_names / sizeof golden_names[0]; i++) {
        static char bytes[16384];
        char path[160];
        disk_inode inode;
        bool full;

        (void)snprintf(path, sizeof path, "%s/%s", log, golden_names[i]);
        size_t len = slurp(path, bytes, sizeof bytes);
        assert_ok(disk_open(disk, dir, golden_names[i], true, true, &inode));
        if (len > 0) assert_int_equal(disk_write(disk, inode, 0, bytes, len, &full), len);
        disk_sync_end(disk, inode, disk_sync_begin(disk, inode));
    }
    decoder_read(decoder, disk, "/log");
    uint64_t last_lsn = decoder_durable_lsn(decoder);
    decoder_destroy(decoder);
    disk_destroy(disk);
    return last_lsn;
}

/* The last LSN that the library reads. */
static uint64_t read_back(const char *log)
{
    const struct wal_reader_options options = {.from_lsn = 0};
    struct wal_io *io = NULL;
    struct wal_reader *reader = NULL;
    struct wal_record record = {.lsn = 0};

    assert_ok(wal_host_create(&io));
    if (wal_reader_open(io, log, &options, &reader, NULL) == WAL_OK) {
        while (wal_reader_next(reader, &record, NULL) == WAL_OK) continue;
        wal_reader_close(reader);
    }
    wal_host_destroy(io);
    return record.lsn;
}

/* "Fixtures built by the same wrong code as the decoder they test (inverted byte order on both
 * sides)." The script shares no code with either of the two that read what it makes, and with the
 * byte order turned round in it neither reads a record. */
static void fixtures_are_made_by_somebody_else(void **state)
{
    const char *root = getenv("SQUALL_ROOT");
    char made[64], turned[64], kept[1024];

    (void)state;
    if (!make_fixture(false, made, sizeof made)) skip(); /* There is no Python. */
    assert_true(make_fixture(true, turned, sizeof turned));
    (void)snprintf(kept, sizeof kept, "%s/tests/golden/log-v1", root != NULL ? root : ".");
    for (size_t i = 0; i < sizeof golden_names / sizeof golden_names[0]; i++) {
        static char fresh[16384], old[16384];
        char path[1100];

        (void)snprintf(path, sizeof path, "%s/%s", made, golden_names[i]);
        size_t len = slurp(path, fresh, sizeof fresh);
        (void)snprintf(path, sizeof path, "%s/%s", kept, golden_names[i]);
        assert_int_equal(slurp(path, old, sizeof old), len);
        assert_memory_equal(fresh, old, len);
    }
    assert_int_equal(decoded(made), 6);
    assert_int_equal(read_back(made), 6);
    assert_int_equal(decoded(turned), 0);
    assert_int_equal(read_back(turned), 0);
    remove_fixture(made);
    remove_fixture(turned);
}

int main(void)
{
#define MACHINE_TEST(name) cmocka_unit_test_setup_teardown(name, machine_setup, machine_teardown)
    const struct CMUnitTest tests[] = {
        MACHINE_TEST(torn_writes_store_a_part),
        MACHINE_TEST(a_process_may_die_with_half_of_its_write_done),
        MACHINE_TEST(tears_keep_any_subset_of_the_sectors),
        BENCH_TEST(a_log_that_never_syncs_is_found),
        MACHINE_TEST(close_makes_nothing_durable),
        MACHINE_TEST(the_end_of_a_process_makes_nothing_durable),
        cmocka_unit_test(fixtures_are_made_by_somebody_else),
    };

    return cmocka_run_group_tests_name("honesty", tests, NULL, NULL);
}
