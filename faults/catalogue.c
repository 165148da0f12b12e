/*
 * catalogue.c - every fault, one row each.
 *
 * Identifiers, semantics and verdicts come from the fault papers of the project and never change.
 * Odds are in 65536ths; a seed draws one of the four columns for each fault that exists in it, and
 * the first column is always "not in this run". The papers' starting points are 1/128, 1/25 and
 * 1/6 for calls; ours are lower where one strike ends a process (a poisoned log), since a run that
 * dies at once shows nothing else.
 */
#include "faults/fault.h"

#include <string.h>

#include "faults/strikes.h"

/* clang-format off */
#define READS SIM_CALL_BIT(PREAD)
#define WRITES SIM_CALL_BIT(PWRITE)
#define SYNCS (SIM_CALL_BIT(FSYNC) | SIM_CALL_BIT(FDATASYNC) | SIM_CALL_BIT(FSYNC_DIR))
#define GROWS (WRITES | SIM_CALL_BIT(FALLOCATE) | SIM_CALL_BIT(OPEN) | SIM_CALL_BIT(MKDIR))
#define NAMES (SIM_CALL_BIT(OPEN) | SIM_CALL_BIT(RENAME) | SIM_CALL_BIT(LINK) |               \
               SIM_CALL_BIT(UNLINK) | SIM_CALL_BIT(FTRUNCATE) | SIM_CALL_BIT(FALLOCATE) |      \
               SIM_CALL_BIT(LIST) | SIM_CALL_BIT(DIR_OPEN) | SIM_CALL_BIT(MKDIR))
#define MODE(bit) (UINT32_C(1) << (bit))

