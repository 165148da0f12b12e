/*
 * version.h - which libwal this is.
 *
 * The first number is the soname's: it changes when a program built against an older library could
 * no longer run with this one. The version of the format on disk is another thing (log/format.h).
 */
#ifndef WAL_VERSION_H
#define WAL_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

/* The build takes the version from this line. */
#define WAL_LIBRARY_VERSION "0.1.0"

/* Of the library that is linked or loaded; the macro is that of the headers. Static storage. */
const char *wal_library_version(void);

#ifdef __cplusplus
}
#endif

#endif
