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

enum { BARE_ALIGN = 4096, FILL_BYTES = 1 << 20 };

/* Every block written once, and durable. */
static void prewrite(struct bench_bare *bare)
{
    void *zeros = NULL;

    if (posix_memalign(&zeros, BARE_ALIGN, FILL_BYTES) != 0) bench_die("no memory");
    memset(zeros, 0, FILL_BYTES);
    for (uint64_t at = 0; at < bare->file_bytes; at += FILL_BYTES) {
        if (pwrite(bare->fd, zeros, FILL_BYTES, (off_t)at) != FILL_BYTES) {
            bench_die("the bare loop cannot write in advance");
        }
    }
    if (fsync(bare->fd) != 0) bench_die("the bare loop cannot sync");
    free(zeros);
}

static void begin_file(struct bench_bare *bare)
{
    static const int flags[BENCH_MODES] = {
        [BENCH_DIRECT] = O_DIRECT, [BENCH_DSYNC] = O_DIRECT | O_DSYNC};

    if (bare->fd >= 0) close(bare->fd);
    unlink(bare->path);
    bare->fd = open(bare->path, O_RDWR | O_CREAT | O_EXCL | flags[bare->mode], 0666);
    if (bare->fd < 0) bench_die("%s cannot be made", bare->path);
    if (bare->mode != BENCH_PLAIN) prewrite(bare);
    bare->offset = 0;
}

void bench_bare_begin(struct bench_bare *bare, const struct bench_setup *setup,
                      enum bench_mode mode, size_t len, bool sync)
{
    void *bytes = NULL;

    *bare = (struct bench_bare){
        .path = bench_path(setup, "bare"),
        .fd = -1,
        .len = len,
        .file_bytes = bench_options().segment_bytes,
        .mode = mode,
        .sync = sync && mode != BENCH_DSYNC, /* Then the write does it. */
    };
    if (posix_memalign(&bytes, BARE_ALIGN, len) != 0) bench_die("no memory");
    bare->bytes = bytes;
    bench_payload_init(bare->bytes, len, 0);
    begin_file(bare);
}

/* At its end a file that was written in advance is used again, as a recycled segment is. */
void bench_bare_write(struct bench_bare *bare)
{
    if (bare->offset + bare->len > bare->file_bytes) {
        bare->offset = 0;
        if (bare->mode == BENCH_PLAIN) begin_file(bare);
    }
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
