/*
 * json_text.h - is this one JSON value?
 */
#ifndef WAL_LOG_JSON_TEXT_H
#define WAL_LOG_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One value by RFC 8259, white space around it, nested at most WAL_ROW_JSON_DEPTH_MAX deep. The
 * bytes are UTF-8 already. */
bool log_json_valid(const uint8_t *bytes, size_t len);

#endif
