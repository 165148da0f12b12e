/*
 * selection.c - what a run is held to besides its scenario and seed.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/seeds.h"
#include "cmd/selection.h"
#include "cmd/squall.h"
#include "properties/property.h"

enum { KEY_IMAGES = 0x200, KEY_PROFILE, KEY_ONLY, KEY_WITHOUT, KEY_PROPERTY, KEY_POLICY };
enum { IMAGES_MAX = 1000000, KNOWN_MAX = 2 * FAULT_NUMBER_COUNT };

static const struct argp_option options[] = {
    {.doc = "What runs are held to:", .group = 2},
    {.name = "images",
     .key = KEY_IMAGES,
     .arg = "K",
     .group = 2,
     .doc = "Draw K more crash states at each crash, recover and judge each [8]"},
    {.name = "profile",
     .key = KEY_PROFILE,
     .arg = "PROFILE",
     .group = 2,
     .doc = "Only disks of this profile, see squall list profiles"},
    {.name = "policy",
     .key = KEY_POLICY,
     .arg = "POLICY",
     .group = 2,
     .doc = "Schedule tasks only so: first, pct, sticky, random, urw or round-robin"},
    {.name = "only",
     .key = KEY_ONLY,
     .arg = "FAULTS",
     .group = 2,
     .doc = "No faults but these: identifiers or names, with commas between"},
    {.name = "without",
     .key = KEY_WITHOUT,
     .arg = "FAULTS",
     .group = 2,
     .doc = "None of these faults"},
    {.name = "property",
     .key = KEY_PROPERTY,
     .arg = "NAME",
     .group = 2,
     .doc = "Judge by this property only; may be given several times"},
    {0},
};

static void take_profile(struct selection *selection, const char *name)
{
    const char *known[KNOWN_MAX];

    selection->profile = disk_profile_find(name);
    if (selection->profile != NULL) return;
    for (size_t i = 0; i < disk_profile_count; i++) known[i] = disk_profiles[i].name;
    program_unknown("profile", name, known, disk_profile_count);
}

static void take_policy(struct selection *selection, const char *name)
{
    const char *known[SIM_POLICY_COUNT];

    selection->has_policy = sim_policy_parse(name, &selection->policy);
    if (selection->has_policy) return;
    for (unsigned i = 0; i < SIM_POLICY_COUNT; i++) known[i] = sim_policy_name((enum sim_policy)i);
    program_unknown("policy", name, known, SIM_POLICY_COUNT);
}

static void take_fault(const char *name, uint8_t *named)
{
    const struct fault *fault = fault_find(name);
    const char *known[KNOWN_MAX];

    if (fault != NULL) {
        named[fault->number] = 1;
        return;
    }
    assert(2 * faults_count <= KNOWN_MAX);
    for (size_t i = 0; i < faults_count; i++) {
        known[2 * i] = faults_all[i].id;
        known[2 * i + 1] = faults_all[i].name;
    }
    program_unknown("fault", name, known, 2 * faults_count);
}

static void take_faults(const char *list, uint8_t *named)
{
    char *names = squall_path("%s", list), *rest = names;

    for (char *name = strsep(&rest, ","); name != NULL; name = strsep(&rest, ",")) {
        take_fault(name, named);
    }
    free(names);
}

static void take_property(struct selection *selection, const char *name)
{
    const char *known[64];
    size_t count = 0;

    for (; properties_all[count] != NULL; count++) {
        known[count] = properties_all[count]->name;
        if (strcmp(known[count], name) != 0) continue;
        selection->property_mask |= UINT64_C(1) << count;
        return;
    }
    program_unknown("property", name, known, count);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct selection *selection = state->input;
    uint64_t images;

    switch (key) {
    case ARGP_KEY_INIT: *selection = (struct selection){.images = SELECTION_IMAGES}; return 0;
    case KEY_IMAGES:
        squall_refuse(state, "--images", arg, count_parse(arg, 0, IMAGES_MAX, &images));
        selection->images = (uint32_t)images;
        return 0;
    case KEY_PROFILE: take_profile(selection, arg); return 0;
    case KEY_POLICY: take_policy(selection, arg); return 0;
    case KEY_ONLY:
        selection->has_only = true;
        take_faults(arg, selection->only);
        return 0;
    case KEY_WITHOUT:
        selection->has_without = true;
        take_faults(arg, selection->without);
        return 0;
    case KEY_PROPERTY: take_property(selection, arg); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

const struct argp selection_argp = {.options = options, .parser = parse};

struct run_options selection_options(const struct selection *selection)
{
    return (struct run_options){
        .images = selection->images,
        .profile = selection->profile,
        .policy = selection->has_policy ? &selection->policy : NULL,
        .faults_only = selection->has_only ? selection->only : NULL,
        .faults_without = selection->has_without ? selection->without : NULL,
        .property_mask = selection->property_mask,
    };
}

bool selection_is_plain(const struct selection *selection)
{
    return selection->profile == NULL && !selection->has_policy && !selection->has_only &&
           !selection->has_without && selection->property_mask == 0;
}

static void print_faults(FILE *out, const char *option, const uint8_t *named)
{
    char before = ' ';

    fprintf(out, " %s", option);
    for (size_t i = 0; i < faults_count; i++) {
        if (named[faults_all[i].number] == 0) continue;
        fprintf(out, "%c%s", before, faults_all[i].id);
        before = ',';
    }
}

void selection_print_replay(FILE *out, const struct selection *selection, const char *typed,
                            uint64_t seed)
{
    fprintf(out, "./squall replay %s:0x%" PRIx64, typed, seed);
    if (selection->images != SELECTION_IMAGES)
        fprintf(out, " --images %" PRIu32, selection->images);
    if (selection->profile != NULL) fprintf(out, " --profile %s", selection->profile->name);
    if (selection->has_policy) fprintf(out, " --policy %s", sim_policy_name(selection->policy));
    if (selection->has_only) print_faults(out, "--only", selection->only);
    if (selection->has_without) print_faults(out, "--without", selection->without);
    for (size_t i = 0; properties_all[i] != NULL; i++) {
        if ((selection->property_mask >> i & 1) == 0) continue;
        fprintf(out, " --property %s", properties_all[i]->name);
    }
}
