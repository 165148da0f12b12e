/*
 * decoder_test.c - the second reading of the format, against the log that wrote it.
 *
 * The log is written in a simulated world. What the decoder says of a sector is held against what
 * the log's own reader says of the records, and against the experiment: damage the sector, open the
 * log, and see whether the loss is reported, as it must be if the loss is witnessed.
 */
#include <stdlib.h>

#include "scenarios/decoder.h"
#include "tests/sim_machine.h"
#include "wal/log/log.h"

enum { RECORDS_MAX = 256, BATCH_MAX = 4, BYTES_MAX = 400, SECTOR = DISK_SECTOR_BYTES };

#define LOG "/log"

/* ---- Logs ---- */

enum ending { CLOSED, POWER_LOST };

struct form {
    const char *name;
    uint32_t block_bytes;
    enum wal_mark_policy mark_policy;
    enum ending ending;
    unsigned lives;   /* Processes that die of power loss before the last one. */
    unsigned async;   /* Appends between two waits: groups of many. */
    unsigned records; /* Of each process, at least. */
    uint64_t first_lsn;
};

static const struct form forms[] = {
    {"closed cleanly", 512, WAL_MARK_INTERVAL, CLOSED, 0, 1, 40, 1},
    {"power lost", 512, WAL_MARK_INTERVAL, POWER_LOST, 0, 1, 40, 1},
    {"groups of many", 512, WAL_MARK_INTERVAL, POWER_LOST, 0, 5, 60, UINT64_C(1) << 32},
    {"packed groups", 8, WAL_MARK_INTERVAL, POWER_LOST, 0, 3, 60, 1},
    {"large blocks", 4096, WAL_MARK_INTERVAL, POWER_LOST, 0, 2, 20, 1},
    {"several lives", 512, WAL_MARK_INTERVAL, POWER_LOST, 2, 2, 20, 1000},
    {"a mark with every group", 512, WAL_MARK_EVERY_SYNCED, POWER_LOST, 1, 1, 20, 1},
    {"one segment", 512, WAL_MARK_INTERVAL, POWER_LOST, 0, 1, 3, 1},
};

struct seen {
    uint64_t lsn, segment, offset;
    uint32_t len, batch_index;
    bool goes_on;
};

/* What a process that opened the log saw. */
struct trial {
    enum wal_err open_err, read_err;
    uint32_t count;
    struct seen seen[RECORDS_MAX];
};

struct bench {
    struct machine *machine;
    struct decoder *decoder;
    const struct form *form;
    struct wal_options options;
    enum ending ending;
    uint64_t durable_lsn; /* What the log said last. */
    struct trial whole;   /* Without damage. */
    struct trial trial;
};

static struct bench *bench_of(struct machine *machine)
{
    return machine->options.strike_context; /* No fault strikes: the place is free. */
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);

    assert_non_null(bench);
    machine_setup((void **)&bench->machine);
    bench->machine->options.strike_context = bench;
    bench->machine->options.image_modes = 1U << DISK_LOSE_ALL;
    bench->decoder = decoder_create();
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    decoder_destroy(bench->decoder);
    machine_teardown((void **)&bench->machine);
    free(bench);
    return 0;
}

static void arrange(struct bench *bench, const struct form *form)
{
    struct wal_options *options = &bench->options;

    bench->form = form;
    *options = wal_options_default();
    options->sync_policy = WAL_SYNC_EVERY_GROUP;
    options->create = true;
    options->verify_all = true;
    options->block_bytes = form->block_bytes;
    options->queue_bytes = 2048;
    options->segment_bytes = 4096 + 2 * (uint64_t)form->block_bytes;
    options->record_bytes_max = options->batch_bytes_max = BATCH_MAX * BYTES_MAX;
    options->mark_policy = form->mark_policy;
    options->first_lsn = form->first_lsn;
}

/* A record is a function of its LSN. */
static uint32_t bytes_of(uint64_t lsn, uint8_t bytes[BYTES_MAX])
{
    memset(bytes, (int)('a' + lsn % 26), BYTES_MAX);
    return (uint32_t)(lsn * 37 % BYTES_MAX);
}

