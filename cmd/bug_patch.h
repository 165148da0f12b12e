/*
 * bug_patch.h - the planted bugs, as their patches' heads tell them.
 *
 * Before the first line of the diff proper stand "story:", "source:", "stratum:" and "breaks:". A
 * line that begins with a blank goes on with the one above it.
 */
#ifndef CMD_BUG_PATCH_H
#define CMD_BUG_PATCH_H

#include <stddef.h>
#include <stdint.h>

enum bug_stratum {
    BUG_GROSS,
    BUG_CLASSIFICATION,
    BUG_SUBTLE,
    BUG_RARE, /* Random seeds meet it too seldom: it is for exhaustive exploration. */
    BUG_NULL, /* No bug: it must not be found. */
};

const char *bug_stratum_name(enum bug_stratum stratum);
uint64_t bug_stratum_cap(enum bug_stratum stratum); /* Seeds after which a hunt gives up. */

struct bug_patch {
    char *name; /* The file's, without ".patch". */
    char *story;
    enum bug_stratum stratum;
};

struct bug_list {
    struct bug_patch *bugs;
    size_t count;
};

/* From the scenarios/bugs/ of the sources, by name. What is wrong with a head or with a name ends
 * the program. */
void bug_list_all(struct bug_list *list);
void bug_list_hunted(struct bug_list *list); /* All but the rare ones. */
void bug_list_named(struct bug_list *list, char **names, size_t count);
void bug_list_free(struct bug_list *list);

#endif
