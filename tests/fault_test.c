/*
 * fault_test.c - each fault at a call: that it struck, and what bytes and results show.
 *
 * Those of syncs are in fault_sync_test.c, crash states and faults at rest in fault_crash_test.c.
 */
#include "tests/fault_rig.h"

/* ---- Reads and writes ---- */

struct cut {
    size_t len;
    uint32_t outcome;
    size_t taken;
};

/* One byte, all but one, a half, and around the last sector edge. */
static const struct cut cuts[] = {
    {1024, 1, 1},   {1024, 2, 1023}, {1024, 3, 512},  {1024, 4, 512},  {1024, 5, 513},
    {1024, 6, 511}, {1300, 4, 1024}, {1300, 5, 1025}, {1300, 6, 1023}, {513, 5, 513},
    {300, 4, 1},    {300, 5, 299},   {300, 6, 150},   {2, 3, 1},       {1, 1, 1},
};

static void write_once(struct machine *machine)
{
    const struct rig *rig = rig_of(machine);
    struct wal_file file = rig_open(machine, "a");

    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        const struct cut *cut = &cuts[i];
        if (cut->len != rig->len || cut->outcome != rig->outcome) continue;
        assert_done(rig_put(machine, file, 0, 'A', cut->len), WAL_OK, cut->taken);
    }
    rig_shut(machine, file);
}

static void F01_a_write_returns_after_some_of_its_bytes(void **state)
{
    struct rig *rig = *state;

    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        char content[16];
        rig_order(rig, 1, SIM_CALL_PWRITE, 0, cuts[i].outcome);
        rig->len = cuts[i].len;
        assert_int_equal(machine_fresh(rig->machine, write_once), SIM_STOP_DONE);
        (void)snprintf(content, sizeof content, "A%zu", cuts[i].taken);
        assert_shows(rig_disk(rig), "a", content);
        assert_struck(rig, 1, cuts[i].taken < cuts[i].len);
    }
}

static void read_once(struct machine *machine)
{
    const struct rig *rig = rig_of(machine);
    struct wal_file file = rig_open(machine, "a");
    uint8_t bytes[RIG_BYTES_MAX] = {0};

    assert_done(rig_put(machine, file, 0, 'A', rig->len), WAL_OK, rig->len);
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        const struct cut *cut = &cuts[i];
        if (cut->len != rig->len || cut->outcome != rig->outcome) continue;
        assert_done(rig_get(machine, file, 0, bytes, cut->len), WAL_OK, cut->taken);
        assert_int_equal(bytes[cut->taken - 1], 'A');
        assert_int_equal(bytes[cut->taken], 0);
        assert_done(rig_get(machine, file, 0, bytes, cut->len), WAL_OK, cut->len);
    }
    rig_shut(machine, file);
}

static void F16_a_read_returns_fewer_bytes_than_there_are(void **state)
{
    struct rig *rig = *state;

    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        rig_order(rig, 16, SIM_CALL_PREAD, 0, cuts[i].outcome);
        rig->len = cuts[i].len;
        assert_int_equal(machine_fresh(rig->machine, read_once), SIM_STOP_DONE);
        assert_struck(rig, 16, cuts[i].taken < cuts[i].len);
    }
}

/* Outcomes 1..4 are so many interruptions in a row, 5..8 so many times "would block". */
static void interrupted(struct machine *machine)
{
    const struct rig *rig = rig_of(machine);
    struct wal_file file = rig_open(machine, "a");
    enum wal_err expected = rig->outcome <= 4 ? WAL_INTERRUPTED : WAL_AGAIN;
    bool reads = rig->call == SIM_CALL_PREAD;
    uint8_t bytes[RIG_BYTES_MAX] = {0};

    if (reads) assert_done(rig_put(machine, file, 0, 'A', 512), WAL_OK, 512);
    for (uint32_t i = 0; i < (rig->outcome - 1) % 4 + 1; i++) {
        struct done done =
            reads ? rig_get(machine, file, 0, bytes, 512) : rig_put(machine, file, 0, 'A', 512);
        assert_done(done, expected, 0);
        assert_int_equal(bytes[0], 0);
        assert_shows(sim_disk(machine->world), "a", reads ? "A512" : "");
    }
    assert_done(reads ? rig_get(machine, file, 0, bytes, 512) : rig_put(machine, file, 0, 'A', 512),
                WAL_OK, 512);
    rig_shut(machine, file);
}

