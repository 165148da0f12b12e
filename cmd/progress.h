/*
 * progress.h - how far a long command is.
 *
 * On a terminal one line, drawn again and again; elsewhere a plain line every ten seconds. On
 * standard error, so that results can be piped.
 */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { PROGRESS_BYTES = 160 };

struct progress {
    bool live;  /* Redraw. */
    bool drawn; /* Something is on the line. */
    uint64_t next_ns;
};

struct progress progress_begin(void);

/* Is it time for another line? */
bool progress_due(const struct progress *progress, uint64_t now_ns);
void progress_show(struct progress *progress, uint64_t now_ns, const char *line);

/* Before anything else is printed, and at the end. */
void progress_clear(struct progress *progress);

/* This stream shows colours: a terminal that can, and nobody asked for none. */
bool progress_colour(FILE *out);

#endif
