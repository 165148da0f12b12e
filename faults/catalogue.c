/*
 * catalogue.c - every fault, one row each.
 *
 * Identifiers, semantics and verdicts come from the fault papers of the project and never change.
 * Odds are in 65536ths; a seed draws one of the four columns for each fault that exists in it, and
 * the first column is always "not in this run". The papers' starting points are 1/128, 1/25 and
 * 1/6 for calls; ours are lower where one strike ends a process (a poisoned log), since a run that
 * dies at once shows nothing else.
 *
 * Phases were measured and are what the sweep is held to: a cell that is listed has to be reached.
 * One that is met less often than about once in 5,000 seeds is not listed.
 */
#include "faults/fault.h"

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

#define IN(phase) (UINT32_C(1) << FAULT_##phase)
#define GROWING (IN(RECOVERY) | IN(COMMIT) | IN(ROTATE) | IN(CUT) | IN(CLOSE)) /* Not the mark. */
#define WRITING (GROWING | IN(MARK))
#define RUNNING (WRITING | IN(READ))
#define BUSY (RUNNING & ~(IN(MARK) | IN(CLOSE))) /* Where there is something to be lost. */

#define CALL .sort = FAULT_AT_CALL
#define CRASH .sort = FAULT_AT_CRASH
#define REST .sort = FAULT_AT_REST, .phases = IN(REST)
#define WORLD .sort = FAULT_BY_WORLD
#define SURVIVE .contract = FAULT_SURVIVE
#define DETECT .contract = FAULT_DETECT
#define BEYOND .contract = FAULT_BEYOND
#define NEEDS(what) .need = FAULT_NEEDS_##what
#define ON .odds = { 0, 1, 1, 1 } /* No chance of its own. */

