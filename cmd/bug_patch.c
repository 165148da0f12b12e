/*
 * bug_patch.c - the planted bugs, as their patches' heads tell them.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/bug_patch.h"
#include "cmd/squall.h"

static const struct {
    const char *name;
    uint64_t cap;
} strata[] = {
    [BUG_GROSS] = {"gross", 5000},     [BUG_CLASSIFICATION] = {"classification", 50000},
    [BUG_SUBTLE] = {"subtle", 200000}, [BUG_RARE] = {"rare", 1000000},
    [BUG_NULL] = {"null", 20000},
};

enum { STRATA = sizeof strata / sizeof strata[0] };

const char *bug_stratum_name(enum bug_stratum stratum)
{
    return strata[stratum].name;
}

uint64_t bug_stratum_cap(enum bug_stratum stratum)
{
    return strata[stratum].cap;
}

/* ---- A head ---- */

static void append(char **text, const char *more)
{
    char *longer = *text == NULL ? squall_path("%s", more) : squall_path("%s %s", *text, more);

    free(*text);
    *text = longer;
}

/* The value of "key: value" in this line, or NULL. */
static const char *value_of(const char *line, const char *key)
{
    size_t len = strlen(key);

    if (strncmp(line, key, len) != 0 || line[len] != ':') return NULL;
    return line + len + 1 + strspn(line + len + 1, " ");
}

static bool read_stratum(struct bug_patch *bug, const char *value)
{
    for (int i = 0; i < STRATA; i++) {
        if (strcmp(strata[i].name, value) != 0) continue;
        bug->stratum = (enum bug_stratum)i;
        return true;
    }
    return false;
}

/* Returns what is wrong, or NULL. */
static const char *read_head(FILE *in, struct bug_patch *bug)
{
    char *line = NULL;
    size_t bytes = 0;
    bool in_story = false, has_stratum = false;
    const char *wrong = NULL;

    while (getline(&line, &bytes, in) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "---", 3) == 0 || strncmp(line, "diff ", 5) == 0) break;
        const char *story = value_of(line, "story"), *stratum = value_of(line, "stratum");
        if (in_story && line[0] == ' ') story = line + strspn(line, " ");
        in_story = story != NULL;
        if (story != NULL) append(&bug->story, story);
        if (stratum == NULL) continue;
        has_stratum = read_stratum(bug, stratum);
        if (!has_stratum)
            wrong = "its stratum is none of gross, classification, subtle, rare, null";
    }
    free(line);
    if (wrong != NULL) return wrong;
    if (bug->story == NULL) return "its head has no story";
    return has_stratum ? NULL : "its head has no stratum";
}

static void add(struct bug_list *list, const char *name)
{
    struct bug_patch bug = {.name = squall_path("%s", name)};
    char *path = squall_path("%s/scenarios/bugs/%s.patch", squall_root(), name);
    FILE *in = fopen(path, "re");
    const char *wrong = in == NULL ? strerror(errno) : read_head(in, &bug);

    if (wrong != NULL) {
        squall_say("%s: %s", path, wrong);
        exit(SQUALL_USAGE);
    }
    fclose(in);
    free(path);
    list->bugs = realloc(list->bugs, (list->count + 1) * sizeof list->bugs[0]);
    if (list->bugs == NULL) abort();
    list->bugs[list->count++] = bug;
}

/* ---- The folder ---- */

static int is_patch(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return len > 6 && strcmp(entry->d_name + len - 6, ".patch") == 0;
}

void bug_list_all(struct bug_list *list)
{
    char *folder = squall_path("%s/scenarios/bugs", squall_root());
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_patch, alphasort);

    *list = (struct bug_list){.bugs = NULL};
    if (count < 0) {
        squall_say("%s: %s", folder, strerror(errno));
        exit(SQUALL_FAILED);
    }
    for (int i = 0; i < count; i++) {
        entries[i]->d_name[strlen(entries[i]->d_name) - 6] = '\0';
        add(list, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    free(folder);
}

void bug_list_named(struct bug_list *list, char **names, size_t count)
{
    struct bug_list all;

    bug_list_all(&all);
    const char **known = calloc(all.count + 1, sizeof known[0]);
    if (known == NULL) abort();
    for (size_t i = 0; i < all.count; i++) known[i] = all.bugs[i].name;
    *list = (struct bug_list){.bugs = NULL};
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < all.count && strcmp(known[at], names[i]) != 0) at++;
        if (at == all.count) program_unknown("bug", names[i], known, all.count);
        add(list, names[i]);
    }
    free(known);
    bug_list_free(&all);
}

void bug_list_hunted(struct bug_list *list)
{
    size_t kept = 0;

    bug_list_all(list);
    for (size_t i = 0; i < list->count; i++) {
        if (list->bugs[i].stratum != BUG_RARE) {
            list->bugs[kept++] = list->bugs[i];
            continue;
        }
        free(list->bugs[i].name);
        free(list->bugs[i].story);
    }
    list->count = kept;
}

void bug_list_free(struct bug_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->bugs[i].name);
        free(list->bugs[i].story);
    }
    free(list->bugs);
}
