/*
 * trace_words.c - what happened in a run, in words.
 */
#include <inttypes.h>

#include "cmd/trace_words.h"
#include "faults/fault.h"
#include "sim/address.h"

#define LOG_PATH "/log"

enum { INODE_SHIFT = 40, PATH_BYTES = 512 };

bool trace_is_counted(const struct sim_trace_event *event)
{
    return event->result != SIM_TRACE_HARNESS && event->result != SIM_TRACE_SIDE;
}

const char *trace_result_name(uint16_t result)
{
    switch (result) {
    case SIM_TRACE_DECISION: return "decision";
    case SIM_TRACE_HARNESS: return "harness";
    case SIM_TRACE_STOP: return "stop";
    case SIM_TRACE_SIDE: return "side stop";
    default: return result < WAL_ERR_COUNT ? wal_err_name((enum wal_err)result) : "?";
    }
}

/* ---- History ---- */

static const struct fault *fault_numbered(uint32_t number)
{
    for (size_t i = 0; i < faults_count; i++) {
        if (faults_all[i].number == number) return &faults_all[i];
    }
    return NULL;
}

static void say_fault(FILE *out, uint32_t number)
{
    const struct fault *fault = fault_numbered(number);

    fprintf(out, "%c%02" PRIu32, number > 100 ? 'O' : 'F', number % 100);
    if (fault != NULL) fprintf(out, " %s", fault->name);
}

static void say_lsns(FILE *out, uint64_t first_lsn, uint64_t last_lsn)
{
    if (first_lsn == last_lsn) {
        fprintf(out, "LSN %" PRIu64, last_lsn);
    } else {
        fprintf(out, "LSN %" PRIu64 " to %" PRIu64, first_lsn, last_lsn);
    }
}

static void say_place(FILE *out, const struct history_place *place)
{
    if (place->segment != 0) {
        fprintf(out, " in %016" PRIx64 ".wal at byte %" PRIu64, place->segment, place->offset);
    }
    if (place->first_lsn == 0) return;
    fputs(", lost are ", out);
    if (place->last_lsn == UINT64_MAX || place->last_lsn < place->first_lsn) {
        fprintf(out, "LSN %" PRIu64 " and what is behind it", place->first_lsn);
    } else {
        say_lsns(out, place->first_lsn, place->last_lsn);
    }
}

static void say_observation(FILE *out, const struct history_observation *seen)
{
    const char *who = seen->recovery ? "recovered" : "read";

    if (seen->open_error != HISTORY_OK) {
        fprintf(out, "%s: refused to open, %s", seen->recovery ? "recovery" : "reader",
                history_error_name(seen->open_error));
        say_place(out, &seen->place);
        return;
    }
    if (seen->count == 0) {
        fprintf(out, "%s nothing from LSN %" PRIu64 " on", who, seen->from_lsn);
    } else {
        fprintf(out, "%s to LSN %" PRIu64 ", %" PRIu32 " record%s from LSN %" PRIu64 " on", who,
                seen->records[seen->count - 1].lsn, seen->count, seen->count == 1 ? "" : "s",
                seen->from_lsn);
    }
    if (seen->read_error == HISTORY_OK) return;
    fprintf(out, ", then %s", history_error_name(seen->read_error));
    say_place(out, &seen->place);
}

static void say_stuck(FILE *out, uint32_t how)
{
    static const char *const hows[] = {
        [HISTORY_STUCK_DEADLOCK] = "nobody can go on, and no timer is set",
        [HISTORY_STUCK_LIVELOCK] = "it makes calls without end",
        [HISTORY_STUCK_MISALIGNED] = "a direct call is misaligned",
        [HISTORY_STUCK_DEAF] = "it goes on though it was cancelled",
    };

    fprintf(out, "stuck: %s", how < sizeof hows / sizeof hows[0] ? hows[how] : "?");
}

static void say_damage(FILE *out, const struct history_event *event)
{
    say_fault(out, event->fault);
    fputs(" damages bytes at rest: ", out);
    if (event->first_lsn == 0) {
        fputs("no record's", out);
        return;
    }
    say_lsns(out, event->first_lsn, event->last_lsn);
    fputs(event->flag ? ", and something intact proves it was durable"
                      : ", and nothing else proves it was durable",
          out);
}

static void say_injection(FILE *out, const struct history_event *event)
{
    say_fault(out, event->fault);
    fputs(event->error == HISTORY_OK ? " strikes, no error is reported" : " strikes: ", out);
    if (event->error != HISTORY_OK) fputs(history_error_name(event->error), out);
    if (event->flag) fprintf(out, ", durable before it to LSN %" PRIu64, event->last_lsn);
}

