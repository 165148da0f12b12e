/*
 * foreign_none.c - the log under test is ours, unless an object that is linked before says another.
 */
#include "scenarios/foreign.h"

const struct foreign_log *const foreign_log_under_test = NULL;
