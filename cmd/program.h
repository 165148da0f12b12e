/*
 * program.h - what both programs are: a name, some options, and a command that does the work.
 *
 * What is wrong with arguments is said in one line that names it, with the nearest known name, and
 * ends the program with status 2.
 */
#ifndef CMD_PROGRAM_H
#define CMD_PROGRAM_H

#include <argp.h>
#include <stddef.h>

struct wal_io;

enum { PROGRAM_USAGE = 2 };

struct program_command {
    const char *name;
    const char *arguments;
    const char *story;
    union {
        int (*alone)(int argc, char **argv);
        int (*with_io)(struct wal_io *io, int argc, char **argv);
    } run; /* Which of the two the program knows. */
};

struct program {
    const char *name;
    const char *doc;
    const char *statuses; /* "0 all is well, ..." */
    const struct program_command *commands;
    size_t count;
};

/* The command that is asked for; *argc and *argv are then its own, and (*argv)[0] is the program's
 * name and the command's, which messages begin with from here on. */
const struct program_command *program_choose(const struct program *program, int *argc,
                                             char ***argv);

/* As argp_parse, and for an unknown option says which one may have been meant. Ends the program
 * with `failed` if argp fails. */
void program_parse(const struct argp *argp, int argc, char **argv, void *input, int failed);

/* "squall run: unknown fault 'F8'; did you mean 'F08'?" */
_Noreturn void program_unknown(const char *what, const char *name, const char *const *known,
                               size_t count);

#endif
