/*
 * sim_trace_test.c - what a line of the trace is about, and time that stands still.
 */
#include <stdlib.h>

#include "tests/sim_machine.h"

enum { KIND = SIM_KIND_FAULT + 1, LINES_MAX = 256 };

static struct {
    char text[LINES_MAX][64];
    size_t count;
} lines;

/* "pwrite f main" */
static void keep_line(void *context, const struct sim_trace_event *event)
{
    struct machine *machine = context;
    const char *parts[] = {event->result == SIM_TRACE_DECISION ? "!" : "",
                           sim_call_name((enum sim_call)event->call),
                           " ",
                           sim_trace_name(machine->world),
                           " ",
                           sim_trace_task(machine->world)};
    char *line = lines.text[lines.count++];

    assert_true(lines.count <= LINES_MAX);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        assert_true(strlen(line) + strlen(parts[i]) < sizeof lines.text[0]);
        strcat(line, parts[i]);
    }
}

static bool has_line(const char *text)
{
    for (size_t i = 0; i < lines.count; i++) {
        if (strcmp(lines.text[i], text) == 0) return true;
    }
    return false;
}

static struct wal_file file;

static void write_some(void *arg)
{
    struct machine *machine = arg;

    machine_write(machine, file, 10, "z");
    sim_digest_add(machine->world, 1, 2);
}

static void use_names(struct machine *machine)
{
    struct wal_io *io = machine->io;
    struct wal_task *task;
    size_t len;
    char byte;

    machine_dir(machine);
    file = machine_open(machine, "first");
    machine_write(machine, file, 0, "x");
    assert_ok(io_pread(io, file, 0, &byte, 1, &len));
    (void)io_monotonic_ns(io);
    assert_ok(io_fsync(io, file));
    assert_ok(io_fsync_dir(io, machine->dir));
    assert_ok(io_spawn(io, "writer", write_some, machine, &task));
    io_join(io, task);
    assert_ok(io_rename(io, machine->dir, "first", "second"));
    assert_ok(io_link(io, machine->dir, "second", "third"));
    assert_ok(io_unlink(io, machine->dir, "third"));
    sim_digest_add(machine->world, 3, 4);
    assert_ok(io_close(io, file));
    io_dir_close(io, machine->dir);
}

static void delay(void *context, struct sim_world *world, const struct sim_point *point,
                  struct sim_outcome *outcome)
{
    (void)context;
    if (sim_decide_odds(world, SIM_STREAM_FAULT, KIND, point->call, 65536, 1) != 0)
        outcome->delay_ns = 1000000;
}

static void each_line_tells_its_file_and_its_task(void **state)
{
    static const char *const expected[] = {
        "mkdir /d main",      "dir_open /d main",    "open first main",  "pwrite first main",
        "!pwrite first main", "pread first main",    "fsync first main", "fsync_dir /d main",
        "spawn  main",        "pwrite first writer", "harness  writer",  "task_end  writer",
        "join  main",         "rename second main",  "link third main",  "unlink third main",
        "harness  main",      "close first main",    "task_end  main",   "task_end  "};
    struct machine *machine = *state;

    memset(&lines, 0, sizeof lines);
    machine->options.trace = keep_line;
    machine->options.strike = delay;
    machine->options.strike_calls = SIM_CALL_BIT(PWRITE);
    machine->options.policy = SIM_POLICY_RANDOM;
    assert_int_equal(machine_fresh(machine, use_names), SIM_STOP_DONE);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        if (!has_line(expected[i])) fail_msg("no line '%s'", expected[i]);
    }
    assert_string_equal(lines.text[lines.count - 1], "task_end  "); /* The process stopped. */
}

/* ---- Time ---- */

static void wait_a_little(struct machine *machine)
{
    uint64_t before_ns = io_monotonic_ns(machine->io);

    use_names(machine);
    assert_int_equal(io_monotonic_ns(machine->io), before_ns);
    assert_ok(io_sleep(machine->io, 12345, NULL));
    assert_int_equal(io_monotonic_ns(machine->io), before_ns + 12345);
    assert_int_equal(io_wall_ns(machine->io), machine->options.wall_start_ns + 12345);
}

static void time_that_stands_still_passes_by_sleeping_alone(void **state)
{
    struct machine *machine = *state;

    machine->options.strike = delay;
    machine->options.strike_calls = SIM_CALL_BIT(PWRITE);
    machine->options.still_time = true;
    assert_int_equal(machine_fresh(machine, wait_a_little), SIM_STOP_DONE);
    assert_int_equal(sim_now_ns(machine->world), 12345);
    machine->options.still_time = false;
    assert_int_equal(machine_fresh(machine, use_names), SIM_STOP_DONE);
    assert_true(sim_now_ns(machine->world) > 2 * 1000000 + 2 * machine->options.fsync_ns);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, machine_setup, machine_teardown)
    const struct CMUnitTest tests[] = {
        ROW(each_line_tells_its_file_and_its_task),
        ROW(time_that_stands_still_passes_by_sleeping_alone),
    };
#undef ROW
    return cmocka_run_group_tests_name("sim_trace", tests, NULL, NULL);
}
