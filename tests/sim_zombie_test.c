/*
 * sim_zombie_test.c - a paused process keeps everything and comes back while its successor runs.
 */
#include <stdlib.h>

#include "tests/sim_machine.h"

enum { KIND_PAUSE = SIM_KIND_FAULT + 39, LOG_MAX = 512 };

/* What both processes do is put down in order: "z:" for the zombie. */
static struct {
    char log[LOG_MAX];
    bool loses_lock;
    bool pauses_all; /* Not only the first process. */
    enum sim_call pause_call;
    uint32_t pause_ordinal; /* At the how-manieth such call of the first process. */
    uint32_t paused_calls;
    struct machine *machine;
} test;

static void put_down(const char *what)
{
    assert_true(strlen(test.log) + strlen(what) + 4 < LOG_MAX);
    if (sim_is_zombie(test.machine->world)) strcat(test.log, "z:");
    strcat(test.log, what);
    strcat(test.log, " ");
}

static void strike(void *context, struct sim_world *world, const struct sim_point *point,
                   struct sim_outcome *outcome)
{
    (void)context;
    assert_false(sim_is_zombie(world));
    if (point->call != test.pause_call) return;
    if (point->instance != 1 && !test.pauses_all) return;
    if (test.paused_calls++ != test.pause_ordinal) return;
    outcome->pause = true;
    outcome->pause_loses_lock = test.loses_lock;
}

static void begin(struct machine *machine, enum sim_call call, uint32_t ordinal)
{
    memset(&test, 0, sizeof test);
    test.machine = machine;
    test.pause_call = call;
    test.pause_ordinal = ordinal;
    machine->options.strike = strike;
    machine->options.strike_calls = UINT64_MAX;
    machine_begin(machine);
}

static void write_and_put_down(struct machine *machine, struct wal_file file, uint64_t offset,
                               const char *text)
{
    machine_write(machine, file, offset, text);
    put_down(text);
}

/* ---- One writes, is paused, and writes on ---- */

static void write_old(struct machine *machine)
{
    machine_dir(machine);
    struct wal_dir dir = machine->dir;
    struct wal_file file = machine_open(machine, "f");
    uint8_t *memory = io_alloc(machine->io, 100);

    memset(memory, 0x11, 100);
    write_and_put_down(machine, file, 0, "aaaa");
    write_and_put_down(machine, file, 4, "bbbb"); /* Paused here. */
    assert_int_equal(sim_instance(machine->world), 1);
    write_and_put_down(machine, file, 8, "cccc");
    for (int i = 0; i < 100; i++) assert_int_equal(memory[i], 0x11);
    io_free(machine->io, memory, 100);
    assert_ok(io_close(machine->io, file));
    io_dir_close(machine->io, dir);
    put_down("end");
}

static void write_new(struct machine *machine)
{
    machine_dir(machine);
    struct wal_dir dir = machine->dir;
    struct wal_file file = machine_open(machine, "f");
    uint8_t *memory = io_alloc(machine->io, 100);

    memset(memory, 0x22, 100);
    assert_int_equal(sim_instance(machine->world), 2);
    for (uint64_t i = 0; i < 4; i++) write_and_put_down(machine, file, i * 4, "NNNN");
    assert_int_equal(sim_instance(machine->world), 2);
    assert_false(sim_is_zombie(machine->world));
    for (int i = 0; i < 100; i++) assert_int_equal(memory[i], 0x22);
    io_free(machine->io, memory, 100);
    assert_ok(io_close(machine->io, file));
    io_dir_close(machine->io, dir);
    put_down("END");
}

static void read_all(struct machine *machine)
{
    machine_dir(machine);
    assert_int_equal(sim_instance(machine->world), 3);
    put_down(machine_text(machine, "f"));
    io_dir_close(machine->io, machine->dir);
}