/* What is taken off the log on purpose. False: it is something else. */
static bool say_cut(FILE *out, const struct history_event *event)
{
    const uint64_t first = event->first_lsn, last = event->last_lsn;

    if (event->kind == HISTORY_TRUNCATING) {
        fprintf(out, "asks to truncate behind LSN %" PRIu64, last);
    } else if (event->kind == HISTORY_TRUNCATED) {
        fprintf(out, "truncated: nothing above LSN %" PRIu64 " comes back", last);
    } else if (event->kind == HISTORY_PRUNING) {
        fprintf(out, "asks to prune below LSN %" PRIu64, first);
    } else if (event->kind == HISTORY_PRUNED) {
        fprintf(out, "pruned: the log begins at LSN %" PRIu64, first);
    } else if (event->kind == HISTORY_PINNING) {
        fprintf(out, "asks for pin %" PRIu32 " at LSN %" PRIu64, event->index, first);
    } else if (event->kind == HISTORY_PINNED) {
        fprintf(out, "pin %" PRIu32 " holds all from LSN %" PRIu64 " on", event->index, first);
    } else if (event->kind == HISTORY_UNPINNED) {
        fprintf(out, "takes pin %" PRIu32 " away", event->index);
    } else {
        return false;
    }
    return true;
}

/* Whatever else a row holds, in the order of its fields. */
static void say_fields(FILE *out, const struct history_event *event)
{
    fputs(history_kind_name(event->kind), out);
    if (event->error != HISTORY_OK) fprintf(out, " %s", history_error_name(event->error));
    if (event->count != 0) fprintf(out, " %" PRIu32, event->count);
    if (event->length != 0) fprintf(out, " length %" PRIu32, event->length);
    if (event->flag) fputs(" yes", out);
}

void trace_words_fact(FILE *out, const struct history_event *event)
{
    if (event->observation != NULL) {
        if (event->kind == HISTORY_UNDISTURBED) fputs("beside the run, undisturbed: ", out);
        if (event->kind == HISTORY_COPIED) fputs("a copy made meanwhile: ", out);
        say_observation(out, event->observation);
    } else if (event->kind == HISTORY_BOOTED) {
        fputs(event->flag ? "booted, recovery was cut short before" : "booted", out);
    } else if (event->kind == HISTORY_SUBMITTED) {
        fprintf(out, "submitted: record %" PRIu32 " of %" PRIu32 ", %" PRIu32 " bytes",
                event->index + 1, event->count, event->length);
    } else if (event->kind == HISTORY_ACCEPTED) {
        fputs("accepted as ", out);
        say_lsns(out, event->first_lsn, event->last_lsn);
        fputs(", may still be lost", out);
    } else if (event->kind == HISTORY_ACKED) {
        fprintf(out, "acknowledged: all up to LSN %" PRIu64 " is durable", event->last_lsn);
    } else if (event->kind == HISTORY_FAILED) {
        fprintf(out, "failed: %s", history_error_name(event->error));
    } else if (event->kind == HISTORY_CLOSED) {
        fprintf(out, "closed: %s", history_error_name(event->error));
    } else if (event->kind == HISTORY_CRASHED) {
        fputs(event->flag ? "power lost" : "process died, the machine lives", out);
    } else if (event->kind == HISTORY_INJECTED) {
        say_injection(out, event);
    } else if (event->kind == HISTORY_DAMAGED) {
        say_damage(out, event);
    } else if (event->kind == HISTORY_STUCK) {
        say_stuck(out, event->index);
    } else if (event->kind == HISTORY_HEALED) {
        fputs("healed: from here on nothing fails", out);
    } else if (!say_cut(out, event)) {
        say_fields(out, event);
    }
}

char trace_fact_mark(const struct history_event *event)
{
    if (event->kind == HISTORY_OBSERVED && event->observation->recovery) return '^';
    const uint32_t wrong = UINT32_C(1) << HISTORY_CRASHED | UINT32_C(1) << HISTORY_INJECTED |
                           UINT32_C(1) << HISTORY_DAMAGED | UINT32_C(1) << HISTORY_LEAKED |
                           UINT32_C(1) << HISTORY_STUCK | UINT32_C(1) << HISTORY_DIVERGED;
    return (wrong >> event->kind & 1) != 0 ? '!' : '=';
}

/* ---- Decisions ---- */

