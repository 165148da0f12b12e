/*
 * nearest.c - what somebody who mistyped a name may have meant.
 *
 * Edit distance with swaps of neighbours, in three rows. Names that a command knows are short;
 * longer ones are near nothing.
 */
#include <stdbool.h>
#include <string.h>

#include "cmd/nearest.h"

enum { NAME_BYTES_MAX = 63 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Row i of the table: the distance of a's first i letters from each beginning of b. */
static void next_row(const char *a, size_t i, const char *b, size_t len, const size_t *before,
                     const size_t *last, size_t *row)
{
    row[0] = i;
    for (size_t j = 1; j <= len; j++) {
        bool same = a[i - 1] == b[j - 1];

        row[j] = least(last[j - 1] + (same ? 0 : 1), least(last[j], row[j - 1]) + 1);
        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
            row[j] = least(row[j], before[j - 2] + 1);
        }
    }
}

static size_t distance(const char *a, const char *b)
{
    size_t rows[3][NAME_BYTES_MAX + 1];
    size_t len_a = strlen(a), len_b = strlen(b);

    if (len_a > NAME_BYTES_MAX || len_b > NAME_BYTES_MAX) return NAME_BYTES_MAX;
    for (size_t j = 0; j <= len_b; j++) rows[0][j] = j;
    for (size_t i = 1; i <= len_a; i++) {
        next_row(a, i, b, len_b, rows[(i + 1) % 3], rows[(i + 2) % 3], rows[i % 3]);
    }
    return rows[len_a % 3][len_b];
}

const char *nearest_name(const char *name, const char *const *names, size_t count)
{
    size_t limit = least(strlen(name) / 3, NAME_BYTES_MAX - 1);
    const char *nearest = NULL;

    if (limit == 0) limit = 1;
    for (size_t i = 0; i < count; i++) {
        size_t away = distance(name, names[i]);

        if (away > limit || (nearest != NULL && away == limit)) continue;
        nearest = names[i];
        limit = away;
    }
    return nearest;
}