static void F02_a_call_is_interrupted_before_it_did_anything(void **state)
{
    static const enum sim_call calls[] = {SIM_CALL_PWRITE, SIM_CALL_PREAD};
    struct rig *rig = *state;

    for (uint32_t i = 0; i < 16; i++) {
        rig_order(rig, 2, calls[i / 8], 0, i % 8 + 1);
        assert_int_equal(machine_fresh(rig->machine, interrupted), SIM_STOP_DONE);
        assert_shows(rig_disk(rig), "a", "A512");
        assert_struck(rig, 2, i % 4 + 1);
    }
}

static void write_again_and_again(struct machine *machine)
{
    struct wal_file file = rig_open(machine, "a");
    unsigned row = 0;

    for (unsigned i = 0; i < 200; i++) {
        struct done done = rig_put(machine, file, 0, 'A', 8);
        row = done.err == WAL_OK ? 0 : row + 1;
        assert_true(row <= 4);
    }
    rig_shut(machine, file);
}

static void F02_a_row_of_interruptions_ends_whatever_the_odds(void **state)
{
    struct rig *rig = *state;

    rig_allow(rig, 2, 65536);
    assert_int_equal(machine_fresh(rig->machine, write_again_and_again), SIM_STOP_DONE);
    assert_true(fault_plan_struck(&rig->plan, 2) > 100);
    assert_struck(rig, 2, fault_plan_struck(&rig->plan, 2));
}

/* Outcomes: nothing, a half, all of it was written. */
static void write_fails(struct machine *machine)
{
    struct wal_file file = rig_open(machine, "a");

    assert_done(rig_put(machine, file, 0, 'A', 1024), WAL_IO, 0);
    rig_shut(machine, file);
}

static void F07_a_write_fails_after_none_some_or_all_of_its_bytes(void **state)
{
    static const char *const contents[] = {"", "A512", "A1024"};
    struct rig *rig = *state;

    for (uint32_t i = 0; i < 3; i++) {
        rig_order(rig, 7, SIM_CALL_PWRITE, 0, i + 1);
        assert_int_equal(machine_fresh(rig->machine, write_fails), SIM_STOP_DONE);
        assert_shows(rig_disk(rig), "a", contents[i]);
        assert_struck(rig, 7, 1);
    }
}

/* ---- Space ---- */

/* The second write runs out of space: at once (outcome 1), or when half is written (5). */
static void space_ends(struct machine *machine)
{
    const struct rig *rig = rig_of(machine);
    struct wal_file file = rig_open(machine, "a"), other;

    assert_done(rig_put(machine, file, 0, 'A', 512), WAL_OK, 512);
    if (rig->outcome == 1) {
        assert_done(rig_put(machine, file, 512, 'B', 1024), WAL_NOSPACE, 0);
    } else {
        assert_done(rig_put(machine, file, 512, 'B', 1024), WAL_OK, 512);
    }
    assert_done(rig_put(machine, file, 512, 'B', 1024), WAL_NOSPACE, 0);
    assert_err(io_fallocate(machine->io, file, 0, 4096, false), WAL_NOSPACE);
    assert_err(io_mkdir(machine->io, "/e"), WAL_NOSPACE);
    assert_err(
        io_open(machine->io, machine->dir, "b", WAL_OPEN_WRITE | WAL_OPEN_CREATE, &other, NULL),
        WAL_NOSPACE);
    assert_ok(io_open(machine->io, machine->dir, "a", WAL_OPEN_WRITE, &other, NULL));
    assert_ok(io_close(machine->io, other));
    assert_done(rig_put(machine, file, 0, 'C', 256), WAL_OK, 256); /* Over what is there. */
    assert_shows(sim_disk(machine->world), "a", rig->outcome == 1 ? "C256A256" : "C256A256B512");
    assert_ok(io_sleep(machine->io, 100000, NULL));
    assert_done(rig_put(machine, file, 512, 'B', 1024), WAL_OK, 1024);
    rig_shut(machine, file);
}

static void F03_space_ends_and_comes_back(void **state)
{
    struct rig *rig = *state;

    for (uint32_t outcome = 1; outcome <= 5; outcome += 4) {
        rig_order(rig, 3, SIM_CALL_PWRITE, 1, outcome);
        assert_int_equal(machine_fresh(rig->machine, space_ends), SIM_STOP_DONE);
        assert_shows(rig_disk(rig), "a", "C256A256B1024");
        assert_absent(rig_disk(rig), "b");
        assert_struck(rig, 3, 5);
    }
}

