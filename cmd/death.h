/*
 * death.h - what a child process died of, in words.
 *
 * A run can take its process with it. The process that waited for it says how: by which signal,
 * with which status, or that it had to be killed; and what the child said last. For that a child
 * writes its standard error into a file without a name.
 */
#ifndef CMD_DEATH_H
#define CMD_DEATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A file for the words of children, one after the other; -1: there is none. */
int death_file(void);

/* In the child: from now on its standard error goes there, and it leaves no core file. */
void death_speak_to(int said);

/* In the parent, before the next child: what the last one said is forgotten. */
void death_forget(int said);

/* What was said, as far as there is room. */
void death_words(int said, char *words, size_t bytes);

/* hung_ns: 0, or how long it made no progress until it was killed. */
void death_cause(int status, uint64_t hung_ns, char *text, size_t bytes);

#endif
