/*
 * fault_text.c - the words of the catalogue, and finding a row by them.
 */
#include <string.h>

#include "faults/fault.h"

const struct fault *fault_find(const char *id_or_name)
{
    for (size_t i = 0; i < faults_count; i++) {
        const struct fault *fault = &faults_all[i];
        if (strcmp(fault->id, id_or_name) == 0 || strcmp(fault->name, id_or_name) == 0) {
            return fault;
        }
    }
    return NULL;
}

const char *fault_contract_name(enum fault_contract contract)
{
    static const char *const names[] = {"survive", "detect", "beyond"};

    return names[contract];
}

const char *fault_phase_name(enum fault_phase phase)
{
    static const char *const names[] = {
#define FAULT_PHASE_NAME(name, text, story) text,
        FAULT_PHASE_MAP(FAULT_PHASE_NAME)
#undef FAULT_PHASE_NAME
    };

    return names[phase];
}

const char *fault_phase_story(enum fault_phase phase)
{
    static const char *const stories[] = {
#define FAULT_PHASE_STORY(name, text, story) story,
        FAULT_PHASE_MAP(FAULT_PHASE_STORY)
#undef FAULT_PHASE_STORY
    };

    return stories[phase];
}

const char *fault_sort_name(enum fault_sort sort)
{
    static const char *const names[] = {
#define FAULT_SORT_NAME(name, text, story) text,
        FAULT_SORT_MAP(FAULT_SORT_NAME)
#undef FAULT_SORT_NAME
    };

    return names[sort];
}

const char *fault_sort_story(enum fault_sort sort)
{
    static const char *const stories[] = {
#define FAULT_SORT_STORY(name, text, story) story,
        FAULT_SORT_MAP(FAULT_SORT_STORY)
#undef FAULT_SORT_STORY
    };

    return stories[sort];
}

const char *fault_target_text(enum fault_target target)
{
    static const char *const texts[] = {
#define FAULT_TARGET_TEXT(name, text) text,
        FAULT_TARGET_MAP(FAULT_TARGET_TEXT)
#undef FAULT_TARGET_TEXT
    };

    return texts[target];
}

const char *fault_need_text(enum fault_need need)
{
    static const char *const texts[] = {
#define FAULT_NEED_TEXT(name, text, holds) text,
        FAULT_NEED_MAP(FAULT_NEED_TEXT)
#undef FAULT_NEED_TEXT
    };

    return texts[need];
}

static bool fails(const struct disk_profile *profile, enum disk_fsync_failure how)
{
    return (profile->fsync_failures >> how & 1) != 0;
}

bool fault_possible(const struct fault *fault, const struct disk_profile *profile)
{
    switch (fault->need) {
#define FAULT_NEED_CASE(name, text, holds) \
    case FAULT_NEEDS_##name: return holds;
        FAULT_NEED_MAP(FAULT_NEED_CASE)
#undef FAULT_NEED_CASE
    }
    return true;
}