static void a_paused_write_lands_after_another_process_wrote(void **state)
{
    struct machine *machine = *state;

    begin(machine, SIM_CALL_PWRITE, 1);
    assert_int_equal(machine_run(machine, write_old), SIM_STOP_PAUSED);
    assert_int_equal(machine->end.call, SIM_CALL_PWRITE);
    assert_string_equal(test.log, "aaaa "); /* The second one has had no effect, */
    assert_true(sim_has_zombie(machine->world));
    assert_false(sim_is_zombie(machine->world));
    assert_int_equal(machine_run(machine, write_new), SIM_STOP_DONE);
    assert_int_equal(machine->end.leaked_blocks, 0);
    assert_int_equal(machine->end.leaked_descriptors, 0);
    assert_false(sim_has_zombie(machine->world)); /* until its last run. */
    assert_int_equal(machine_run(machine, read_all), SIM_STOP_DONE);
    assert_string_equal(test.log, "aaaa NNNN NNNN NNNN NNNN END z:bbbb z:cccc z:end "
                                  "NNNNbbbbccccNNNN ");
    assert_int_equal(disk_open_count(sim_disk(machine->world)), 0);
}

/* ---- Decisions ---- */

/* All its calls come one by one: it goes on for one call at each write of its successor. */
static void it_goes_on_for_as_many_calls_as_decided(void **state)
{
    struct machine *machine = *state;
    struct sim_record record = {0};
    char logs[3][LOG_MAX];

    machine->options.policy = SIM_POLICY_RANDOM;
    for (uint32_t calls = 1; calls <= 3; calls++) {
        record.count = 0;
        begin(machine, SIM_CALL_PWRITE, 1); /* For the name of the second boot. */
        machine_run(machine, write_old);
        machine_run(machine, write_new);
        size_t count;
        const struct sim_who *whos = sim_world_whos(machine->world, &count);
        assert_int_equal(whos[1].kind, SIM_WHO_BOOT);
        sim_record_push(&record, &(struct sim_decision){.who = whos[1].hash,
                                                        .ordinal = 2,
                                                        .outcome = calls,
                                                        .kind = SIM_KIND_RESUME,
                                                        .call = SIM_CALL_PWRITE,
                                                        .stream = SIM_STREAM_SCHEDULE});
        machine->options.replay = &record;
        begin(machine, SIM_CALL_PWRITE, 1);
        machine_run(machine, write_old);
        machine_run(machine, write_new);
        assert_true(sim_replay_asked(machine->world, 0));
        assert_int_equal(sim_world_record(machine->world)->count, 1);
        memcpy(logs[calls - 1], test.log, LOG_MAX);
        machine->options.replay = NULL;
    }
    /* Between the second and the third write: the paused one; and the next; and the free. */
    assert_string_equal(logs[0], "aaaa NNNN NNNN z:bbbb NNNN NNNN END z:cccc z:end ");
    assert_string_equal(logs[1], "aaaa NNNN NNNN z:bbbb z:cccc NNNN NNNN END z:end ");
    assert_string_equal(logs[2], logs[1]);
    sim_record_free(&record);
}

static void runs_with_zombies_repeat_and_replay(void **state)
{
    struct machine *machine = *state;
    struct sim_record record = {0};
    size_t resumed = 0, ended_before = 0;

    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct sim_digest digests[3];
        char log[LOG_MAX];
        for (int i = 0; i < 3; i++) {
            machine->options.seed = i < 2 ? seed : 999;
            machine->options.replay = i < 2 ? NULL : &record;
            machine->options.junk = (uint8_t)(i * 77);
            machine->options.bump_memory = i != 1;
            machine->options.resume_odds = 20000;
            begin(machine, SIM_CALL_PWRITE, 1);
            assert_int_equal(machine_run(machine, write_old), SIM_STOP_PAUSED);
            assert_int_equal(machine_run(machine, write_new), SIM_STOP_DONE);
            digests[i] = sim_world_digest(machine->world);
            if (i == 0) {
                memcpy(log, test.log, LOG_MAX);
                assert_true(sim_record_copy(&record, sim_world_record(machine->world)));
                for (size_t j = 0; j < record.count; j++) {
                    assert_int_equal(record.decisions[j].kind, SIM_KIND_RESUME);
                    assert_in_range(record.decisions[j].outcome, 1, SIM_ZOMBIE_CALLS_MAX);
                }
                resumed += record.count;
                ended_before += strstr(strstr(log, "z:end"), "END") != NULL;
            }
            assert_string_equal(test.log, log);
            assert_same_digest(digests[i], digests[0]);
        }
    }
    assert_true(resumed > 300);
    assert_in_range(ended_before, 50, 299);
    sim_record_free(&record);
}

