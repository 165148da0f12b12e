/*
 * copy.c - the log is copied while it is written (F49), and the copy is opened.
 *
 * As a backup tool would: list the directory, then read each file from its beginning in pieces,
 * while the writer goes on in between. So the copy holds files, and parts of files, of different
 * moments. When the process has ended, a process on the side opens the copy. It must show a prefix
 * of what was written, or name the place where it cannot; properties/honest_copy.c judges that.
 */
#include <assert.h>
#include <string.h>

#include "scenarios/run.h"

enum { PIECE_BYTES = 1024, TRIES_MAX = 16 };

/* Reads a piece as a whole, as far as the file goes. */
static enum wal_err read_piece(struct wal_io *io, struct wal_file file, uint64_t offset,
                               uint8_t *piece, size_t *ret_len)
{
    size_t done = 0;

    for (unsigned tries = 0; done < PIECE_BYTES && tries < TRIES_MAX; tries++) {
        size_t len;
        enum wal_err err =
            io_pread(io, file, offset + done, piece + done, PIECE_BYTES - done, &len);
        if (err == WAL_INTERRUPTED || err == WAL_AGAIN) continue;
        if (err) return err;
        if (len == 0) break;
        done += len;
    }
    *ret_len = done;
    return WAL_OK;
}

/* Not so if the process was paused, and its successor copies now. */
static bool goes_on(const struct boot *boot, enum wal_err err)
{
    return err == WAL_OK && boot->runner->copier == boot;
}

/* A file that is gone meanwhile is left out, as a tool would. */
static enum wal_err copy_file(const struct boot *boot, struct wal_dir dir, const char *name,
                              int32_t copy_dir)
{
    struct disk *copy = boot->runner->copy_disk;
    uint8_t piece[PIECE_BYTES];
    struct wal_file file;
    disk_inode inode = -1;
    size_t len;
    bool full;
    enum wal_err err = io_open(boot->io, dir, name, 0, &file, NULL);

    if (err) return err == WAL_NOTFOUND ? WAL_OK : err;
    if (goes_on(boot, err)) err = disk_open(copy, copy_dir, name, true, false, &inode);
    for (uint64_t offset = 0; goes_on(boot, err); offset += len) {
        err = read_piece(boot->io, file, offset, piece, &len);
        if (!goes_on(boot, err) || len == 0) break;
        (void)disk_write(copy, inode, offset, piece, len, &full);
        assert(!full);
    }
    err_ignore(io_close(boot->io, file)); /* It was only read. */
    return err;
}

void run_copy(struct boot *boot)
{
    struct runner *runner = boot->runner;
    struct wal_io *io = boot->io;
    struct disk *copy = runner->copy_disk;
    struct wal_dir dir;
    char *names;
    size_t bytes;
    int32_t copy_dir;

    if (runner->copier != NULL) return; /* There is one disk for copies. */
    runner->copier = boot;
    runner->copied = false;
    disk_reset(copy, disk_profile_find("strict"), UINT64_MAX);
    enum wal_err err = disk_mkdir(copy, RUN_LOG_PATH);
    assert(err == WAL_OK);
    err = disk_dir_find(copy, RUN_LOG_PATH, &copy_dir);
    assert(err == WAL_OK);
    err = io_dir_open(io, RUN_LOG_PATH, &dir);
    if (err) goto undo;
    err = io_list(io, dir, &names, &bytes);
    if (err == WAL_OK) {
        for (size_t at = 0; at < bytes && goes_on(boot, err); at += strlen(names + at) + 1) {
            err = copy_file(boot, dir, names + at, copy_dir);
        }
        if (names != NULL) io_free(io, names, bytes);
    }
    io_dir_close(io, dir);

undo:
    if (runner->copier != boot) return;
    runner->copied = err == WAL_OK;
    runner->copier = NULL;
}
