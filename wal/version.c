/*
 * version.c - the version that was compiled in.
 */
#include "wal/version.h"

const char *wal_library_version(void)
{
    return WAL_LIBRARY_VERSION;
}
