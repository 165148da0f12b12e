/*
 * reach.h - what a sweep reached: for each fault and each phase of the log's life, how often it was
 * drawn, how often it struck, and whether that mattered.
 *
 * A fault that is armed and never strikes, or strikes where nothing follows from it, tests nothing.
 * The catalogue lists the phases in which each fault can strike; a listed cell that stays at zero
 * is a hole in the sweep. That a strike mattered is measured, on a sample: the run is repeated with
 * all its decisions but that one, and what a user sees is compared.
 */
#ifndef CMD_REACH_H
#define CMD_REACH_H

#include <stdio.h>

#include "faults/fault.h"
#include "scenarios/scenario.h"
#include "wal/io.h"

struct reach_cell {
    uint64_t drawn, struck;
    uint64_t tried, mattered; /* Strikes taken away, and how many of them made a difference. */
};

/* Plain data: workers fill one each, in shared memory. */
struct reach_table {
    struct reach_cell cells[FAULT_NUMBER_COUNT][FAULT_PHASE_COUNT];
    uint64_t notes[WAL_NOTE_COUNT];
    uint64_t seeds;
};

/* Count the runner's last run, and take some of its strikes away. Runs other runs on the runner. */
void reach_take(struct reach_table *table, struct runner *runner, const struct run_result *result);

void reach_add(struct reach_table *sum, const struct reach_table *table);

/* So many tables that worker processes share; NULL: no memory. */
struct reach_table *reach_share(uint32_t count);
void reach_unshare(struct reach_table *tables, uint32_t count);

/* Which faults could have struck at all; the number's entry is non-zero. */
struct reach_scope {
    uint8_t faults[FAULT_NUMBER_COUNT];
};

/* Print the table and what is missing. Returns how many listed cells and milestones are zero. */
size_t reach_print(FILE *out, const struct reach_table *table, const struct reach_scope *scope);
void reach_json(FILE *out, const struct reach_table *table, const struct reach_scope *scope);

#endif
