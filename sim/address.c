/*
 * address.c - reading and writing addresses: see address.h.
 */
#include "sim/address.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/disk.h"

static const char retry_suffix[] = "-retry";

enum {
    NO_CAUSE = -1,
    FAULTS_ON_DISK = 100, /* Fault numbers from here on are those of objects: O01 is 101. */
};

/* ---- Writing ---- */

struct text {
    char *bytes;
    size_t size, len;
    bool fits;
};

static struct text text_begin(char *bytes, size_t size)
{
    return (struct text){.bytes = bytes, .size = size, .fits = true};
}

static void text_byte(struct text *text, char byte)
{
    if (text->len + 1 >= text->size) {
        text->fits = false;
        return;
    }
    text->bytes[text->len++] = byte;
}

static void text_add(struct text *text, const char *more)
{
    for (; *more != '\0'; more++) text_byte(text, *more);
}

static void text_number(struct text *text, uint32_t number, unsigned digits_min)
{
    char digits[10];
    unsigned count = 0;

    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0 || count < digits_min);
    while (count > 0) text_byte(text, digits[--count]);
}

static bool text_end(struct text *text)
{
    if (text->size > 0) text->bytes[text->len] = '\0';
    return text->fits && text->size > 0;
}

/* ---- Reading ---- */

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* All of [text, end) is a number without leading zeros. */
static bool read_number(const char *text, const char *end, uint32_t *ret_number)
{
    uint64_t number = 0;

    if (text == end || (*text == '0' && text + 1 != end)) return false;
    for (; text != end; text++) {
        if (!is_digit(*text)) return false;
        number = number * 10 + (uint64_t)(*text - '0');
        if (number > UINT32_MAX) return false;
    }
    *ret_number = (uint32_t)number;
    return true;
}

/* [text, end) is `word` and a number. */
static bool read_numbered(const char *text, const char *end, const char *word, uint32_t *ret_number)
{
    size_t len = strlen(word);

    if ((size_t)(end - text) <= len || memcmp(text, word, len) != 0) return false;
    return read_number(text + len, end, ret_number);
}

/* ---- Names of tasks ---- */

static bool is_plain(char byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           byte == '_' || byte == '-' || byte == '.';
}

static const char hex[] = "0123456789ABCDEF";

static void text_name(struct text *text, const char *name)
{
    for (; *name != '\0'; name++) {
        if (is_plain(*name)) {
            text_byte(text, *name);
            continue;
        }
        unsigned byte = (unsigned char)*name;
        text_byte(text, '%');
        text_byte(text, hex[byte / 16]);
        text_byte(text, hex[byte % 16]);
    }
}

static bool read_hex(char digit, unsigned *ret_value)
{
    const char *at = digit == '\0' ? NULL : strchr(hex, digit);

    if (at == NULL) return false;
    *ret_value = (unsigned)(at - hex);
    return true;
}

/* The inverse of text_name, and of nothing else. */
static bool read_name(const char *text, const char *end, char name[16])
{
    size_t len = 0;

    memset(name, 0, 16);
    while (text != end) {
        unsigned high, low;
        char byte = *text++;
        if (len == 15) return false;
        if (byte == '%') {
            if (end - text < 2 || !read_hex(text[0], &high) || !read_hex(text[1], &low))
                return false;
            byte = (char)(unsigned char)(high * 16 + low);
            if (byte == '\0' || is_plain(byte)) return false;
            text += 2;
        } else if (!is_plain(byte)) {
            return false;
        }
        name[len++] = byte;
    }
    return true;
}

/* ---- Contexts ---- */

static void text_who(struct text *text, const struct sim_who *who)
{
    switch (who->kind) {
    case SIM_WHO_OPERATION:
        text_add(text, "op");
        text_number(text, who->operation, 1);
        break;
    case SIM_WHO_BOOT:
        if (who->cause == NO_CAUSE) {
            text_add(text, "start");
            break;
        }
        text_add(text, "boot");
        text_number(text, who->nth, 1);
        break;
    case SIM_WHO_TASK:
        text_name(text, who->task);
        text_byte(text, '.');
        text_number(text, who->nth, 1);
        break;
    }
}

