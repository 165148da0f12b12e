/*
 * scenario_set.h - the scenarios that a command is about.
 */
#ifndef CMD_SCENARIO_SET_H
#define CMD_SCENARIO_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "scenarios/scenario.h"

struct scenario_choice {
    struct scenario *scenario;
    char *typed;    /* How it is named on a command line: its name, or the path of its file. */
    bool from_tree; /* From the scenarios/ of the sources. */
};

struct scenario_set {
    struct scenario_choice *choices;
    size_t count;
};

/* Each of `names`, once; a name that ends in ".ini" is a path. What is wrong with them ends the
 * program, SQUALL_USAGE. */
void scenario_set_named(struct scenario_set *set, char **names, size_t count);

/* All of the tree: "everything" first, the others by name. */
void scenario_set_all(struct scenario_set *set, bool expected_to_fail_too);

void scenario_set_free(struct scenario_set *set);

#endif
