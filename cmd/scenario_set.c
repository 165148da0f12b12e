/*
 * scenario_set.c - the scenarios that a command is about.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/scenario_set.h"
#include "cmd/squall.h"

enum { TREE_MAX = 256 };

static bool is_path(const char *name)
{
    size_t len = strlen(name);

    return len > 4 && strcmp(name + len - 4, ".ini") == 0;
}

static int visible_ini(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && is_path(entry->d_name);
}

static bool is_general(const char *name)
{
    return strcmp(name, "everything") == 0;
}

static int by_name(const void *a, const void *b)
{
    const char *left = *(char *const *)a, *right = *(char *const *)b;

    if (is_general(left) != is_general(right)) return is_general(left) ? -1 : 1;
    return strcmp(left, right);
}

/* The names of the tree's scenarios, to be freed one by one. Returns how many. */
static size_t tree_names(char **ret_names)
{
    char *folder = squall_path("%s/scenarios", squall_root());
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, visible_ini, alphasort);
    size_t taken = 0;

    if (count < 0) {
        squall_say("%s: %s; ./squall says where it is in SQUALL_ROOT", folder, strerror(errno));
        exit(SQUALL_FAILED);
    }
    for (int i = 0; i < count; i++) {
        if (taken < TREE_MAX) {
            ret_names[taken++] = strndup(entries[i]->d_name, strlen(entries[i]->d_name) - 4);
        }
        free(entries[i]);
    }
    free(entries);
    free(folder);
    qsort(ret_names, taken, sizeof ret_names[0], by_name);
    return taken;
}

static void free_names(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++) free(names[i]);
}

/* Ends the program unless the tree has a scenario of this name. */
static void check_known(const char *name)
{
    char *names[TREE_MAX];
    size_t count = tree_names(names);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) != 0) continue;
        free_names(names, count);
        return;
    }
    program_unknown("scenario", name, (const char *const *)names, count);
}

static void add(struct scenario_set *set, const char *name)
{
    char message[SCENARIO_MESSAGE_BYTES];
    bool path = is_path(name);

    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(set->choices[i].typed, name) == 0) return;
    }
    if (!path) check_known(name);
    char *file =
        path ? squall_path("%s", name) : squall_path("%s/scenarios/%s.ini", squall_root(), name);
    struct scenario *scenario = scenario_load(file, message);
    if (scenario == NULL) {
        squall_say("%s", message);
        exit(SQUALL_USAGE);
    }
    free(file);
    set->choices = realloc(set->choices, (set->count + 1) * sizeof set->choices[0]);
    if (set->choices == NULL) abort();
    set->choices[set->count++] = (struct scenario_choice){
        .scenario = scenario, .typed = squall_path("%s", name), .from_tree = !path};
}

void scenario_set_named(struct scenario_set *set, char **names, size_t count)
{
    *set = (struct scenario_set){.choices = NULL};
    for (size_t i = 0; i < count; i++) add(set, names[i]);
}

void scenario_set_all(struct scenario_set *set, bool expected_to_fail_too)
{
    char *names[TREE_MAX];
    size_t count = tree_names(names);

    *set = (struct scenario_set){.choices = NULL};
    for (size_t i = 0; i < count; i++) {
        add(set, names[i]);
        struct scenario_choice *last = &set->choices[set->count - 1];
        if (expected_to_fail_too || !scenario_expects_failure(last->scenario)) continue;
        scenario_free(last->scenario);
        free(last->typed);
        set->count--;
    }
    free_names(names, count);
    if (set->count > 0) return;
    squall_say("there is no scenario in %s/scenarios", squall_root());
    exit(SQUALL_FAILED);
}

void scenario_set_free(struct scenario_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        scenario_free(set->choices[i].scenario);
        free(set->choices[i].typed);
    }
    free(set->choices);
}
