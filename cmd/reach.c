/*
 * reach.c - counting what faults reached, and measuring what mattered.
 */
#include "cmd/reach.h"

#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

enum {
    TRIED_ENOUGH = 100, /* Strikes of a cell that are taken away. */
    TRIED_PER_RUN = 3,
};

/* ---- What mattered ---- */

static bool differs_without(struct runner *runner, const struct run_case *whole,
                            const struct fault_strike *strike, uint64_t outcome)
{
    struct run_case less = {.seed = 0};
    struct run_result result;
    uint32_t end = strike->decision + strike->decisions;

    case_copy(&less, whole);
    memmove(&less.decisions[strike->decision], &less.decisions[end],
            (less.decision_count - end) * sizeof less.decisions[0]);
    less.decision_count -= strike->decisions;
    const struct run_options options = {.replay = &less};
    runner_run(runner, NULL, &options, &result);
    case_free(&less);
    return runner_outcome(runner) != outcome;
}

static void take_away(struct reach_table *table, struct runner *runner)
{
    struct fault_strike chosen[TRIED_PER_RUN];
    struct run_case whole = {.seed = 0};
    uint32_t count, chosen_count = 0;
    const struct fault_strike *strikes = runner_strikes(runner, &count);

    for (uint32_t i = 0; i < count && chosen_count < TRIED_PER_RUN; i++) {
        const struct reach_cell *cell = &table->cells[strikes[i].number][strikes[i].phase];
        if (strikes[i].decisions == 0 || cell->tried >= TRIED_ENOUGH) continue;
        chosen[chosen_count++] = strikes[i];
    }
    if (chosen_count == 0) return;
    const uint64_t outcome = runner_outcome(runner);
    runner_export(runner, &whole);
    for (uint32_t i = 0; i < chosen_count; i++) {
        struct reach_cell *cell = &table->cells[chosen[i].number][chosen[i].phase];
        if (chosen[i].decision + chosen[i].decisions > whole.decision_count) continue;
        cell->tried++;
        if (differs_without(runner, &whole, &chosen[i], outcome)) cell->mattered++;
    }
    case_free(&whole);
}

void reach_take(struct reach_table *table, struct runner *runner, const struct run_result *result)
{
    table->seeds++;
    for (unsigned i = 0; i < WAL_NOTE_COUNT; i++) {
        table->notes[i] += runner_note(runner, (enum wal_note)i);
    }
    for (size_t i = 0; i < faults_count; i++) {
        uint32_t number = faults_all[i].number;
        const struct fault_reach *reach = runner_reach(runner, number);
        for (unsigned phase = 0; phase < FAULT_PHASE_COUNT; phase++) {
            table->cells[number][phase].drawn += reach[phase].drawn;
            table->cells[number][phase].struck += reach[phase].struck;
        }
    }
    if (result->property == NULL) take_away(table, runner);
}

void reach_add(struct reach_table *sum, const struct reach_table *table)
{
    sum->seeds += table->seeds;
    for (unsigned i = 0; i < WAL_NOTE_COUNT; i++) sum->notes[i] += table->notes[i];
    for (unsigned number = 0; number < FAULT_NUMBER_COUNT; number++) {
        for (unsigned phase = 0; phase < FAULT_PHASE_COUNT; phase++) {
            struct reach_cell *to = &sum->cells[number][phase];
            const struct reach_cell *from = &table->cells[number][phase];
            to->drawn += from->drawn;
            to->struck += from->struck;
            to->tried += from->tried;
            to->mattered += from->mattered;
        }
    }
}

