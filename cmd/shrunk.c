/*
 * shrunk.c - how small finds became.
 */
#include <stdlib.h>

#include "cmd/shrunk.h"

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

/* Sorts. */
static double median(double *values, uint32_t count)
{
    if (count == 0) return -1;
    qsort(values, count, sizeof values[0], by_value);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

struct shrunk shrunk_of(const struct hunt *hunts, size_t count, size_t stride)
{
    struct shrunk shrunk = {.operations_max = -1};
    double *values = calloc(3 * count + 1, sizeof values[0]);
    double *operations = values, *decisions, *seconds;

    if (values == NULL) abort();
    decisions = operations + count;
    seconds = decisions + count;
    for (size_t i = 0; i < count; i++) {
        const struct hunt *hunt = &hunts[i * stride];
        if (hunt->end != HUNT_FOUND || !hunt->shrunk) continue;
        operations[shrunk.count] = hunt->shrunk_operations;
        decisions[shrunk.count] = hunt->shrunk_decisions;
        seconds[shrunk.count++] = hunt->shrink_s;
    }
    shrunk.operations = median(operations, shrunk.count);
    shrunk.decisions = median(decisions, shrunk.count);
    shrunk.seconds = median(seconds, shrunk.count);
    if (shrunk.count > 0) shrunk.operations_max = operations[shrunk.count - 1];
    free(values);
    return shrunk;
}
