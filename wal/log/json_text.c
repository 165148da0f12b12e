/*
 * json_text.c - is this one JSON value?
 *
 * One loop and one bit for each array or object that is open: no recursion, whatever the text says.
 */
#include "wal/log/json_text.h"

#include <string.h>

#include "wal/log/row.h"

struct json {
    const uint8_t *at, *end;
    uint64_t objects; /* A bit for each level, the innermost lowest: is it an object? */
    unsigned depth;
};

_Static_assert(WAL_ROW_JSON_DEPTH_MAX <= 64, "a bit for each level");

static bool more(const struct json *json)
{
    return json->at < json->end;
}

static bool take(struct json *json, uint8_t byte)
{
    if (!more(json) || *json->at != byte) return false;
    json->at++;
    return true;
}

static void skip_space(struct json *json)
{
    while (more(json) &&
           (*json->at == ' ' || *json->at == '\t' || *json->at == '\n' || *json->at == '\r')) {
        json->at++;
    }
}

static bool take_word(struct json *json, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(json->end - json->at) < len || memcmp(json->at, word, len) != 0) return false;
    json->at += len;
    return true;
}

static size_t take_digits(struct json *json)
{
    const uint8_t *begin = json->at;

    while (more(json) && *json->at >= '0' && *json->at <= '9') json->at++;
    return (size_t)(json->at - begin);
}

static bool take_number(struct json *json)
{
    take(json, '-');
    if (!take(json, '0') && take_digits(json) == 0) return false;
    if (take(json, '.') && take_digits(json) == 0) return false;
    if (!take(json, 'e') && !take(json, 'E')) return true;
    if (!take(json, '+')) take(json, '-');
    return take_digits(json) > 0;
}

static bool is_hex(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') ||
           (byte >= 'A' && byte <= 'F');
}

static bool take_escape(struct json *json)
{
    if (!more(json)) return false;
    uint8_t byte = *json->at++;
    if (byte != 'u') return byte != 0 && strchr("\"\\/bfnrt", byte) != NULL;
    for (int i = 0; i < 4; i++) {
        if (!more(json) || !is_hex(*json->at++)) return false;
    }
    return true;
}

static bool take_string(struct json *json)
{
    if (!take(json, '"')) return false;
    while (more(json)) {
        uint8_t byte = *json->at++;

        if (byte == '"') return true;
        if (byte < 0x20) return false;
        if (byte == '\\' && !take_escape(json)) return false;
    }
    return false;
}

/* A member's name, up to where its value begins. */
static bool take_name(struct json *json)
{
    skip_space(json);
    if (!take_string(json)) return false;
    skip_space(json);
    return take(json, ':');
}

static bool in_object(const struct json *json)
{
    return (json->objects & 1) != 0;
}

static void leave(struct json *json)
{
    json->objects >>= 1;
    json->depth--;
}

/* After '[' or '{': up to where the first value begins. *ret_empty: there is none. */
static bool enter(struct json *json, bool object, bool *ret_empty)
{
    if (json->depth == WAL_ROW_JSON_DEPTH_MAX) return false;
    json->depth++;
    json->objects = json->objects << 1 | object;
    skip_space(json);
    *ret_empty = take(json, object ? '}' : ']');
    if (*ret_empty) leave(json);
    return *ret_empty || !object || take_name(json);
}

/* A value, or the beginning of one: then *ret_whole is false, and another value follows. */
static bool take_value(struct json *json, bool *ret_whole)
{
    *ret_whole = true;
    skip_space(json);
    if (take(json, '{')) return enter(json, true, ret_whole);
    if (take(json, '[')) return enter(json, false, ret_whole);
    if (!more(json)) return false;
    switch (*json->at) {
    case '"': return take_string(json);
    case 't': return take_word(json, "true");
    case 'f': return take_word(json, "false");
    case 'n': return take_word(json, "null");
    default: return take_number(json);
    }
}

/* What follows a value: the ends of what it closes, and a comma if another one follows. */
static bool take_ends(struct json *json)
{
    while (json->depth > 0) {
        skip_space(json);
        if (take(json, ',')) return !in_object(json) || take_name(json);
        if (!take(json, in_object(json) ? '}' : ']')) return false;
        leave(json);
    }
    skip_space(json);
    return !more(json);
}

bool log_json_valid(const uint8_t *bytes, size_t len)
{
    bool whole = false;

    if (len == 0) return false;
    struct json json = {.at = bytes, .end = bytes + len};
    do {
        if (!take_value(&json, &whole)) return false;
        if (whole && !take_ends(&json)) return false;
    } while (!whole || json.depth > 0);
    return true;
}