/* Outcome 1 refuses the write that grows; 2 takes half, and refuses the write that goes on. */
static void file_too_large(struct machine *machine)
{
    const struct rig *rig = rig_of(machine);
    struct wal_file file = rig_open(machine, "a");

    if (rig->outcome == 2) assert_done(rig_put(machine, file, 0, 'A', 1024), WAL_OK, 512);
    assert_done(rig_put(machine, file, 512, 'B', 512), WAL_FILE_TOO_LARGE, 0);
    assert_shows(sim_disk(machine->world), "a", rig->outcome == 2 ? "A512" : "");
    assert_done(rig_put(machine, file, 0, 'C', 1024), WAL_OK, 1024);
    rig_shut(machine, file);
}

static void F05_a_write_would_exceed_the_largest_file(void **state)
{
    struct rig *rig = *state;

    for (uint32_t outcome = 1; outcome <= 2; outcome++) {
        rig_order(rig, 5, SIM_CALL_PWRITE, 0, outcome);
        assert_int_equal(machine_fresh(rig->machine, file_too_large), SIM_STOP_DONE);
        assert_shows(rig_disk(rig), "a", "C1024");
        assert_struck(rig, 5, outcome);
    }
}

/* ---- Names ---- */

static void close_fails(struct machine *machine)
{
    struct wal_file file = rig_open(machine, "a");

    assert_done(rig_put(machine, file, 0, 'A', 512), WAL_OK, 512);
    assert_ok(io_lock(machine->io, file));
    assert_err(io_close(machine->io, file), WAL_IO);
    file = machine_open(machine, "a");
    assert_ok(io_lock(machine->io, file));
    rig_shut(machine, file);
}

static void F13_a_close_fails_and_the_descriptor_is_gone_all_the_same(void **state)
{
    struct rig *rig = *state;

    rig_order(rig, 13, SIM_CALL_CLOSE, 0, 1);
    assert_int_equal(machine_fresh(rig->machine, close_fails), SIM_STOP_DONE);
    assert_int_equal(rig->machine->end.leaked_descriptors, 0);
    assert_int_equal(disk_open_count(rig_disk(rig)), 0);
    assert_durable(rig_disk(rig), rig_inode(rig), ""); /* It flushed nothing. */
    assert_struck(rig, 13, 1);
}

static const enum wal_err name_errors[] = {WAL_IO, WAL_NOSPACE, WAL_NOFILES, WAL_ACCESS};

/* Each call fails once; that it then works shows that it did nothing. */
#define assert_fails_once(expected, call) \
    do {                                  \
        assert_err(call, expected);       \
        assert_ok(call);                  \
    } while (0)

static void name_calls_fail(struct machine *machine)
{
    const enum wal_err expected = name_errors[rig_of(machine)->outcome - 1];
    const unsigned exclusive = WAL_OPEN_WRITE | WAL_OPEN_CREATE | WAL_OPEN_EXCLUSIVE;
    struct wal_io *io = machine->io;
    struct wal_file file = rig_open(machine, "a"), other;
    struct wal_dir dir;
    char *names;
    size_t bytes;

    assert_done(rig_put(machine, file, 0, 'A', 512), WAL_OK, 512);
    assert_fails_once(expected, io_open(io, machine->dir, "n", exclusive, &other, NULL));
    assert_ok(io_close(io, other));
    assert_fails_once(expected, io_link(io, machine->dir, "a", "l"));
    assert_fails_once(expected, io_rename(io, machine->dir, "n", "m"));
    assert_fails_once(expected, io_unlink(io, machine->dir, "m"));
    assert_err(io_ftruncate(io, file, 100), expected);
    assert_int_equal(disk_size(sim_disk(machine->world), 0), 512);
    assert_ok(io_ftruncate(io, file, 100));
    assert_err(io_fallocate(io, file, 0, 1024, false), expected);
    assert_int_equal(disk_size(sim_disk(machine->world), 0), 100);
    assert_ok(io_fallocate(io, file, 0, 1024, false));
    assert_fails_once(expected, io_list(io, machine->dir, &names, &bytes));
    io_free(io, names, bytes);
    assert_fails_once(expected, io_mkdir(io, "/e"));
    assert_fails_once(expected, io_dir_open(io, "/e", &dir));
    io_dir_close(io, dir);
    rig_shut(machine, file);
}

