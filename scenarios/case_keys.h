/*
 * case_keys.h - the set-up of a case as a table: for reading, writing and taming it.
 */
#ifndef SCENARIOS_CASE_KEYS_H
#define SCENARIOS_CASE_KEYS_H

#include "scenarios/case.h"

enum { CASE_KEYS_MAX = 32 };

struct case_key {
    const char *name; /* In a reproducer. */
    size_t offset;
    bool wide; /* 64 bits, else 32. */
    uint64_t min, max;
    const char *const *words; /* What the values are called, then NULL; NULL: a number. */
};

/* All fields but the profile. */
extern const struct case_key case_keys[];
extern const size_t case_key_count;

uint64_t case_get(const struct case_config *config, const struct case_key *key);
void case_set(struct case_config *config, const struct case_key *key, uint64_t value);

#endif
