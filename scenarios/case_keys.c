/*
 * case_keys.c - the set-up of a case, field by field.
 */
#include "scenarios/case_keys.h"

#include <string.h>

#include "wal/log/format.h"

static const char *const sync_policies[] = {"unset",    "every-group", "on-demand",
                                            "interval", "never",       NULL};
static const char *const mark_policies[] = {"interval", "every-group", "every-synced", NULL};
static const char *const io_modes[] = {"buffered", "direct", "dsync", NULL};
static const char *const fsync_failures[] = {"new-in-cache", "late", "revert", "clean", NULL};

/* clang-format off */
#define AT(field) offsetof(struct case_config, field), sizeof(((struct case_config *)0)->field) == 8
const struct case_key case_keys[] = {
    { "block-bytes",   AT(block_bytes),   8, 4096,           NULL },
    { "segment-bytes", AT(segment_bytes), 512, 1 << 24,      NULL },
    { "queue-bytes",   AT(queue_bytes),   256, 1 << 22,      NULL },
    { "first-segment", AT(first_segment), 1, UINT64_MAX / 2, NULL },
    { "first-lsn",     AT(first_lsn),     1, UINT64_MAX / 2, NULL },
    { "sync-policy",   AT(sync_policy),   1, 4,              sync_policies },
    { "sync-interval-ns", AT(sync_interval_ns), 0, 10000000000, NULL },
    { "stop-on-rollback", AT(stop_on_rollback), 0, 1,        NULL },
    { "mark-policy",   AT(mark_policy),   0, 2,              mark_policies },
    { "verify-all",    AT(verify_all),    0, 1,              NULL },
    { "preallocate",   AT(preallocate),   0, 1,              NULL },
    { "spares",        AT(spares),        0, 16,             NULL },
    { "io-mode",       AT(io_mode),       0, 2,              io_modes },
    { "clients",       AT(clients),       1, 8,              NULL },
    { "end-power-off", AT(end_power_off), 0, 1,              NULL },
    { "image-modes",   AT(image_modes),   1, 0xffff,         NULL },
    { "fsync-ns",      AT(fsync_ns),      0, 10000000000,    NULL },
    { "fsync-failure", AT(fsync_failure), 0, 3,              fsync_failures },
    { "media-max",     AT(media_max),     0, 16,             NULL },
    { "chunk-bytes",   AT(chunk_bytes),   0, 4096,           NULL },
    { "still-time",    AT(still_time),    0, 1,              NULL },
};
#undef AT
/* clang-format on */

const size_t case_key_count = sizeof case_keys / sizeof case_keys[0];

_Static_assert(sizeof case_keys / sizeof case_keys[0] <= CASE_KEYS_MAX, "raise CASE_KEYS_MAX");

uint64_t case_get(const struct case_config *config, const struct case_key *key)
{
    const char *at = (const char *)config + key->offset;
    uint64_t wide = 0;
    uint32_t narrow = 0;

    if (key->wide) memcpy(&wide, at, sizeof wide);
    if (!key->wide) memcpy(&narrow, at, sizeof narrow);
    return key->wide ? wide : narrow;
}

void case_set(struct case_config *config, const struct case_key *key, uint64_t value)
{
    char *at = (char *)config + key->offset;
    uint32_t narrow = (uint32_t)value;

    if (key->wide) memcpy(at, &value, sizeof value);
    if (!key->wide) memcpy(at, &narrow, sizeof narrow);
}

const char *case_invalid(const struct run_case *run_case)
{
    const struct case_config *config = &run_case->config;

    if (config->block_bytes != 8 && config->block_bytes != 512 && config->block_bytes != 4096) {
        return "block-bytes is neither 8 nor 512 nor 4096";
    }
    if (config->chunk_bytes != 0 && config->chunk_bytes != 8 && config->chunk_bytes != 512 &&
        config->chunk_bytes != 4096) {
        return "chunk-bytes is neither 0 nor 8 nor 512 nor 4096";
    }
    if (config->segment_bytes <
        config->queue_bytes + 2 * (uint64_t)config->block_bytes + CASE_SEGMENT_HEAD_BYTES) {
        return "segment-bytes cannot hold queue-bytes, two blocks and 1024 bytes";
    }
    for (uint32_t i = 0; i < run_case->operation_count; i++) {
        const struct operation *operation = &run_case->operations[i];
        uint64_t used = 64;
        if (operation->client >= config->clients)
            return "an operation is of a client beyond the last";
        for (uint32_t j = 0; j < operation->records; j++) {
            used += operation->lengths[j] + (j > 0 ? 24U : 0U);
        }
        if (operation->kind == OPERATION_APPEND_MANY) {
            if (operation->argument == 0 || operation->argument > OPERATION_MANY_MAX) {
                return "append-many: the argument is not from 1 to 2048";
            }
            used += operation->argument * WAL_RECORD_HEADER_BYTES;
        }
        if (used > config->queue_bytes) return "an operation's records do not fit queue-bytes";
        for (uint32_t j = 0; j < i; j++) {
            if (run_case->operations[j].number == operation->number) {
                return "two operations have the same number";
            }
        }
    }
    return NULL;
}