/* ---- Locks ---- */

static void hold_a_lock(struct machine *machine)
{
    machine_dir(machine);
    struct wal_dir dir = machine->dir;
    struct wal_file file = machine_open(machine, "lock");

    assert_ok(io_lock(machine->io, file));
    write_and_put_down(machine, file, 0, "mine");
    assert_ok(io_close(machine->io, file));
    io_dir_close(machine->io, dir);
}

static void try_the_lock(struct machine *machine)
{
    machine_dir(machine);
    struct wal_dir dir = machine->dir;
    struct wal_file file = machine_open(machine, "lock");

    enum wal_err err = io_lock(machine->io, file);
    put_down(wal_err_name(err));
    machine_write(machine, file, 4, "here"); /* May let the zombie go on. */
    struct wal_file other = machine_open(machine, "lock");
    put_down(wal_err_name(io_lock(machine->io, other)));
    assert_ok(io_close(machine->io, other));
    assert_ok(io_close(machine->io, file));
    io_dir_close(machine->io, dir);
}

static void a_lock_is_held_or_lost_as_the_strike_says(void **state)
{
    struct machine *machine = *state;

    begin(machine, SIM_CALL_PWRITE, 0);
    assert_int_equal(machine_run(machine, hold_a_lock), SIM_STOP_PAUSED);
    machine_run(machine, try_the_lock);
    assert_string_equal(test.log, "WAL_LOCKED WAL_LOCKED z:mine ");
    begin(machine, SIM_CALL_PWRITE, 0);
    test.loses_lock = true;
    assert_int_equal(machine_run(machine, hold_a_lock), SIM_STOP_PAUSED);
    machine_run(machine, try_the_lock);
    assert_string_equal(test.log, "WAL_OK WAL_LOCKED z:mine ");
    machine->options.resume_odds =
        65536; /* The zombie ends, and its end takes no lock from others. */
    begin(machine, SIM_CALL_PWRITE, 0);
    test.loses_lock = true;
    assert_int_equal(machine_run(machine, hold_a_lock), SIM_STOP_PAUSED);
    machine_run(machine, try_the_lock);
    assert_non_null(strstr(test.log, "WAL_OK"));
    assert_non_null(strstr(strstr(test.log, "z:mine"), "WAL_LOCKED"));
    assert_false(sim_has_zombie(machine->world));
}

/* A process that dies beside a zombie lets go of its own lock and of no other. */
static void hold_and_die(struct machine *machine)
{
    machine_dir(machine);
    struct wal_file file = machine_open(machine, "mine");
    assert_ok(io_lock(machine->io, file));
    sim_kill(machine->world);
}

static void take_both(struct machine *machine)
{
    machine_dir(machine);
    struct wal_dir dir = machine->dir;
    struct wal_file mine = machine_open(machine, "mine"), lock = machine_open(machine, "lock");

    put_down(wal_err_name(io_lock(machine->io, mine)));
    put_down(wal_err_name(io_lock(machine->io, lock)));
    sim_zombie_kill(machine->world);
    put_down(wal_err_name(io_lock(machine->io, lock)));
    assert_ok(io_close(machine->io, mine));
    assert_ok(io_close(machine->io, lock));
    io_dir_close(machine->io, dir);
}