static void append(struct wal_log *log, struct wal_ticket *ret_ticket)
{
    uint8_t bytes[BATCH_MAX][BYTES_MAX];
    struct wal_slice slices[BATCH_MAX];
    struct wal_stat stat;

    wal_log_stat(log, &stat);
    size_t count = stat.accepted_lsn % 3 == 0 ? 1 + stat.accepted_lsn % BATCH_MAX : 1;
    for (size_t i = 0; i < count; i++) {
        uint32_t len = bytes_of(stat.accepted_lsn + 1 + i, bytes[i]);
        slices[i] = (struct wal_slice){bytes[i], len};
    }
    assert_ok(wal_append_batch(log, slices, count, ret_ticket));
    assert_int_equal(ret_ticket->first_lsn, stat.accepted_lsn + 1);
}

static void write_log(struct machine *machine)
{
    struct bench *bench = bench_of(machine);
    struct wal_ticket ticket;
    struct wal_log *log;
    struct wal_stat stat;

    assert_ok(wal_open(machine->io, LOG, &bench->options, &log, NULL));
    wal_log_stat(log, &stat);
    uint64_t until = stat.accepted_lsn + bench->form->records;
    for (unsigned i = 1; stat.accepted_lsn < until; i++) {
        append(log, &ticket);
        if (i % bench->form->async == 0) assert_ok(wal_wait(log, &ticket));
        wal_log_stat(log, &stat);
    }
    assert_ok(wal_wait(log, &ticket));
    bench->durable_lsn = ticket.last_lsn;
    if (bench->ending == POWER_LOST) sim_power_off(machine->world);
    assert_ok(wal_close(log));
}

/* Write a log in this form, and lose power where it says. */
static struct disk *make(struct bench *bench, const struct form *form)
{
    struct machine *machine = bench->machine;

    arrange(bench, form);
    machine_begin(machine);
    for (unsigned life = 0; life <= form->lives; life++) {
        bench->ending = life < form->lives ? POWER_LOST : form->ending;
        enum sim_stop stop = machine_run(machine, write_log);
        assert_int_equal(stop, bench->ending == CLOSED ? SIM_STOP_DONE : SIM_STOP_POWER);
        if (stop == SIM_STOP_POWER) sim_settle(machine->world, NULL);
    }
    return sim_disk(machine->world);
}

static void read_on(struct machine *machine, uint64_t witness_lsn, struct trial *trial)
{
    const struct wal_reader_options options = {.witness_lsn = witness_lsn};
    struct wal_reader *reader;
    struct wal_record record;
    uint8_t bytes[BYTES_MAX];

    trial->read_err = wal_reader_open(machine->io, LOG, &options, &reader, NULL);
    if (trial->read_err != WAL_OK) return;
    while ((trial->read_err = wal_reader_next(reader, &record, NULL)) == WAL_OK) {
        assert_true(trial->count < RECORDS_MAX);
        assert_int_equal(record.len, bytes_of(record.lsn, bytes)); /* Never a false record. */
        if (record.len > 0) assert_memory_equal(record.bytes, bytes, record.len);
        trial->seen[trial->count++] = (struct seen){.lsn = record.lsn,
                                                    .segment = record.segment,
                                                    .offset = record.offset,
                                                    .len = record.len,
                                                    .batch_index = record.batch_index,
                                                    .goes_on = record.batch_goes_on};
    }
    wal_reader_close(reader);
}

static void try_log(struct machine *machine)
{
    struct bench *bench = bench_of(machine);
    struct trial *trial = &bench->trial;
    struct wal_log *log;
    struct wal_stat stat;

    trial->count = 0;
    trial->read_err = WAL_END;
    trial->open_err = wal_open(machine->io, LOG, &bench->options, &log, NULL);
    if (trial->open_err != WAL_OK) return;
    wal_log_stat(log, &stat);
    read_on(machine, stat.durable_lsn, trial);
    assert_ok(wal_close(log));
}

