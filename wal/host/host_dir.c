/*
 * host_dir.c - directories, and the names in them.
 *
 * A wal_dir is an open descriptor, so a log keeps its directory when somebody renames it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wal/host/host_errno.h"
#include "wal/host/host_parts.h"

enum { NAMES_BYTES_FIRST = 4096 };

struct names {
    char *bytes;
    size_t used;
    size_t size;
};

static enum wal_err result_of(int failed)
{
    return failed ? host_errno(errno) : WAL_OK;
}

static enum wal_err dir_mkdir(struct wal_io *io, const char *path)
{
    (void)io;
    return result_of(mkdir(path, 0777));
}

static enum wal_err dir_open(struct wal_io *io, const char *path, struct wal_dir *ret_dir)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    (void)io;
    if (fd < 0) return host_errno(errno);
    ret_dir->id = fd;
    return WAL_OK;
}

static void dir_close(struct wal_io *io, struct wal_dir dir)
{
    (void)io;
    /* A directory holds no bytes of ours that closing it could lose. */
    (void)close(dir.id);
}

static enum wal_err dir_fsync(struct wal_io *io, struct wal_dir dir)
{
    (void)io;
    return result_of(fsync(dir.id));
}

static enum wal_err names_add(struct names *names, const char *name)
{
    size_t need = strlen(name) + 1;

    if (names->size - names->used < need) {
        size_t size = names->size == 0 ? NAMES_BYTES_FIRST : 2 * names->size;
        char *bytes = realloc(names->bytes, size);

        if (bytes == NULL) return WAL_NOMEM;
        names->bytes = bytes;
        names->size = size;
    }
    memcpy(names->bytes + names->used, name, need);
    names->used += need;
    return WAL_OK;
}

static enum wal_err names_read(struct names *names, DIR *stream)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(stream);

        if (entry == NULL) return result_of(errno != 0);
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;

        enum wal_err err = names_add(names, entry->d_name);
        if (err) return err;
    }
}

/* What goes out is the door's memory, whoever's that is, and as large as it says. */
static enum wal_err names_give(struct wal_io *io, const struct names *names, char **ret_names,
                               size_t *ret_bytes)
{
    char *copy = names->used == 0 ? NULL : io_alloc(io, names->used);

    if (copy == NULL && names->used > 0) return WAL_NOMEM;
    if (copy != NULL) memcpy(copy, names->bytes, names->used);
    *ret_names = copy;
    *ret_bytes = names->used;
    return WAL_OK;
}

/* Opens "." anew rather than duplicating the descriptor: duplicates share their position, and two
 * tasks may list at once. */
static enum wal_err dir_list(struct wal_io *io, struct wal_dir dir, char **ret_names,
                             size_t *ret_bytes)
{
    struct names names = {NULL, 0, 0};
    enum wal_err err = WAL_OK;
    DIR *stream = NULL;

    int fd = openat(dir.id, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return host_errno(errno);

    stream = fdopendir(fd);
    if (stream == NULL) {
        err = host_errno(errno);
        (void)close(fd);
        return err;
    }
    err = names_read(&names, stream);
    (void)closedir(stream); /* Read from only: there is nothing to lose. */
    if (err == WAL_OK) err = names_give(io, &names, ret_names, ret_bytes);
    free(names.bytes);
    return err;
}

static enum wal_err dir_rename(struct wal_io *io, struct wal_dir dir, const char *from,
                               const char *to)
{
    (void)io;
    return result_of(renameat(dir.id, from, dir.id, to));
}

static enum wal_err dir_link(struct wal_io *io, struct wal_dir dir, const char *from,
                             const char *to)
{
    (void)io;
    return result_of(linkat(dir.id, from, dir.id, to, 0));
}

static enum wal_err dir_unlink(struct wal_io *io, struct wal_dir dir, const char *name)
{
    (void)io;
    return result_of(unlinkat(dir.id, name, 0));
}

void host_dir_fill(struct wal_io_ops *ops)
{
    ops->mkdir = dir_mkdir;
    ops->dir_open = dir_open;
    ops->dir_close = dir_close;
    ops->fsync_dir = dir_fsync;
    ops->list = dir_list;
    ops->rename = dir_rename;
    ops->link = dir_link;
    ops->unlink = dir_unlink;
}
