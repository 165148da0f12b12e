/*
 * sim_machine.h - a world for a test, and short ways to run a process in it.
 */
#ifndef TESTS_SIM_MACHINE_H
#define TESTS_SIM_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/world.h"

enum { TRACED_MAX = 4096 };

/* What a test's tasks reach. */
struct machine {
    struct sim_world *world;
    struct wal_io *io;
    struct history history;
    struct sim_options options;
    struct sim_end end;
    bool running; /* A test that fails on a task leaves its process in the middle. */
    struct wal_dir dir;
    struct sim_trace_event traced[TRACED_MAX];
    size_t traced_count;
};

typedef void machine_body(struct machine *machine);

struct machine_entry {
    struct machine *machine;
    machine_body *body;
};

static inline void machine_trace(void *context, const struct sim_trace_event *event)
{
    struct machine *machine = context;

    if (machine->traced_count < TRACED_MAX) machine->traced[machine->traced_count++] = *event;
}

static inline int machine_setup(void **state)
{
    static struct machine machine;

    memset(&machine, 0, sizeof machine);
    machine.world = sim_world_create();
    machine.io = sim_io(machine.world);
    history_init(&machine.history);
    machine.options = (struct sim_options){
        .seed = 1,
        .profile = disk_profile_find("weak"),
        .space_bytes = UINT64_MAX,
        .fsync_ns = 50000,
        .wall_start_ns = 1000000000,
        .steps_max = 1000000,
        .history = &machine.history,
        .junk = 0xa5,
        .trace = machine_trace,
        .trace_context = &machine,
    };
    *state = &machine;
    return 0;
}

static inline int machine_teardown(void **state)
{
    struct machine *machine = *state;

    if (machine->running) return 0;
    sim_world_destroy(machine->world);
    history_free(&machine->history);
    return 0;
}

static inline void machine_begin(struct machine *machine)
{
    history_clear(&machine->history);
    machine->traced_count = 0;
    sim_world_begin(machine->world, &machine->options);
}

static inline void machine_main(struct wal_io *io, void *arg)
{
    const struct machine_entry *entry = arg;

    (void)io;
    entry->body(entry->machine);
}

/* Boot and run until it stops. */
static inline enum sim_stop machine_run(struct machine *machine, machine_body *body)
{
    struct machine_entry entry = {machine, body};

    machine->running = true;
    sim_boot(machine->world, machine_main, &entry);
    sim_run(machine->world, &machine->end);
    machine->running = false;
    return machine->end.stop;
}

static inline enum sim_stop machine_side(struct machine *machine, struct disk *disk,
                                         machine_body *body)
{
    struct machine_entry entry = {machine, body};

    machine->running = true;
    sim_side_run(machine->world, disk, machine_main, &entry, &machine->end);
    machine->running = false;
    return machine->end.stop;
}

/* A run of one process from the beginning. */
static inline enum sim_stop machine_fresh(struct machine *machine, machine_body *body)
{
    machine_begin(machine);
    return machine_run(machine, body);
}

#define assert_ok(call) assert_err(call, WAL_OK)
#define assert_err(call, expected) assert_err_at(call, expected, #call, __FILE__, __LINE__)

static inline void assert_err_at(enum wal_err got, enum wal_err expected, const char *call,
                                 const char *file, int line)
{
    if (got == expected) return;
    print_error("%s:%d: %s: got %s, expected %s\n", file, line, call, wal_err_name(got),
                wal_err_name(expected));
    fail();
}

static inline void assert_same_digest(struct sim_digest a, struct sim_digest b)
{
    assert_int_equal(a.low, b.low);
    assert_int_equal(a.high, b.high);
}

/* ---- For bodies ---- */

/* Open "/d", making it if need be. */
static inline void machine_dir(struct machine *machine)
{
    enum wal_err err = io_mkdir(machine->io, "/d");

    assert_true(err == WAL_OK || err == WAL_EXISTS);
    assert_ok(io_dir_open(machine->io, "/d", &machine->dir));
}

static inline struct wal_file machine_open(struct machine *machine, const char *name)
{
    struct wal_file file = WAL_FILE_NONE;

    assert_ok(
        io_open(machine->io, machine->dir, name, WAL_OPEN_WRITE | WAL_OPEN_CREATE, &file, NULL));
    return file;
}

static inline void machine_write(struct machine *machine, struct wal_file file, uint64_t offset,
                                 const char *text)
{
    size_t len = 0;

    assert_ok(io_pwrite(machine->io, file, offset, text, strlen(text), &len));
    assert_int_equal(len, strlen(text));
}

/* The text of a file, "" for none; static storage. */
static inline const char *machine_text(struct machine *machine, const char *name)
{
    static char text[256];
    struct wal_file file = WAL_FILE_NONE;
    size_t len = 0;

    if (io_open(machine->io, machine->dir, name, 0, &file, NULL) != WAL_OK) return "";
    assert_ok(io_pread(machine->io, file, 0, text, sizeof text - 1, &len));
    assert_ok(io_close(machine->io, file));
    text[len] = '\0';
    return text;
}

#endif
