/*
 * mutant.h - squall with a planted bug: another program.
 */
#ifndef CMD_MUTANT_H
#define CMD_MUTANT_H

#include <stdbool.h>

/* Builds it. False, having said why. */
bool mutant_plant(const char *name);

/* Its build folder, and the program there; to be freed. */
char *mutant_folder(const char *name);
char *mutant_program(const char *name);

/* Runs the mutant with these arguments ("squall", ..., NULL), in its build folder, its output
 * thrown away. Returns its exit status; SQUALL_FAILED if it could not be run, or died. */
int mutant_run(const char *name, char *const arguments[]);

#endif