static void F14_a_call_about_a_name_fails_and_does_nothing(void **state)
{
    static const enum sim_call first[] = {SIM_CALL_RENAME,    SIM_CALL_LINK,      SIM_CALL_UNLINK,
                                          SIM_CALL_FTRUNCATE, SIM_CALL_FALLOCATE, SIM_CALL_LIST,
                                          SIM_CALL_MKDIR};
    struct rig *rig = *state;

    for (uint32_t outcome = 1; outcome <= 4; outcome++) {
        rig_order(rig, 14, SIM_CALL_OPEN, 1, outcome);
        rig_also(rig, 14, SIM_CALL_DIR_OPEN, 1, outcome);
        for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
            rig_also(rig, 14, first[i], 0, outcome);
        }
        assert_int_equal(machine_fresh(rig->machine, name_calls_fail), SIM_STOP_DONE);
        assert_int_equal(rig->machine->end.leaked_descriptors, 0);
        assert_struck(rig, 14, 9);
    }
}

/* Every call there is, whatever it answers. */
static void try_everything(struct machine *machine)
{
    struct wal_io *io = machine->io;
    const unsigned create = WAL_OPEN_WRITE | WAL_OPEN_CREATE;
    struct wal_file file = WAL_FILE_NONE;
    struct wal_dir dir = WAL_DIR_NONE;
    uint8_t bytes[1024];
    char *names = NULL;
    size_t len;

    while (io_dir_open(io, "/", &dir) != WAL_OK) {
    }
    while (io_open(io, dir, "a", create, &file, NULL) != WAL_OK)
        err_ignore(io_sleep(io, 1000000, NULL));
    for (int i = 0; i < 20; i++) {
        (void)io_wall_ns(io);
        (void)rig_put(machine, file, (uint64_t)i * 1024, 'A', 1024);
        (void)rig_get(machine, file, 0, bytes, sizeof bytes);
        if (io_fsync(io, file) == WAL_OK && io_fdatasync(io, file) == WAL_OK) continue;
        err_ignore(io_fsync_dir(io, dir));
    }
    err_ignore(io_fallocate(io, file, 0, 40960, false));
    err_ignore(io_ftruncate(io, file, 2048));
    err_ignore(io_link(io, dir, "a", "b"));
    err_ignore(io_rename(io, dir, "b", "c"));
    err_ignore(io_unlink(io, dir, "c"));
    err_ignore(io_mkdir(io, "/e"));
    if (io_list(io, dir, &names, &len) == WAL_OK) io_free(io, names, len);
    err_ignore(io_close(io, file));
    io_dir_close(io, dir);
}

static void read_twice(struct machine *machine)
{
    struct rig *rig = rig_of(machine);
    struct wal_file file = rig_open(machine, "a");
    uint8_t bytes[100], again[100];

    assert_done(rig_put(machine, file, 0, 'A', 100), WAL_OK, 100);
    assert_done(rig_get(machine, file, 0, bytes, 100), WAL_OK, 100);
    assert_done(rig_get(machine, file, 0, again, 100), WAL_OK, 100);
    assert_true(script_equal(again, 100, "A100"));
    uint32_t bit = (rig->outcome - 1) % 800;
    again[bit / 8] ^= (uint8_t)(1U << bit % 8);
    assert_memory_equal(bytes, again, 100);
    rig_shut(machine, file);
}

static void F17_a_bit_is_flipped_on_its_way_from_the_disk(void **state)
{
    static const uint32_t outcomes[] = {1, 9, 800, 801, 1 << 20};
    struct rig *rig = *state;

    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
        rig_order(rig, 17, SIM_CALL_PREAD, 0, outcomes[i]);
        rig->plan.media_left = 1;
        assert_int_equal(machine_fresh(rig->machine, read_twice), SIM_STOP_DONE);
        assert_struck(rig, 17, 1);
        assert_int_equal(rig->plan.media_left, 0);
    }
}

static void F17_strikes_no_more_often_than_there_may_be_damage(void **state)
{
    struct rig *rig = *state;

    rig_allow(rig, 17, 65536);
    rig->plan.media_left = 2;
    assert_int_equal(machine_fresh(rig->machine, try_everything), SIM_STOP_DONE);
    assert_struck(rig, 17, 2);
}

