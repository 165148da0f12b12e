/*
 * shrink_pass.h - what the passes of the shrinker are made of. Private to shrink*.c.
 */
#ifndef CMD_SHRINK_PASS_H
#define CMD_SHRINK_PASS_H

#include "cmd/shrink.h"

/* A copy of the best case, to be changed and attempted. */
struct run_case *shrink_draft(struct shrink *shrink);

/* Is the draft smaller, and does it fail in the same way? Then it is the best now. */
bool shrink_attempt(struct shrink *shrink);

/* Does the draft fail in the same way? Then it is the best now, also if it is not smaller: only for
 * who goes back if nothing is gained. */
bool shrink_step(struct shrink *shrink);

bool shrink_smaller(const struct shrink_size *a, const struct shrink_size *b);

/* Take away runs of `*count` things, long ones first, from the end. `without` tries to. */
void shrink_runs(struct shrink *shrink, const uint32_t *count,
                 bool (*without)(struct shrink *shrink, uint32_t first, uint32_t count));

/* Taking out of a case. */
void shrink_cut_operations(struct run_case *run_case, uint32_t first, uint32_t count);
void shrink_cut_decisions(struct run_case *run_case, uint32_t first, uint32_t count);

/* The passes; each tries all that it knows once. */
void shrink_operations(struct shrink *shrink); /* Fewer. */
void shrink_simplify(struct shrink *shrink);   /* Simpler ones. */
void shrink_decisions(struct shrink *shrink);  /* Fewer. */
void shrink_outcomes(struct shrink *shrink);   /* Lower, and earlier. */
void shrink_set_up(struct shrink *shrink);     /* Tamer. */
void shrink_windows(struct shrink *shrink);    /* Any run of operations. */
void shrink_pairs(struct shrink *shrink);      /* Any two things at once. */

void shrink_merge(struct shrink *shrink);   /* One operation for several. */
void shrink_detours(struct shrink *shrink); /* Through what is not smaller. */

/* Without these operations, while numbers begin later (shrink_merge.c). */
bool shrink_without_later(struct shrink *shrink, uint32_t first, uint32_t count);

/* After a deletion that failed (shrink_repair.c): the same again with what may have moved. True if
 * one of them was accepted. */
bool shrink_repair_decision(struct shrink *shrink, uint32_t index);
bool shrink_repair_operation(struct shrink *shrink, uint32_t index);

#endif