static void look_at(struct machine *machine)
{
    struct bench *bench = bench_of(machine);

    bench->whole.count = 0;
    bench->whole.open_err = WAL_OK;
    read_on(machine, bench->durable_lsn, &bench->whole);
}

/* ---- What the reader says ---- */

static uint64_t padded_end(const struct seen *seen)
{
    uint64_t len = ((uint64_t)seen->len + WAL_RECORD_ALIGN - 1) & ~(uint64_t)(WAL_RECORD_ALIGN - 1);

    return seen->offset + WAL_RECORD_HEADER_BYTES + len;
}

/* The number of the segment that is this file; 0: it is none. */
static uint64_t segment_of(const struct disk *disk, disk_inode inode)
{
    const char *name;
    disk_inode entry;
    int32_t dir;

    assert_ok(disk_dir_find((struct disk *)(uintptr_t)disk, LOG, &dir));
    for (size_t i = 0; (name = disk_durable_entry(disk, dir, i, &entry)) != NULL; i++) {
        if (entry == inode && strstr(name, ".wal") != NULL) return strtoull(name, NULL, 16);
    }
    return 0;
}

static bool group_begins(const struct disk *disk, disk_inode inode, uint64_t offset)
{
    uint64_t size;
    const uint8_t *bytes = disk_durable(disk, inode, &size);

    return offset + WAL_GROUP_HEADER_BYTES <= size && memcmp(bytes + offset + 4, "GRP1", 4) == 0;
}

static void widen(struct decoder_hit *hit, uint64_t first_lsn, uint64_t last_lsn)
{
    if (hit->first_lsn == 0 || first_lsn < hit->first_lsn) hit->first_lsn = first_lsn;
    if (last_lsn > hit->last_lsn) hit->last_lsn = last_lsn;
}

/* The LSNs that damage to [begin, begin+SECTOR) of a segment takes, from the reader's offsets: a
 * batch with any of its bytes, a group with any of its header's. */
static struct decoder_hit expected_hit(const struct bench *bench, const struct disk *disk,
                                       disk_inode inode, uint64_t begin)
{
    struct decoder_hit hit = {.part = DECODER_OTHER};
    const struct trial *whole = &bench->whole;
    uint64_t segment = segment_of(disk, inode);

    for (uint32_t i = 0, next; segment != 0 && i < whole->count; i = next) {
        const struct seen *first = &whole->seen[i];
        next = i + 1;
        while (whole->seen[next - 1].goes_on) next++;
        if (first->segment != segment) continue;
        uint64_t end = padded_end(&whole->seen[next - 1]);
        if (first->offset < begin + SECTOR && end > begin) {
            widen(&hit, first->lsn, whole->seen[next - 1].lsn);
        }
        uint64_t header = first->offset - WAL_GROUP_HEADER_BYTES;
        if (header % bench->form->block_bytes != 0 || !group_begins(disk, inode, header)) continue;
        if (header >= begin + SECTOR || first->offset <= begin) continue;
        uint32_t last = next - 1;
        while (last + 1 < whole->count && whole->seen[last + 1].segment == segment &&
               whole->seen[last + 1].offset == padded_end(&whole->seen[last])) {
            last++;
        }
        widen(&hit, first->lsn, whole->seen[last].lsn);
    }
    return hit;
}

static void compare_sector(struct bench *bench, const struct disk *disk, uint32_t s,
                           uint32_t *ret_hits)
{
    disk_inode inode;
    uint64_t sector;

    decoder_sector(bench->decoder, s, &inode, &sector);
    struct decoder_hit hit = decoder_hit(bench->decoder, inode, sector);
    struct decoder_hit expected = expected_hit(bench, disk, inode, sector * SECTOR);
    if (hit.first_lsn != expected.first_lsn || hit.last_lsn != expected.last_lsn) {
        fail_msg("%s: file %d sector %u: got %u..%u, expected %u..%u", bench->form->name, inode,
                 (unsigned)sector, (unsigned)hit.first_lsn, (unsigned)hit.last_lsn,
                 (unsigned)expected.first_lsn, (unsigned)expected.last_lsn);
    }
    *ret_hits += hit.first_lsn != 0;
}

