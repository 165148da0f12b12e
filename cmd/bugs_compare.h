/*
 * bugs_compare.h - squall bugs --compare OLD NEW: two versions of the harness side by side.
 */
#ifndef CMD_BUGS_COMPARE_H
#define CMD_BUGS_COMPARE_H

/* Both are files of `squall bugs --json`. Prints a table and returns the exit status. */
int bugs_compare(const char *old_path, const char *new_path);

#endif
