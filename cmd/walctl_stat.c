/*
 * walctl_stat.c - walctl stat: what a log holds and how it ends.
 *
 * Verifies only what lies above the mark; verify looks at all.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd/walctl.h"
#include "cmd/walctl_metrics.h"

static const char name[] = "stat";

/* One row a fact, so that text and JSON cannot differ. */
static void print_number(bool json, const char *key, uint64_t value)
{
    if (json) {
        printf(",\"%s\":%" PRIu64, key, value);
    } else {
        printf("%-15s %" PRIu64 "\n", key, value);
    }
}

static void print_word(bool json, const char *key, const char *value)
{
    if (json) {
        printf(",\"%s\":\"%s\"", key, value);
    } else {
        printf("%-15s %s\n", key, value);
    }
}

static void print_survey(bool json, const struct wal_survey *survey, uint64_t bytes)
{
    char log_id[2 * WAL_LOG_ID_BYTES + 1];

    for (size_t i = 0; i < WAL_LOG_ID_BYTES; i++) {
        snprintf(log_id + 2 * i, 3, "%02x", survey->log_id[i]);
    }
    if (json) fputs("{\"type\":\"stat\"", stdout);
    print_word(json, "log_id", log_id);
    print_number(json, "life", survey->life);
    print_number(json, "floor_lsn", survey->floor_lsn);
    print_number(json, "last_lsn", survey->last_lsn);
    print_number(json, "witness_lsn", survey->witness_lsn);
    print_number(json, "witness_offset", survey->witness_offset);
    print_number(json, "segments", survey->segments);
    print_number(json, "first_segment", survey->first_segment);
    print_number(json, "last_segment", survey->last_segment);
    print_number(json, "block_bytes", survey->block_bytes);
    print_number(json, "bytes", bytes);
    print_word(json, "tail", walctl_tail_name(survey->tail));
    print_number(json, "tail_offset", survey->tail_offset);
    print_number(json, "tail_bytes", survey->tail_bytes);
    if (json) fputs("}\n", stdout);
}

/* What one segment's file holds; nothing if pruning took it meanwhile. */
static enum wal_err add_segment(struct wal_io *io, struct wal_dir dir, uint64_t segment,
                                uint64_t *total)
{
    char file_name[WALCTL_NAME_BYTES];
    struct wal_file file = WAL_FILE_NONE;
    uint64_t size = 0;

    walctl_segment_name(file_name, segment);
    enum wal_err err = io_open(io, dir, file_name, 0, &file, NULL);
    if (err == WAL_NOTFOUND) return WAL_OK;
    if (err) return err;
    err = io_size(io, file, &size);
    err_ignore(io_close(io, file)); /* Only read. */
    if (err) return err;
    *total += size;
    return WAL_OK;
}

static enum wal_err count_bytes(struct wal_io *io, const char *path,
                                const struct wal_survey *survey, uint64_t *ret_bytes)
{
    struct wal_dir dir = WAL_DIR_NONE;
    uint64_t total = 0;

    enum wal_err err = io_dir_open(io, path, &dir);
    if (err) return err;
    for (uint64_t i = 0; i < survey->segments && err == WAL_OK; i++) {
        err = add_segment(io, dir, survey->first_segment + i, &total);
    }
    io_dir_close(io, dir);
    if (err) return err;
    *ret_bytes = total;
    return WAL_OK;
}

int walctl_stat(struct wal_io *io, int argc, char **argv)
{
    struct walctl_look look =
        walctl_parse_look(argc, argv, true, "Say what the log in DIR holds and how it ends.");
    struct wal_survey survey = {0};
    struct wal_place place = {0};
    uint64_t bytes = 0;

    enum wal_err err = wal_verify(io, look.dir, false, NULL, NULL, &survey, &place);
    if (err != WAL_OK && err != WAL_CORRUPT) return walctl_fail(name, look.dir, err, &place);

    enum wal_err err_bytes = count_bytes(io, look.dir, &survey, &bytes);
    if (err_bytes) return walctl_fail(name, look.dir, err_bytes, NULL);

    if (look.prometheus) {
        metrics_prometheus_survey(stdout, &survey, bytes);
    } else {
        print_survey(look.json, &survey, bytes);
    }
    if (!walctl_flush(name)) return WALCTL_FAILED;
    if (err) return walctl_fail(name, look.dir, err, &place);
    return WALCTL_OK;
}
