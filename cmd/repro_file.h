/*
 * repro_file.h - reproducers as files.
 */
#ifndef CMD_REPRO_FILE_H
#define CMD_REPRO_FILE_H

#include <stdbool.h>

#include "scenarios/case.h"

/* Whole or not at all. False, having said why. */
bool repro_file_write(const char *path, const struct run_case *run_case);

/* "FILE-2.repro" for FILE.repro and 2; to be freed. */
char *repro_file_numbered(const char *path, unsigned number);

/* The reproducers in a folder, by name, each with its folder; to be freed, one by one and the
 * list. -1: the folder cannot be read (errno). */
int repro_file_list(const char *folder, char ***ret_paths);

/* Makes the folder. False, having said why. */
bool repro_file_folder(const char *path);

#endif
