/*
 * output_file.c - a file that appears whole or not at all.
 *
 * It is written under another name beside its own and renamed at the end. What exists and is not a
 * regular file (a pipe, /dev/null) is written in place: renaming would put a file into its place.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/output_file.h"
#include "cmd/squall.h"

bool output_file_open(struct output_file *file, const char *path)
{
    struct stat stat_;

    *file = (struct output_file){.out = NULL};
    if (path == NULL) return true;
    if (strcmp(path, "-") == 0) {
        file->out = stdout;
        return true;
    }
    file->path = squall_path("%s", path);
    if (stat(path, &stat_) != 0 || S_ISREG(stat_.st_mode)) {
        file->temp = squall_path("%s.%ld", path, (long)getpid());
    }
    file->out = fopen(file->temp != NULL ? file->temp : path, "we");
    if (file->out != NULL) return true;
    squall_say("%s: cannot be written: %s", path, strerror(errno));
    free(file->temp);
    free(file->path);
    *file = (struct output_file){.out = NULL};
    return false;
}

bool output_file_close(struct output_file *file)
{
    const char *name = file->path != NULL ? file->path : "standard output";
    bool well = true;

    if (file->out == NULL) return true;
    well = fflush(file->out) == 0 && ferror(file->out) == 0;
    if (file->path != NULL) well = fclose(file->out) == 0 && well;
    if (well && file->temp != NULL) well = rename(file->temp, file->path) == 0;
    if (!well) squall_say("%s: %s", name, strerror(errno));
    if (!well && file->temp != NULL) unlink(file->temp);
    free(file->temp);
    free(file->path);
    *file = (struct output_file){.out = NULL};
    return well;
}
