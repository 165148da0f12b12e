/*
 * pin.c - making pins, taking them away, and finding the lowest.
 */
#include "wal/log/pin.h"

#include "wal/log/codec.h"
#include "wal/log/mark.h"
#include "wal/log/segment.h"
#include "wal/log/transfer.h"

#define ENDING WAL_PIN_ENDING
#define TMP_ENDING WAL_PIN_ENDING ".tmp"

enum { NAME_BYTES = WAL_PIN_NAME_MAX + sizeof TMP_ENDING };

static bool ends_with(const char *name, const char *ending)
{
    size_t len = strlen(name);
    size_t ending_len = strlen(ending);

    return len > ending_len && strcmp(name + len - ending_len, ending) == 0;
}

bool log_pin_name(const char *name)
{
    return ends_with(name, ENDING) || ends_with(name, TMP_ENDING);
}

static bool user_name_valid(const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len > WAL_PIN_NAME_MAX || name[0] == '.') return false;
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!letter && c != '-' && c != '_' && c != '.') return false;
    }
    return true;
}

static void file_name(char ret_name[NAME_BYTES], const char *name, const char *ending)
{
    size_t len = strlen(name);

    memcpy(ret_name, name, len);
    memcpy(ret_name + len, ending, strlen(ending) + 1);
}

/* Whatever the pin says of whatever log. */
static enum wal_err pin_read(struct wal_io *io, struct wal_dir dir, const char *name,
                             struct wal_pin_file *ret_pin)
{
    struct wal_file file;

    enum wal_err err = io_open(io, dir, name, 0, &file, NULL);
    if (err) return err;
    err = WAL_CORRUPT;
    /* Twice: what is wrong on disk stays wrong, what went wrong on the way doesn't. */
    for (int i = 0; i < 2 && err == WAL_CORRUPT; i++) {
        uint8_t bytes[WAL_PIN_BYTES];
        size_t len = 0;

        err = log_read_full(io, file, 0, bytes, sizeof bytes, &len);
        if (err) break;
        err = len == sizeof bytes ? log_pin_decode(bytes, ret_pin) : WAL_CORRUPT;
    }
    err_ignore(io_close(io, file)); /* Only read. */
    return err;
}

static enum wal_err lowest_of(struct wal_io *io, struct wal_dir dir, const uint8_t *log_id,
                              const char *names, size_t names_bytes, uint64_t *ret_lsn,
                              struct wal_place *reterr_place)
{
    uint64_t lowest = UINT64_MAX;

    for (const char *name = names; name < names + names_bytes; name += strlen(name) + 1) {
        struct wal_pin_file pin;

        if (!ends_with(name, ENDING)) continue;
        enum wal_err err = pin_read(io, dir, name, &pin);
        if (err == WAL_NOTFOUND) continue; /* Taken away since it was listed. */
        if (err == WAL_OK && memcmp(pin.log_id, log_id, WAL_LOG_ID_BYTES) != 0) err = WAL_CORRUPT;
        if (err) {
            *reterr_place = log_place_file(name);
            return err;
        }
        if (pin.lsn < lowest) lowest = pin.lsn;
    }
    *ret_lsn = lowest;
    return WAL_OK;
}

enum wal_err log_pins_lowest(struct wal_io *io, struct wal_dir dir, const uint8_t *log_id,
                             uint64_t *ret_lsn, struct wal_place *reterr_place)
{
    char *names = NULL;
    size_t names_bytes = 0;

    enum wal_err err = io_list(io, dir, &names, &names_bytes);
    if (err) return err;
    if (names == NULL) {
        *ret_lsn = UINT64_MAX;
        return WAL_OK;
    }
    err = lowest_of(io, dir, log_id, names, names_bytes, ret_lsn, reterr_place);
    io_free(io, names, names_bytes);
    return err;
}

static enum wal_err pin_write(struct wal_io *io, struct wal_dir dir, const char *name,
                              const struct wal_pin_file *pin)
{
    char pin_name[NAME_BYTES];
    char tmp_name[NAME_BYTES];
    uint8_t bytes[WAL_PIN_BYTES];
    struct wal_file file;

    file_name(pin_name, name, ENDING);
    file_name(tmp_name, name, TMP_ENDING);
    log_pin_encode(bytes, pin);
    enum wal_err err = log_tmp_create(io, dir, tmp_name, 0, &file);
    if (err) return err;
    err = log_write_full(io, file, 0, bytes, sizeof bytes);
    if (err == WAL_OK) err = io_fsync(io, file);
    err_ignore(io_close(io, file)); /* Synced, or given up. */
    if (err == WAL_OK) err = io_rename(io, dir, tmp_name, pin_name);
    if (err) {
        err_ignore(io_unlink(io, dir, tmp_name)); /* Litter: the next to need the name tries. */
        return err;
    }
    return io_fsync_dir(io, dir);
}

/* The mark said the floor is above the pin. Leave what was there before. */
static enum wal_err pin_take_back(struct wal_io *io, struct wal_dir dir, const char *name,
                                  const struct wal_pin_file *before)
{
    char pin_name[NAME_BYTES];

    if (before != NULL) return pin_write(io, dir, name, before);
    file_name(pin_name, name, ENDING);
    return io_unlink(io, dir, pin_name);
}

/* What is being pruned counts as gone. */
static uint64_t floor_of(const struct wal_mark_slot *mark)
{
    return mark->floor_lsn > mark->pruning_lsn ? mark->floor_lsn : mark->pruning_lsn;
}

static enum wal_err pin_put(struct wal_io *io, struct wal_dir dir, const char *name, uint64_t lsn)
{
    char pin_name[NAME_BYTES];
    struct wal_mark_slot mark;
    struct wal_pin_file before;
    struct wal_pin_file pin = {.version = WAL_FORMAT_VERSION, .lsn = lsn};
    unsigned bad = 0;

    file_name(pin_name, name, ENDING);
    enum wal_err err = log_mark_read(io, dir, &mark, &bad);
    if (err) return err;
    if (floor_of(&mark) > lsn) return WAL_PRUNED;
    memcpy(pin.log_id, mark.log_id, WAL_LOG_ID_BYTES);
    enum wal_err before_err = pin_read(io, dir, pin_name, &before);
    err = pin_write(io, dir, name, &pin);
    if (err) return err;
    err = log_mark_read(io, dir, &mark, &bad);
    if (err == WAL_OK && floor_of(&mark) <= lsn) return WAL_OK;
    if (err == WAL_OK) err = WAL_PRUNED;
    enum wal_err back_err = pin_take_back(io, dir, name, before_err == WAL_OK ? &before : NULL);
    return back_err ? back_err : err;
}

enum wal_err wal_pin(struct wal_io *io, const char *path, const char *name, uint64_t lsn)
{
    struct wal_dir dir;

    if (!user_name_valid(name) || lsn == 0) return WAL_OPTION;
    enum wal_err err = io_dir_open(io, path, &dir);
    if (err) return err;
    err = pin_put(io, dir, name, lsn);
    io_dir_close(io, dir);
    return err;
}

enum wal_err wal_unpin(struct wal_io *io, const char *path, const char *name)
{
    char pin_name[NAME_BYTES];
    struct wal_dir dir;

    if (!user_name_valid(name)) return WAL_OPTION;
    file_name(pin_name, name, ENDING);
    enum wal_err err = io_dir_open(io, path, &dir);
    if (err) return err;
    err = io_unlink(io, dir, pin_name);
    if (err == WAL_OK) err = io_fsync_dir(io, dir);
    io_dir_close(io, dir);
    return err;
}
