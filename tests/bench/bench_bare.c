/*
 * bench_bare.c - the loop that any log is compared to: pwrite, fdatasync, nothing else.
 *
 * It writes as the log does: as many bytes at once, padding included, behind the last ones, into a
 * file that came about in the same way, with the same flags.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bench_log.h"

enum { BARE_ALIGN = 4096 };

static void begin_file(struct bench_bare *bare)
{
    if (bare->fd >= 0) close(bare->fd);
    unlink(bare->path);
    bare->fd = open(bare->path, O_RDWR | O_CREAT | O_EXCL, 0666);
    if (bare->fd < 0) bench_die("%s cannot be made", bare->path);
    bare->offset = 0;
}

void bench_bare_begin(struct bench_bare *bare, const struct bench_setup *setup, size_t len,
                      bool sync)
{
    void *bytes = NULL;

    *bare = (struct bench_bare){
        .path = bench_path(setup, "bare"),
        .fd = -1,
        .len = len,
        .file_bytes = bench_options().segment_bytes,
        .sync = sync,
    };
    if (posix_memalign(&bytes, BARE_ALIGN, len) != 0) bench_die("no memory");
    bare->bytes = bytes;
    bench_payload_init(bare->bytes, len, 0);
    begin_file(bare);
}

void bench_bare_write(struct bench_bare *bare)
{
    if (bare->offset + bare->len > bare->file_bytes) begin_file(bare);
    ssize_t written = pwrite(bare->fd, bare->bytes, bare->len, (off_t)bare->offset);
    if (written != (ssize_t)bare->len) bench_die("the bare loop cannot write");
    if (bare->sync && fdatasync(bare->fd) != 0) bench_die("the bare loop cannot sync");
    bare->offset += bare->len;
}

uint64_t bench_bare_run(struct bench_bare *bare, uint64_t deadline_ns, uint64_t least)
{
    uint64_t count = 0;

    do {
        bench_bare_write(bare);
        count++;
    } while (count < least || bench_now_ns() < deadline_ns);
    return count;
}

void bench_bare_end(struct bench_bare *bare)
{
    close(bare->fd);
    unlink(bare->path);
    free(bare->path);
    free(bare->bytes);
}
