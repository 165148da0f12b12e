/*
 * wal_refusal_test.c - where the next group goes after one was refused for want of space.
 *
 * Never where the refused one stood: there it would be bound to the same place and LSNs, and a file
 * system that shows stale blocks after a crash could bring the refused one back (everything:28434).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/world.h"
#include "tests/log_check.h"
#include "wal/log/log.h"

struct refusal {
    struct sim_world *world;
    bool close_between;
    enum wal_err refused;    /* What the group that found no room was told. */
    uint64_t segment_before; /* Where it would have gone, */
    uint64_t segment_after;  /* and where the next one went. */
    enum wal_err errs[6];
};

static enum wal_err append_one(struct wal_log *log)
{
    struct wal_ticket ticket;
    enum wal_err err = wal_append(log, "record", 6, &ticket);

    return err ? err : wal_wait(log, &ticket);
}

static void refuse_one(struct wal_io *io, void *arg)
{
    struct refusal *refusal = arg;
    struct wal_options options = wal_options_default();
    options.sync_policy = WAL_SYNC_EVERY_GROUP;
    struct wal_log *log = NULL;
    struct wal_stat stat;

    options.create = true;
    options.queue_bytes = 4096;
    options.record_bytes_max = options.batch_bytes_max = 1024;
    options.segment_bytes = 65536;
    refusal->errs[0] = wal_open(io, "/log", &options, &log, NULL);
    if (refusal->errs[0]) return;
    wal_log_stat(log, &stat);
    refusal->segment_before = stat.segment;
    disk_set_space(sim_disk(refusal->world), 0);
    refusal->refused = append_one(log);
    disk_set_space(sim_disk(refusal->world), UINT64_MAX);
    if (refusal->close_between) {
        refusal->errs[1] = wal_close(log);
        refusal->errs[2] = wal_open(io, "/log", &options, &log, NULL);
        if (refusal->errs[2]) return;
    }
    refusal->errs[3] = append_one(log);
    wal_log_stat(log, &stat);
    refusal->segment_after = stat.segment;
    refusal->errs[4] = wal_close(log);
}

static void run(struct refusal *refusal)
{
    const struct sim_options options = {
        .seed = 1,
        .profile = disk_profile_find("weak"),
        .space_bytes = UINT64_MAX,
        .fsync_ns = 1000,
        .steps_max = 100000,
    };
    struct sim_end end;

    refusal->world = sim_world_create();
    sim_world_begin(refusal->world, &options);
    sim_boot(refusal->world, refuse_one, refusal);
    sim_run(refusal->world, &end);
    sim_world_destroy(refusal->world);
    assert_int_equal(end.stop, SIM_STOP_DONE);
    assert_int_equal(end.leaked_blocks, 0);
    for (size_t i = 0; i < sizeof refusal->errs / sizeof refusal->errs[0]; i++) {
        assert_ok(refusal->errs[i]);
    }
    assert_err(refusal->refused, WAL_NOSPACE);
}

static void the_next_group_goes_to_a_fresh_segment_even_if_this_one_is_empty(void **state)
{
    struct refusal refusal = {.close_between = false};

    (void)state;
    run(&refusal);
    assert_true(refusal.segment_after > refusal.segment_before);
}

static void a_close_in_between_changes_nothing(void **state)
{
    struct refusal refusal = {.close_between = true};

    (void)state;
    run(&refusal);
    assert_true(refusal.segment_after > refusal.segment_before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_group_goes_to_a_fresh_segment_even_if_this_one_is_empty),
        cmocka_unit_test(a_close_in_between_changes_nothing),
    };

    return cmocka_run_group_tests_name("wal_refusal", tests, NULL, NULL);
}