static void a_death_beside_a_zombie_frees_only_its_own(void **state)
{
    struct machine *machine = *state;

    begin(machine, SIM_CALL_PWRITE, 0);
    assert_int_equal(machine_run(machine, hold_a_lock), SIM_STOP_PAUSED);
    assert_int_equal(machine_run(machine, hold_and_die), SIM_STOP_KILLED);
    assert_true(sim_has_zombie(machine->world));
    assert_int_equal(disk_open_count(sim_disk(machine->world)), 1);
    assert_int_equal(machine_run(machine, take_both), SIM_STOP_DONE);
    assert_string_equal(test.log, "WAL_OK WAL_LOCKED WAL_OK ");
    assert_int_equal(disk_open_count(sim_disk(machine->world)), 0);
}

/* ---- Files without names ---- */

static void unlink_it(struct machine *machine)
{
    machine_dir(machine);
    struct wal_dir dir = machine->dir;

    assert_ok(io_unlink(machine->io, dir, "f"));
    assert_ok(io_fsync_dir(machine->io, dir));
    io_dir_close(machine->io, dir);
}

static void write_and_read_back(struct machine *machine)
{
    char bytes[9] = "";
    size_t len;

    machine_dir(machine);
    struct wal_dir dir = machine->dir;
    struct wal_file file = machine_open(machine, "f");
    write_and_put_down(machine, file, 0, "aaaa");
    write_and_put_down(machine, file, 4, "bbbb"); /* Paused here. */
    assert_ok(io_pread(machine->io, file, 0, bytes, 8, &len));
    put_down(bytes);
    assert_ok(io_close(machine->io, file));
    io_dir_close(machine->io, dir);
}

static void a_zombie_keeps_the_file_that_its_successor_removed(void **state)
{
    struct machine *machine = *state;

    begin(machine, SIM_CALL_PWRITE, 1);
    assert_int_equal(machine_run(machine, write_and_read_back), SIM_STOP_PAUSED);
    assert_int_equal(machine_run(machine, unlink_it), SIM_STOP_DONE);
    assert_string_equal(test.log, "aaaa z:bbbb z:aaaabbbb ");
}

/* ---- Tasks and time ---- */

static struct wal_mutex *mutex;

static void work(void *arg)
{
    struct machine *machine = arg;

    for (int i = 0; i < 3; i++) {
        err_ignore(io_sleep(machine->io, 1000000, NULL)); /* Cannot fail. */
        io_mutex_lock(machine->io, mutex);
        put_down("tick");
        io_mutex_unlock(machine->io, mutex);
    }
}

static void work_together(struct machine *machine)
{
    struct wal_task *task;
    struct wal_mutex *mine;

    machine_dir(machine);
    struct wal_dir dir = machine->dir;
    struct wal_file file = machine_open(machine, "f");
    assert_ok(io_mutex_create(machine->io, &mutex));
    mine = mutex;
    assert_ok(io_spawn(machine->io, "worker", work, machine, &task));
    assert_ok(io_sleep(machine->io, 1500000, NULL));
    machine_write(machine, file, 0, "x"); /* Paused here: the worker ticked once. */
    put_down("wrote");
    assert_ok(io_fsync(machine->io, file));
    io_join(machine->io, task);
    io_mutex_destroy(machine->io, mine);
    assert_ok(io_close(machine->io, file));
    io_dir_close(machine->io, dir);
    put_down("end");
}

static void write_for_long(struct machine *machine)
{
    machine_dir(machine);
    struct wal_dir dir = machine->dir;
    struct wal_file file = machine_open(machine, "g");

    for (int i = 0; i < 10; i++) {
        machine_write(machine, file, 0, "y");
        uint64_t before_ns = io_monotonic_ns(machine->io);
        assert_ok(io_sleep(machine->io, 1000000, NULL));
        assert_in_range(io_monotonic_ns(machine->io), before_ns + 1000000, before_ns + 1001000);
        put_down(".");
    }
    assert_ok(io_close(machine->io, file));
    io_dir_close(machine->io, dir);
}

