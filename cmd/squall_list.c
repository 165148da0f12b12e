/*
 * squall_list.c - squall list: what there is, one sentence each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/bug_patch.h"
#include "cmd/faults_print.h"
#include "cmd/scenario_set.h"
#include "cmd/squall.h"
#include "properties/property.h"

static void list_scenarios(void)
{
    struct scenario_set set;

    scenario_set_all(&set, true);
    for (size_t i = 0; i < set.count; i++) {
        const struct scenario *scenario = set.choices[i].scenario;
        printf("%-28s %s%s\n", set.choices[i].typed, scenario_story(scenario),
               scenario_expects_failure(scenario) ? " (expected to fail)" : "");
    }
    scenario_set_free(&set);
}

static void list_faults(void)
{
    faults_print_text(stdout);
}

static void list_properties(void)
{
    for (size_t i = 0; properties_all[i] != NULL; i++) {
        printf("%-28s %s\n", properties_all[i]->name, properties_all[i]->claim);
    }
}

static void list_bugs(void)
{
    struct bug_list bugs;

    bug_list_all(&bugs);
    for (size_t i = 0; i < bugs.count; i++) {
        const struct bug_patch *bug = &bugs.bugs[i];
        printf("%-32s %-14s %s\n", bug->name, bug_stratum_name(bug->stratum), bug->story);
    }
    bug_list_free(&bugs);
}

static void list_profiles(void)
{
    for (size_t i = 0; i < disk_profile_count; i++) {
        printf("%-28s %s%s\n", disk_profiles[i].name, disk_profiles[i].story,
               disk_profiles[i].negative ? " (negative suite only)" : "");
    }
}

static const struct {
    const char *name;
    void (*list)(void);
} sections[] = {
    {"scenarios", list_scenarios}, {"faults", list_faults},     {"properties", list_properties},
    {"bugs", list_bugs},           {"profiles", list_profiles},
};

enum { SECTIONS = sizeof sections / sizeof sections[0] };

struct list_arguments {
    const char *section;
    bool markdown;
};

enum { KEY_MARKDOWN = 0x100 };

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct list_arguments *arguments = state->input;

    switch (key) {
    case KEY_MARKDOWN: arguments->markdown = true; return 0;
    case ARGP_KEY_ARG:
        if (arguments->section != NULL) {
            argp_error(state, "one section at a time, not also '%s'", arg);
        }
        arguments->section = arg;
        return 0;
    case ARGP_KEY_END:
        if (arguments->markdown &&
            (arguments->section == NULL || strcmp(arguments->section, "faults") != 0)) {
            argp_error(state, "--markdown is for the faults: squall list faults --markdown");
        }
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int squall_list(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {.name = "markdown",
         .key = KEY_MARKDOWN,
         .doc = "Print the faults as docs/faults.md, with every parameter"},
        {0},
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "\nscenarios\nfaults\nproperties\nbugs\nprofiles",
        .doc = "Say what there is, one sentence each.",
    };
    struct list_arguments arguments = {.section = NULL};
    const char *names[SECTIONS];
    bool found = false;

    squall_parse(&argp, argc, argv, &arguments);
    const char *only = arguments.section;
    if (arguments.markdown) {
        faults_print_markdown(stdout);
        return SQUALL_HELD;
    }
    for (size_t i = 0; i < SECTIONS; i++) {
        names[i] = sections[i].name;
        if (only != NULL && strcmp(only, sections[i].name) != 0) continue;
        if (only == NULL) printf("%s%s\n", i > 0 ? "\n" : "", sections[i].name);
        sections[i].list();
        found = true;
    }
    if (!found) program_unknown("section", only, names, SECTIONS);
    return SQUALL_HELD;
}
