/*
 * host_file.c - files.
 *
 * A wal_file is the descriptor and, above it, what direct I/O demands of it: so misaligned calls
 * are refused here, the same on every file system (some would quietly go through the page cache),
 * and no table of open files is needed.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wal/host/host_errno.h"
#include "wal/host/host_parts.h"

enum {
    DIRECT_SHIFT = 28, /* No kernel gives out descriptors this high. */
    DIRECT_512 = 1 << DIRECT_SHIFT,
    DIRECT_4096 = 2 << DIRECT_SHIFT,

    TOUCH_BYTES = 64 * 1024,
};

static int fd_of(struct wal_file file)
{
    return file.id & (DIRECT_512 - 1);
}

static uint32_t align_of(struct wal_file file)
{
    if (file.id & DIRECT_512) return 512;
    return file.id & DIRECT_4096 ? 4096 : 1;
}

static bool aligned(struct wal_file file, uint64_t offset, const void *buffer, size_t len)
{
    uint32_t align = align_of(file);

    return offset % align == 0 && len % align == 0 && (uintptr_t)buffer % align == 0;
}

static enum wal_err result_of(int failed)
{
    return failed ? host_errno(errno) : WAL_OK;
}

/* What direct I/O demands, from a kernel and a C library that can say; else 4096, which every
 * device takes. */
static enum wal_err direct_bits(int fd, int32_t *ret_bits)
{
    int32_t bits = DIRECT_4096;

#ifdef STATX_DIOALIGN
    struct statx status;

    if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &status) == 0 &&
        (status.stx_mask & STATX_DIOALIGN)) {
        if (status.stx_dio_offset_align == 0) return WAL_NODIRECT;
        if (status.stx_dio_offset_align > 4096) return WAL_NODIRECT;
        if (status.stx_dio_offset_align <= 512 && status.stx_dio_mem_align <= 512) {
            bits = DIRECT_512;
        }
    }
#else
    (void)fd;
#endif
    *ret_bits = bits;
    return WAL_OK;
}

static int open_flags(unsigned flags)
{
    /* O_NONBLOCK: a pipe under this name must not hang us; it means nothing for files. */
    int result = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

    result |= flags & WAL_OPEN_WRITE ? O_RDWR : O_RDONLY;
    if (flags & WAL_OPEN_CREATE) result |= O_CREAT;
    if (flags & WAL_OPEN_EXCLUSIVE) result |= O_EXCL;
    if (flags & WAL_OPEN_DIRECT) result |= O_DIRECT;
    if (flags & WAL_OPEN_DSYNC) result |= O_DSYNC;
    return result;
}

static enum wal_err check_regular(int fd)
{
    struct stat status;

    if (fstat(fd, &status) != 0) return host_errno(errno);
    return S_ISREG(status.st_mode) ? WAL_OK : WAL_INVALID;
}

static enum wal_err file_open(struct wal_io *io, struct wal_dir dir, const char *name,
                              unsigned flags, struct wal_file *ret_file, uint32_t *ret_direct_align)
{
    int32_t bits = 0;
    enum wal_err err = WAL_OK;

    (void)io;
    int fd = openat(dir.id, name, open_flags(flags), 0666);
    if (fd < 0) {
        if (errno == EINVAL && (flags & WAL_OPEN_DIRECT)) return WAL_NODIRECT;
        return host_errno(errno);
    }
    err = check_regular(fd);
    if (err == WAL_OK && (flags & WAL_OPEN_DIRECT)) err = direct_bits(fd, &bits);
    if (err) goto undo;

    assert(fd < DIRECT_512);
    ret_file->id = fd | bits;
    if (ret_direct_align != NULL) *ret_direct_align = align_of(*ret_file);
    return WAL_OK;

undo:
    (void)close(fd); /* Nothing was written through it. */
    return err;
}

static enum wal_err file_close(struct wal_io *io, struct wal_file file)
{
    (void)io;
    return result_of(close(fd_of(file)));
}

static enum wal_err file_pread(struct wal_io *io, struct wal_file file, uint64_t offset,
                               void *buffer, size_t len, size_t *ret_len)
{
    (void)io;
    if (!aligned(file, offset, buffer, len)) return WAL_INVALID;

    ssize_t got = pread(fd_of(file), buffer, len, (off_t)offset);
    if (got < 0) return host_errno(errno);
    *ret_len = (size_t)got;
    return WAL_OK;
}