const struct fault faults_all[] = {
    /* At a call. */
    { 1, "F01", "short-write", "A write returns after only some of its bytes.",
      "one byte, all but one, half, up to the last sector edge, one more, one less", NULL,
      CALL, SURVIVE, .phases = WRITING,
      .calls = WRITES, .strike = strike_short, .odds = { 0, 512, 2621, 10922 } },
    { 2, "F02", "interrupted", "A read or write is interrupted before it did anything.",
      "EINTR, or EAGAIN, one to four times in a row", NULL,
      CALL, SURVIVE, .phases = RUNNING,
      .calls = READS | WRITES, .strike = strike_interrupted, .odds = { 0, 512, 2621, 10922 } },
    { 3, "F03", "no-space", "Space ends in the middle of a write and comes back after a while.",
      "nothing, half, or all but the last sector is written; back after 0.1, 1, 10 or 100 ms", NULL,
      CALL, DETECT, .phases = GROWING,
      .calls = GROWS, .strike = strike_no_space, .odds = { 0, 512, 2048, 8192 } },
    { 4, "F04", "fsync-no-space",
      "The space for delayed allocation is missing when the file is synced.",
      "then as F08, F09 or F10, whichever the disk does", NULL,
      CALL, DETECT, .phases = WRITING,
      .calls = SYNCS | WRITES, .strike = strike_fsync, .odds = { 0, 64, 256, 1024 } },
    { 5, "F05", "file-too-large", "A write would exceed the largest file size allowed.",
      "at once, or after half of it", NULL,
      CALL, DETECT, .phases = GROWING,
      .calls = WRITES, .strike = strike_too_large, .odds = { 0, 256, 1024, 4096 } },
    { 6, "F06", "direct-misaligned",
      "A direct read or write whose buffer, offset or length is not aligned is refused.",
      "it ends the run: who issues one has a bug", NULL,
      .sort = FAULT_ALWAYS, SURVIVE },
    { 7, "F07", "write-eio", "A write reports a device error.",
      "after none, half or all of its bytes", NULL,
      CALL, DETECT, .phases = WRITING,
      .calls = WRITES, .strike = strike_write_eio, .odds = { 0, 64, 256, 1024 } },
    { 8, "F08", "fsync-eio",
      "A sync fails, be it the one in a write that syncs, and the pages are clean and new in "
      "cache, some of them old on disk.",
      "which chunks reached the disk are decisions of their own", NULL,
      CALL, DETECT, NEEDS(NEW), .phases = WRITING,
      .calls = SYNCS | WRITES, .strike = strike_fsync, .odds = { 0, 128, 512, 2048 } },
    { 9, "F09", "fsync-eio-late",
      "A sync that lost pages returns success, and the next one reports the error.", NULL, NULL,
      CALL, BEYOND, NEEDS(LATE),
      .calls = SYNCS | WRITES, .strike = strike_fsync, .odds = { 0, 512, 2048, 8192 } },
    { 10, "F10", "fsync-eio-revert",
      "A sync fails, and cache and size fall back to the durable state.", NULL, NULL,
      CALL, DETECT, NEEDS(REVERT), .phases = WRITING,
      .calls = SYNCS | WRITES, .strike = strike_fsync, .odds = { 0, 128, 512, 2048 } },
    { 11, "F11", "writeback-eio",
      "The kernel writes pages back by itself and fails; a sync hears of it through a descriptor "
      "that was open then.", NULL,
      "for a program that closes the file and opens it again before it syncs",
      CALL, DETECT, .phases = WRITING,
      .calls = WRITES, .strike = strike_writeback, .odds = { 0, 64, 256, 1024 } },
    { 12, "F12", "fsync-overlap",
      "A sync covers only writes that had returned before it began.", NULL, NULL,
      .sort = FAULT_ALWAYS, SURVIVE },
    { 13, "F13", "close-eio",
      "Closing a file reports an error, and the descriptor is gone all the same.", NULL, NULL,
      CALL, SURVIVE, .phases = RUNNING & ~IN(MARK),
      .calls = SIM_CALL_BIT(CLOSE), .strike = strike_close, .odds = { 0, 512, 2048, 8192 } },
    { 14, "F14", "name-call-fails",
      "Opening, linking, renaming, removing, cutting or listing fails and does nothing.",
      "device error, no space, too many files, permission", NULL,
      CALL, DETECT, .phases = RUNNING & ~IN(MARK),
      .calls = NAMES, .strike = strike_name_call, .odds = { 0, 128, 512, 1536 } },
    { 15, "F15", "unreadable-sector", "A sector at rest cannot be read.", NULL, NULL,
      REST, DETECT, .damage = DISK_DAMAGE_UNREADABLE, .target = FAULT_TARGET_ANY,
      .odds = { 0, 2048, 8192, 16384 } },
    { 16, "F16", "short-read", "A read returns fewer bytes than there are.",
      "as F01", NULL,
      CALL, SURVIVE, .phases = IN(RECOVERY) | IN(READ) | IN(CUT),
      .calls = READS, .strike = strike_short, .odds = { 0, 512, 2621, 10922 } },
    { 17, "F17", "transient-flip",
      "One bit is flipped on its way from the disk; reading again shows it right. It counts as the "
      "one damage of a run.",
      "which bit", NULL,
      CALL, SURVIVE, .phases = IN(RECOVERY) | IN(READ) | IN(CUT),
      .calls = READS, .strike = strike_flip, .odds = { 0, 256, 1024, 4096 } },
    { 18, "F18", "latency",
      "A read, write or sync takes a thousand to a million times longer.",
      "0.1 ms, 10 ms, 1 s", NULL,
      CALL, SURVIVE, .phases = RUNNING,
      .calls = READS | WRITES | SYNCS, .strike = strike_latency, .odds = { 0, 128, 512, 2048 } },
    { 19, "F19", "out-of-memory", "An allocation fails.", NULL, NULL,
      WORLD, DETECT, .phases = IN(RECOVERY) | IN(COMMIT) | IN(READ) | IN(CUT),
      .odds = { 0, 64, 256, 1024 } },

    /* At a crash. */
    { 20, "F20", "lose-all", "Power loss drops everything that was not synced.", NULL, NULL,
      CRASH, SURVIVE, .phases = RUNNING, .image_mode = MODE(DISK_LOSE_ALL), ON },
    { 21, "F21", "keep-all", "Power loss keeps everything, synced or not.", NULL, NULL,
      CRASH, SURVIVE, .phases = RUNNING, .image_mode = MODE(DISK_KEEP_ALL), ON },
    { 22, "F22", "torn-prefix",
      "Power loss keeps a prefix of what was written, cut in the middle of a sector where F27 "
      "allows.",
      "how many chunks, and how much of the next one", NULL,
      CRASH, SURVIVE, .phases = RUNNING, .image_mode = MODE(DISK_PREFIX), ON },
    { 23, "F23", "subset", "Power loss keeps any subset of the unsynced chunks.",
      "all but one, or each on its own", NULL,
      CRASH, SURVIVE, .phases = RUNNING, .image_mode = MODE(DISK_OMIT_ONE) | MODE(DISK_EACH), ON },
    { 24, "F24", "size-without-data",
      "The file has grown, and zeros stand where the data is lost.", NULL, NULL,
      CRASH, SURVIVE, NEEDS(ZEROS), .phases = BUSY, .image_mode = MODE(5), ON },
    { 25, "F25", "garbage-tail",
      "The file has grown, and lost chunks show random or older bytes.",
      "whose bytes, or the seed of the garbage", NULL,
      CRASH, SURVIVE, NEEDS(STALE), .phases = RUNNING, .image_mode = MODE(7) | MODE(8), ON },
    { 26, "F26", "data-without-size",
      "Data reached the disk past a size that did not.", NULL, NULL,
      CRASH, SURVIVE, .with = 24, .phases = BUSY, .image_mode = MODE(5), ON },
    { 27, "F27", "torn-sector", "A sector itself is cut at a byte, with F22 or F23.",
      "at which byte",
      "where a torn write also hurts the durable bytes beside it (the disk \"hostile\") and groups "
      "are packed, so that they share sectors",
      CRASH, SURVIVE, NEEDS(TORN), .phases = RUNNING, .image_mode = MODE(6), ON },
    { 28, "F28", "atomic-unit", "The unit that is kept or lost whole is another one.",
      "8, 512 or 4096 bytes, once for a run", NULL,
      WORLD, SURVIVE, .phases = RUNNING, ON },
    { 29, "F29", "create-undone", "A name that was made and not synced is gone.",
      "none of the unsynced names stays, all, the first ones, or any", NULL,
      CRASH, SURVIVE, NEEDS(NAMES), .phases = BUSY, .image_mode = MODE(9), ON },
    { 30, "F30", "rename-undone", "A rename that was not synced is undone.", NULL,
      NULL,
      CRASH, SURVIVE, .with = 29, NEEDS(NAMES), .phases = IN(RECOVERY), .image_mode = MODE(9), ON },
    { 31, "F31", "rename-split",
      "Power loss in the middle of a rename leaves both names.",
      "both names, or neither",
      "where it leaves neither name (the disk \"hostile\")",
      CRASH, SURVIVE, .with = 29, NEEDS(NAMES), .phases = IN(RECOVERY), .image_mode = MODE(9), ON },
    { 32, "F32", "names-reordered",
      "A later name is there and an earlier one is not.", NULL, NULL,
      CRASH, SURVIVE, .with = 29, NEEDS(ORDER), .phases = IN(RECOVERY), .image_mode = MODE(9), ON },
    { 33, "F33", "unlink-undone",
      "A name that was removed and not synced is back.", NULL, NULL,
      CRASH, SURVIVE, .with = 29, NEEDS(NAMES), .phases = RUNNING, .image_mode = MODE(9), ON },
    { 34, "F34", "truncate-undone",
      "What was cut off and not synced is back, maybe below newer bytes; with F20 to F23.", NULL,
      NULL,
      CRASH, SURVIVE, .phases = IN(COMMIT), ON },
    { 35, "F35", "reservation-undone",
      "Space that was reserved is kept or not, and reads as zeros; with F20 to F23.", NULL, NULL,
      CRASH, SURVIVE, ON },
    { 36, "F36", "recycled-bytes",
      "A file that is used again, or was cut, shows its former contents; a new one those of a file "
      "that is gone.", NULL, NULL,
      CRASH, SURVIVE, .with = 25, NEEDS(STALE), .phases = IN(RECOVERY) | IN(COMMIT),
      .image_mode = MODE(8), ON },
    { 37, "F37", "crash-in-recovery",
      "Power is lost, or the process dies, inside recovery, again and again.",
      "before, inside or after a call", NULL,
      WORLD, SURVIVE, .phases = IN(RECOVERY), ON },
    { 38, "F38", "process-killed",
      "Only the process dies; the cache lives on, with bytes that never became durable.",
      "before, inside or after a call", NULL,
      WORLD, SURVIVE, .phases = RUNNING, .odds = { 0, 64, 256, 1024 } },
    { 39, "F39", "zombie",
      "A process is paused, another one opens the log or is told that it is in use, and the first "
      "one goes on writing.", NULL,
      "for what the paused one acknowledges after its lock was taken away; if it is taken away "
      "from one that recovers, truncates or pins, or it goes on while its successor recovers or "
      "has failed to",
      CALL, DETECT,
      .calls = WRITES | SYNCS | NAMES, .strike = strike_pause, .phases = RUNNING,
      .odds = { 0, 64, 256, 1024 } },
    { 40, "F40", "fsync-lies", "The device acknowledges a data sync and forgets it.", NULL, NULL,
      CALL, BEYOND,
      .calls = SIM_CALL_BIT(FDATASYNC), .strike = strike_fsync_lies,
      .odds = { 0, 65536, 65536, 65536 } },

    /* At rest. At most one of them, or of F17, strikes in a run. */
    { 41, "F41", "bit-flip",
      "One bit flips in a record that something intact elsewhere proves durable.",
      "which bit", NULL,
      REST, DETECT, .damage = DISK_DAMAGE_FLIP, .target = FAULT_TARGET_WITNESSED,
      .odds = { 0, 2048, 8192, 16384 } },
    { 42, "F42", "newest-bit-flip",
      "One bit flips in the newest records, which nothing else proves durable.", "which bit",
      "for those records: they are taken for a torn tail, and reported as one",
      REST, DETECT, .damage = DISK_DAMAGE_FLIP, .target = FAULT_TARGET_NEWEST,
      .odds = { 0, 1024, 4096, 8192 } },
    { 43, "F43", "wrong-sector",
      "A durable sector reads as zeros, as garbage, as another one, or as it was before its last "
      "write.",
      "zeros, another sector, its former bytes, garbage", NULL,
      REST, DETECT, .damage = DISK_DAMAGE_ZERO, .target = FAULT_TARGET_ANY,
      .odds = { 0, 2048, 8192, 16384 } },
    { 44, "F44", "mark-slot",
      "One of the two slots of the mark is bad, or in a few cases both.",
      "a flipped bit, zeros, garbage, its former bytes; both slots: the open fails", NULL,
      REST, DETECT, .damage = DISK_DAMAGE_FLIP, .target = FAULT_TARGET_MARK,
      .odds = { 0, 2048, 8192, 16384 } },
    { 45, "F45", "segment-gone", "A segment is missing, or empty.",
      "missing, empty",
      "for the newest records of the last segment, as F42",
      REST, DETECT, .target = FAULT_TARGET_SEGMENT, .odds = { 0, 1024, 4096, 8192 } },
    { 46, "F46", "tail-flip",
      "One bit flips behind the last record that was acknowledged or served.", "which bit", NULL,
      REST, SURVIVE, .damage = DISK_DAMAGE_FLIP, .target = FAULT_TARGET_TAIL,
      .odds = { 0, 1024, 4096, 8192 } },
    { 47, "F47", "checksum-collision",
      "A durable record has other bytes and the checksum that belongs to them.", NULL, NULL,
      .sort = FAULT_AT_REST, BEYOND, .damage = DISK_DAMAGE_BYTES, .target = FAULT_TARGET_RECORD,
      .odds = { 0, 65536, 65536, 65536 } },
    { 48, "F48", "side-file",
      "One bit flips in a file that is neither a segment nor the mark nor a pin: only what an "
      "interrupted writer left has bytes.",
      "which bit", NULL,
      REST, SURVIVE, .damage = DISK_DAMAGE_FLIP, .target = FAULT_TARGET_SIDE,
      .odds = { 0, 1024, 4096, 8192 } },
    { 49, "F49", "copied-in-use",
      "The log is copied while it is being written: each piece is of another moment.", NULL, NULL,
      WORLD, DETECT, .phases = IN(READ), ON },

    /* Again at a call: order never depends on it. */
    { 50, "F50", "clock-jump", "The clock on the wall is set, back or ahead, and stays so.",
      "a second, an hour or a year", NULL,
      CALL, SURVIVE, .phases = IN(COMMIT) | IN(CLOSE),
      .calls = SIM_CALL_BIT(WALL), .strike = strike_clock_jump,
      .odds = { 0, 512, 2621, 10922 } },
};
/* clang-format on */

const size_t faults_count = sizeof faults_all / sizeof faults_all[0];
