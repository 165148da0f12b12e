/*
 * decision_name.h - a decision as its reproducer names it.
 */
#ifndef CMD_DECISION_NAME_H
#define CMD_DECISION_NAME_H

#include <stddef.h>

#include "scenarios/case.h"

enum { DECISION_NAME_BYTES = 256 };

/* "op3/boot0/committer.0 F08 fdatasync 0 = 1" */
void decision_name(const struct run_case *run_case, uint32_t index, char *text, size_t bytes);

#endif