static void misalign(struct machine *machine)
{
    struct wal_file file;
    uint32_t align;
    size_t len;

    assert_ok(io_dir_open(machine->io, "/", &machine->dir));
    assert_ok(io_open(machine->io, machine->dir, "a",
                      WAL_OPEN_WRITE | WAL_OPEN_CREATE | WAL_OPEN_DIRECT, &file, &align));
    err_ignore(io_pread(machine->io, file, 1, &len, sizeof len, &len)); /* Never returns. */
    fail();
}

static void F06_a_misaligned_direct_call_ends_the_run(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(machine_fresh(rig->machine, misalign), SIM_STOP_MISALIGNED);
}

/* ---- Time and memory ---- */

static void slow_call(struct machine *machine)
{
    static const uint64_t delay_ns[] = {0, 100000, 10000000, 1000000000};
    const struct rig *rig = rig_of(machine);
    struct wal_file file = rig_open(machine, "a");
    uint8_t bytes[512];

    uint64_t begin_ns = sim_now_ns(machine->world);
    assert_done(rig_put(machine, file, 0, 'A', 512), WAL_OK, 512);
    assert_done(rig_get(machine, file, 0, bytes, 512), WAL_OK, 512);
    assert_ok(io_fsync(machine->io, file));
    uint64_t took_ns = sim_now_ns(machine->world) - begin_ns;
    uint64_t least_ns = delay_ns[rig->outcome] + machine->options.fsync_ns;
    assert_true(took_ns >= least_ns);
    assert_true(took_ns < least_ns + 50000);
    assert_int_equal(bytes[511], 'A');
    rig_shut(machine, file);
}

static void F18_a_call_takes_much_longer(void **state)
{
    static const enum sim_call calls[] = {SIM_CALL_PWRITE, SIM_CALL_PREAD, SIM_CALL_FSYNC};
    struct rig *rig = *state;

    for (size_t i = 0; i < 3; i++) {
        for (uint32_t outcome = 0; outcome <= 3; outcome++) {
            rig_order(rig, 18, calls[i], 0, outcome);
            assert_int_equal(machine_fresh(rig->machine, slow_call), SIM_STOP_DONE);
            assert_durable(rig_disk(rig), rig_inode(rig), "A512");
            assert_struck(rig, 18, outcome != 0);
        }
    }
}

static void never(void *arg)
{
    (void)arg;
    fail();
}

static void no_memory(struct machine *machine)
{
    struct wal_io *io = machine->io;
    struct wal_file file = rig_open(machine, "a");
    struct wal_task *task;
    struct wal_mutex *mutex;
    const uint8_t *window;
    char *names;
    size_t bytes;

    assert_done(rig_put(machine, file, 0, 'A', 512), WAL_OK, 512);
    assert_null(io_alloc(io, 100));
    assert_err(io_list(io, machine->dir, &names, &bytes), WAL_NOMEM);
    assert_err(io_map(io, file, 0, 512, &window), WAL_NOMEM);
    assert_err(io_mutex_create(io, &mutex), WAL_NOMEM);
    assert_err(io_spawn(io, "task", never, NULL, &task), WAL_NOMEM);
    rig_shut(machine, file);
}

static void F19_an_allocation_fails(void **state)
{
    struct rig *rig = *state;

    rig->machine->options.alloc_odds = 65536;
    assert_int_equal(machine_fresh(rig->machine, no_memory), SIM_STOP_DONE);
    assert_int_equal(rig->machine->end.leaked_blocks, 0);
    assert_int_equal(rig_injected(rig, 19), 5);
}

/* ---- The plan ---- */

static void a_fault_strikes_as_often_as_its_odds_say(void **state)
{
    struct rig *rig = *state;

    for (size_t i = 0; i < faults_count; i++) {
        const struct fault *fault = &faults_all[i];
        if (fault->strike == NULL || fault->number == 39) continue; /* It ends the body. */
        uint32_t struck[3] = {0};
        for (uint32_t run = 0; run < 3 * 16; run++) {
            uint32_t odds = run % 3;
            rig->machine->options.seed = 1 + run / 3;
            rig_allow(rig, fault->number, odds * 30720); /* The body has to get a file. */
            rig->plan.media_left = UINT32_MAX;
            assert_int_equal(machine_fresh(rig->machine, try_everything), SIM_STOP_DONE);
            uint32_t times = fault_plan_struck(&rig->plan, fault->number);
            if (fault->number != 40) assert_struck(rig, fault->number, times);
            struck[odds] += times;
        }
        assert_int_equal(struck[0], 0);
        if (struck[1] == 0 || struck[2] < struck[1]) {
            fail_msg("%s: struck %u and %u times", fault->id, struck[1], struck[2]);
        }
    }
}