/* Sizes follow from LSNs, so that each first LSN is another layout. */
static void hits_are_what_the_reader_says_of_offsets(void **state)
{
    enum { FORMS = sizeof forms / sizeof forms[0], LAYOUTS = 16 };
    struct bench *bench = *state;

    for (size_t i = 0; i < (size_t)FORMS * LAYOUTS; i++) {
        struct form form = forms[i / LAYOUTS];
        form.first_lsn += i % LAYOUTS;
        const struct disk *disk = make(bench, &form);
        assert_int_equal(machine_side(bench->machine, NULL, look_at), SIM_STOP_DONE);
        const struct trial *whole = &bench->whole;
        assert_err(whole->read_err, WAL_END);
        assert_true(whole->count >= form.records);
        decoder_read(bench->decoder, disk, LOG);
        assert_int_equal(whole->seen[whole->count - 1].lsn, bench->durable_lsn);
        assert_int_equal(decoder_durable_lsn(bench->decoder), bench->durable_lsn);
        uint32_t hits = 0;
        for (uint32_t s = 0; s < decoder_sector_count(bench->decoder); s++) {
            compare_sector(bench, disk, s, &hits);
        }
        assert_true(hits > 0);
    }
}

/* ---- The experiment ---- */

/* What may come of damage that hits these LSNs? NULL: it is as it should be. `certain`: nothing of
 * the sector is left. Else the damage may have missed the records' bytes, and the sector itself may
 * hold a witness. */
static const char *judge(const struct bench *bench, const struct decoder_hit *hit, bool certain)
{
    const struct trial *trial = &bench->trial, *whole = &bench->whole;
    uint64_t first_lsn = whole->seen[0].lsn;
    enum wal_err err = trial->open_err != WAL_OK ? trial->open_err : trial->read_err;

    for (uint32_t i = 0; i < trial->count; i++) {
        if (trial->seen[i].lsn != first_lsn + i) return "what is served is no prefix";
    }
    if (err != WAL_END && err != WAL_CORRUPT) return "the error is neither an end nor CORRUPT";
    if (hit->first_lsn == 0) {
        return err == WAL_END && trial->count != whole->count ? "silent loss far from records"
                                                              : NULL;
    }
    bool witnessed = hit->witness_lsn >= hit->first_lsn;
    uint64_t last_lsn = first_lsn + trial->count - 1;
    if (err == WAL_CORRUPT && (witnessed || !certain)) return NULL;
    if (err == WAL_CORRUPT) return "it knows of a loss that nothing witnesses";
    if (!certain && trial->count == whole->count) return NULL;
    if (last_lsn + 1 < hit->first_lsn) return "it ends before the hit";
    if (!certain) return last_lsn < hit->witness_lsn ? "a witnessed loss is silent" : NULL;
    if (witnessed) return "a witnessed loss is silent";
    return last_lsn + 1 != hit->first_lsn ? "it does not end before the hit" : NULL;
}

struct damage {
    enum disk_damage kind;
    uint64_t detail;
    bool certain;
};

static const struct damage damages[] = {
    {DISK_DAMAGE_ZERO, 0, true},   {DISK_DAMAGE_GARBAGE, 5, true},  {DISK_DAMAGE_FLIP, 0, false},
    {DISK_DAMAGE_FLIP, 77, false}, {DISK_DAMAGE_FLIP, 1000, false}, {DISK_DAMAGE_FLIP, 4000, false},
};

