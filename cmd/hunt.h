/*
 * hunt.h - looking for the first failing seed with other builds of squall.
 *
 * A hunt is a process of its own, `squall run everything --stop-at-first --jobs 1`, so that seeds
 * come in order and no code is shared by mistake; several hunts go on at once. What was found must
 * not be there without the planted bug: so this program, which has none, runs the seed, too. Then
 * it is shrunk by the program that found it, and what came of that must fail when it is replayed,
 * and not when this program does.
 */
#ifndef CMD_HUNT_H
#define CMD_HUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum { HUNT_PROPERTY_BYTES = 48 };

enum hunt_stage {
    HUNT_STAGE_RUN,
    HUNT_STAGE_SOUND, /* The seed, by this program. */
    HUNT_STAGE_SHRINK,
    HUNT_STAGE_REPLAY,
    HUNT_STAGE_SOUND_REPLAY,
};

enum hunt_end {
    HUNT_WAITING,
    HUNT_RUNNING,
    HUNT_UNFINISHED, /* No more time, or interrupted. */
    HUNT_NOTHING,    /* All seeds held. */
    HUNT_FOUND,
    HUNT_UNSOUND, /* What was found, or what it was shrunk to, fails without the bug, too. */
    HUNT_BROKEN,  /* The program failed; it has been said how. */
};

struct hunt {
    const char *program;
    const char *folder; /* Its SQUALL_BUILD. */
    const char *name;
    const char *policy; /* Of the scheduler; NULL: as each seed draws. */
    uint64_t first, count;
    char *reproducer; /* Where what was found is written, shrunk; NULL: nowhere. Freed by the
                         caller. */

    enum hunt_stage stage;
    enum hunt_end end;
    uint64_t seeds; /* Run, the failing one included. */
    double seconds;
    char property[HUNT_PROPERTY_BYTES], seed[24];
    bool shrunk;
    double shrunk_operations, shrunk_decisions, shrink_s;

    pid_t pid;
    FILE *said;
};

/* deadline_ns: by squall_now_ns; 0: none. on_tick is called after a while and after every end.
 * False: interrupted. */
bool hunt_all(struct hunt *hunts, size_t count, unsigned jobs, uint64_t deadline_ns,
              void (*on_tick)(void *context, size_t finished), void *context);

#endif
