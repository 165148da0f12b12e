/*
 * walctl.c - walctl: look after a log on a real disk.
 *
 * Only cmd/ prints. A subcommand prints results on standard output and one line on standard error
 * for what went wrong, naming what and where.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/walctl.h"
#include "wal/host/host.h"
#include "wal/version.h"

const char *argp_program_version = "walctl " WAL_LIBRARY_VERSION " (log format 1)";

static const struct program_command commands[] = {
    {"append", "DIR", "Append standard input, a record a line.", {.with_io = walctl_append}},
    {"dump", "DIR", "Print the records.", {.with_io = walctl_dump}},
    {"verify", "DIR", "Read every record and say what is damaged.", {.with_io = walctl_verify}},
    {"repair", "DIR", "Go on without what is damaged; delete nothing.", {.with_io = walctl_repair}},
    {"stat", "DIR", "Say what the log holds and how it ends.", {.with_io = walctl_stat}},
    {"prune", "DIR", "Give up the oldest records.", {.with_io = walctl_prune}},
    {"truncate", "DIR", "Take back the newest records.", {.with_io = walctl_truncate}},
};

/* Were one of the three closed, a segment could get its number, and our messages with it. */
static void hold_standard_files(void)
{
    int fd = 0;

    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) close(fd);
}

int main(int argc, char **argv)
{
    static const struct program program = {
        .name = "walctl",
        .doc = "Look after a write-ahead log.\v ",
        .statuses = "0 all is well, 1 damage or failure, 2 usage, 130 interrupted",
        .commands = commands,
        .count = sizeof commands / sizeof commands[0],
    };
    struct wal_io *io = NULL;

    hold_standard_files();
    signal(SIGXFSZ, SIG_IGN); /* So that a file too large is an error, not our death. */
    signal(SIGPIPE, SIG_IGN); /* So that who stops listening does not stop what we append. */
    const struct program_command *command = program_choose(&program, &argc, &argv);
    enum wal_err err = wal_host_create(&io);
    if (err) {
        walctl_say(command->name, "%s", wal_err_text(err));
        return WALCTL_FAILED;
    }
    int status = command->run.with_io(io, argc, argv);
    wal_host_destroy(io);
    return status;
}