static void the_first_fault_that_strikes_a_call_is_the_only_one(void **state)
{
    struct rig *rig = *state;

    rig_allow(rig, 7, 65536);
    rig->plan.odds[1] = rig->plan.odds[2] = 65536; /* The shorter write comes first. */
    fault_plan_arm(&rig->plan);
    rig->len = 1024;
    assert_int_equal(machine_fresh(rig->machine, rig_idle), SIM_STOP_DONE);
    assert_int_equal(rig->plan.by_call_count[SIM_CALL_PWRITE], 3);
    assert_int_equal(machine_fresh(rig->machine, try_everything), SIM_STOP_DONE);
    assert_true(fault_plan_struck(&rig->plan, 1) > 0);
    assert_int_equal(fault_plan_struck(&rig->plan, 7), 0);
}

static void rows_of_the_catalogue_are_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < faults_count; i++) {
        const struct fault *fault = &faults_all[i];
        char id[8];
        (void)snprintf(id, sizeof id, "F%02u", (unsigned)i + 1); /* None is missing. */
        assert_string_equal(fault->id, id);
        if (i > 0) assert_true(fault->number > faults_all[i - 1].number);
        assert_ptr_equal(fault_find(fault->id), fault);
        assert_ptr_equal(fault_find(fault->name), fault);
        assert_int_equal(fault->story[strlen(fault->story) - 1], '.');
        assert_int_equal(fault->calls != 0, fault->strike != NULL);
        assert_int_equal(fault->odds[0], 0);
        bool drawn = fault->odds[1] != 0;
        assert_int_equal(drawn, fault->sort != FAULT_ALWAYS);
        for (size_t j = 1; j < 4 && drawn; j++) {
            assert_in_range(fault->odds[j], fault->odds[j - 1] + (j == 1), 65536);
        }
        if (fault->with != 0) assert_in_range(fault->with, 1, fault->number - 1);
        assert_int_equal(fault->phases >> FAULT_REST & 1,
                         fault->sort == FAULT_AT_REST && fault->contract != FAULT_BEYOND);
        if (fault->contract == FAULT_BEYOND) assert_int_equal(fault->phases, 0);
        assert_non_null(fault_contract_name(fault->contract));
    }
    assert_null(fault_find("F00"));
    assert_null(fault_find(""));
}

/* Theirs are tests of their own. */
#define OTHERS \
    (SIM_CALL_BIT(FSYNC) | SIM_CALL_BIT(FDATASYNC) | SIM_CALL_BIT(FSYNC_DIR) | SIM_CALL_BIT(WALL))

static bool mine(const struct fault *fault)
{
    bool at_call = fault->strike != NULL && (fault->calls & ~OTHERS) != 0;
    bool syncs = fault->number == 4 || (fault->number >= 8 && fault->number <= 10);

    return (at_call && !syncs && fault->number != 11 && fault->number != 39) ||
           fault->number == 19 || fault->number == 6;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(F01_a_write_returns_after_some_of_its_bytes),
        RIG_TEST(F02_a_call_is_interrupted_before_it_did_anything),
        RIG_TEST(F02_a_row_of_interruptions_ends_whatever_the_odds),
        RIG_TEST(F03_space_ends_and_comes_back),
        RIG_TEST(F05_a_write_would_exceed_the_largest_file),
        RIG_TEST(F07_a_write_fails_after_none_some_or_all_of_its_bytes),
        RIG_TEST(F13_a_close_fails_and_the_descriptor_is_gone_all_the_same),
        RIG_TEST(F14_a_call_about_a_name_fails_and_does_nothing),
        RIG_TEST(F16_a_read_returns_fewer_bytes_than_there_are),
        RIG_TEST(F17_a_bit_is_flipped_on_its_way_from_the_disk),
        RIG_TEST(F17_strikes_no_more_often_than_there_may_be_damage),
        RIG_TEST(F06_a_misaligned_direct_call_ends_the_run),
        RIG_TEST(F18_a_call_takes_much_longer),
        RIG_TEST(F19_an_allocation_fails),
        RIG_TEST(a_fault_strikes_as_often_as_its_odds_say),
        RIG_TEST(the_first_fault_that_strikes_a_call_is_the_only_one),
        cmocka_unit_test(rows_of_the_catalogue_are_whole),
    };

    rig_assert_covered(tests, sizeof tests / sizeof tests[0], mine);
    return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