struct reach_table *reach_share(uint32_t count)
{
    void *tables = mmap(NULL, count * sizeof(struct reach_table), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return tables == MAP_FAILED ? NULL : tables;
}

void reach_unshare(struct reach_table *tables, uint32_t count)
{
    if (tables != NULL) (void)munmap(tables, count * sizeof tables[0]); /* Cannot fail. */
}

/* ---- Telling ---- */

static const char *const note_texts[] = {
#define NOTE_TEXT(name, text) text,
    WAL_NOTE_MAP(NOTE_TEXT)
#undef NOTE_TEXT
};

static bool is_listed(const struct reach_scope *scope, const struct fault *fault, unsigned phase)
{
    return scope->faults[fault->number] != 0 && (fault->phases >> phase & 1) != 0;
}

static bool print_cell(FILE *out, const struct fault *fault, unsigned phase,
                       const struct reach_cell *cell, bool listed)
{
    bool missing = listed && cell->struck == 0;

    fprintf(out, "%s %-26s %-9s %12" PRIu64 " %12" PRIu64, fault->id, fault->name,
            fault_phase_name((enum fault_phase)phase), cell->drawn, cell->struck);
    if (cell->tried > 0) {
        fprintf(out, " %5" PRIu64 " of %-5" PRIu64, cell->mattered, cell->tried);
    } else {
        fprintf(out, " %14s", "-");
    }
    if (missing) fputs(" NEVER STRUCK", out);
    if (!listed && cell->struck > 0) fputs(" (not listed)", out);
    fputc('\n', out);
    return missing;
}

size_t reach_print(FILE *out, const struct reach_table *table, const struct reach_scope *scope)
{
    size_t zero = 0, cells = 0;

    fprintf(out, "%-30s %-9s %12s %12s %14s\n", "fault", "phase", "drawn", "struck", "mattered");
    for (size_t i = 0; i < faults_count; i++) {
        const struct fault *fault = &faults_all[i];
        for (unsigned phase = 0; phase < FAULT_PHASE_COUNT; phase++) {
            const struct reach_cell *cell = &table->cells[fault->number][phase];
            bool listed = is_listed(scope, fault, phase);
            if (!listed && cell->struck == 0) continue;
            cells += listed ? 1 : 0;
            zero += print_cell(out, fault, phase, cell, listed) ? 1 : 0;
        }
    }
    fprintf(out, "\n%-62s %12s\n", "milestone", "reached");
    for (unsigned i = 0; i < WAL_NOTE_COUNT; i++) {
        fprintf(out, "%-62s %12" PRIu64 "%s\n", note_texts[i], table->notes[i],
                table->notes[i] == 0 ? " NEVER REACHED" : "");
        zero += table->notes[i] == 0 ? 1 : 0;
    }
    fprintf(out,
            "%zu listed cells, %zu of them and of the milestones at zero, in %" PRIu64 " seeds\n",
            cells, zero, table->seeds);
    return zero;
}

void reach_json(FILE *out, const struct reach_table *table, const struct reach_scope *scope)
{
    for (size_t i = 0; i < faults_count; i++) {
        const struct fault *fault = &faults_all[i];
        for (unsigned phase = 0; phase < FAULT_PHASE_COUNT; phase++) {
            const struct reach_cell *cell = &table->cells[fault->number][phase];
            bool listed = is_listed(scope, fault, phase);
            if (!listed && cell->struck == 0) continue;
            fprintf(out,
                    "{\"type\":\"reach\",\"fault\":\"%s\",\"phase\":\"%s\",\"listed\":%s,"
                    "\"drawn\":%" PRIu64 ",\"struck\":%" PRIu64 ",\"tried\":%" PRIu64
                    ",\"mattered\":%" PRIu64 "}\n",
                    fault->id, fault_phase_name((enum fault_phase)phase), listed ? "true" : "false",
                    cell->drawn, cell->struck, cell->tried, cell->mattered);
        }
    }
    for (unsigned i = 0; i < WAL_NOTE_COUNT; i++) {
        fprintf(out, "{\"type\":\"milestone\",\"milestone\":\"%s\",\"reached\":%" PRIu64 "}\n",
                note_texts[i], table->notes[i]);
    }
}
