/*
 * err.c - the names and texts of errors, from the one map in err.h.
 */
#include "wal/err.h"

#include <assert.h>

const char *wal_err_name(enum wal_err err)
{
    static const char *const names[] = {
#define WAL_ERR_NAME(name, text) [name] = #name,
        WAL_ERR_MAP(WAL_ERR_NAME)
#undef WAL_ERR_NAME
    };

    assert((unsigned)err < WAL_ERR_COUNT);
    return names[err];
}

const char *wal_err_text(enum wal_err err)
{
    static const char *const texts[] = {
#define WAL_ERR_TEXT(name, text) [name] = text,
        WAL_ERR_MAP(WAL_ERR_TEXT)
#undef WAL_ERR_TEXT
    };

    assert((unsigned)err < WAL_ERR_COUNT);
    return texts[err];
}