bool sim_who_path(const struct sim_who *whos, size_t count, uint32_t index, char *text, size_t size)
{
    struct text path = text_begin(text, size);
    size_t depth = 0;

    assert(index < count);
    for (int32_t at = whos[index].cause; at != NO_CAUSE; at = whos[at].cause) {
        depth++;
        assert((size_t)at < count);
        assert(depth < count);
    }
    for (size_t up = depth + 1; up-- > 0;) {
        const struct sim_who *who = &whos[index];
        for (size_t i = 0; i < up; i++) who = &whos[who->cause];
        if (up < depth) text_byte(&path, '/');
        text_who(&path, who);
    }
    return text_end(&path);
}

static bool same_who(const struct sim_who *a, const struct sim_who *b)
{
    return a->kind == b->kind && a->cause == b->cause && a->operation == b->operation &&
           a->nth == b->nth && memcmp(a->task, b->task, sizeof a->task) == 0;
}

static int32_t find_or_add(struct sim_who_list *list, struct sim_who *who, uint64_t salt)
{
    for (size_t i = 0; i < list->count; i++) {
        if (same_who(&list->whos[i], who)) return (int32_t)i;
    }
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        list->whos = realloc(list->whos, list->capacity * sizeof *list->whos);
        assert(list->whos != NULL);
    }
    const struct sim_who *cause = who->cause == NO_CAUSE ? NULL : &list->whos[who->cause];
    who->plain = sim_who_hash(who, cause == NULL ? 0 : cause->plain, 0);
    who->hash = sim_who_hash(who, cause == NULL ? 0 : cause->hash, salt);
    list->whos[list->count] = *who;
    return (int32_t)list->count++;
}

/* The first part of a path. */
static bool read_root(const char *text, const char *end, struct sim_who *who)
{
    if (end - text == 5 && memcmp(text, "start", 5) == 0) {
        who->kind = SIM_WHO_BOOT;
        return true;
    }
    who->kind = SIM_WHO_OPERATION;
    return read_numbered(text, end, "op", &who->operation) && who->operation != UINT32_MAX;
}

/* A later one: a boot, or in a boot a task. */
static bool read_child(const char *text, const char *end, bool in_boot, struct sim_who *who)
{
    const char *dot = end;

    while (dot != text && *dot != '.') dot--;
    if (*dot != '.') {
        who->kind = SIM_WHO_BOOT;
        return read_numbered(text, end, "boot", &who->nth);
    }
    who->kind = SIM_WHO_TASK;
    return in_boot && read_name(text, dot, who->task) && read_number(dot + 1, end, &who->nth);
}

bool sim_who_parse(const char *path, uint64_t salt, struct sim_who_list *list, uint32_t *ret_index)
{
    const size_t count = list->count;
    int32_t at = NO_CAUSE;

    for (const char *text = path;; text++) {
        const char *slash = strchr(text, '/');
        const char *end = slash != NULL ? slash : text + strlen(text);
        struct sim_who who = {.operation = UINT32_MAX, .cause = at};
        bool in_boot = at != NO_CAUSE && list->whos[at].kind == SIM_WHO_BOOT;
        if (at == NO_CAUSE ? !read_root(text, end, &who) : !read_child(text, end, in_boot, &who)) {
            list->count = count;
            return false;
        }
        at = find_or_add(list, &who, salt);
        text = end;
        if (*text == '\0') break;
    }
    *ret_index = (uint32_t)at;
    return true;
}

void sim_who_list_free(struct sim_who_list *list)
{
    free(list->whos);
    *list = (struct sim_who_list){0};
}

/* ---- Kinds ---- */

