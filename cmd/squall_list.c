/*
 * squall_list.c - squall list: what there is, one sentence each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/bug_patch.h"
#include "cmd/scenario_set.h"
#include "cmd/squall.h"
#include "faults/fault.h"
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
    for (size_t i = 0; i < faults_count; i++) {
        const struct fault *fault = &faults_all[i];
        printf("%s %-32s %-7s %s\n", fault->id, fault->name, fault_contract_name(fault->contract),
               fault->story);
    }
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

static error_t parse(int key, char *arg, struct argp_state *state)
{
    const char **section = state->input;

    if (key != ARGP_KEY_ARG) return ARGP_ERR_UNKNOWN;
    if (*section != NULL) argp_error(state, "one section at a time, not also '%s'", arg);
    *section = arg;
    return 0;
}

int squall_list(int argc, char **argv)
{
    static const struct argp argp = {
        .parser = parse,
        .args_doc = "\nscenarios\nfaults\nproperties\nbugs\nprofiles",
        .doc = "Say what there is, one sentence each.",
    };
    const char *only = NULL, *names[SECTIONS];
    bool found = false;

    squall_parse(&argp, argc, argv, &only);
    for (size_t i = 0; i < SECTIONS; i++) {
        names[i] = sections[i].name;
        if (only != NULL && strcmp(only, sections[i].name) != 0) continue;
        if (only == NULL) printf("%s%s\n", i > 0 ? "\n" : "", sections[i].name);
        sections[i].list();
        found = true;
    }
    if (!found) squall_unknown("section", only, names, SECTIONS);
    return SQUALL_HELD;
}