static void say_who(FILE *out, const struct sim_world *world, uint64_t hash)
{
    size_t count;
    const struct sim_who *whos = sim_world_whos(world, &count);
    char path[PATH_BYTES];

    for (size_t i = 0; i < count; i++) {
        if (whos[i].hash != hash) continue;
        if (!sim_who_path(whos, count, (uint32_t)i, path, sizeof path)) break;
        fputs(path, out);
        return;
    }
    fprintf(out, "%016" PRIx64, hash);
}

const struct fault *trace_fault(const struct sim_trace_event *event)
{
    const unsigned kind = (unsigned)(event->b >> 32);

    if (event->result != SIM_TRACE_DECISION || kind < SIM_KIND_FAULT) return NULL;
    return fault_numbered(kind - SIM_KIND_FAULT);
}

static void say_outcome(FILE *out, unsigned kind, uint64_t outcome)
{
    static const char *const when[] = {"before it", "inside it", "after it"};

    if (kind >= SIM_KIND_FAULT) {
        const struct fault *fault = fault_numbered(kind - SIM_KIND_FAULT);
        if (fault != NULL) fprintf(out, " (%s)", fault->name);
    } else if (kind == SIM_KIND_CRASH && outcome > 0) {
        fprintf(out, " (%s %s)", outcome <= 3 ? "power is lost" : "the process dies",
                when[(outcome - 1) % 3]);
    } else if (kind == SIM_KIND_PREEMPT) {
        fputs(" (another task goes on)", out);
    }
}

void trace_words_decision(FILE *out, const struct sim_world *world,
                          const struct sim_trace_event *event)
{
    const unsigned kind = (unsigned)(event->b >> 32);
    char name[64], call[64];

    if (!sim_kind_print(kind, name, sizeof name)) (void)snprintf(name, sizeof name, "%u", kind);
    if (!sim_call_print((uint8_t)event->call, call, sizeof call)) {
        (void)snprintf(call, sizeof call, "%u", (unsigned)event->call);
    }
    say_who(out, world, event->a);
    fprintf(out, " %s %s %" PRIu32 " = %" PRIu64, name, call, (uint32_t)event->b, event->data);
    say_outcome(out, kind, event->data);
}

void trace_words_stop(FILE *out, const struct sim_trace_event *event)
{
    static const char *const stops[] = {
        [SIM_STOP_DONE] = "ended",
        [SIM_STOP_POWER] = "power lost",
        [SIM_STOP_KILLED] = "died",
        [SIM_STOP_DEADLOCK] = "deadlock",
        [SIM_STOP_LIVELOCK] = "livelock",
        [SIM_STOP_MISALIGNED] = "stopped by a misaligned call",
        [SIM_STOP_ABANDONED] = "ended by the harness",
        [SIM_STOP_PAUSED] = "paused",
    };
    const bool known = event->a < sizeof stops / sizeof stops[0] && stops[event->a] != NULL;

    fputs(known ? stops[event->a] : "stopped", out);
    const bool ended = event->a == SIM_STOP_DONE || event->call == SIM_CALL_HARNESS;
    if (!ended && event->call < SIM_CALL_COUNT) {
        fprintf(out, " at %s", sim_call_name((enum sim_call)event->call));
    }
    fprintf(out, ", after %" PRIu64 " calls", event->b);
}

/* ---- Places ---- */

bool trace_has_place(const struct sim_trace_event *event)
{
    const uint64_t calls = SIM_CALL_BIT(PREAD) | SIM_CALL_BIT(PWRITE) | SIM_CALL_BIT(MAP) |
                           SIM_CALL_BIT(FALLOCATE) | SIM_CALL_BIT(FTRUNCATE) | SIM_CALL_BIT(SIZE);

    return event->result < WAL_ERR_COUNT && (calls >> event->call & 1) != 0;
}

uint64_t trace_length(const struct sim_trace_event *event)
{
    return event->b & ((UINT64_C(1) << INODE_SHIFT) - 1);
}

const char *trace_file_name(struct sim_world *world, const struct sim_trace_event *event)
{
    const int64_t of_file = (int64_t)(event->b >> INODE_SHIFT) - 1;
    const char *found = sim_trace_name(world), *name;
    struct disk *disk = sim_disk(world);
    disk_inode inode;
    int32_t dir;

    if (event->result >= WAL_ERR_COUNT || of_file < 0) return found;
    if (disk_dir_find(disk, LOG_PATH, &dir) != WAL_OK) return found;
    for (size_t i = 0; (name = disk_entry(disk, dir, i, &inode)) != NULL; i++) {
        if (inode == of_file) found = name; /* Of several the youngest. */
    }
    return found;
}
