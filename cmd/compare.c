/*
 * compare.c - the statistics of compare.h; distributions are GSL's.
 */
#include "cmd/compare.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EXACT_PAIRS_MAX = 20 };

struct ranked {
    double value;
    double rank;
    int group; /* 0: old, 1: new; for pairs the sign of the difference. */
};

static int by_value(const void *a, const void *b)
{
    double left = ((const struct ranked *)a)->value, right = ((const struct ranked *)b)->value;

    return (left > right) - (left < right);
}

/* Sorts and gives midranks. Returns the sum of t^3 - t over groups of ties. */
static double rank_all(struct ranked *all, size_t count)
{
    double ties = 0;

    qsort(all, count, sizeof all[0], by_value);
    for (size_t i = 0; i < count;) {
        size_t end = i;
        while (end < count && all[end].value == all[i].value) end++;
        double size = (double)(end - i), middle = ((double)(i + 1) + (double)end) / 2;
        for (; i < end; i++) all[i].rank = middle;
        ties += size * size * size - size;
    }
    return ties;
}

static void *must(void *memory)
{
    if (memory == NULL) abort();
    return memory;
}

static int by_number(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

double compare_median(const struct compare_trials *trials)
{
    double *sorted = must(calloc(trials->count + 1, sizeof sorted[0]));

    memcpy(sorted, trials->seeds, trials->count * sizeof sorted[0]);
    qsort(sorted, trials->count, sizeof sorted[0], by_number);
    double median = sorted[trials->count / 2];
    if (trials->count % 2 == 0 && trials->count > 0) {
        median = (median + sorted[trials->count / 2 - 1]) / 2;
    }
    free(sorted);
    return median;
}

struct compare_rate compare_rate(const struct compare_trials *trials)
{
    double seeds = 0, found = 0;

    for (size_t i = 0; i < trials->count; i++) {
        seeds += trials->seeds[i];
        found += trials->found[i] ? 1 : 0;
    }
    if (seeds == 0) return (struct compare_rate){.high = 1};
    double low = found > 0 ? gsl_cdf_chisq_Pinv(0.025, 2 * found) / (2 * seeds) : 0;
    double high = gsl_cdf_chisq_Pinv(0.975, 2 * found + 2) / (2 * seeds);
    return (struct compare_rate){.rate = found / seeds, .low = low, .high = high};
}

double compare_effect(const struct compare_trials *old, const struct compare_trials *fresh)
{
    double fewer = 0;

    for (size_t i = 0; i < fresh->count; i++) {
        for (size_t j = 0; j < old->count; j++) {
            if (fresh->seeds[i] < old->seeds[j]) fewer += 1;
            if (fresh->seeds[i] == old->seeds[j]) fewer += 0.5;
        }
    }
    return fewer / ((double)fresh->count * (double)old->count);
}

double compare_mann_whitney(const struct compare_trials *old, const struct compare_trials *fresh)
{
    size_t count = old->count + fresh->count;
    struct ranked *all = must(calloc(count + 1, sizeof all[0]));
    double n = (double)old->count, m = (double)fresh->count, total = n + m, sum = 0;

    for (size_t i = 0; i < old->count; i++) all[i] = (struct ranked){.value = old->seeds[i]};
    for (size_t i = 0; i < fresh->count; i++) {
        all[old->count + i] = (struct ranked){.value = fresh->seeds[i], .group = 1};
    }
    double ties = rank_all(all, count);
    for (size_t i = 0; i < count; i++) sum += all[i].group == 0 ? all[i].rank : 0;
    free(all);
    double u = sum - n * (n + 1) / 2;
    double variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)));
    if (variance <= 0) return 1;
    double distance = fabs(u - n * m / 2) - 0.5;
    if (distance < 0) distance = 0;
    return fmin(1, 2 * gsl_cdf_ugaussian_Q(distance / sqrt(variance)));
}

void compare_holm(double *p_values, size_t count)
{
    struct ranked *all = must(calloc(count + 1, sizeof all[0]));
    double highest = 0;

    for (size_t i = 0; i < count; i++) {
        all[i] = (struct ranked){.value = p_values[i], .group = (int)i};
    }
    qsort(all, count, sizeof all[0], by_value);
    for (size_t i = 0; i < count; i++) {
        highest = fmax(highest, fmin(1, all[i].value * (double)(count - i)));
        p_values[all[i].group] = highest;
    }
    free(all);
}

/* The share of all sign patterns whose rank sum is at most this one's, by enumeration. */
static double exact_tail(const struct ranked *all, size_t count, double sum)
{
    unsigned long patterns = 1UL << count, low = 0;

    for (unsigned long pattern = 0; pattern < patterns; pattern++) {
        double other = 0;
        for (size_t i = 0; i < count; i++) {
            if ((pattern >> i & 1) != 0) other += all[i].rank;
        }
        if (other <= sum) low++;
    }
    return (double)low / (double)patterns;
}

double compare_signed_rank(const double *old, const double *fresh, size_t count)
{
    struct ranked *all = must(calloc(count + 1, sizeof all[0]));
    double plus = 0, minus = 0, p;
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        double difference = fresh[i] - old[i];
        if (difference == 0) continue;
        all[used++] = (struct ranked){.value = fabs(difference), .group = difference > 0 ? 1 : -1};
    }
    double ties = rank_all(all, used);
    for (size_t i = 0; i < used; i++) {
        if (all[i].group > 0) plus += all[i].rank;
        if (all[i].group < 0) minus += all[i].rank;
    }
    if (used == 0) {
        p = 1;
    } else if (used <= EXACT_PAIRS_MAX) {
        p = fmin(1, 2 * exact_tail(all, used, fmin(plus, minus)));
    } else {
        double n = (double)used;
        double variance = n * (n + 1) * (2 * n + 1) / 24 - ties / 48;
        double distance = fmax(0, fabs(plus - n * (n + 1) / 4) - 0.5);
        p = fmin(1, 2 * gsl_cdf_ugaussian_Q(distance / sqrt(variance)));
    }
    free(all);
    return p;
}