/* clang-format off */
static const struct { const char *name; unsigned kind; enum sim_stream stream; } kinds[] = {
    { "crash",            SIM_KIND_CRASH,                        SIM_STREAM_CRASH },
    { "preempt",          SIM_KIND_PREEMPT,                      SIM_STREAM_SCHEDULE },
    { "alloc",            SIM_KIND_ALLOC,                        SIM_STREAM_FAULT },
    { "wake",             SIM_KIND_WAKE,                         SIM_STREAM_SCHEDULE },
    { "look",             SIM_KIND_LOOK,                         SIM_STREAM_IMAGE },
    { "resume",           SIM_KIND_RESUME,                       SIM_STREAM_SCHEDULE },
    { "image-mode",       SIM_KIND_IMAGE + DISK_ASK_MODE,        SIM_STREAM_IMAGE },
    { "image-cut",        SIM_KIND_IMAGE + DISK_ASK_CUT,         SIM_STREAM_IMAGE },
    { "image-cut-byte",   SIM_KIND_IMAGE + DISK_ASK_CUT_BYTE,    SIM_STREAM_IMAGE },
    { "image-omit",       SIM_KIND_IMAGE + DISK_ASK_OMIT,        SIM_STREAM_IMAGE },
    { "image-chunk",      SIM_KIND_IMAGE + DISK_ASK_CHUNK,       SIM_STREAM_IMAGE },
    { "image-chunk-byte", SIM_KIND_IMAGE + DISK_ASK_CHUNK_BYTE,  SIM_STREAM_IMAGE },
    { "image-garbage",    SIM_KIND_IMAGE + DISK_ASK_GARBAGE,     SIM_STREAM_IMAGE },
    { "image-size",       SIM_KIND_IMAGE + DISK_ASK_SIZE,        SIM_STREAM_IMAGE },
    { "image-names",      SIM_KIND_IMAGE + DISK_ASK_NAMES,       SIM_STREAM_IMAGE },
    { "image-name",       SIM_KIND_IMAGE + DISK_ASK_NAME,        SIM_STREAM_IMAGE },
    { "image-split",      SIM_KIND_IMAGE + DISK_ASK_SPLIT,       SIM_STREAM_IMAGE },
    { "image-sync-chunk", SIM_KIND_IMAGE + DISK_ASK_SYNC_CHUNK,  SIM_STREAM_IMAGE },
};
/* clang-format on */

enum { KINDS = sizeof kinds / sizeof kinds[0], KINDS_OF_WORLD = 6 };

_Static_assert((int)KINDS == (int)KINDS_OF_WORLD + (int)DISK_QUESTION_COUNT,
               "a question of the disk has no name");

bool sim_kind_print(unsigned kind, char *text, size_t size)
{
    struct text name = text_begin(text, size);

    for (size_t i = 0; i < KINDS; i++) {
        if (kinds[i].kind != kind) continue;
        text_add(&name, kinds[i].name);
        return text_end(&name);
    }
    if (kind <= SIM_KIND_FAULT || kind >= SIM_KIND_COUNT) return false;
    unsigned number = kind - SIM_KIND_FAULT;
    if (number == FAULTS_ON_DISK) return false;
    text_byte(&name, number > FAULTS_ON_DISK ? 'O' : 'F');
    text_number(&name, number % FAULTS_ON_DISK, 2);
    return text_end(&name);
}

bool sim_kind_parse(const char *text, unsigned *ret_kind)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (strcmp(kinds[i].name, text) != 0) continue;
        *ret_kind = kinds[i].kind;
        return true;
    }
    if ((text[0] != 'F' && text[0] != 'O') || strlen(text) != 3) return false;
    if (!is_digit(text[1]) || !is_digit(text[2])) return false;
    unsigned number = (unsigned)(text[1] - '0') * 10 + (unsigned)(text[2] - '0');
    if (number == 0) return false;
    unsigned kind = SIM_KIND_FAULT + number + (text[0] == 'O' ? FAULTS_ON_DISK : 0);
    if (kind >= SIM_KIND_COUNT) return false;
    *ret_kind = kind;
    return true;
}

enum sim_stream sim_kind_stream(unsigned kind)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (kinds[i].kind == kind) return kinds[i].stream;
    }
    assert(kind >= SIM_KIND_FAULT && kind < SIM_KIND_COUNT);
    return SIM_STREAM_FAULT;
}

/* ---- Calls ---- */

bool sim_call_print(uint8_t call, char *text, size_t size)
{
    struct text name = text_begin(text, size);
    unsigned number = call & ~(unsigned)SIM_CALL_RETRY;

    if (number >= SIM_CALL_COUNT) return false;
    text_add(&name, sim_call_name((enum sim_call)number));
    if (call & SIM_CALL_RETRY) text_add(&name, retry_suffix);
    return text_end(&name);
}

bool sim_call_parse(const char *text, uint8_t *ret_call)
{
    for (unsigned call = 0; call < SIM_CALL_COUNT; call++) {
        const char *name = sim_call_name((enum sim_call)call);
        size_t len = strlen(name);
        if (strncmp(text, name, len) != 0) continue;
        bool retry = strcmp(text + len, retry_suffix) == 0;
        if (!retry && text[len] != '\0') continue;
        *ret_call = (uint8_t)(call | (retry ? (unsigned)SIM_CALL_RETRY : 0));
        return true;
    }
    return false;
}