static void try_sector(struct bench *bench, struct disk *disk, uint32_t s, uint32_t *ret_witnessed,
                       uint32_t *ret_unwitnessed)
{
    disk_inode inode;
    uint64_t sector;

    decoder_sector(bench->decoder, s, &inode, &sector);
    struct decoder_hit hit = decoder_hit(bench->decoder, inode, sector);
    for (size_t d = 0; d < sizeof damages / sizeof damages[0]; d++) {
        disk_damage(disk, inode, sector, damages[d].kind, damages[d].detail);
        if (!disk_damaged(disk)) continue; /* It was so before. */
        assert_int_equal(machine_side(bench->machine, NULL, try_log), SIM_STOP_DONE);
        disk_lift_damage(disk);
        const char *why = judge(bench, &hit, damages[d].certain);
        if (why == NULL) continue;
        fail_msg("%s: file %d sector %u (LSN %u..%u, known %u), damage %zu: %s; open %s, read %s, "
                 "%u of %u records",
                 bench->form->name, inode, (unsigned)sector, (unsigned)hit.first_lsn,
                 (unsigned)hit.last_lsn, (unsigned)hit.witness_lsn, d, why,
                 wal_err_name(bench->trial.open_err), wal_err_name(bench->trial.read_err),
                 bench->trial.count, bench->whole.count);
    }
    if (hit.first_lsn == 0) return;
    if (hit.witness_lsn >= hit.first_lsn) ++*ret_witnessed;
    if (hit.witness_lsn < hit.last_lsn) ++*ret_unwitnessed;
}

static void damage_is_reported_exactly_where_it_is_witnessed(void **state)
{
    struct bench *bench = *state;

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        uint32_t witnessed = 0, unwitnessed = 0;
        struct disk *disk = make(bench, &forms[i]);
        assert_int_equal(machine_side(bench->machine, NULL, look_at), SIM_STOP_DONE);
        decoder_read(bench->decoder, disk, LOG);
        for (uint32_t s = 0; s < decoder_sector_count(bench->decoder); s++) {
            try_sector(bench, disk, s, &witnessed, &unwitnessed);
        }
        assert_true(witnessed > 0);
        /* A mark that knows all leaves nothing without a witness; else the last group has none. */
        bool marked = forms[i].ending == CLOSED || forms[i].mark_policy == WAL_MARK_EVERY_SYNCED;
        assert_int_equal(unwitnessed == 0, marked);
    }
}

static void a_sector_that_cannot_be_read_is_told_or_does_not_matter(void **state)
{
    struct bench *bench = *state;
    disk_inode inode;
    uint64_t sector;
    uint32_t told = 0;

    struct disk *disk = make(bench, &forms[0]);
    assert_int_equal(machine_side(bench->machine, NULL, look_at), SIM_STOP_DONE);
    decoder_read(bench->decoder, disk, LOG);
    for (uint32_t s = 0; s < decoder_sector_count(bench->decoder); s++) {
        decoder_sector(bench->decoder, s, &inode, &sector);
        disk_damage(disk, inode, sector, DISK_DAMAGE_UNREADABLE, 0);
        assert_int_equal(machine_side(bench->machine, NULL, try_log), SIM_STOP_DONE);
        disk_lift_damage(disk);
        bool ended = bench->trial.open_err == WAL_OK && bench->trial.read_err == WAL_END;
        if (ended) assert_int_equal(bench->trial.count, bench->whole.count);
        if (decoder_hit(bench->decoder, inode, sector).first_lsn != 0) assert_false(ended);
        told += !ended;
    }
    assert_true(told > 0);
}

/* ---- Names for bytes ---- */

struct named {
    const struct bench *bench;
    const uint8_t *bytes;
    uint64_t segment; /* 0: the mark. */
    uint64_t end;     /* Of the field before. */
    uint32_t records, broken, slots;
};

static void take_field(void *context, const struct decoder_field *field)
{
    struct named *named = context;

    assert_true(field->offset >= named->end);
    named->end = field->offset + field->length;
    named->broken += !field->valid;
    named->slots += strcmp(field->part, "mark slot") == 0 && strcmp(field->name, "magic") == 0;
    if (strcmp(field->part, "record") != 0 || strcmp(field->name, "length") != 0) return;
    if (!field->valid) return;
    for (uint32_t i = 0; i < named->bench->whole.count; i++) {
        const struct seen *seen = &named->bench->whole.seen[i];
        if (seen->segment != named->segment || seen->offset + 4 != field->offset) continue;
        assert_int_equal(field->lsn, seen->lsn);
        assert_int_equal(field->value, seen->len);
        named->records++;
        return;
    }
    /* A takeover leaves behind what was never acknowledged. */
    if (named->bench->form->lives > 0) return;
    fail_msg("%s: a record at %u that the reader did not see", named->bench->form->name,
             (unsigned)field->offset);
}

