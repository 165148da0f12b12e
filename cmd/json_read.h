/*
 * json_read.h - members of the JSON lines that squall itself writes.
 *
 * Not a parser: it reads one object a line, without nesting but for arrays of numbers, as json.h
 * and the reports write them. Names of members are looked up as they stand, so no text value may
 * contain a quoted name and a colon; ours cannot, since quotes in text are escaped.
 */
#ifndef CMD_JSON_READ_H
#define CMD_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>

/* What stands behind "name": up to the end of the line; NULL: there is no such member. */
const char *json_member(const char *line, const char *name);

/* Is the line an object of this type? */
bool json_is_type(const char *line, const char *type);

/* A text without escapes, cut to size. False: it is missing or not a text. */
bool json_text(const char *line, const char *name, char *ret_text, size_t size);

bool json_number(const char *line, const char *name, double *ret_number);

/* An array of numbers and nulls, which become `null_value`. Returns how many; 0: it is missing. */
size_t json_numbers(const char *line, const char *name, double null_value, double *ret_numbers,
                    size_t max);

#endif
