/*
 * repro_file.c - reproducers as files.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd/output_file.h"
#include "cmd/repro_file.h"
#include "cmd/run_source.h"
#include "cmd/squall.h"

bool repro_file_write(const char *path, const struct run_case *run_case)
{
    struct output_file file;

    if (!output_file_open(&file, path)) return false;
    char *text = case_text(run_case);
    fputs(text, file.out);
    free(text);
    return output_file_close(&file);
}

char *repro_file_numbered(const char *path, unsigned number)
{
    const size_t len = strlen(path);
    const int stem = (int)(run_source_is_file(path) ? len - strlen(".repro") : len);

    return squall_path("%.*s-%u.repro", stem, path, number);
}

static int is_reproducer(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && run_source_is_file(entry->d_name);
}

int repro_file_list(const char *folder, char ***ret_paths)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_reproducer, alphasort);

    if (count < 0) return -1;
    *ret_paths = calloc((size_t)count + 1, sizeof **ret_paths);
    if (*ret_paths == NULL) abort();
    for (int i = 0; i < count; i++) {
        (*ret_paths)[i] = squall_path("%s/%s", folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return count;
}

bool repro_file_folder(const char *path)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST) return true;
    squall_say("%s: %s", path, strerror(errno));
    return false;
}
