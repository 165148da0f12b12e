/*
 * utf8.h - which bytes are UTF-8: no overlong form, no surrogate, nothing above U+10FFFF.
 */
#ifndef WAL_LOG_UTF8_H
#define WAL_LOG_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length of the sequence at the start of these bytes (at least one); 0: none is there. */
size_t wal_utf8_sequence(const uint8_t *at, size_t len);

bool wal_utf8_valid(const uint8_t *bytes, size_t len);

#endif
