/*
 * output_file.h - a file that appears whole or not at all.
 */
#ifndef CMD_OUTPUT_FILE_H
#define CMD_OUTPUT_FILE_H

#include <stdbool.h>
#include <stdio.h>

struct output_file {
    FILE *out;  /* NULL: none was asked for. */
    char *path; /* NULL: standard output. */
    char *temp; /* NULL: it is written in place, being no regular file. */
};

/* "-" is standard output; NULL: no file. False, having said why, if it cannot be written. */
bool output_file_open(struct output_file *file, const char *path);

/* Give it its name. False, having said why, if something is missing from it. */
bool output_file_close(struct output_file *file);

#endif
