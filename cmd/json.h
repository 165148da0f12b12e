/*
 * json.h - bytes as JSON values.
 */
#ifndef CMD_JSON_H
#define CMD_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A quoted string. JSON cannot say arbitrary bytes: what is not UTF-8 becomes U+FFFD. */
void json_string(FILE *out, const char *bytes, size_t len);

/* A quoted string in base64, for bytes that must come back as they were. */
void json_base64(FILE *out, const char *bytes, size_t len);

/* Whether json_string gives these bytes back as they were. */
bool json_is_text(const char *bytes, size_t len);

#endif
