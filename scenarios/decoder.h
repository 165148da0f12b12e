/*
 * decoder.h - what stands on the disk, read by somebody who does not trust the log.
 *
 * A second reading of the format written down in wal/log/format.h, from that text and sharing no
 * code with wal/. It looks at the pristine durable bytes, so that the harness knows which LSNs a
 * damaged sector hits, and whether something intact elsewhere still proves that they were durable.
 */
#ifndef SCENARIOS_DECODER_H
#define SCENARIOS_DECODER_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/disk.h"

struct decoder;

struct decoder *decoder_create(void);
void decoder_destroy(struct decoder *decoder);

/* Decode the durable state of the log in the directory `path`. */
void decoder_read(struct decoder *decoder, const struct disk *disk, const char *path);

/* The last LSN that is durable with all before it; first LSN - 1 for an empty log, 0 for none. */
uint64_t decoder_durable_lsn(const struct decoder *decoder);

/* How many slots of the mark are good. */
uint32_t decoder_mark_slots(const struct decoder *decoder);

/* Sectors of named durable files, numbered through: how many, and which is the i-th. */
uint32_t decoder_sector_count(const struct decoder *decoder);
void decoder_sector(const struct decoder *decoder, uint32_t i, disk_inode *ret_inode,
                    uint64_t *ret_sector);

enum decoder_part {
    DECODER_OTHER, /* Of a file that is neither a segment nor the mark nor a pin, or of a segment
                      that was pruned. */
    DECODER_MARK,
    DECODER_PIN,
    DECODER_RECORDS, /* Of a segment, up to where its last whole group ends. */
    DECODER_TAIL,    /* Of a segment, behind that. */
};

/* What damage to this sector would do. */
struct decoder_hit {
    enum decoder_part part;
    uint64_t first_lsn; /* From the start of the batch hit; 0, 0: no record's bytes. */
    uint64_t last_lsn;
    uint64_t witness_lsn; /* Something durable in another sector knows all up to here durable; */
    uint64_t said_lsn;    /* or in this one, where damage of one bit may leave it intact. */
};
struct decoder_hit decoder_hit(const struct decoder *decoder, disk_inode inode, uint64_t sector);

/* Segments in order: how many, and of the i-th its file's name (20 bytes and a zero) and what its
 * loss would do. */
uint32_t decoder_segment_count(const struct decoder *decoder);
struct decoder_hit decoder_segment(const struct decoder *decoder, uint32_t i, char ret_name[21]);

/* A record with one byte of its payload changed and its checksum made right: the sector it lies in,
 * with these bytes. `which` picks the record. False: there is none that fits a sector so far. */
bool decoder_forge(const struct decoder *decoder, uint64_t which, disk_inode *ret_inode,
                   uint64_t *ret_sector, uint8_t ret_bytes[DISK_SECTOR_BYTES]);

/* ---- For people: which field of the format a byte belongs to (decoder_fields.c) ---- */

struct decoder_field {
    const char *part;    /* "segment header", "mark slot", "group header", "record" */
    const char *name;    /* "first_lsn" */
    const char *meaning; /* A few words. */
    uint64_t offset, length;
    bool is_bytes;  /* Else a number: */
    uint64_t value; /* what it says. */
    bool valid;     /* The checksum that covers it holds, at this place. */
    uint64_t lsn;   /* Of a record; the first of a group; else 0. */
};

typedef void decoder_emit(void *context, const struct decoder_field *field);

/* Name the fields of a file of the log, in order of offsets; `name` is its last part. Headers that
 * are recognised by their magic are named even where they are not valid. */
void decoder_fields(const uint8_t *bytes, uint64_t size, const char *name, decoder_emit *emit,
                    void *context);

#endif