const struct fault faults_all[] = {
    /* At a call. */
    { 1, "F01", "short-write",
      "A write returns after only some of its bytes.",
      FAULT_SURVIVE, WRITES, strike_short, 0, false, 0, { 0, 512, 2621, 10922 }, 0 },
    { 2, "F02", "interrupted",
      "A read or write is interrupted before it did anything, up to four times in a row.",
      FAULT_SURVIVE, READS | WRITES, strike_interrupted, 0, false, 0, { 0, 512, 2621, 10922 }, 0 },
    { 3, "F03", "no-space",
      "Space ends in the middle of a write and comes back after a while.",
      FAULT_DETECT, GROWS, strike_no_space, 0, false, 0, { 0, 512, 2048, 8192 }, 0 },
    { 4, "F04", "fsync-no-space",
      "The space for delayed allocation is missing when the file is synced.",
      FAULT_DETECT, SYNCS, strike_fsync, 0, false, 0, { 0, 64, 256, 1024 }, 0 },
    { 5, "F05", "file-too-large",
      "A write would exceed the largest file size allowed.",
      FAULT_DETECT, WRITES, strike_too_large, 0, false, 0, { 0, 256, 1024, 4096 }, 0 },
    { 7, "F07", "write-eio",
      "A write reports a device error after none, some or all of its bytes.",
      FAULT_DETECT, WRITES, strike_write_eio, 0, false, 0, { 0, 64, 256, 1024 }, 0 },
    { 8, "F08", "fsync-eio",
      "A sync fails, and the pages are clean and new in cache, old on disk.",
      FAULT_DETECT, SYNCS, strike_fsync, 0, false, 0, { 0, 128, 512, 2048 }, 0 },
    { 9, "F09", "fsync-eio-late",
      "A sync that lost pages returns success, and the next one reports the error.",
      FAULT_BEYOND, SYNCS, strike_fsync, 0, false, 0, { 0, 512, 2048, 8192 }, 0 },
    { 10, "F10", "fsync-eio-revert",
      "A sync fails, and cache and size fall back to the durable state.",
      FAULT_DETECT, SYNCS, strike_fsync, 0, false, 0, { 0, 128, 512, 2048 }, 0 },
    { 12, "F12", "fsync-overlap",
      "A sync covers only writes that had returned before it began; this cannot be switched "
      "off.",
      FAULT_SURVIVE, 0, NULL, 0, false, 0, { 0, 1, 1, 1 }, 0 },
    { 13, "F13", "close-eio",
      "Closing a file reports an error, and the descriptor is gone all the same.",
      FAULT_SURVIVE, SIM_CALL_BIT(CLOSE), strike_close, 0, false, 0, { 0, 512, 2048, 8192 }, 0 },
    { 14, "F14", "name-call-fails",
      "Opening, linking, renaming, removing, cutting or listing fails and does nothing.",
      FAULT_DETECT, NAMES, strike_name_call, 0, false, 0, { 0, 128, 512, 1536 }, 0 },
    { 15, "F15", "unreadable-sector",
      "A sector at rest cannot be read.",
      FAULT_DETECT, 0, NULL, 0, true, DISK_DAMAGE_UNREADABLE, { 0, 2048, 8192, 16384 }, 0 },
    { 16, "F16", "short-read",
      "A read returns fewer bytes than there are.",
      FAULT_SURVIVE, READS, strike_short, 0, false, 0, { 0, 512, 2621, 10922 }, 0 },
    { 18, "F18", "latency",
      "A read, write or sync takes a thousand to a million times longer.",
      FAULT_SURVIVE, READS | WRITES | SYNCS, strike_latency, 0, false, 0, { 0, 128, 512, 2048 },
      0 },
    { 19, "F19", "out-of-memory",
      "An allocation fails.",
      FAULT_DETECT, 0, NULL, 0, false, 0, { 0, 64, 256, 1024 }, 0 },
    /* At a crash. */
    { 20, "F20", "lose-all",
      "Power loss drops everything that was not synced.",
      FAULT_SURVIVE, 0, NULL, MODE(0), false, 0, { 0, 1, 1, 1 }, 0 },
    { 21, "F21", "keep-all",
      "Power loss keeps everything, synced or not.",
      FAULT_SURVIVE, 0, NULL, MODE(1), false, 0, { 0, 1, 1, 1 }, 0 },
    { 22, "F22", "torn-prefix",
      "Power loss keeps a prefix of what was written, cut in the middle of a sector where F27"
      " allows.",
      FAULT_SURVIVE, 0, NULL, MODE(2), false, 0, { 0, 1, 1, 1 }, 0 },
    { 23, "F23", "subset",
      "Power loss keeps any subset of the unsynced sectors.",
      FAULT_SURVIVE, 0, NULL, MODE(3) | MODE(4), false, 0, { 0, 1, 1, 1 }, 0 },
    { 24, "F24", "size-without-data",
      "The file has grown, and zeros stand where the data is lost; or data is lost past the "
      "old size (F26).",
      FAULT_SURVIVE, 0, NULL, MODE(5), false, 0, { 0, 1, 1, 1 }, 0 },
    { 25, "F25", "garbage-tail",
      "Lost sectors show random or older bytes, with F22 or F23.",
      FAULT_SURVIVE, 0, NULL, MODE(7) | MODE(8), false, 0, { 0, 1, 1, 1 }, 0 },
    { 27, "F27", "torn-sector",
      "A sector itself is cut at a byte, with F22 or F23.",
      FAULT_SURVIVE, 0, NULL, MODE(6), false, 0, { 0, 1, 1, 1 }, 0 },
    { 29, "F29", "names-lost",
      "Unsynced creates, renames, links and unlinks are undone or reordered (F29 to F33).",
      FAULT_SURVIVE, 0, NULL, MODE(9), false, 0, { 0, 1, 1, 1 }, 0 },
    { 37, "F37", "crash-in-recovery",
      "Power is lost, or the process dies, inside recovery, again and again.",
      FAULT_SURVIVE, 0, NULL, 0, false, 0, { 0, 1, 1, 1 }, 0 },
    { 38, "F38", "process-killed",
      "Only the process dies; the cache lives on, with bytes that never became durable.",
      FAULT_SURVIVE, 0, NULL, 0, false, 0, { 0, 64, 256, 1024 }, 0 },
    { 40, "F40", "fsync-lies",
      "The device acknowledges a data sync and forgets it.",
      FAULT_BEYOND, SIM_CALL_BIT(FDATASYNC), strike_fsync_lies, 0, false, 0,
      { 0, 65536, 65536, 65536 }, 0 },
    /* At rest. */
    { 41, "F41", "bit-flip",
      "One bit of a durable sector is flipped.",
      FAULT_DETECT, 0, NULL, 0, true, DISK_DAMAGE_FLIP, { 0, 2048, 8192, 16384 }, 0 },
    { 43, "F43", "wrong-sector",
      "A durable sector reads as zeros, as another one, or as it was before its last write.",
      FAULT_DETECT, 0, NULL, 0, true, DISK_DAMAGE_ZERO, { 0, 2048, 8192, 16384 }, 0 },
};
/* clang-format on */

const size_t faults_count = sizeof faults_all / sizeof faults_all[0];

const struct fault *fault_find(const char *id_or_name)
{
    for (size_t i = 0; i < faults_count; i++) {
        const struct fault *fault = &faults_all[i];
        if (strcmp(fault->id, id_or_name) == 0 || strcmp(fault->name, id_or_name) == 0) {
            return fault;
        }
    }
    return NULL;
}

const char *fault_contract_name(enum fault_contract contract)
{
    static const char *const names[] = {"survive", "detect", "beyond"};

    return names[contract];
}

const char *fault_phase_name(enum fault_phase phase)
{
    static const char *const names[] = {
#define FAULT_PHASE_NAME(name, text, story) text,
        FAULT_PHASE_MAP(FAULT_PHASE_NAME)
#undef FAULT_PHASE_NAME
    };

    return names[phase];
}

const char *fault_phase_story(enum fault_phase phase)
{
    static const char *const stories[] = {
#define FAULT_PHASE_STORY(name, text, story) story,
        FAULT_PHASE_MAP(FAULT_PHASE_STORY)
#undef FAULT_PHASE_STORY
    };

    return stories[phase];
}
