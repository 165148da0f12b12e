/*
 * installed.c - a program outside the tree that keeps a log in the directory it is given.
 *
 * install_test.sh builds it against an installed libwal, in each way there is. It names a function
 * of its own as the library names one inside, which must not matter.
 */
#include <stdio.h>
#include <string.h>

#include <wal/host/host.h>
#include <wal/log/log.h>
#include <wal/version.h>

void log_create(void);
void log_create(void)
{
}

int main(int argc, char **argv)
{
    struct wal_options options = wal_options_default();
    struct wal_io *io = NULL;
    struct wal_log *log = NULL;
    struct wal_ticket ticket = {.last_lsn = 0};

    log_create();
    options.create = true;
    options.sync_policy = WAL_SYNC_EVERY_GROUP;
    enum wal_err err = argc == 2 ? wal_host_create(&io) : WAL_INVALID;
    if (!err) err = wal_open(io, argv[1], &options, &log, NULL);
    if (!err) err = wal_append(log, "hello", strlen("hello"), &ticket);
    if (!err) err = wal_wait(log, &ticket);
    if (log != NULL && wal_close(log) != WAL_OK) err = WAL_IO;
    wal_host_destroy(io);
    printf("%s: %s, record %d\n", wal_library_version(), wal_err_text(err), (int)ticket.last_lsn);
    return err != WAL_OK;
}
