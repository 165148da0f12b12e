/*
 * nearest.h - what somebody who mistyped a name may have meant.
 */
#ifndef CMD_NEAREST_H
#define CMD_NEAREST_H

#include <stddef.h>

/* The name with the fewest insertions, deletions, changes and swaps of neighbours from `name`; the
 * first of several. NULL if none is near: fewer than a third of the letters may differ, or one. */
const char *nearest_name(const char *name, const char *const *names, size_t count);

#endif
