/*
 * bugs_compare.c - reads what two versions of the harness needed for the same bugs, and says
 * whether the new one is better.
 *
 * A change is called good if it has at least a small effect (A12 >= .556) for more bugs than it has
 * the opposite (A12 <= .444), and loses no bug. What is merely noise shows in the p-values.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/bugs_compare.h"
#include "cmd/compare.h"
#include "cmd/json_read.h"
#include "cmd/squall.h"

enum { TRIALS_MAX = 1000, BUGS_MAX = 512, NAME_BYTES = 64 };

static const double effect_small = 0.556;

struct hunted {
    char name[NAME_BYTES];
    struct compare_trials trials;
    double *seeds;
    bool *found;
    size_t found_count;
};

struct hunted_list {
    struct hunted bugs[BUGS_MAX];
    size_t count;
};

/* One line: a bug's trials; a miss counts as the cap. */
static bool read_bug(const char *line, struct hunted *ret_bug)
{
    double values[TRIALS_MAX], cap;

    if (!json_text(line, "bug", ret_bug->name, sizeof ret_bug->name)) return false;
    if (!json_number(line, "cap", &cap)) return false;
    size_t count = json_numbers(line, "trial_seeds", -1, values, TRIALS_MAX);
    if (count == 0) return false;
    ret_bug->seeds = calloc(count, sizeof ret_bug->seeds[0]);
    ret_bug->found = calloc(count, sizeof ret_bug->found[0]);
    if (ret_bug->seeds == NULL || ret_bug->found == NULL) abort();
    ret_bug->found_count = 0;
    for (size_t i = 0; i < count; i++) {
        ret_bug->found[i] = values[i] >= 0;
        ret_bug->seeds[i] = values[i] >= 0 ? values[i] : cap;
        ret_bug->found_count += ret_bug->found[i] ? 1 : 0;
    }
    ret_bug->trials = (struct compare_trials){ret_bug->seeds, ret_bug->found, count};
    return true;
}

/* False: it has been said why. */
static bool read_file(const char *path, struct hunted_list *ret_list)
{
    FILE *in = fopen(path, "re");
    char *line = NULL;
    size_t bytes = 0, number = 0;
    bool right = true;

    ret_list->count = 0;
    if (in == NULL) {
        squall_say("%s: %s", path, strerror(errno));
        return false;
    }
    while (right && getline(&line, &bytes, in) > 0) {
        number++;
        if (!json_is_type(line, "bug")) continue;
        if (ret_list->count == BUGS_MAX || !read_bug(line, &ret_list->bugs[ret_list->count])) {
            squall_say("%s:%zu: a bug without \"cap\" and \"trial_seeds\"", path, number);
            right = false;
        } else {
            ret_list->count++;
        }
    }
    if (right && ret_list->count == 0) squall_say("%s: no bug was hunted", path);
    free(line);
    (void)fclose(in); /* It was only read. */
    return right && ret_list->count > 0;
}

static void free_list(struct hunted_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->bugs[i].seeds);
        free(list->bugs[i].found);
    }
}

static const struct hunted *find(const struct hunted_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->bugs[i].name, name) == 0) return &list->bugs[i];
    }
    return NULL;
}

struct pair {
    const struct hunted *old, *fresh;
};

static void print_side(const struct hunted *bug)
{
    struct compare_rate rate = compare_rate(&bug->trials);

    printf(" %3zu/%-3zu %9.0f %9.2e [%.1e, %.1e]", bug->found_count, bug->trials.count,
           compare_median(&bug->trials), rate.rate, rate.low, rate.high);
}

static const char *remark(const struct pair *pair, double effect)
{
    if (pair->old->found_count > 0 && pair->fresh->found_count == 0) return "LOST";
    if (pair->old->found_count == 0 && pair->fresh->found_count > 0) return "gained";
    if (effect >= effect_small) return "better";
    return effect <= 1 - effect_small ? "worse" : "";
}

static int judge(const struct pair *pairs, size_t count)
{
    double p_values[BUGS_MAX], old[BUGS_MAX], fresh[BUGS_MAX];
    size_t better = 0, worse = 0, lost = 0;

    for (size_t i = 0; i < count; i++) {
        p_values[i] = compare_mann_whitney(&pairs[i].old->trials, &pairs[i].fresh->trials);
        old[i] = log(compare_median(&pairs[i].old->trials));
        fresh[i] = log(compare_median(&pairs[i].fresh->trials));
    }
    compare_holm(p_values, count);
    printf("%-34s %7s %9s %9s %-18s %7s %9s %9s %-18s %5s %6s\n", "bug", "old", "median", "rate",
           "95 %", "new", "median", "rate", "95 %", "A12", "p");
    for (size_t i = 0; i < count; i++) {
        double effect = compare_effect(&pairs[i].old->trials, &pairs[i].fresh->trials);
        const char *said = remark(&pairs[i], effect);
        printf("%-34s", pairs[i].old->name);
        print_side(pairs[i].old);
        print_side(pairs[i].fresh);
        printf(" %5.3f %6.4f %s\n", effect, p_values[i], said);
        better += effect >= effect_small ? 1 : 0;
        worse += effect <= 1 - effect_small ? 1 : 0;
        lost += strcmp(said, "LOST") == 0 ? 1 : 0;
    }
    printf(
        "%zu better, %zu worse, %zu lost; over all bugs p = %.4f (signed ranks of log medians)\n",
        better, worse, lost, compare_signed_rank(old, fresh, count));
    if (lost > 0 || worse > better) {
        printf("the new version is worse\n");
        return SQUALL_BROKEN;
    }
    printf("the new version is %s\n", better > worse ? "better" : "neither better nor worse");
    return SQUALL_HELD;
}

int bugs_compare(const char *old_path, const char *new_path)
{
    static struct hunted_list old, fresh; /* Large, and there are two. */
    struct pair pairs[BUGS_MAX];
    size_t count = 0;
    int status = SQUALL_USAGE;

    if (read_file(old_path, &old) && read_file(new_path, &fresh)) {
        for (size_t i = 0; i < old.count; i++) {
            const struct hunted *other = find(&fresh, old.bugs[i].name);
            if (other == NULL) squall_say("%s is only in %s", old.bugs[i].name, old_path);
            if (other != NULL) pairs[count++] = (struct pair){&old.bugs[i], other};
        }
        if (count == 0) squall_say("no bug is in both files");
        if (count > 0) status = judge(pairs, count);
    }
    free_list(&old);
    free_list(&fresh);
    return status;
}
