/*
 * compare.h - is one version of the harness better at finding bugs than another?
 *
 * Both hunted the same planted bugs, each in a number of independent trials. What a trial tells is
 * how many seeds it took; one that found nothing within its cap is censored there, and counts as
 * the cap. For each bug: the two-sided Mann-Whitney U test (ties by midranks, normal approximation
 * with the correction for ties), with Holm's correction over the bugs, and the Vargha-Delaney
 * effect size A12: the chance that a trial of the new version needs fewer seeds (.5: none; .556 is
 * a small effect, .638 a medium, .714 a large one). Over all bugs: the Wilcoxon signed-rank test on
 * the logarithms of the medians. How often a seed finds a bug is estimated as for a geometric
 * distribution, with an interval of 95 % from chi-square quantiles.
 */
#ifndef CMD_COMPARE_H
#define CMD_COMPARE_H

#include <stdbool.h>
#include <stddef.h>

/* The trials of one bug with one version. */
struct compare_trials {
    const double *seeds; /* Until it was found, or the cap. */
    const bool *found;
    size_t count;
};

struct compare_rate {
    double rate;      /* Finds for each seed. */
    double low, high; /* 95 %. */
};

double compare_median(const struct compare_trials *trials);
struct compare_rate compare_rate(const struct compare_trials *trials);

/* The chance that `fresh` needs fewer seeds than `old`, ties halved. */
double compare_effect(const struct compare_trials *old, const struct compare_trials *fresh);

/* Two-sided; 1 where nothing differs. */
double compare_mann_whitney(const struct compare_trials *old, const struct compare_trials *fresh);

/* Holm's correction, in place. */
void compare_holm(double *p_values, size_t count);

/* Wilcoxon signed-rank over pairs, two-sided, exact up to 20 pairs that differ; 1 with none. */
double compare_signed_rank(const double *old, const double *fresh, size_t count);

#endif
