/*
 * json_read.c - looking for members in our own lines.
 */
#include "cmd/json_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *json_member(const char *line, const char *name)
{
    char quoted[64];

    (void)snprintf(quoted, sizeof quoted, "\"%s\":", name);
    const char *at = strstr(line, quoted);
    return at == NULL ? NULL : at + strlen(quoted);
}

bool json_text(const char *line, const char *name, char *ret_text, size_t size)
{
    const char *value = json_member(line, name);

    if (value == NULL || *value != '"') return false;
    (void)snprintf(ret_text, size, "%.*s", (int)strcspn(value + 1, "\""), value + 1);
    return true;
}

bool json_is_type(const char *line, const char *type)
{
    char text[32];

    return line[0] == '{' && json_text(line, "type", text, sizeof text) && strcmp(text, type) == 0;
}

bool json_number(const char *line, const char *name, double *ret_number)
{
    const char *value = json_member(line, name);
    char *end;

    if (value == NULL) return false;
    double number = strtod(value, &end);
    if (end == value) return false;
    *ret_number = number;
    return true;
}

size_t json_numbers(const char *line, const char *name, double null_value, double *ret_numbers,
                    size_t max)
{
    const char *at = json_member(line, name);
    size_t count = 0;

    if (at == NULL || *at != '[') return 0;
    for (at++; *at != ']' && *at != '\0' && count < max;) {
        char *end;
        if (strncmp(at, "null", 4) == 0) {
            ret_numbers[count++] = null_value;
            at += 4;
        } else {
            ret_numbers[count] = strtod(at, &end);
            if (end == at) return 0;
            at = end;
            count++;
        }
        if (*at == ',') at++;
    }
    return *at == ']' ? count : 0;
}