/* It waits in its own time for its own tasks, and its successor's time is not moved by that. */
static void its_tasks_go_on_with_it_and_time_is_shared(void **state)
{
    struct machine *machine = *state;

    machine->options.resume_odds = 65536;
    begin(machine, SIM_CALL_PWRITE, 0);
    assert_int_equal(machine_run(machine, work_together), SIM_STOP_PAUSED);
    assert_string_equal(test.log, "tick ");
    assert_int_equal(machine_run(machine, write_for_long), SIM_STOP_DONE);
    assert_non_null(strstr(test.log, ". z:tick "));
    assert_non_null(strstr(test.log, "z:end . "));
    const char *wrote = strstr(test.log, "z:wrote ");
    assert_non_null(wrote);
    assert_null(strstr(wrote + 1, "z:wrote"));
    size_t ticks = 0;
    for (const char *at = test.log; (at = strstr(at, "tick")) != NULL; at++) ticks++;
    assert_int_equal(ticks, 3);
}

static void wait_for_ever(struct machine *machine)
{
    struct wal_cond *cond;

    assert_ok(io_mutex_create(machine->io, &mutex));
    assert_ok(io_cond_create(machine->io, &cond));
    machine_dir(machine);
    put_down("before");
    io_mutex_lock(machine->io, mutex);
    put_down("after");
    assert_ok(io_cond_wait(machine->io, cond, mutex, WAL_NO_DEADLINE));
}

static void spin(struct machine *machine)
{
    machine_dir(machine);
    for (;;) (void)io_monotonic_ns(machine->io);
}

static void fail_to_lose_power(struct machine *machine)
{
    machine_dir(machine);
    sim_power_off(machine->world);
}

static void a_zombie_that_is_stuck_or_endless_dies_with_its_successor(void **state)
{
    static machine_body *const bodies[] = {wait_for_ever, spin, fail_to_lose_power};
    struct machine *machine = *state;

    for (size_t i = 0; i < 3; i++) {
        for (uint32_t odds = 0; odds <= 65536; odds += 65536) {
            machine->options.resume_odds = odds;
            begin(machine, SIM_CALL_MKDIR, 0);
            assert_int_equal(machine_run(machine, bodies[i]), SIM_STOP_PAUSED);
            assert_int_equal(machine_run(machine, write_for_long), SIM_STOP_DONE);
            assert_false(sim_has_zombie(machine->world));
        }
    }
}

/* ---- Ends ---- */

static void lose_power(struct machine *machine)
{
    sim_power_off(machine->world);
}

static void a_zombie_dies_with_power_with_healing_and_with_the_run(void **state)
{
    struct machine *machine = *state;

    begin(machine, SIM_CALL_PWRITE, 1);
    machine_run(machine, write_old);
    assert_int_equal(machine_run(machine, lose_power), SIM_STOP_POWER);
    assert_false(sim_has_zombie(machine->world));
    sim_settle(machine->world, NULL);
    assert_int_equal(disk_open_count(sim_disk(machine->world)), 0);
    begin(machine, SIM_CALL_PWRITE, 1);
    machine_run(machine, write_old);
    sim_heal(machine->world);
    assert_false(sim_has_zombie(machine->world));
    assert_int_equal(disk_open_count(sim_disk(machine->world)), 0);
    assert_int_equal(machine_run(machine, write_new), SIM_STOP_DONE);
    assert_null(strstr(test.log, "z:"));
    begin(machine, SIM_CALL_PWRITE, 1);
    machine_run(machine, write_old);
    begin(machine, SIM_CALL_PWRITE, 1); /* Another run. */
    assert_false(sim_has_zombie(machine->world));
    machine_run(machine, write_old);
    assert_true(sim_has_zombie(machine->world)); /* The world is destroyed with it. */
}

