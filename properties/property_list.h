/*
 * property_list.h - the name of every property. One file each; suite.c has their order.
 */
#ifndef PROPERTIES_PROPERTY_LIST_H
#define PROPERTIES_PROPERTY_LIST_H

#include "properties/property.h"

extern const struct property property_determinism;
extern const struct property property_no_phantom;
extern const struct property property_batch_atomicity;
extern const struct property property_prefix;
extern const struct property property_honest_corruption;
extern const struct property property_honest_repair;
extern const struct property property_durability;
extern const struct property property_pruning;
extern const struct property property_honest_copy;
extern const struct property property_fsync_honesty;
extern const struct property property_recovery_idempotence;
extern const struct property property_commit_time;
extern const struct property property_limits;
extern const struct property property_rows;
extern const struct property property_liveness;
extern const struct property property_no_leak;

/* What every property says when it is broken. */
static inline void property_break(struct verdict *verdict, const char *why, uint64_t lsn,
                                  uint64_t other)
{
    *verdict = (struct verdict){.broken = true, .why = why, .lsn = lsn, .other = other};
}

#endif
