/*
 * walctl.h - what the subcommands of walctl share.
 */
#ifndef CMD_WALCTL_H
#define CMD_WALCTL_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "cmd/program.h"
#include "wal/err.h"
#include "wal/io.h"
#include "wal/log/log.h"

enum walctl_exit {
    WALCTL_OK = 0,
    WALCTL_FAILED = 1, /* Damage, or the world refused. */
    WALCTL_USAGE = PROGRAM_USAGE,
    WALCTL_INTERRUPTED = 130,
};

/* argv[0] is "walctl NAME". */
int walctl_append(struct wal_io *io, int argc, char **argv);
int walctl_dump(struct wal_io *io, int argc, char **argv);
int walctl_verify(struct wal_io *io, int argc, char **argv);
int walctl_repair(struct wal_io *io, int argc, char **argv);
int walctl_stat(struct wal_io *io, int argc, char **argv);
int walctl_prune(struct wal_io *io, int argc, char **argv);
int walctl_truncate(struct wal_io *io, int argc, char **argv);

/* ---- Arguments (walctl_args.c). What is wrong with them ends the program: WALCTL_USAGE. ---- */

void walctl_parse(const struct argp *argp, int argc, char **argv, void *input);

/* Takes the one argument DIR out of a parser's keys. */
error_t walctl_take_dir(int key, char *arg, struct argp_state *state, const char **ret_dir);

/* A decimal number. */
uint64_t walctl_number(const char *option, const char *text, const struct argp_state *state);

/* verify and stat take the same: [--json] DIR; stat also --prometheus. */
struct walctl_look {
    bool json;
    bool prometheus;
    const char *dir;
};

struct walctl_look walctl_parse_look(int argc, char **argv, bool prometheus, const char *doc);

/* ---- Saying it (walctl_say.c). One line each, on standard error. ---- */

/* "walctl dump: DIR: not a log (...)". Returns WALCTL_FAILED. */
int walctl_fail(const char *command, const char *dir, enum wal_err err,
                const struct wal_place *place);

/* Anything else: "walctl append: line 7: ...". */
__attribute__((format(printf, 2, 3))) void walctl_say(const char *command, const char *format, ...);

/* Flush standard output; false, with a line unless the reader went away, if something written to
 * it was lost. */
bool walctl_flush(const char *command);

/* "0000000000000001.wal offset 4096: LSNs 7..9" */
void walctl_print_place(FILE *out, const struct wal_place *place);

/* ,"file":...,"segment":...,"offset":...,"first_lsn":...,"last_lsn":... */
void walctl_json_place(FILE *out, const struct wal_place *place);

/* "clean", "exact", "torn", "rotten" */
const char *walctl_tail_name(enum wal_tail tail);

enum { WALCTL_NAME_BYTES = 32 };
void walctl_segment_name(char name[WALCTL_NAME_BYTES], uint64_t segment);

#endif