static void a_second_pause_beside_a_zombie_is_none(void **state)
{
    struct machine *machine = *state;

    begin(machine, SIM_CALL_PWRITE, 1);
    assert_int_equal(machine_run(machine, write_old), SIM_STOP_PAUSED);
    test.pauses_all = true;
    test.pause_ordinal = test.paused_calls + 1; /* Its second write. */
    assert_int_equal(machine_run(machine, write_new), SIM_STOP_DONE);
    assert_true(test.paused_calls > test.pause_ordinal);
    assert_string_equal(test.log, "aaaa NNNN NNNN NNNN NNNN END z:bbbb z:cccc z:end ");
    begin(machine, SIM_CALL_PWRITE, 1);
    assert_int_equal(machine_run(machine, write_old), SIM_STOP_PAUSED);
    sim_zombie_kill(machine->world); /* Without one it is. */
    test.pauses_all = true;
    test.pause_ordinal = test.paused_calls + 1;
    assert_int_equal(machine_run(machine, write_new), SIM_STOP_PAUSED);
    assert_string_equal(test.log, "aaaa NNNN ");
}

/* ---- Looking on the side; lines of the trace ---- */

static void look(struct machine *machine)
{
    machine_dir(machine);
    put_down(machine_text(machine, "f"));
    sim_abandon(machine->world);
}

static void a_side_run_beside_a_zombie_leaves_it_alone(void **state)
{
    struct machine *machine = *state;

    machine->options.bump_memory = true;
    begin(machine, SIM_CALL_PWRITE, 1);
    assert_int_equal(machine_run(machine, write_old), SIM_STOP_PAUSED);
    assert_int_equal(machine_side(machine, NULL, look), SIM_STOP_ABANDONED);
    assert_true(sim_has_zombie(machine->world));
    assert_int_equal(disk_open_count(sim_disk(machine->world)), 1);
    assert_int_equal(machine_run(machine, write_new), SIM_STOP_DONE);
    assert_string_equal(test.log, "aaaa aaaa NNNN NNNN NNNN NNNN END z:bbbb z:cccc z:end ");
}

static void lines_carry_the_instance_and_steps_are_counted_once(void **state)
{
    struct machine *machine = *state;
    uint32_t writes[3] = {0}, ends[3] = {0};
    uint64_t steps = 0;

    machine->options.resume_odds = 30000;
    begin(machine, SIM_CALL_PWRITE, 1);
    machine_run(machine, write_old);
    machine_run(machine, write_new);
    for (size_t i = 0; i < machine->traced_count; i++) {
        const struct sim_trace_event *event = &machine->traced[i];
        assert_in_range(event->instance, 1, 2);
        if (event->result == SIM_TRACE_STOP) {
            ends[event->instance]++;
            steps += event->b;
        } else if (event->call == SIM_CALL_PWRITE && event->result == WAL_OK) {
            writes[event->instance]++;
        }
    }
    assert_int_equal(writes[1], 3);
    assert_int_equal(writes[2], 4);
    assert_int_equal(ends[1], 2); /* Paused, and gone. */
    assert_int_equal(ends[2], 1);
    assert_int_equal(sim_steps(machine->world), steps);
    assert_int_equal(machine->history.count, 2); /* Two boots; of the pause it says nothing. */
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, machine_setup, machine_teardown)
    const struct CMUnitTest tests[] = {
        ROW(a_paused_write_lands_after_another_process_wrote),
        ROW(it_goes_on_for_as_many_calls_as_decided),
        ROW(runs_with_zombies_repeat_and_replay),
        ROW(a_lock_is_held_or_lost_as_the_strike_says),
        ROW(a_death_beside_a_zombie_frees_only_its_own),
        ROW(a_zombie_keeps_the_file_that_its_successor_removed),
        ROW(its_tasks_go_on_with_it_and_time_is_shared),
        ROW(a_zombie_that_is_stuck_or_endless_dies_with_its_successor),
        ROW(a_zombie_dies_with_power_with_healing_and_with_the_run),
        ROW(a_second_pause_beside_a_zombie_is_none),
        ROW(a_side_run_beside_a_zombie_leaves_it_alone),
        ROW(lines_carry_the_instance_and_steps_are_counted_once),
    };
#undef ROW
    return cmocka_run_group_tests_name("sim_zombie", tests, NULL, NULL);
}