static enum wal_err file_pwrite(struct wal_io *io, struct wal_file file, uint64_t offset,
                                const void *buffer, size_t len, size_t *ret_len)
{
    (void)io;
    if (!aligned(file, offset, buffer, len)) return WAL_INVALID;

    ssize_t put = pwrite(fd_of(file), buffer, len, (off_t)offset);
    if (put < 0) return host_errno(errno);
    if (put == 0) return WAL_IO; /* Not an answer that the door knows. */
    *ret_len = (size_t)put;
    return WAL_OK;
}

static enum wal_err file_fdatasync(struct wal_io *io, struct wal_file file)
{
    (void)io;
    return result_of(fdatasync(fd_of(file)));
}

static enum wal_err file_fsync(struct wal_io *io, struct wal_file file)
{
    (void)io;
    return result_of(fsync(fd_of(file)));
}

static enum wal_err file_ftruncate(struct wal_io *io, struct wal_file file, uint64_t size)
{
    (void)io;
    return result_of(ftruncate(fd_of(file), (off_t)size));
}

static enum wal_err file_fallocate(struct wal_io *io, struct wal_file file, uint64_t offset,
                                   uint64_t len, bool keep_size)
{
    int mode = keep_size ? FALLOC_FL_KEEP_SIZE : 0;

    (void)io;
    return result_of(fallocate(fd_of(file), mode, (off_t)offset, (off_t)len));
}

static enum wal_err file_size(struct wal_io *io, struct wal_file file, uint64_t *ret_size)
{
    struct stat status;

    (void)io;
    if (fstat(fd_of(file), &status) != 0) return host_errno(errno);
    *ret_size = (uint64_t)status.st_size;
    return WAL_OK;
}

/* Bring a range into the page cache by reading it: the way to a typed error on kernels before
 * 5.14, where MAP_POPULATE keeps errors to itself. */
static enum wal_err touch(int fd, uint64_t offset, size_t len)
{
    char scratch[TOUCH_BYTES];

    while (len > 0) {
        size_t want = len < TOUCH_BYTES ? len : TOUCH_BYTES;
        ssize_t got = pread(fd, scratch, want, (off_t)offset);

        if (got < 0) return host_errno(errno);
        if (got == 0) return WAL_OK; /* The rest of the last page reads as zeros. */
        offset += (uint64_t)got;
        len -= (size_t)got;
    }
    return WAL_OK;
}

static enum wal_err populate(void *window, int fd, uint64_t offset, size_t len)
{
#ifdef MADV_POPULATE_READ
    if (madvise(window, len, MADV_POPULATE_READ) == 0) return WAL_OK;
    if (errno != EINVAL) return host_errno(errno); /* EFAULT: a load would have raised SIGBUS. */
#endif
    (void)window;
    return touch(fd, offset, len);
}

static enum wal_err check_inside(int fd, uint64_t offset, size_t len)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    struct stat status;

    if (fstat(fd, &status) != 0) return host_errno(errno);
    uint64_t end = ((uint64_t)status.st_size + page - 1) / page * page;
    return offset <= end && len <= end - offset ? WAL_OK : WAL_INVALID;
}

static enum wal_err file_map(struct wal_io *io, struct wal_file file, uint64_t offset, size_t len,
                             const uint8_t **ret_window)
{
    int fd = fd_of(file);

    (void)io;
    enum wal_err err = check_inside(fd, offset, len);
    if (err) return err;

    void *window = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, (off_t)offset);
    if (window == MAP_FAILED) return host_errno(errno);

    err = populate(window, fd, offset, len);
    if (err) {
        (void)munmap(window, len); /* The range is ours: it cannot fail. */
        return err;
    }
    *ret_window = window;
    return WAL_OK;
}

static void file_unmap(struct wal_io *io, const uint8_t *window, size_t len)
{
    int failed = munmap((void *)(uintptr_t)window, len);

    (void)io;
    assert(failed == 0);
}

/* flock, not fcntl: fcntl's locks belong to the process, so a second open by the same process
 * would not conflict, and closing any descriptor of the file would drop the lock. */
static enum wal_err file_lock(struct wal_io *io, struct wal_file file)
{
    (void)io;
    if (flock(fd_of(file), LOCK_EX | LOCK_NB) == 0) return WAL_OK;
    return errno == EWOULDBLOCK ? WAL_LOCKED : host_errno(errno);
}

void host_file_fill(struct wal_io_ops *ops)
{
    ops->open = file_open;
    ops->close = file_close;
    ops->pread = file_pread;
    ops->pwrite = file_pwrite;
    ops->fdatasync = file_fdatasync;
    ops->fsync = file_fsync;
    ops->ftruncate = file_ftruncate;
    ops->fallocate = file_fallocate;
    ops->size = file_size;
    ops->map = file_map;
    ops->unmap = file_unmap;
    ops->lock = file_lock;
}