/* All files of the log; the first sector of records is changed in one bit if `harmed`. */
static struct named name_all(const struct bench *bench, const struct disk *disk, bool harmed)
{
    struct named named = {.bench = bench};
    disk_inode inode;
    const char *name;
    int32_t dir;

    assert_ok(disk_dir_find((struct disk *)(uintptr_t)disk, LOG, &dir));
    for (size_t i = 0; (name = disk_durable_entry(disk, dir, i, &inode)) != NULL; i++) {
        uint64_t size;
        const uint8_t *bytes = disk_durable(disk, inode, &size);
        uint64_t head = bench->form->block_bytes > SECTOR ? bench->form->block_bytes : SECTOR;

        if (strstr(name, ".tmp") != NULL) continue; /* Another name of one that is there, too. */
        uint8_t *copy = malloc(size + 1);
        assert_non_null(copy);
        if (size > 0) memcpy(copy, bytes, size);
        named.segment = segment_of(disk, inode);
        if (harmed && named.segment != 0 && size > head) copy[head + 20] ^= 1;
        named.end = 0;
        decoder_fields(copy, size, name, take_field, &named);
        assert_true(named.end <= size);
        free(copy);
    }
    return named;
}

static void fields_name_each_record_where_the_reader_finds_it(void **state)
{
    struct bench *bench = *state;

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct disk *disk = make(bench, &forms[i]);

        machine_run(bench->machine, look_at);
        assert_true(bench->whole.count > 0);
        struct named named = name_all(bench, disk, false);
        assert_int_equal(named.records, bench->whole.count);
        assert_true(named.slots >= 1);
        if (forms[i].lives == 0) assert_int_equal(named.broken, 0);
    }
}

static void a_field_that_fails_its_checksum_is_named_and_not_valid(void **state)
{
    struct bench *bench = *state;
    struct disk *disk = make(bench, &forms[0]);

    machine_run(bench->machine, look_at);
    struct named named = name_all(bench, disk, true);
    assert_true(named.broken > 0);
    assert_true(named.records < bench->whole.count);
}

/* ---- Little or nothing there ---- */

static void open_and_lose_power(struct machine *machine)
{
    struct wal_log *log;

    assert_ok(wal_open(machine->io, LOG, &bench_of(machine)->options, &log, NULL));
    sim_power_off(machine->world);
}

static void an_empty_log_ends_before_its_first_lsn(void **state)
{
    struct bench *bench = *state;

    arrange(bench, &forms[5]);
    machine_begin(bench->machine);
    assert_int_equal(machine_run(bench->machine, open_and_lose_power), SIM_STOP_POWER);
    sim_settle(bench->machine->world, NULL);
    decoder_read(bench->decoder, sim_disk(bench->machine->world), LOG);
    assert_int_equal(decoder_durable_lsn(bench->decoder), forms[5].first_lsn - 1);
}

static void there_is_nothing_where_there_is_no_log(void **state)
{
    struct bench *bench = *state;

    decoder_read(bench->decoder, make(bench, &forms[0]), "/elsewhere");
    assert_int_equal(decoder_durable_lsn(bench->decoder), 0);
    assert_int_equal(decoder_sector_count(bench->decoder), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hits_are_what_the_reader_says_of_offsets),
        TEST(damage_is_reported_exactly_where_it_is_witnessed),
        TEST(a_sector_that_cannot_be_read_is_told_or_does_not_matter),
        TEST(fields_name_each_record_where_the_reader_finds_it),
        TEST(a_field_that_fails_its_checksum_is_named_and_not_valid),
        TEST(an_empty_log_ends_before_its_first_lsn),
        TEST(there_is_nothing_where_there_is_no_log),
    };

    return cmocka_run_group_tests_name("decoder", tests, NULL, NULL);
}
